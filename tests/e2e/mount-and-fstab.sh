#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# mount -t fuse.fusemap and a line of fstab start fusemap, which mount(8) finds as one that is installed.
if [ "${1-}" != inside ]; then
        [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo "skipped: needs root"; exit 77; }
        exec unshare -m bash "$0" inside # where /usr/local/sbin can be another for us alone
fi
. "$(dirname "$0")/lib.sh"
[ -x /sbin/mount.fuse ] || skip "mount.fuse is not installed"

mount -t tmpfs none /usr/local/sbin
ln -s "$FUSEMAP" /usr/local/sbin/fusemap
unmounted() {
        ! mountpoint -q "$mnt" && [ ! -e "$socket" ]
}

mount -t fuse.fusemap none "$mnt" -o "socket=$socket,threads=3,allow_other"
grep "$mnt fuse.fusemap " /proc/mounts | grep -q allow_other || fail "$(grep "$mnt" /proc/mounts)"
create d '0 8 zero'
cmp -n 4096 /dev/zero "$mnt/d"
umount "$mnt"
await "it ends" 30 unmounted

echo "none $mnt fuse.fusemap defaults,noauto,nofail,on-unmount=force,socket=$socket,x-test 0 0" >"$work/fstab"
mount -T "$work/fstab" "$mnt"
create d '0 8 zero'
suspend d
umount "$mnt"
await "it ends" 30 unmounted

not mount -t fuse.fusemap none "$mnt" -o nonsense 2>"$work/error" || fail "mounted with nonsense"
grep -q -- "-o nonsense: unknown option" "$work/error" || fail "$(cat "$work/error")"
