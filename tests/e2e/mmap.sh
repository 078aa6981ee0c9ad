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
