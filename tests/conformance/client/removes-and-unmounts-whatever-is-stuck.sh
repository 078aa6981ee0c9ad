#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# remove --immediate takes a device that is open and stuck; unmount --force says what it gave up.
. "$(dirname "$0")/lib.sh"
start_fusemap
start_hangfs 1024
for name in a b; do
        ctl create $name --table "0 1024 linear $hang/disk 0"
done
echo hang >"$hang/control"
for name in a b; do
        dd if="$mnt/$name" of=/dev/null bs=4096 count=1 iflag=direct status=none 2>/dev/null &
done
await "both reads hang" 30 hangs 2

expect ctl remove a <<END
device-mapper: remove ioctl on a  failed: Device or resource busy
Command failed.
[1]
END
ctl remove --immediate a
expect ctl info -c --noheadings -o name <<END
b
END
ctl graveyard | grep -q '^a: [1-9][0-9]* references, ' || fail "the graveyard has: $(ctl graveyard)"

ctl unmount --force >"$work/report"
grep -q b "$work/report" || fail "no word of b: $(cat "$work/report")"
expect_end
