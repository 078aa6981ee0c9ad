#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The mount ends by force while a worker is about to begin: it has a descriptor of the connection, which must
# not keep the connection, and with it the programs whose requests nobody has read.
. "$(dirname "$0")/lib.sh"
need_root
[ "${FUSEMAP_TRANSPORT-}" != io_uring ] || skip "through a ring the kernel's requests come without a read()"

export LATE_CLONE=$work/clone LATE_REQUEST=$work/write LATE_OPCODE=16 # FUSE_WRITE
CRASH_REPORT="$CRASH_REPORT ${LATE_CLONE_LIBRARY:?} ${LATE_REQUEST_LIBRARY:?}"
start_fusemap --threads=2
create disk "0 4096 linear $(image a 4096) 0"
await "the second worker is late" 30 test -e "$LATE_CLONE.begun"

# the first one is kept by a write, so that nobody reads what comes then
exec {disk}<"$mnt/disk"
dd if=/dev/zero of="$mnt/disk" bs=4096 count=1 conv=notrunc oflag=direct status=none 2>/dev/null &
await "the write was read" 30 test -e "$LATE_REQUEST.begun"
cat <&"$disk" >/dev/null 2>&1 &
reader=$!
reader_waits() {
        grep -q '^State:.[DS]' "/proc/$reader/status" && [ "$(cat "/proc/$reader/comm")" = cat ]
}
await "a read waits" 30 reader_waits

call Unmount true >/dev/null 2>&1 &
ended() {
        not kill -0 "$reader" 2>/dev/null
}
await "the read has ended" 30 ended
not wait "$reader" || fail "the read was a success"
[ -e "$LATE_CLONE.begun" ] && [ ! -e "$LATE_CLONE" ]

touch "$LATE_REQUEST" "$LATE_CLONE"
await "fusemap ends" 30 has_ended
expect_no_report
