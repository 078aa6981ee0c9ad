#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Mode and owner are set at creation, changed by chmod and chown, and kept to.
. "$(dirname "$0")/lib.sh"
need_root
need setpriv

chmod 0755 "$work"
start_fusemap -o allow_other
as_nobody() {
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>/dev/null
}
shows() { # MODE UID GID
        [ "$(stat -c '%a %u %g %F' "$mnt/d")" = "$* regular file" ] || fail "$(stat "$mnt/d")"
}

image=$(image a 2048)
create d "0 2048 linear $image 0" "{'mode': <uint32 $((0640))>, 'uid': <uint32 0>, 'gid': <uint32 12>}"
shows 640 0 12
not as_nobody cat "$mnt/d" >/dev/null || fail "read by nobody"
chmod 0604 "$mnt/d"
shows 604 0 12
as_nobody cmp -n 1048576 /dev/zero "$mnt/d"
not as_nobody dd if=/dev/zero of="$mnt/d" count=1 status=none || fail "written by nobody"
not as_nobody chmod 0666 "$mnt/d" || fail "chmod by nobody"
not as_nobody chown 65534 "$mnt/d" || fail "chown by nobody"
chown 65534:65534 "$mnt/d"
shows 604 65534 65534
as_nobody dd if=/dev/zero of="$mnt/d" count=1 conv=notrunc status=none
as_nobody chmod 0400 "$mnt/d"
shows 400 65534 65534
not as_nobody chown 0 "$mnt/d" || fail "given away"
not as_nobody dd if=/dev/zero of="$mnt/d" count=1 conv=notrunc status=none || fail "written in spite of 0400"

# the size is the device's, whoever sets it; a swapped table keeps what was set
truncate -s 0 "$mnt/d"
load d "0 1024 linear $image 0"
resume d
shows 400 65534 65534
[ "$(stat -c %s "$mnt/d")" = 524288 ]

# the directory takes nothing from outside
for command in "touch $mnt/new" "mkdir $mnt/new" "rm $mnt/d" "mv $mnt/d $mnt/e" "ln $mnt/d $mnt/e" \
        "ln -s d $mnt/e" "mkfifo $mnt/e"; do
        not $command 2>/dev/null || fail "it did: $command"
done
[ "$(ls "$mnt")" = d ]

# its times are those of its creation
touch "$work/before"
create e "0 8 zero"
touch "$work/after"
for what in X Y Z; do
        time=$(stat -c %$what "$mnt/e")
        [ "$time" -ge "$(stat -c %Y "$work/before")" ] && [ "$time" -le "$(stat -c %Y "$work/after")" ] ||
                fail "times: $(stat "$mnt/e")"
done

stop_fusemap
