#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The same random system calls on a loop device and on a mapped device: no difference.
# usage: differential.sh linear|striped|stacked|readonly
# FUSEMAP_TEST_SCALE: percent of 100,000 calls; DIFFERENTIAL_SEED: to repeat one.
. "$(dirname "$0")/lib.sh"
need_loop

# odd, so that the last page is in part behind the end; a multiple of what two stripes of 8 need
sectors=$((12288 + 16 + 5))
seed=${DIFFERENTIAL_SEED-}
count=$((100000 * ${FUSEMAP_TEST_SCALE:-100} / 100))

attach_loop "$(image reference $sectors)"
start_fusemap
case $1 in
linear)
        create mapped "0 $sectors linear $(image a $sectors) 0"
        ;;
readonly)
        create mapped "0 $sectors linear $(image a $sectors) 0" "{'readonly': <true>}"
        detach_loop "$loop"
        attach_loop "$work/reference" --read-only
        ;;
striped)
        sectors=$((sectors / 16 * 16))
        detach_loop "$loop"
        attach_loop "$(image reference2 $sectors)"
        create mapped "0 $sectors striped 2 8 $(image a $((sectors / 2))) 0 $(image b $((sectors / 2))) 0"
        ;;
stacked)
        create low "0 5000 linear $(image a 6000) 1000
5000 $((sectors - 5000)) linear $(image b $sectors) 0"
        create mapped "0 1001 linear $mnt/low $((sectors - 1001))
1001 $((sectors - 1001)) linear low 0"
        ;;
esac
"$PROGRAMS/differential" ${seed:+--seed "$seed"} --count "$count" "$loop" "$mnt/mapped"
stop_fusemap
[ "$1" != linear ] || cmp "$work/reference" "$work/a"
