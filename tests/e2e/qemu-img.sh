#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# qemu-img converts to and from mapped devices, and finds them equal to what they were made from.
. "$(dirname "$0")/lib.sh"
need qemu-img

start_fusemap
sectors=$((64 * 2048))
create d "0 $sectors linear $(image a $sectors) 0"
create e "0 $sectors striped 2 8 $(image b $((sectors / 2))) 0 $(image c $((sectors / 2))) 0"
truncate -s 64M "$work/source"
for at in 0 7 31 60; do
        dd if=/dev/urandom of="$work/source" bs=1M seek=$at count=3 conv=notrunc status=none
done

qemu-img convert -O qcow2 "$work/source" "$work/source.qcow2"
for cache in none writeback directsync; do
        qemu-img convert -n -t $cache -O raw "$work/source.qcow2" "$mnt/d"
        qemu-img compare -T $cache "$work/source" "$mnt/d" >/dev/null || fail "$cache: d differs"
        cmp "$work/source" "$mnt/d"
        qemu-img convert -n -t $cache -T $cache -O raw "$mnt/d" "$mnt/e"
        qemu-img compare -T $cache "$mnt/d" "$mnt/e" >/dev/null || fail "$cache: e differs"
        dd if=/dev/zero of="$mnt/e" bs=1M status=none conv=notrunc 2>/dev/null || true
done
# without -n it makes the file, which is there
qemu-img convert -O raw "$work/source.qcow2" "$mnt/e"
qemu-img compare "$work/source" "$mnt/e" >/dev/null
qemu-img convert -O qcow2 "$mnt/e" "$work/back.qcow2"
qemu-img compare "$work/source" "$work/back.qcow2" >/dev/null
qemu-img info "$mnt/d" | grep -q '64 MiB'
stop_fusemap
