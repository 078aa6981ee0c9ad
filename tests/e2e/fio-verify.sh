#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# fio finds every block as it wrote it: deep queues, small and mixed blocks, several jobs at a time.
. "$(dirname "$0")/lib.sh"
need fio

start_fusemap
sectors=$((32 * 2048))
create low "0 $sectors striped 2 16 $(image a $((sectors / 2))) 0 $(image b $((sectors / 2))) 0"
create d "0 1001 linear low 0
1001 $((sectors - 1001)) linear $(image c $sectors) 0"
verified() { # NAME OPTION...
        local name=$1

        shift
        fio --name="$name" --filename="$mnt/d" --size=32M --verify=crc32c --verify_fatal=1 \
                --verify_state_save=0 --output="$work/log-fio" --allow_file_create=0 "$@" || fail "$name"
}
verified deep --rw=randwrite --bs=4k --iodepth=64 --ioengine=libaio --direct=1
verified mixed --rw=randwrite --bsrange=512-128k --bs_unaligned=0 --iodepth=32 --ioengine=libaio --direct=1
verified buffered --rw=randwrite --bsrange=1k-64k --ioengine=psync --fsync=64
verified mapped --rw=randwrite --bs=4k --ioengine=mmap
verified odd --rw=write --bs=1000 --ioengine=psync --size=8M
verified jobs --rw=randrw --bs=4k --iodepth=16 --ioengine=libaio --direct=1 --numjobs=4 --size=8M \
        --offset_increment=8M --group_reporting
stop_fusemap
