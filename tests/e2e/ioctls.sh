#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The ioctls of a block device that FUSE carries.
. "$(dirname "$0")/lib.sh"
need blockdev

start_fusemap
create d "0 2051 linear $(image a 2051) 0"
"$PROGRAMS/ioctls" "$mnt/d"
[ "$(blockdev --getsize64 "$mnt/d")" = $((2051 * 512)) ]
stop_fusemap
