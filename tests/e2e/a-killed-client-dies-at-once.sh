#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Who waits for a suspended device can be killed, and one that a device is stacked on is one too; a signal
# that is caught does not end the wait.
. "$(dirname "$0")/lib.sh"

start_fusemap
create low "0 4096 linear $(image a 4096) 0"
create top "0 4096 striped 1 8 low 0"
idle() {
        [ "$(references low)" = 0 ]
}
gone() { # PID
        ! kill -0 "$1"
}

# usage: kills COMMAND...
kills() {
        local pid start

        "$@" &
        pid=$!
        disown
        await "it waits: $*" 30 not idle
        start=$(now_ms)
        kill -9 $pid
        await "it is killed: $*" 10 gone $pid
        echo "killed after $(($(now_ms) - start)) ms: $*"
}

for device in low top; do
        suspend low
        for command in "dd if=$mnt/$device of=/dev/null bs=4096 count=1 iflag=direct status=none" \
                "dd if=/dev/zero of=$mnt/$device bs=4096 count=1 conv=notrunc status=none" \
                "dd if=/dev/zero of=$mnt/$device bs=4096 count=1 oflag=direct conv=notrunc status=none" \
                "sync $mnt/$device"; do
                kills $command
                await "its I/O is over: $command" 10 idle
        done
        # a read into the page cache is the kernel's, who does not take it back
        kills dd if="$mnt/$device" of=/dev/null bs=4096 count=1 status=none
        resume low
        await "its I/O is over" 10 idle
done

# a signal that is caught ends no I/O, and after it one can still be killed
suspend low
dd if="$mnt/top" of=/dev/null bs=4096 count=1 iflag=direct 2>"$work/figures" &
pid=$!
await "it waits" 30 not idle
kill -USR1 $pid
resume low
wait $pid || fail "a signal that is caught ended the read"

suspend low
dd if="$mnt/top" of=/dev/null bs=4096 count=1 iflag=direct 2>"$work/figures" &
pid=$!
disown
await "it waits" 30 not idle
kill -USR1 $pid
has_taken_it() { # the kernel has told fusemap of the signal once the daemon watches it
        grep -q '^ShdPnd:\s*0*200$' "/proc/$pid/status"
}
await "the signal is pending" 10 has_taken_it
kill -9 $pid
await "it is killed" 10 gone $pid
await "its I/O is over" 10 idle
resume low
stop_fusemap
