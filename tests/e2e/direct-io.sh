#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# O_DIRECT takes whole sectors only, and agrees with the page cache.  --direct-io keeps all I/O out of it.
. "$(dirname "$0")/lib.sh"

start_fusemap
create d "0 2051 linear $(image a 2051) 0"
"$PROGRAMS/direct" "$mnt/d"
# dd switches O_DIRECT off for the last 100 bytes
head -c $((8192 + 100)) /dev/urandom >"$work/odd"
dd if="$work/odd" of="$mnt/d" bs=4096 oflag=direct conv=notrunc status=none
cmp -n $((8192 + 100)) "$work/odd" "$mnt/d"
stop_fusemap

# What is changed behind the device's back is not seen by who reads the cache, nor missed by who does not.
read_twice() { # FUSEMAP'S OPTIONS
        local fd

        rm -f "$work/behind"
        start_fusemap "$@"
        create d "0 2048 linear $(image behind 2048) 0"
        exec {fd}<"$mnt/d"
        cmp -n 1000 "$mnt/d" /dev/zero
        printf changed | dd of="$work/behind" bs=1 seek=10 conv=notrunc status=none
        dd if="$mnt/d" bs=1 skip=10 count=7 status=none
        exec {fd}<&-
        stop_fusemap
}
[ "$(read_twice | tr -d '\0')" = "" ] || fail "it was read again"
[ "$(read_twice -o direct_io)" = changed ] || fail "it was not read again"

start_fusemap --direct-io
create d "0 65536 linear $(image e 65536) 0"
"$PROGRAMS/sectors" "$mnt/d"
dd if="$work/odd" of="$mnt/d" bs=8292 oflag=seek_bytes seek=30003 conv=notrunc status=none
dd if="$mnt/d" bs=1111 iflag=skip_bytes,count_bytes skip=30003 count=8292 status=none | cmp - "$work/odd"
if command -v mkfs.ext4 >/dev/null; then
        mkfs.ext4 -q "$mnt/d"
        fsck.ext4 -fn "$mnt/d" >/dev/null 2>&1
        fsck.ext4 -fn "$work/e" >/dev/null 2>&1
fi
stop_fusemap
