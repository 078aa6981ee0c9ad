# needs: linear zero
. "$SUITE/lib.sh"
t "-v tells of a device after a command"
dm -v create v0 --table "0 64 linear $D0 0"
dm create -v v1 -u VU-1 --notable
dm load -v v1 --table "0 8 zero"
dm clear -v v1
dm load -v v1 --table "0 8 zero"
dm suspend -v v0
dm resume -v v0
dm resume -v v0 v1
dm table -v v0
dm table -v
dm table -v v0 v1
dm table -v --concise
dm status -v v0
dm status -v --target zero
dm deps -v v0
dm deps -v
dm ls -v
dm ls -v --target zero
dm table --exec "echo x"
dm status --exec "echo x" v0
dm info -v v0
dm rename -v v0 v2
dm wait -v v2 0
dm mangle -v v2
dm remove -v v2
dm wipe_table -v v1
