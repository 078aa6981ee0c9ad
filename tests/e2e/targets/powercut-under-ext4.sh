#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# ext4 on a loop device on powercut: after any cut its journal makes it whole, and what was synced is there.
. "$(dirname "$0")/lib.sh"
need_loop
need mkfs.ext4 e2fsck

image disk 65536 >/dev/null
start_fusemap
create disk "0 65536 powercut $work/disk 0"
mkfs.ext4 -q -b 1024 "$mnt/disk"

for seed in {1..12}; do
        mount_on_loop disk || fail "seed $seed: it does not mount"
        for file in "$work"/fs/synced-*; do
                [ -e "$file" ] || continue
                [ "$(cat "$file")" = "${file##*-}" ] || fail "seed $seed: $file is not what was synced"
        done
        [ "$(ls "$work/fs" | grep -c ^synced)" = $((seed - 1)) ] || fail "seed $seed: a synced file is gone"

        echo "$seed" >"$work/fs/synced-$seed"
        sync "$work/fs/synced-$seed" "$work/fs"
        for i in {1..20}; do
                head -c 20000 /dev/urandom >"$work/fs/unsynced-$i"
        done
        # the filesystem writes some of it, and is cut off in the middle
        sync -f "$work/fs" 2>/dev/null &
        syncing=$!
        crash disk seed "$seed"
        wait "$syncing" || true
done >"$work/cuts"

[ "$(status_of disk cuts)" = 12 ] || fail "not every cut has happened: $(cat "$work/cuts")"
mount_on_loop disk || fail "it does not mount"
umount_from_loop
e2fsck -fn "$mnt/disk" >"$work/fsck" 2>&1 || fail "e2fsck: $(cat "$work/fsck")"
remove disk
stop_fusemap
