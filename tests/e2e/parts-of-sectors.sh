#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Writes of parts of one sector, many at a time, do not undo each other.
. "$(dirname "$0")/lib.sh"

start_fusemap
create linear "0 2048 linear $(image a 2048) 0"
create striped "0 2048 striped 2 8 $(image b 1024) 0 $(image c 1024) 0"
create stacked "0 7 linear striped 100
7 1001 linear linear 0"
for device in linear striped stacked; do
        "$PROGRAMS/sectors" "$mnt/$device"
done
stop_fusemap
