#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A filesystem on a mapped device: made and checked on the file, mounted through a loop device.
# usage: filesystems.sh on|off: direct I/O of the loop device
. "$(dirname "$0")/lib.sh"
need_loop
need mkfs.ext4 e2fsck

start_fusemap
sectors=$((512 * 2048)) # 512 MiB
half=$((sectors / 2))
create low "0 $sectors striped 2 128 $(image a $half) 0 $(image b $half) 0"
create d "0 1000 linear low 0
1000 $((sectors - 1000)) linear low 1000"

mkfs.ext4 -q -F "$mnt/d"
e2fsck -f -n "$mnt/d" >"$work/fsck" 2>&1 || fail "$(cat "$work/fsck")"

attach_loop "$mnt/d" --direct-io="$1"
mkdir "$work/fs"
mount "$loop" "$work/fs"
defer "umount -l $work/fs"
cp -a /usr/include "$work/fs/tree"
sync -f "$work/fs"
fallocate -l 1M "$work/fs/hole"
rm "$work/fs/hole"
fstrim "$work/fs"
umount "$work/fs"
detach_loop "$loop"
e2fsck -f -n "$mnt/d" >"$work/fsck" 2>&1 || fail "$(cat "$work/fsck")"

attach_loop "$mnt/d" --direct-io="$1" --read-only
mount -o ro "$loop" "$work/fs"
diff -r --no-dereference /usr/include "$work/fs/tree"
umount "$work/fs"
detach_loop "$loop"
await "the loop device lets go" 30 remove d
stop_fusemap
