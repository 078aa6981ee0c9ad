#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# fsync, fdatasync and O_SYNC reach the backing, and an error of it reaches who waits.
. "$(dirname "$0")/lib.sh"

start_hangfs 2048
start_fusemap
create d "0 2048 linear $hang/disk 0"
create stacked "0 2048 striped 1 8 d 0"

# usage: syncs COMMAND...: it makes the backing sync
syncs() {
        local before
        before=$(hangfs_count syncs)
        "$@"
        [ "$(hangfs_count syncs)" -gt "$before" ] || fail "no sync: $*"
}
does_not_sync() {
        local before
        before=$(hangfs_count syncs)
        "$@"
        [ "$(hangfs_count syncs)" -eq "$before" ] || fail "a sync: $*"
}

for device in d stacked; do
        write=(dd if=/dev/urandom of="$mnt/$device" bs=1000 count=3 status=none)
        does_not_sync "${write[@]}" conv=notrunc
        syncs "${write[@]}" conv=notrunc,fsync
        syncs "${write[@]}" conv=notrunc,fdatasync
        syncs "${write[@]}" conv=notrunc oflag=sync
        syncs "${write[@]}" conv=notrunc oflag=dsync
        syncs dd if=/dev/urandom of="$mnt/$device" bs=4096 count=2 status=none conv=notrunc oflag=direct,dsync
        syncs sync "$mnt/$device"
        syncs sync -d "$mnt/$device"
done

echo fail writes >"$hang/control"
not "${write[@]}" conv=notrunc 2>"$work/error" || fail "a write that failed was reported as done"
grep -q 'Input/output error' "$work/error"
echo run writes >"$hang/control"

echo fail syncs >"$hang/control"
not sync "$mnt/stacked" 2>"$work/error" || fail "a sync that failed was reported as done"
grep -q 'Input/output error' "$work/error"
echo run >"$hang/control"

# the data is not known to be safe any more, and the end says so
kill -TERM "$(daemon_pid)"
await "fusemap ends" 30 has_ended
[ "$(cat "$work/status")" != 0 ] || fail "fusemap ended as if all were safe"
grep -q 'flush' "$log"
