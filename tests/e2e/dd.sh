#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# dd with its flags does to a device's file what it does to a device.
. "$(dirname "$0")/lib.sh"

start_fusemap
size=$((2051 * 512))
create d "0 2051 linear $(image a 2051) 0"
head -c $size /dev/urandom >"$work/data"

# usage: writes ARGUMENT...: dd writes the data whole, and it is all there
writes() {
        dd if=/dev/zero of="$mnt/d" bs=64k conv=notrunc status=none 2>/dev/null || true
        dd if="$work/data" of="$mnt/d" status=none "$@" || fail "dd $*"
        cmp "$work/data" "$mnt/d" || fail "dd $*"
}
reads() {
        dd if="$mnt/d" of="$work/read" status=none "$@" || fail "dd $*"
        cmp "$work/data" "$work/read" || fail "dd $*"
}

writes
for bs in 777 4096 65537 1M 3M; do
        writes bs=$bs
        writes bs=$bs conv=notrunc,fsync
        writes bs=$bs conv=fdatasync oflag=nonblock
        reads bs=$bs iflag=fullblock,noatime
done
writes bs=8k oflag=sync
writes bs=16k oflag=dsync
for bs in 4096 64k 3M; do # the last piece is an odd number of sectors
        writes bs=$bs oflag=direct
        writes bs=$bs oflag=direct,sync conv=notrunc
        writes bs=$bs iflag=direct oflag=direct conv=fsync
        reads bs=$bs iflag=direct
done
reads ibs=1000 obs=7777
reads bs=1M iflag=nocache
writes conv=sparse bs=4096
writes bs=4096 conv=nocreat

# byte by byte
dd if=/dev/zero of="$mnt/d" bs=1 count=1000 conv=notrunc status=none
dd if="$work/data" of="$mnt/d" bs=1 count=1000 conv=notrunc status=none
cmp "$work/data" "$mnt/d"

# a part in the middle
dd if=/dev/zero of="$mnt/d" bs=100 seek=50 count=3 conv=notrunc status=none
dd if="$work/data" of="$work/expected" status=none
dd if=/dev/zero of="$work/expected" bs=100 seek=50 count=3 conv=notrunc status=none
cmp "$work/expected" "$mnt/d"
dd if="$mnt/d" of="$work/read" bs=1 skip=4990 count=320 status=none
cmp -n 320 -i 0:4990 "$work/read" "$work/expected"

# more than there is room for: what fits is written
not dd if=/dev/zero of="$mnt/d" bs=64k status=none 2>"$work/error" || fail "wrote without end"
grep -q 'No space left on device' "$work/error" || fail "$(cat "$work/error")"
cmp -n $size /dev/zero "$mnt/d"
not dd if=/dev/zero of="$mnt/d" bs=64k oflag=direct status=none 2>"$work/error" || fail "wrote without end"
grep -q 'No space left on device' "$work/error" || fail "$(cat "$work/error")"
not dd if=/dev/zero of="$mnt/d" bs=512 seek=2051 count=1 status=none 2>"$work/error" || fail "behind the end"
[ "$(stat -c %s "$work/a")" = $size ]

# the shell, cp, cat and their like
cp "$work/data" "$mnt/d"
cmp "$work/data" "$mnt/d"
cat /dev/null >"$mnt/d"
cmp "$work/data" "$mnt/d"
cat "$work/expected" >"$mnt/d"
cp "$mnt/d" "$work/read"
cmp "$work/expected" "$work/read"
stop_fusemap
