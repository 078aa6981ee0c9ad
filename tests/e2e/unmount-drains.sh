#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# However the mount is ended: I/O in progress completes, backings are synced, every device is destroyed, and
# fusemap exits 0.
# usage: unmount-drains.sh fusermount3|umount|SIGTERM|call
. "$(dirname "$0")/lib.sh"

how=$1
case $how in
fusermount3) need fusermount3 ;;
umount) need_root ;;
esac
end() {
        case $how in
        fusermount3) fusermount3 -u "$mnt" ;;
        umount) umount "$mnt" ;;
        SIGTERM) kill -TERM "$(daemon_pid)" ;;
        call) call Unmount false >"$work/answer" ;;
        esac
}

start_hangfs 8192
start_fusemap
create low "0 4096 linear $hang/disk 0"
create middle "0 4096 linear low 0"
create top "0 4096 striped 1 8 middle 0"
create other "0 8 zero"
create parked "0 8 zero"
suspend parked
head -c 2M /dev/urandom >"$work/data"
dd if="$work/data" of="$mnt/top" bs=64k conv=notrunc status=none
syncs=$(hangfs_count syncs)

if [ "$how" = SIGTERM ] || [ "$how" = call ]; then
        # a writer is in the middle of it: it must not be cut off
        echo hang writes >"$hang/control"
        dd if="$work/data" of="$mnt/top" bs=64k count=1 conv=notrunc status=none &
        writer=$!
        await "the write hangs" 30 hangs 1
        end &
        ending=$!
        await "new I/O is refused" 30 not dd if="$mnt/other" of=/dev/null count=1 iflag=direct status=none
        not has_ended || fail "it did not wait for the write"
        echo run >"$hang/control"
        wait $writer || fail "the write was cut off"
        wait $ending
else
        end
fi
expect_end
[ "$how" != call ] || [ "$(cat "$work/answer")" = "('',)" ] || fail "$(cat "$work/answer")"
[ "$(hangfs_count syncs)" -gt "$syncs" ] || fail "the backing was not synced"
cmp -n $((2 << 20)) "$work/data" "$hang/disk"
[ ! -e "$socket" ] || fail "the socket is still there"
[ ! -s "$log" ] || fail "it said something"
