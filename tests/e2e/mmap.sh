#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# mmap, shared and of a file opened with O_DIRECT; what is stored reaches the backing, at an unmount too.
. "$(dirname "$0")/lib.sh"

start_fusemap
create d "0 2048 linear $(image a 2048) 0"
"$PROGRAMS/mapping" "$mnt/d" "$work/a"
stop_fusemap
# stored last, and never synced
[ "$(dd if="$work/a" bs=1 skip=$((4096 + 20000)) count=6 status=none)" = mapped ] || fail "lost"

# another size beneath a mapping
yes a | tr -d '\n' | head -c 512K >"$work/small" || true
yes b | tr -d '\n' | head -c 1M >"$work/large" || true
start_fusemap
create d "0 1024 linear $work/small 0"
coproc "$PROGRAMS/resizing" "$mnt/d" $((1024 * 512)) $((2048 * 512))
resizing=$COPROC_PID
swap_when() { # WORD TABLE
        local word

        read -r word <&"${COPROC[0]}" && [ "$word" = "$1" ] || fail "it ended instead of: $1"
        load d "$2"
        resume d
        echo >&"${COPROC[1]}"
}
swap_when larger "0 2048 linear $work/large 0"
swap_when smaller "0 1024 linear $work/small 0"
wait "$resizing"
[ "$(tail -c 6 "$work/large")" = stored ] || fail "lost behind the old end"
stop_fusemap
