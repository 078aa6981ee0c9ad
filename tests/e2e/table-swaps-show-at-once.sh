#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# After a swap nothing of the old table is seen, by those neither who had the file open before.
. "$(dirname "$0")/lib.sh"

filled_image a 2048 a
filled_image b 2048 b
start_fusemap
create d "0 2048 linear $work/a 0"
exec 3<"$mnt/d" 4<>"$mnt/d"

first() { # of descriptor FD, through the cache
        dd if=/proc/self/fd/"$1" bs=1 count=1 status=none
}
size() { # of descriptor FD
        stat -L -c %s /proc/self/fd/"$1"
}

[ "$(first 3)" = a ]
for round in 1 2 3 4 5; do
        load d "0 1024 linear $work/b 0"
        [ "$(first 3)" = a ] || fail "a loaded table is not live yet"
        resume d
        [ "$(first 3)" = b ] || fail "round $round: cached pages of the old table"
        [ "$(size 3)" = $((1024 * 512)) ] || fail "round $round: the old size: $(size 3)"
        [ "$(stat -c %s "$mnt/d")" = $((1024 * 512)) ] || fail "round $round: the old size by name"
        [ "$(dd if=/dev/fd/3 bs=1M status=none | wc -c)" = $((1024 * 512)) ] || fail "round $round: short"
        [ "$(tail -c 2 "$mnt/d" | head -c 1)" = b ]
        not dd if=/dev/zero bs=512 seek=1024 count=1 conv=notrunc status=none >&4 2>/dev/null ||
                fail "round $round: written behind the end"

        load d "0 2048 linear $work/a 0"
        resume d
        [ "$(first 3)" = a ] || fail "round $round: cached pages of the old table"
        [ "$(size 3)" = $((2048 * 512)) ] || fail "round $round: the old size: $(size 3)"
        cmp "$work/a" "$mnt/d"
done
exec 3<&- 4<&-
stop_fusemap
