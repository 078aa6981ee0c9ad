#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A fusemap that was killed leaves a dead mount and socket; the next one takes their place.
. "$(dirname "$0")/lib.sh"

start_fusemap
create d "0 2048 linear $(image a 2048) 0"
exec 3<"$mnt/d"
kill -9 "$(daemon_pid)"
await "it is dead" 30 has_ended
exec 3<&-
await "the mount is dead" 30 not stat "$mnt" # the kernel keeps its attributes a moment

start_fusemap
[ -z "$(ls "$mnt")" ]
create d "0 2048 linear $work/a 0"
cmp -n 1048576 /dev/zero "$mnt/d"

# a live one is not taken from under its users
not "$FUSEMAP" --foreground --socket "$work/other" "$mnt" 2>"$work/error" || fail "mounted twice"
grep -q "$mnt: a fusemap is mounted there" "$work/error" || fail "$(cat "$work/error")"
cmp -n 1048576 /dev/zero "$mnt/d"
stop_fusemap
