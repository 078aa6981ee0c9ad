# needs: linear zero striped
. "$SUITE/lib.sh"
t "options in odd places and forms"
printf '0 8 zero\n' >"$T/tab"
dm create v0 "$T/tab" --table "0 16 zero"
dm table v0
dm load v0 "$T/tab" --table "0 32 zero"
dm table --inactive v0
dm load v0 --table "0 8 zero
8 8 zero

# x
16 8 error"
dm table --inactive v0
dm load v0 --table "	0	8	zero	"
dm load v0 --table "0 8 linear $D0   0  "
dm table --inactive v0
dm load v0 --table "0 8 linear $D0 0 # comment"
dm table --inactive v0
dm load v0 --table "+0 +8 zero"
dm table --inactive v0
dm load v0 --table "0x0 8 zero"
dm load v0 --table "0 8 linear $D0 0
8 8 zero" --readonly
dm resume v0
dm info -c v0 --noheadings -o name,attr,segments
dm create v1 --notable -u U1
dm create v2 --table "0 8 zero" -M 640 -U 1 -G 2
dm deps -o d v0
dm deps -o b v0
dm deps -o devn v0
dm deps -o '' v0
dm deps -o devno,devname v0
dm ls -o ''
dm ls -o b
dm ls -o devno,bogus
dm info -c v1 v0 -o name
dm info -c -o name,uuid,open --nameprefixes --separator '; '
dm info -c -o name,uuid,open --nameprefixes --noheadings --rows
dm info -c -o name,open --rows --sort -name
dm info -c -o name --unbuffered --noheadings -S name=v1
dm info -c --noheadings -o name,name
dm info -c --noheadings -o name_all
dm info -c -o name -O '' 
dm remove -c v2
dm status -c v0
dm suspend -c v0
dm resume -c v0
dm info -c --count 1 --noheadings -o name
dm info --count 2 --interval 1 v1
dm ls --count 2
dm status --noflush -S name=v0
dm status --target zero v0 v1
dm table --target error --concise
dm table --target zero --concise v0 v1
dm table --concise v1
dm status --concise v0
dm ls --target zero --exec "echo a b"
dm ls --exec ""
dm ls --exec "nosuchcommand x"
dm info --uuid U1 --noheadings -c -o name
dm info -uU1 -c --noheadings -oname
dm --noh info -c -oname
dm table --inact v0
dm udevcreatecookie --noudevsync
dm udevreleasecookie --udevcookie 0xD4D1234
dm suspend v0 v1 nosuch v2
dm info -c --noheadings -o name,suspended
dm resume v0 v1
dm clear v0 v1
dm remove v0 v0
dm mknodes v1
dm mknodes
dm remove -u U1 v1
dm ls
