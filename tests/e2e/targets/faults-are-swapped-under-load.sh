#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Faults come and go while a program works: by suspend, load and resume, and nothing in flight is lost.
. "$(dirname "$0")/lib.sh"
need fio

image disk 32768 >/dev/null
image record 1048576 >/dev/null
start_fusemap
good="0 32768 linear $work/disk 0"
create disk "$good"

swap_in() { # TABLE
        "$FUSEMAPCTL" suspend --noflush --nolockfs disk
        "$FUSEMAPCTL" load disk --table "$1"
        "$FUSEMAPCTL" resume disk
}

# ---- faults that lose nothing ----
# fio writes, reads back and compares, over and over.
fio --name=load --filename="$mnt/disk" --size=16m --rw=randwrite --bs=4k-64k --ioengine=psync --direct=1 \
        --numjobs=3 --offset_increment=4m --size=4m --loops=20 --verify=crc32c --do_verify=1 \
        --verify_fatal=1 --verify_state_save=0 --group_reporting --output="$work/fio" &
fio=$!
swaps=0
while kill -0 $fio 2>/dev/null; do
        for table in "delay $work/disk 0 2 $work/disk 0 4" "powercut $work/disk 0 cache_mb 1" \
                "dust $work/disk 0 4096" "flakey $work/disk 0 3600 1" \
                "log-writes $work/disk $work/record" "chaos $work/disk 0 delay 5 0.5"; do
                swap_in "0 32768 $table"
                swaps=$((swaps + 1))
        done
        swap_in "$good"
done
wait $fio || fail "fio: $(cat "$work/fio")"
[ $swaps -ge 6 ] || fail "only $swaps swaps: the load was too short"

# ---- faults that show ----
reads() {
        dd if="$mnt/disk" of=/dev/null bs=4k count=16 iflag=direct status=none 2>/dev/null
}

for table in error "error $work/disk 0" "flakey $work/disk 0 0 1" "chaos $work/disk 0 read_error 1"; do
        swap_in "0 32768 $table"
        not reads || fail "$table: a read succeeds"
        swap_in "$good"
        reads || fail "after $table: a read fails"
done

# ---- a killed program does not wait for the delay ----
swap_in "0 32768 delay $work/disk 0 3600000"
writer_waits() {
        [ "$("$FUSEMAPCTL" status disk)" = "0 32768 delay 0 1 0" ]
}
dd if=/dev/zero of="$mnt/disk" bs=4k count=1 oflag=direct conv=notrunc status=none &
writer=$!
await "the write waits" 30 writer_waits
kill -9 $writer
wait $writer || true
await "the write is gone" 30 not writer_waits
swap_in "$good"

# ---- a suspended device is a stalled disk ----
"$FUSEMAPCTL" suspend --noflush --nolockfs disk
dd if="$mnt/disk" of=/dev/null bs=4k count=16 iflag=direct status=none & # itself, not a shell around it
reader=$!
kill -9 $reader
wait $reader || true # a killed client dies
kill -TERM "$(daemon_pid)"
expect_end
