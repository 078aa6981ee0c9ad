#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# O_DIRECT takes whole sectors only, and agrees with the page cache.
. "$(dirname "$0")/lib.sh"

start_fusemap
create d "0 2051 linear $(image a 2051) 0"
"$PROGRAMS/direct" "$mnt/d"
# dd switches O_DIRECT off for the last 100 bytes
head -c $((8192 + 100)) /dev/urandom >"$work/odd"
dd if="$work/odd" of="$mnt/d" bs=4096 oflag=direct conv=notrunc status=none
cmp -n $((8192 + 100)) "$work/odd" "$mnt/d"
stop_fusemap
