#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The end of the mount by force takes a write from its worker, which has read it and not begun it: the
# program hears of it and closes the file.  The worker finds all that it needs, however late it is.
. "$(dirname "$0")/lib.sh"
need_root
[ "${FUSEMAP_TRANSPORT-}" != io_uring ] || skip "through a ring the kernel's requests come without a read()"

export MALLOC_PERTURB_=177 # what is freed is not fit for use
export LATE_REQUEST=$work/told LATE_OPCODE=16 # FUSE_WRITE
CRASH_REPORT="$CRASH_REPORT ${LATE_REQUEST_LIBRARY:?}"
start_fusemap --on-unmount=force
create disk "0 4096 linear $(image a 4096) 0"

dd if=/dev/zero of="$mnt/disk" bs=4096 count=1 conv=notrunc oflag=direct status=none 2>"$work/log-dd" &
writer=$!
await "the write was read" 30 test -e "$LATE_REQUEST.begun"
umount -l "$mnt"
not wait "$writer" || fail "the write was a success"
one_worker() {
        [ "$(cat "/proc/$(daemon_pid)/task/"*/comm | grep -cx worker)" -le 1 ]
}
await "the other worker has left" 30 one_worker
touch "$LATE_REQUEST"
await "fusemap ends" 30 has_ended
[ "$(cat "$work/status")" = 0 ] || fail "fusemap ended with $(cat "$work/status")"
expect_no_report
