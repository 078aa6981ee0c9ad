#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Reading ends in EOF, writing in ENOSPC, across the end it is short, and no truncation changes anything.
. "$(dirname "$0")/lib.sh"

start_fusemap
# one that ends in the middle of a page, one at its end, one of several targets
create odd "0 2051 linear $(image odd 2051) 0"
create even "0 2048 linear $(image even 4096) 8"
create pieces "0 1000 linear $(image a 1000) 0
1000 1008 striped 2 8 $(image b 2000) 3 $(image c 2000) 0
2008 1001 linear odd 0"
for device in odd even pieces; do
        "$PROGRAMS/ends" "$mnt/$device"
done
[ "$(stat -c %s "$work/odd")" = $((2051 * 512)) ] || fail "the image has grown"
stop_fusemap
