# needs: linear striped zero error delay flakey switch unstriped log-writes
. "$SUITE/lib.sh"
t "what each target type would have measured"
dmq create v0 --table "0 64 linear $D0 8"
dm measure v0
dmi "0 64 linear $D0 0\n64 64 linear $D1 16\n128 8 error\n136 8 zero\n" create v1
dm measure v1
dmq create v2 --table "0 64 striped 2 8 $D1 0 $D2 24"
dm measure v2
dmq create v3 --table "0 64 delay $D0 0 0"
dmq create v4 --table "0 64 flakey $D0 0 1 0"
dmq create v5 --table "0 64 switch 2 16 0 $D1 0 $D2 0"
dmq create v6 --table "0 64 unstriped 2 8 0 $D1 0"
dmq create v7 --table "0 64 log-writes $D3 $D4"
for i in 3 4 5 6 7; do dm measure v$i; done
dmq create v8 --table "0 32 linear $MAPDIR/v0 0"
dm measure v8
t "a stripe with errors"
dmi "0 32 linear $D5 0\n32 32 error\n" create va
dmq create vb --table "0 128 striped 2 8 $D4 0 $MAPDIR/va 0"
dm measure vb
rd vb 112 16
dm measure vb
t "no table"
dmq create v9 --notable
dm measure v9
t "several, all, chosen ones"
dm measure v0 v2
dm measure
dm measure -S name=v0
dm measure -S name=nosuch
dm measure v0 nosuch v2
dm measure nosuch
t "the inactive table"
dmq load v0 --table "0 32 linear $D1 0"
dm measure --inactive v0
dm measure --inactive v2
dm measure v0
t "options"
dm measure --target linear v1
dm measure --target striped
dm measure -v v0
dm measure -v v0 v2
dm measure --noflush v0
dm measure --concise v0
dm measure --exec "echo x" v0
dm measure --showkeys v0
dm measure -u nosuch
dm measure -j 99 -m 99
dm measure --columns v0
t "suspended, and read-only"
dmq suspend v0
dm measure v0
dmq create vc -r --table "0 8 linear $D0 0"
dm measure vc
t "renamed below"
dmq rename v2 v2n
dm measure v2n
