# needs: linear zero
. "$SUITE/lib.sh"
t "what is refused, and how"
dmq create v0 -u U0 --table "0 64 linear $D0 0"
dm create 'a b\x20c' --notable
dm create a/b --notable
dm create x --table "0 64 abcdefghijklmnopq"
dm create x "$T/absent"
dm create x --table "# only"
dm info x
dm remove x
dm create x --table "0 64zero"
dmq remove x
dmi "0 8 zero\n\n0 b zero\n" create x
dm suspend
dm resume
dm clear
dm table v0 nosuch
dm status v0 nosuch
dm info v0 nosuch v0
dm suspend v0 nosuch
dm resume v0
dm message v0 x y
dm message v0 -1 y
dm message -u U0 0 y
dm message -u NO 0 y
dm message nosuch 0
dm setgeometry v0 1 2 3 0
dm setgeometry v0 1 2 3 6
dm setgeometry v0 1 2 3 7
dm setgeometry v0 x 2 3 0
dm setgeometry v0 70000 2 3 0
dm setgeometry v0 1 300 3 0
dm setgeometry nosuch 1 2 3 0
dm wipe_table
dm wipe_table ''
dm wipe_table nosuch
dm create n --notable
dm wipe_table n
dm setgeometry n 1 2 3 0
dm remove -f n
dm wipe_table v0
dm table v0
dm load -u U0 --table "0 8 zero"
dm load -u U0 x y
dm load v0 -n
dm load v0 "$T/absent"
dm load v0 --table ""
dm load nosuch --table "0 8 zer"
dm info ''
dm table ''
dm remove ''
dm info -u ''
dm remove -u ''
dm table $MAPDIR/v0
dm table $MAPDIR/nosuch
dm table /etc/passwd
dm table mapper/v0
dm table x/y
dm info $MAPDIR/v0
dm rename $MAPDIR/v0 v1
dm rename v1 $MAPDIR/v0
dm rename -u U0 --setuuid X
dm rename v1 --setuuid "$(printf '%0129d' 0)"
dm wait nosuch 5
dm wait v1 9
dm wait -u U0 9
dm deps nosuch v1
dm target-version nosuch linear
dm mknodes nosuch v1
dm mangle nosuch
dm mangle
dm mangle v1
dm remove v1 --deferred v1
dm udevflags x
dm udevreleasecookie
dm udevreleasecookie x
