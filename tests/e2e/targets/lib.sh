# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What tests of the targets share, besides ../lib.sh.
. "$(dirname "$0")/../lib.sh"

message() { # NAME TEXT
        "$FUSEMAPCTL" message "$1" 0 $2
}

# The value of WORD in NAME's status, where it stands behind it.
status_of() { # NAME WORD
        "$FUSEMAPCTL" status "$1" | sed "s/.* $2 \([0-9]*\).*/\1/"
}

# A loop device over the mapped device NAME, with its ext4 mounted on $work/fs.
disk_loop=
mount_on_loop() { # NAME
        mkdir -p "$work/fs"
        disk_loop=$(losetup -f --show "$mnt/$1") || skip "no loop device can be set up"
        mount -t ext4 "$disk_loop" "$work/fs" || return 1
}

umount_from_loop() {
        await "the filesystem unmounts" 60 umount "$work/fs"
        losetup -d "$disk_loop"
        await "the loop device is free" 60 is_detached
        disk_loop= # another test may have it from now on
}

is_detached() {
        ! losetup "$disk_loop" 2>&1 | grep -qF "($mnt/"
}

leave_loop() {
        umount "$work/fs"
        [ -z "$disk_loop" ] || losetup -d "$disk_loop"
}
defer leave_loop

# The machine dies: power goes, and with it what the kernel holds of the filesystem.  The disk is one of
# 4 KiB sectors: with torn ones of 512 bytes ext4 now and then loses its superblock of 1024, which it
# writes without its journal at the end of a mount.
crash() { # NAME OPTION...
        message "$1" "cut tear 4096 ${*:2}"
        umount_from_loop
        message "$1" power-on
}
