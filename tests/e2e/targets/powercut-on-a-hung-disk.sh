#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A powercut device whose disk hangs takes writes and answers reads of them; it is taken away at once.
. "$(dirname "$0")/lib.sh"

start_hangfs 65536
start_fusemap
create disk "0 65536 powercut $hang/disk 0 cache_mb 1"
echo hang >"$hang/control"
defer "echo run >$hang/control"

put() { # TEXT FLAG
        printf '%-512s' "$1" | dd of="$mnt/disk" bs=512 conv=notrunc"$2" oflag=direct status=none
}

put cached ''
[ "$(dd if="$mnt/disk" bs=512 count=1 iflag=direct status=none | tr -d ' ')" = cached ] ||
        fail "it is not read"
put synced ,fsync 2>/dev/null &
first=$!
await "the flush hangs" 30 hangs 1
put another ,fsync 2>/dev/null & # waits for the first one's batch
second=$!
dd if=/dev/zero of="$mnt/disk" bs=64k count=64 conv=notrunc oflag=direct status=none 2>/dev/null & # for room
third=$!
"$FUSEMAPCTL" remove --immediate disk
for pid in $first $second $third; do
        not wait "$pid" || fail "a request that was not carried out has succeeded"
done
create disk "0 65536 zero"
head -c 512 "$mnt/disk" | cmp -n 512 - /dev/zero
remove disk
echo run >"$hang/control"
stop_fusemap
