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
# Nothing that would reach a kernel: what is asked here fails before, or needs none.
differences=0
same() { # ARGUMENT...
        local ours theirs

        ours=$("$work/bin/dmsetup" "$@" 2>&1 </dev/null; echo "[$?]")
        theirs=$( (exec -a dmsetup "$real" "$@") 2>&1 </dev/null; echo "[$?]")
        [ "$ours" = "$theirs" ] || {
                printf '%s: dmsetup says\n%s\nwe say\n%s\n' "$*" "$theirs" "$ours"
                differences=$((differences + 1))
        } >&2
}
for name in vg-lv a--b-c--d-e plain - vg- a---b --- ''; do
        same splitname -- "$name"
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
same udevcomplete 0x1FFFFFFFF
same udevreleasecookie
same create
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
same wipe_table
same wait
[ $differences = 0 ] || fail "$differences differ"
stop_fusemap
