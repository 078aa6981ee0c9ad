#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A filesystem in the file of a powercut device, without mounting it: no root is needed.
. "$(dirname "$0")/lib.sh"
need mke2fs debugfs e2fsck

image disk 32768 >/dev/null
start_fusemap
create disk "0 32768 powercut $work/disk 0"
mke2fs -q -F -t ext4 -b 1024 "$mnt/disk"
sync "$mnt/disk"
echo hello >"$work/hello"

has_hello() {
        [ "$(debugfs -R 'cat hello' "$mnt/disk" 2>/dev/null)" = hello ]
}

# debugfs syncs at its end: whatever the cut does, the file is there and the filesystem whole.
for keep in all none random; do
        debugfs -w -R "write $work/hello hello" "$mnt/disk" >/dev/null 2>&1
        message disk "cut keep $keep" >"$work/answer"
        not head -c 1 "$mnt/disk" 2>/dev/null >&2 || fail "keep $keep: the disk works without power"
        message disk power-on
        e2fsck -fn "$mnt/disk" >"$work/fsck" 2>&1 || fail "keep $keep: e2fsck: $(cat "$work/fsck")"
        has_hello || fail "keep $keep: what was synced is gone"
        debugfs -w -R "rm hello" "$mnt/disk" >/dev/null 2>&1
done

# What was not synced is gone, and the pages of before the cut are forgotten.
printf durable | dd of="$mnt/disk" bs=1 seek=8000000 conv=notrunc,fsync status=none
printf volatil | dd of="$mnt/disk" bs=1 seek=8000000 conv=notrunc status=none
[ "$(dd if="$mnt/disk" bs=1 skip=8000000 count=7 status=none)" = volatil ]
message disk "cut keep none"
message disk power-on
[ "$(dd if="$mnt/disk" bs=1 skip=8000000 count=7 status=none)" = durable ] ||
        fail "after the cut: $(dd if="$mnt/disk" bs=1 skip=8000000 count=7 status=none)"
[ "$(status_of disk cuts)" = 4 ]
remove disk
stop_fusemap
