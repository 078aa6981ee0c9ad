#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A write to a local file is done where its request was taken.  When it waits there after all, because the
# file system is frozen, its worker is replaced; the others wait in the lane, and no other device waits.
. "$(dirname "$0")/lib.sh"

make_freezable
truncate -s 32M "$freezable/disk"
start_fusemap --threads=2
create frozen "0 65536 linear $freezable/disk 0"
create other "0 65536 linear $(image a 65536) 0"
freeze

head -c 160K /dev/urandom >"$work/data"
writers=()
for ((i = 0; i < 40; i++)); do
        dd if="$work/data" of="$mnt/frozen" bs=4096 count=1 skip=$i seek=$((i * 16)) conv=notrunc \
                oflag=direct status=none &
        writers+=($!)
done
all_wait() {
        [ "$(references frozen)" -ge 40 ]
}
await "all writers wait" 30 all_wait

head -c 32M /dev/urandom >"$work/other"
dd if="$work/other" of="$mnt/other" bs=4096 conv=notrunc,fsync status=none
dd if="$mnt/other" bs=4096 iflag=direct status=none | cmp - "$work/other"
all_wait || fail "they do not wait any more"

# who has others to serve hangs once, and has one in its place
workers=$(threads_called worker) deputies=$(threads_called deputy) cpus=$(getconf _NPROCESSORS_CONF)
[ "$workers" -le 4 ] || fail "$workers workers"
[ "$deputies" -le $((2 * cpus)) ] || fail "$deputies deputies"

thaw
for writer in "${writers[@]}"; do
        wait "$writer" || fail "a write failed"
done
for ((i = 0; i < 40; i++)); do
        cmp -n 4096 -i $((i * 4096)):$((i * 65536)) "$work/data" "$freezable/disk"
done
spares_are_gone() {
        # each leaves after a request
        cat "$mnt/other" >/dev/null
        [ "$(threads_called worker)" = 2 ]
}
await "the spares are gone" 30 spares_are_gone
stop_fusemap
