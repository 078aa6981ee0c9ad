# needs: linear zero
. "$SUITE/lib.sh"
t "wait, with and without an event number"
dmq create v0 --table "0 8 zero"
dm wait v0 7
dm wait v0 -v 7
dm rename v0 v1
dm wait v1
dm wait v1 0
bg dm wait v1 1
blocked
dm suspend v1
dm resume v1
blocked
dm rename v1 v2
bgwait
dm wait -u nosuch
dm wait v2 --noflush 0
dm rename v2 --setuuid X
dm info v2
dm wait -u X 5
bg dm wait -u X 3
blocked
dm remove v2
bgwait
