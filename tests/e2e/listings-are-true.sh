#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A listing brings the attributes along, as they are; what it has said is forgotten as soon as it is not so
# any more; and who is reading while devices come and go sees each that was there at the start once.
. "$(dirname "$0")/lib.sh"
need python3

start_fusemap
list=
for ((i = 0; i < 600; i++)); do
        list+="('d$i', '0 $((i + 1)) zero', {'mode': <uint32 $((256 + i % 256))>}),"
done
call CreateMany "[${list%,}]" | grep -q "uint32 600"
create hidden ''

# ---- as they are

expected=$(for ((i = 0; i < 600; i++)); do
        printf 'd%d %d %o\n' $i $(((i + 1) * 512)) $((256 + i % 256))
done | sort)
for round in 1 2; do
        [ "$(find "$mnt" -mindepth 1 -printf '%f %s %m\n' | sort)" = "$expected" ] ||
                fail "the listing, round $round"
        [ "$(ls -l "$mnt" | awk 'NR > 1 { print $NF, $5 }' | sort)" = "$(cut -d' ' -f1,2 <<<"$expected")" ]
done
[ "$(ls -i "$mnt/d7")" = "$(stat -c '%i %n' "$mnt/d7")" ]

# ---- forgotten at once, with somebody listing all the time

(while :; do ls -l "$mnt" || true; done >/dev/null 2>&1) &
lister=$!
defer "kill $lister"
size() {
        stat -c %s "$mnt/$1"
}
for ((i = 0; i < 40; i++)); do
        ls -l "$mnt" >/dev/null 2>&1 || true # what goes away meanwhile
        load "d$i" '0 2000 zero'
        resume "d$i"
        [ "$(size "d$i")" = $((2000 * 512)) ] || fail "d$i: the old size: $(size "d$i")"
        create "x$i" '0 8 zero' # that the kernel has never seen
        load "x$i" '0 16 zero'
        resume "x$i"
        [ "$(size "x$i")" = $((16 * 512)) ] || fail "x$i: the old size: $(size "x$i")"
        rename_device "d$i" "e$i"
        not stat "$mnt/d$i" 2>/dev/null || fail "d$i: the old name"
        [ "$(size "e$i")" = $((2000 * 512)) ] || fail "e$i: the new name"
        [ -e "$mnt/x$i" ]
        remove "x$i" "{'immediate': <$([ $((i % 2)) = 0 ] && echo true || echo false)>}"
        not stat "$mnt/x$i" 2>/dev/null || fail "x$i: it has gone"
        create "x$i" '0 24 zero'
        [ "$(size "x$i")" = $((24 * 512)) ] || fail "x$i: another one of that name"
done
kill $lister
wait $lister || true

# ---- what a reader sees

FUSEMAPCTL=$FUSEMAPCTL python3 - "$mnt" <<'END'
import os
import subprocess
import sys


def ctl(*words):
    subprocess.run((os.environ["FUSEMAPCTL"], *words), check=True, stdout=subprocess.DEVNULL)


at_first = sorted(os.listdir(sys.argv[1]))
sizes = {}
with os.scandir(sys.argv[1]) as entries:
    seen = [next(entries)]
    gone, renamed, large = [name for name in ("d500", "d501", "d502") if name != seen[0].name]
    ctl("remove", gone)
    ctl("rename", renamed, "other")
    ctl("create", "new", "--table", "0 8 zero")
    ctl("load", large, "--table", "0 5000 zero")
    ctl("resume", large)
    for entry in entries:
        seen.append(entry)
        try:
            sizes[entry.name] = os.stat(entry.path).st_size  # the kernel sees that attributes are wanted
        except FileNotFoundError:
            assert entry.name in (gone, renamed), entry.name
assert sorted(entry.name for entry in seen) == at_first, "each once"
assert gone not in sizes and renamed not in sizes, "names that there are no more"
assert sizes[large] == 5000 * 512, sizes[large]
END

# ---- all at once

ls -l "$mnt" >/dev/null
call RemoveAll '{}' >/dev/null
for ((i = 100; i < 600; i++)); do
        not [ -e "$mnt/d$i" ] || fail "d$i: it has gone"
done
stop_fusemap
