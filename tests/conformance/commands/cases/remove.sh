# needs: linear
. "$SUITE/lib.sh"
t "ways to remove"
for i in 0 1 2; do dmq create v$i --table "0 64 linear $D0 0"; done
hold v1
dm remove v0 v1 v2
dm remove --force --deferred v1
dm info v1
unhold; sleep 0.3
dm ls
dm remove v2 -f
dmq create v0 --table "0 64 linear $D0 0"
dmq create v1 --table "0 64 linear $MAPDIR/v0 0"
dm remove -f v0
dm table
dm remove_all -f
dm ls
dmq create v0 --table "0 64 linear $D0 0"
hold v0
dm remove_all -f --deferred
dm info -c --noheadings -o name,open
unhold; sleep 0.3
dm ls
dmq create v0 --notable
dm remove -f v0
dm ls
dmq create v0 -n
dmq load v0 --table "0 64 linear $D0 0"
dm remove -f v0
dm ls
dmq create v0 --table "0 64 linear $D0 0"
dmq suspend v0
dm remove -f v0
dm ls
dmq create v0 --table "0 64 linear $D0 0"
dm remove nosuch --retry
dm remove --noudevsync --noudevrules --verifyudev v0
