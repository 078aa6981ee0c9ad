#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# SEEK_DATA and SEEK_HOLE look through the table; discards make holes in the backing, and zeroing zeroes.
. "$(dirname "$0")/lib.sh"
need fallocate

start_fusemap
# 4 MiB of two images, the borders inside holes and data, and 1 MiB of nothing
create d "0 2080 linear $(image a 10000) 96
2080 6112 linear $(image b 10000) 32
8192 2048 zero"
"$PROGRAMS/holes" "$mnt/d"

blocks() {
        stat -c %b "$work/b"
}
sync -f "$work"
before=$(blocks)
fallocate --punch-hole --offset $((3 << 20)) --length $((64 << 10)) "$mnt/d"
sync -f "$work"
[ "$(blocks)" -lt "$before" ] || fail "the discard did not reach the image: $before, $(blocks) blocks"
fallocate --zero-range --offset $((1 << 20)) --length $((64 << 10)) "$mnt/d"
cmp -n $((5 << 20)) /dev/zero "$mnt/d"
stop_fusemap
cmp -n $((10000 * 512)) /dev/zero "$work/a"
