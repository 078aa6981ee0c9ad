#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A filesystem on a mapped device: made and checked on the file, mounted through a loop device.
# usage: filesystems.sh ext4|xfs|btrfs on|off: direct I/O of the loop device
. "$(dirname "$0")/lib.sh"
type=$1 direct=$2
need_loop
grep -qw "$type" /proc/filesystems || modprobe -q "$type" 2>/dev/null || skip "the kernel has no $type"
case $type in
ext4) make=(mkfs.ext4 -q -F) check=(e2fsck -f -n) ;;
xfs) make=(mkfs.xfs -q -f) check=(xfs_repair -n) ;;
btrfs) make=(mkfs.btrfs -q -f) check=(btrfs check) ;;
esac
need "${make[0]}" "${check[0]}"

start_fusemap
sectors=$((512 * 2048)) # 512 MiB
half=$((sectors / 2))
create low "0 $sectors striped 2 128 $(image a $half) 0 $(image b $half) 0"
create d "0 1000 linear low 0
1000 $((sectors - 1000)) linear low 1000"

is_sound() {
        "${check[@]}" "$mnt/d" >"$work/check" 2>&1 || fail "$(cat "$work/check")"
}

"${make[@]}" "$mnt/d" >"$work/log-mkfs" 2>&1
is_sound

attach_loop "$mnt/d" --direct-io="$direct"
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
is_sound

attach_loop "$mnt/d" --direct-io="$direct" --read-only
mount -o ro "$loop" "$work/fs"
diff -r --no-dereference /usr/include "$work/fs/tree"
umount "$work/fs"
detach_loop "$loop"
await "the loop device lets go" 30 remove d
stop_fusemap
