# needs: zero
. "$SUITE/lib.sh"
t "names and uuids that are mangled"
dm create 'a b' -u 'U v' --table "0 64 zero"
dm info 'a b'
dm info -u 'U v'
dm info -u 'U\x20v'
dm table 'a b' 'a\x20b'
dm suspend nosuch\ x
dm remove 'q r'
dm --manglename none ls
dm --manglename none info 'a\x20b'
dm --manglename hex info 'a b'
dm --manglename hex info 'a\x20b'
dm --manglename none table
dm --manglename hex info -c --noheadings --separator ' | ' -o name,mangled_name,unmangled_name,uuid,mangled_uuid,unmangled_uuid
dm --manglename none info -c --noheadings --separator ' | ' -o name,mangled_name,unmangled_name,uuid,mangled_uuid,unmangled_uuid
dm mangle
dm --manglename none mangle
dm --manglename none mangle 'a\x20b'
dm --manglename none ls
dm --manglename none mangle
dm --manglename hex mangle
dm --manglename none ls
dm ls --tree
dm ls
dm rename 'a b' 'c d'
dm rename 'c d' 'e\x20f'
dm rename 'e f' 'g h\x20i'
dm rename 'e f' --setuuid 'z z'
dm table --concise
dm info '\x'
dm info '\xzz'
dm --manglename none create 'dd\x5cx20e' --table "0 8 zero"
dm ls
dm table
dm info -c
dm --manglename none mangle
dm --manglename none remove 'dd\x5cx20e'
