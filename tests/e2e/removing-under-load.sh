#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Devices are removed, renamed, suspended, swapped and made again while programs use them: nothing hangs.
# usage: removing-under-load.sh immediate|deferred|rename|swap
. "$(dirname "$0")/lib.sh"

how=$1
rounds=$((60 * ${FUSEMAP_TEST_SCALE:-100} / 100))
[ $rounds -ge 5 ] || rounds=5
filled_image a 2048 a >/dev/null
tr '\n' a <"$work/a" >"$work/A"
tr '\n' b <"$(filled_image b 2048 b)" >"$work/B"
table() { # IMAGE
        echo "0 2048 linear $work/$1 0"
}
removed() {
        remove "$@" 2>/dev/null
}

start_fusemap
create low "$(table A)"
create d "0 2048 linear low 0"
mkfifo "$work/feed"
"$PROGRAMS/reader" "$mnt" d low e <"$work/feed" >"$work/figures" &
reader=$!
exec 5>"$work/feed"

for ((i = 0; i < rounds; i++)); do
        case $how in
        immediate)
                if ((i % 3 == 0)); then suspend low; fi
                remove d "{'immediate': <true>}"
                remove low "{'immediate': <true>}"
                create low "$(table A)"
                create d "0 2048 linear low 0"
                ;;
        deferred)
                remove d "{'deferred': <true>}"
                await "the name is free" 30 create d "0 2048 linear low 0"
                ;;
        rename)
                rename_device d e
                rename_device e d
                ;;
        swap)
                load low "$(table $((i % 2 ? 1 : 0)) | sed 's,/1 ,/A ,; s,/0 ,/B ,')"
                suspend low "{'noflush': <true>}"
                resume low
                suspend d
                resume d
                ;;
        esac
        kill -0 $reader || fail "the reader is gone"
done
exec 5>&-
reader_done() {
        ! kill -0 $reader
}
await "the reader ends" 60 reader_done
wait $reader
cat "$work/figures"
stop_fusemap
