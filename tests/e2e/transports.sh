#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Requests come through rings where that is asked for and the kernel offers it; else a line says that they do
# not.  However many of a suspended device's wait, others are served.
. "$(dirname "$0")/lib.sh"

not "$FUSEMAP" --foreground --transport=pigeon "$mnt" 2>"$work/error" || fail "mounted by pigeon"
grep -qF -- "--transport: must be 'auto', 'devfuse' or 'io_uring', got 'pigeon'" "$work/error" ||
        fail "$(cat "$work/error")"

cpus=$(getconf _NPROCESSORS_CONF)
transport=--transport=io_uring # not as in the other tests, wherever they run
launch_fusemap --max-background=1
await "the mount answers" 30 mount_answers
if [ "$(cat /sys/module/fuse/parameters/enable_uring 2>/dev/null)" = Y ] &&
        ! grep -q 'the system does not offer it' "$log"; then
        [ "$(threads_called queue)" -ge "$cpus" ] || fail "$(threads_called queue) queues of $cpus CPUs"
        [ ! -s "$log" ] || fail "it had something to say"
else
        [ "$(threads_called queue)" = 0 ] || fail "there are queues all the same"
        [ "$(grep -c 'requests come by /dev/fuse' "$log")" = 1 ] || fail "no line, or two"
        [ "$(wc -l <"$log")" = 1 ] || fail "more than a line"
fi

create sleeper "0 4096 linear $(image a 4096) 0"
create other "0 4096 linear $(image b 4096) 0"
suspend sleeper
readers=()
for ((i = 0; i < 200; i++)); do
        dd if="$mnt/sleeper" of=/dev/null bs=512 count=1 skip=$i iflag=direct status=none &
        readers+=($!)
done
all_wait() {
        [ "$(references sleeper)" -ge 200 ]
}
await "all readers wait" 60 all_wait
timeout 60 dd if=/dev/zero of="$mnt/other" bs=4096 count=50 oflag=direct conv=notrunc status=none ||
        fail "another device is not served"
timeout 60 cmp -n 204800 /dev/zero "$mnt/other"
resume sleeper
for reader in "${readers[@]}"; do
        wait "$reader" || fail "a read failed"
done
stop_fusemap
