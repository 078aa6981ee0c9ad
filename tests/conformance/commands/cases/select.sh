# needs: linear zero
. "$SUITE/lib.sh"
t "-S chooses devices"
for i in a1 a2 b1; do dmq create $i --table "0 64 linear $D0 0"; done
dm table -S 'name=~^a'
dm status -S name=b1
dm suspend -S 'name=~^a'
dm info -c --noheadings -o name,attr
dm suspend -S 'name=~^a' b1
dm deps -S name=a1
dm resume -S suspended=Suspended
dm info -c --noheadings -o name,attr
dm clear -S name=a1
dm wipe_table -S name=a2
dm table
dm remove -S name=nosuch
dm ls
dm remove -S 'name=~a'
dm ls
dm mangle -S name=x
dm info -S name=b1
