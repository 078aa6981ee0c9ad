#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# While one device's backing hangs for ever, the others serve, and new ones are made and removed.
. "$(dirname "$0")/lib.sh"

start_hangfs 65536
start_fusemap
create hung "0 65536 linear $hang/disk 0"
create other "0 65536 linear $(image a 65536) 0"
echo hang >"$hang/control"
defer "echo run >$hang/control"

# more of them than there are workers and lane threads
for ((i = 0; i < 40; i++)); do
        dd if="$mnt/hung" of=/dev/null bs=4096 count=1 skip=$((i * 16)) iflag=direct status=none 2>/dev/null &
        dd if=/dev/zero of="$mnt/hung" bs=4096 count=1 seek=$((i * 16)) conv=notrunc status=none 2>/dev/null &
done
# and those who look for its data, one a file: the kernel keeps them apart
for ((i = 0; i < 8; i++)); do
        create "part$i" "0 8 linear $hang/disk $i"
        "$PROGRAMS/seek" "$mnt/part$i" 2>/dev/null &
done
await "the readers hang" 30 hangs 16
seeks() {
        for ((i = 0; i < 8; i++)); do
                [ "$(references "part$i")" -ge 1 ] || return 1
        done
}
await "the seekers hang" 30 seeks

head -c 32M /dev/urandom >"$work/data"
dd if="$work/data" of="$mnt/other" bs=4096 conv=notrunc,fsync status=none
dd if="$mnt/other" bs=4096 iflag=direct status=none | cmp - "$work/data"
[ "$(ls "$mnt" | wc -l)" = 10 ]
stat "$mnt/hung" >/dev/null
for ((i = 0; i < 10; i++)); do
        create "new$i" '0 8 zero'
        cmp -n 4096 /dev/zero "$mnt/new$i"
        remove "new$i"
done
hangs 16 || fail "they do not hang any more"

# nor does who waits for its I/O hold up who asks what there is of it
before=$(references hung)
call Suspend "'hung'" '{}' >/dev/null 2>&1 &
suspend_waits() {
        [ "$(references hung)" -gt "$before" ]
}
await "a suspend waits" 30 suspend_waits
call Message "'hung'" 0 "'@stats_create - /65536'" | grep -q "'0'" || fail "no statistics"
call Message "'hung'" 0 "'@stats_list'" | grep -q '0+65536' || fail "no region"

# it goes at a word, and takes what waits along
for device in hung part0 part1 part2 part3 part4 part5 part6 part7; do
        remove $device "{'immediate': <true>}"
        call Graveyard | grep -q "'$device'" || fail "not in the graveyard: $(call Graveyard)"
done
[ "$(ls "$mnt")" = other ]
clients_gone() {
        [ -z "$(pgrep -f "$mnt/(hung|part)")" ]
}
await "the clients are gone" 10 clients_gone
echo run >"$hang/control"
graveyard_empty() {
        [ "$(call Graveyard)" = '(@a(suu) [],)' ]
}
await "the graveyard is empty" 10 graveyard_empty
stop_fusemap
