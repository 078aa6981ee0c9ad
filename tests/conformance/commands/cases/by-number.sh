# needs: linear zero
. "$SUITE/lib.sh"
t "devices named by their numbers"
dmq create v0 --table "0 64 zero"
set -- $($DM info -c --noheadings --separator ' ' -o major v0); M=$1
n() { echo "$ dm $1 -j MAJ -m $2"; x=$1; m=$2; shift 2; $DM $x -j $M -m $m "$@" >"$T/o" 2>"$T/e" </dev/null; rc=$?; sed -E "s/\($M:/(MAJ:/" "$T/e" >"$T/e2"; mv "$T/e2" "$T/e"; sed 's/^/o /' "$T/o"; sed 's/^/! /' "$T/e"; echo "[$rc]"; }
dm create v2 -j 0 -m 3 --notable
for v in table status suspend resume clear deps; do n $v 0; done
for v in table status suspend resume clear deps load info mangle remove wait wipe_table; do n $v 99; done
n info 0
n load 0 --table "0 8 zero"
n rename 0 v9
n message 0 0 hello
n remove 0
dm info -j 1 -m 1
dm table -j 8 -m 0
