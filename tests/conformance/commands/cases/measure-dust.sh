# needs: dust
. "$SUITE/lib.sh"
dm create v0 --table "0 1024 dust $D0 0 512"
dm measure v0
