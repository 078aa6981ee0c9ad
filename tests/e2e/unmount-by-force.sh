#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# By force the mount ends soon, whatever hangs, and it is said which devices were given up.
# usage: unmount-by-force.sh WAY WHERE
#   WAY    option (--on-unmount=force), call (Unmount), timeout (--drain-timeout), signal (a second SIGTERM),
#          lazy (--on-unmount=force and umount -l), forced (umount -f)
#   WHERE  suspended: I/O waits for a device to be resumed; hung: a backing does not answer; stuck: nor can
#          those be killed who wait for it; stack: it hangs under a stack of devices; frozen: workers hang
#          themselves, in writes to a file system that is frozen
. "$(dirname "$0")/lib.sh"

way=$1 where=$2
options=()
case $way in
lazy | forced) need_root ;;
esac
case $way in
option | lazy | forced) options=(--on-unmount=force) ;;
timeout) options=(--drain-timeout 1) ;;
esac

start_hangfs 8192
start_fusemap "${options[@]}"
backing=$hang/disk
if [ "$where" = frozen ]; then
        make_freezable
        backing=$freezable/disk
        truncate -s 4M "$backing"
fi
create disk "0 4096 linear $backing 0"
create other "0 4096 linear $(image a 4096) 0"
case $where in
suspended)
        target=disk
        suspend disk
        ;;
hung | stuck | frozen)
        target=disk
        ;;
stack)
        create middle "0 4096 linear disk 0"
        create top "0 4096 striped 1 8 middle 0"
        target=top
        ;;
esac
case $where in
hung | stack) echo hang >"$hang/control" ;;
stuck) echo stick >"$hang/control" ;;
frozen) freeze ;;
esac
defer "echo run >$hang/control"

# An open that is the first waits until the pages of a reader are there, whom it does not know of yet: the
# others come after it.  They open what is open here, so that who is late finds the end of it, and never the
# directory under the mount.
exec 3<>"$mnt/$target"
device=/proc/$$/fd/3
# a reader and a writer, buffered and direct, and a sync
clients=()
client() {
        "$@" 2>/dev/null 3<&- &
        clients+=($!)
}
waiting=1
client dd if=/dev/zero of="$device" bs=4096 count=1 seek=60 conv=notrunc oflag=direct status=none
if [ "$where" != frozen ]; then # there nothing else waits
        client sync "$device"
        client dd if="$device" of=/dev/null bs=4096 count=1 status=none
        client dd if="$device" of=/dev/null bs=4096 count=1 skip=50 iflag=direct status=none
        waiting=3
fi
has_clients() { # the kernel keeps a write and a sync of one file apart
        [ "$(references "$target")" -ge $waiting ]
}
await "the clients wait" 30 has_clients
mounted() {
        mountpoint -q "$mnt"
}

start=$(now_ms)
case $way in
option) kill -TERM "$(daemon_pid)" ;;
lazy) umount -l "$mnt" ;;
forced) umount -f "$mnt" || true ;; # it says busy, and has ended the connection
call) call Unmount true >"$work/answer" ;;
timeout)
        kill -TERM "$(daemon_pid)"
        start=$((start + 1000))
        ;;
signal)
        kill -TERM "$(daemon_pid)"
        await "the drain has begun" 30 not dd if="$mnt/other" of=/dev/null count=1 iflag=direct status=none
        not has_ended || fail "it did not wait"
        start=$(now_ms)
        kill -TERM "$(daemon_pid)"
        ;;
esac
for client in "${clients[@]}"; do
        ! wait "$client" || fail "a client that was cut off heard of a success"
done
await "the mount is gone" 10 not mounted
gone=$(($(now_ms) - start))
exec 3<&-
given_up() { # DEVICE
        if [ "$way" = call ]; then
                grep -Eq "$1: given up with [1-9][0-9]* reference" "$work/answer"
        else
                grep -Eq "^fusemap: $1: given up with [1-9][0-9]* reference" "$log"
        fi
}
case $where in
stuck | frozen)
        # nothing can interrupt its thread, so the process itself stays until the backing answers
        await "the device was named" 10 given_up disk
        if [ "$where" = frozen ]; then thaw; else echo run >"$hang/control"; fi
        ;;
esac
await "fusemap ends" 10 has_ended
echo "$way, $where: mount gone after $gone ms, ended after $(($(now_ms) - start)) ms"
cat "$log"
[ "$(cat "$work/status")" = 0 ] || fail "fusemap ended with $(cat "$work/status")"
expect_no_report

case $where in
suspended)
        # nothing hangs any more once the device is dead
        not grep 'given up' "$log" || fail "given up without need"
        ;;
hung | stuck | stack | frozen)
        given_up disk || fail "disk was not named"
        not grep -q other "$log" || fail "another device was given up"
        [ "$where" != stack ] || given_up top || fail "top was not named"
        ;;
esac
