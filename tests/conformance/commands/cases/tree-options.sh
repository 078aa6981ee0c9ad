# needs: linear striped zero
. "$SUITE/lib.sh"
t "ls --tree with its options"
dmq create low --table "0 1024 linear $D0 0"
dmq create mid --table "0 512 linear $MAPDIR/low 0"
dmq create top --table "0 512 striped 2 8 $MAPDIR/mid 0 $MAPDIR/low 512"
dmq create top2 --table "0 512 linear $MAPDIR/mid 0"
dmq create other --table "0 8 zero"
for o in notrunc nodevice nodevice,inverted compact,uuid active open,rw device,nodevice,device vt100 '' ,ascii utf,notrunc,inverted; do dm ls --tree -o "$o"; done
dm ls --tree --target linear
dm ls --tree --exec "echo x"
dm ls --tree -o ascii,bogus,x
