#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Under the name dmsetup it calls itself that; and where no kernel is asked, it says what dmsetup says.
. "$(dirname "$0")/lib.sh"
start_fusemap
mkdir "$work/bin"
ln -s "$FUSEMAPCTL" "$work/bin/dmsetup"

expect "$work/bin/dmsetup" --nosuchoption ls <<END
dmsetup: unrecognized option '--nosuchoption'
Couldn't process command line.
[1]
END
[ "$("$work/bin/dmsetup" nosuchverb 2>&1 | sed -n '1p;2p;4p' | tr '\n' ' ')" = "Unknown command. Usage: dmsetup " ]
expect "$work/bin/dmsetup" create --concise a b <<END
dmsetup create --concise takes at most one argument
Command failed.
[1]
END

real=$(command -v dmsetup) || skip "dmsetup is not installed"
grep -q '1\.02\.185' <<<"$("$real" version 2>/dev/null)" || skip "another dmsetup"
same() { # ARGUMENT...
        local ours theirs

        ours=$("$work/bin/dmsetup" "$@" 2>&1; echo "[$?]")
        theirs=$("$real" "$@" 2>&1; echo "[$?]")
        [ "$ours" = "$theirs" ] || fail "$*: dmsetup says
$theirs
we say
$ours"
}
for name in vg-lv a--b-c--d-e plain -- - vg- ''; do
        same splitname "$name" 2>/dev/null
done
same splitname vg-lv LVM --rows
same splitname vg-lv other
same splitname vg-lv --nameprefixes
same splitname vg-lv --nameprefixes --unquoted --noheadings
same splitname vg-lv --separator '; ' -o +subsystem
same splitname vg-lv -o lv_name,vg_name -O -lv_name
same splitname vg-lv -S 'vg_name=x'
same splitname vg-lv -S 'vg_name=vg' -o +selected
same splitname vg-lv --unbuffered
same splitname vg-lv --count 2 --interval 1
same --columns=x splitname a
same -j 1 ls
same --table x --notable create a
same --addnodeonresume --addnodeoncreate resume a
same --manglename bogus ls
same --mode x create a
same --mode 0 create a
same --interval 0 info -c
same --readahead -5 create a
same ls -o bogus
same ls -o devno,bogus,x
same ls --tree -o bogus
same table -c --sort x
same udevflags 0xFFFF0001
same udevflags 0x1
same udevflags 0
same udevcomplete 5
same udevcomplete 0x1FFFFFFFF
same udevcookies
same udevreleasecookie
same create
same create a/b
same create 'a b\x20c' --notable
same create a --table "0 x zero"
same create a --table "0 8"
same create a --table $'# no\n0 8 zero\n0 8'
same create a "$work/absent"
same create a --notable -u "$(printf '%0130d' 0)"
same create --concise a
same create --concise a,
same create --concise 'a;'
same create --concise 'a,b,c;'
same create --concise 'a\'
same create --concise 'a,,,xx,0 8 zero'
same create --concise --notable
same load
same load -n a
same load -u U a b
same load a "$work/absent"
same remove
same wipe_table
same suspend
same message a x y
same rename a b/c
same rename a ''
same rename a
same rename a "$(printf '%0128d' 0)"
same rename a --setuuid "$(printf '%0129d' 0)"
same wait
same clear
stop_fusemap
