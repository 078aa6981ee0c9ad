#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# close() returns before the daemon hears of it.  A removal that comes in between waits a little.
# usage: removed-after-a-late-close.sh Remove|RemoveAll
. "$(dirname "$0")/lib.sh"
[ "${FUSEMAP_TRANSPORT-}" != io_uring ] || skip "through a ring the kernel's requests come without a read()"

# Whether it waits, or has failed.
case $1 in
Remove)
        remove_it() { remove disk; }
        waits() { [ "$(references disk)" -ge 1 ]; }
        ;;
RemoveAll)
        remove_it() { [ "$(call RemoveAll '{}')" = '(uint32 0,)' ]; }
        waits() { [ ! -e "$mnt/other" ]; } # the others went first
        ;;
esac

export LATE_REQUEST=$work/told LATE_OPCODE=18 # FUSE_RELEASE
CRASH_REPORT="$CRASH_REPORT ${LATE_REQUEST_LIBRARY:?}"
start_fusemap
create disk '0 8 zero'
exec 3<"$mnt/disk"
not remove_it || fail "it went while it was open"
[ "$(ls "$mnt")" = disk ] || fail "it is gone all the same"
create other '0 8 zero'

exec 3<&-
await "the close was read" 30 test -e "$LATE_REQUEST.begun"
remove_it 2>"$work/log-removal" &
removal=$!
waits_or_failed() {
        waits || not kill -0 $removal
}
await "the removal waits" 30 waits_or_failed
touch "$LATE_REQUEST"
wait $removal || fail "it did not wait"
[ ! -e "$mnt/disk" ] || fail "it is there still"
stop_fusemap
