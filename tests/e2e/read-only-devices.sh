#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A read-only device can be read, and answers writes as a read-only block device does.
. "$(dirname "$0")/lib.sh"

head -c 1M /dev/urandom >"$work/a"
chmod 0400 "$work/a"
start_fusemap
create d "0 2048 linear $work/a 0" "{'readonly': <true>}"
cmp "$work/a" "$mnt/d"
refuses() {
        not "$@" 2>"$work/error" || fail "it did: $*"
        grep -q 'Operation not permitted' "$work/error" || fail "$(cat "$work/error")"
}
refuses dd if=/dev/zero of="$mnt/d" count=1 conv=notrunc status=none
refuses dd if=/dev/zero of="$mnt/d" bs=4096 count=1 conv=notrunc oflag=direct status=none
refuses fallocate --punch-hole --offset 0 --length 4096 "$mnt/d"
refuses fallocate --zero-range --offset 0 --length 4096 "$mnt/d"
sync "$mnt/d"

# a table that may be written makes it a device that may be written
cp "$work/a" "$work/b"
chmod 0600 "$work/b"
load d "0 2048 linear $work/b 0"
resume d
dd if=/dev/zero of="$mnt/d" count=1 conv=notrunc status=none
not cmp -s "$work/a" "$mnt/d" || fail "not written"
stop_fusemap
