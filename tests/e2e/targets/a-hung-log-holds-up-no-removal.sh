#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A device's last close ends its log, which hangs.  Other devices go at their last close all the same.
. "$(dirname "$0")/lib.sh"

make_freezable
record=$freezable/record
truncate -s 32M "$record"
start_fusemap
create logged "0 2048 log-writes $(image disk 2048) $record"
create other '0 8 zero'

dd if=/dev/zero of="$mnt/logged" bs=4096 count=1 conv=notrunc,fsync status=none
exec 3<"$mnt/logged" 4<"$mnt/other"
remove logged "{'deferred': <true>}"
remove other "{'deferred': <true>}"
freeze
exec 3<&-
undertaken() {
        [ "$(threads_called undertaker)" = 1 ]
}
await "logged is being freed" 30 undertaken
exec 4<&-
only_logged_is_left() {
        [ "$(call Graveyard)" = "([('logged', uint32 0, uint32 0)],)" ]
}
await "the other one goes" 30 only_logged_is_left
has_ended_log() {
        [[ $("$REPLAY_LOG" "$record" 2>&1) == *dm-log-writes-end* ]]
}
not has_ended_log || fail "nothing hangs"

thaw
graveyard_is_empty() {
        [ "$(call Graveyard)" = '(@a(suu) [],)' ]
}
await "the log is ended" 30 graveyard_is_empty
has_ended_log || fail "it was not ended"
stop_fusemap
