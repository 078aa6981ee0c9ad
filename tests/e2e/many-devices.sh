#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A directory of thousands of devices lists each once, while others come and go.
. "$(dirname "$0")/lib.sh"

count=3000
start_fusemap
list=$(for ((i = 0; i < count; i++)); do printf "('d%d', '0 8 zero', @a{sv} {})," $i; done)
call CreateMany "[${list%,}]" | grep -q "uint32 $count"
ls -f "$mnt" | grep -c '^d' | grep -qx $count
[ "$(find "$mnt" -mindepth 1 -printf '%i\n' | sort -u | wc -l)" = $count ]

# those that stay are all there in every listing
(
        for ((i = 0; i < 30; i++)); do
                create "x$i" '0 8 zero'
                remove "x$((i / 2))" 2>/dev/null || true
        done
) &
for ((i = 0; i < 10; i++)); do
        [ "$(ls -l "$mnt" 2>/dev/null | grep -c ' d[0-9]*$')" = $count ] || fail "one is missing"
done
wait $!
stop_fusemap
