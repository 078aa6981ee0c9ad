#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Who removes devices has his answer when the kernel has been told that their names are gone, for it keeps
# what a listing has said; a notification that the kernel is long about holds up no other removal, and not
# the end of the mount.
# usage: the-kernel-is-told-of-removals.sh Remove|RemoveAll|Unmount
. "$(dirname "$0")/lib.sh"

export LATE_NAME=late
export LATE_NOTIFICATION=$work/told
CRASH_REPORT="$CRASH_REPORT ${LATE_NOTIFICATION_LIBRARY:?}"
defer "touch '$LATE_NOTIFICATION'"
start_fusemap
create other "0 8 zero"
create late "0 8 zero"
ls -l "$mnt" >/dev/null

start=$(now_ms)
case $1 in
Remove | Unmount)
        { call Remove "'late'" '{}' && touch "$work/answered"; } >/dev/null &
        ;;
RemoveAll)
        { call RemoveAll '{}' && touch "$work/answered"; } >/dev/null &
        ;;
esac
caller=$!
await "the kernel is being told" 30 test -e "$LATE_NOTIFICATION.begun"
create third "0 8 zero"
ls -l "$mnt" >/dev/null
call Remove "'third'" '{}' >/dev/null
not test -e "$mnt/third" || fail "another name is still there"
# the answer waits, but not for ever (2 s)
if [ -e "$work/answered" ] && [ $(($(now_ms) - start)) -lt 1500 ]; then
        fail "answered before the kernel was told"
fi
if [ "$1" = Unmount ]; then
        call Unmount true >/dev/null || true
        await "fusemap ends" 10 has_ended
        exit 0
fi
touch "$LATE_NOTIFICATION"
wait "$caller" || fail "$1 failed"
not test -e "$mnt/late" || fail "the name is still there"
[ "$1" = Remove ] || not test -e "$mnt/other" || fail "another name is still there"
stop_fusemap
