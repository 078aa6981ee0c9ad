# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# fusemap-replay-log shows what a log-writes target logged, gives back the device at any point of it, and
# finds the points at which a check fails.
. "$(dirname "$0")/lib.sh"

sectors=2048
backing=$(image disk $sectors)
record=$(image record 65536)
start_fusemap
create logged "0 $sectors log-writes $backing $record"

put() { # TEXT SECTOR
        printf '%-512s' "$1" | dd of="$mnt/logged" bs=512 seek="$2" conv=notrunc oflag=direct status=none
}

mark() {
        call Message "'logged'" 0 "'mark $1'" >/dev/null
}

put one 3
put two 5
sync "$mnt/logged"
mark "first\\\\ point"
put three 3
sync "$mnt/logged"
mark second
fallocate --punch-hole --offset 2560 --length 512 "$mnt/logged"
put four 9
sync "$mnt/logged"
remove logged
stop_fusemap

# ---- the list ----
"$REPLAY_LOG" "$record" >"$work/list"
grep -q '^[0-9]* 3 1 - *$' "$work/list" || fail "the list has no write of sector 3: $(cat "$work/list")"
grep -q ' 0 0 mark first point$' "$work/list" || fail "the list has no mark: $(cat "$work/list")"
grep -q ' 5 1 discard$' "$work/list" || fail "the list has no discard: $(cat "$work/list")"
grep -q ' 0 0 flush$' "$work/list" || fail "the list has no flush: $(cat "$work/list")"
tail -n 1 "$work/list" | grep -q 'mark dm-log-writes-end$' || fail "the last entry: $(tail -n 1 "$work/list")"

# ---- the device, at any point ----
words() { # IMAGE: what stands in sectors 3, 5 and 9
        local sector

        for sector in 3 5 9; do
                dd if="$1" bs=512 skip=$sector count=1 status=none | tr -d ' \0'
                echo -n :
        done
}

replay() { # WANTED OPTION...
        local wanted=$1

        shift
        rm -f "$work/copy"
        truncate -s $((sectors * 512)) "$work/copy"
        "$REPLAY_LOG" "$@" "$record" "$work/copy" >"$work/out" || fail "replay $*: status $?"
        [ "$(words "$work/copy")" = "$wanted" ] || fail "replay $*: $(words "$work/copy"), not $wanted"
}

replay three::four:
cmp "$work/copy" "$backing"
replay one:two:: --to-mark "first point"
replay three:two:: --to-mark second
replay :::  --to 0
replay three:two:four: --no-discard

# ---- a check at each point ----
status=0
"$REPLAY_LOG" --check '! grep -q three "$IMAGE"' "$record" "$work/copy" \
        >"$work/out" 2>&1 || status=$?
[ $status = 1 ] || fail "the check's failure gave status $status"
grep -q '^failed after entry ' "$work/out" || fail "said: $(cat "$work/out")"
rm "$work/copy" && truncate -s $((sectors * 512)) "$work/copy"
"$REPLAY_LOG" --check 'test -s "$IMAGE"' --at flush "$record" "$work/copy" >"$work/out"
[ "$(cat "$work/out")" = "$(grep -c flush "$work/list") checks, 0 failed" ] || fail "said: $(cat "$work/out")"

# ---- what is no log, or a bad one ----
refuses() { # TEXT ARGUMENT...
        local text=$1 status=0

        shift
        "$REPLAY_LOG" "$@" >"$work/out" 2>&1 || status=$?
        [ $status = 2 ] || fail "replay-log $*: status $status"
        grep -qF -- "$text" "$work/out" || fail "replay-log $*: said $(cat "$work/out")"
}

refuses "$backing: not the log" "$backing"
refuses "$work/nosuch: No such file" "$work/nosuch"
refuses "there is no mark 'nosuch'" --to-mark nosuch "$record"
refuses "got 'x'" --from x "$record"
refuses "got 'sometimes'" --check true --at sometimes "$record" "$work/copy"
refuses "needs an image" --check true "$record"
cp --sparse=never "$record" "$work/bad"
truncate -s 1024 "$work/bad"
refuses "$work/bad: " "$work/bad"
printf '\377\377\377\377\377\377\377\377' | dd of="$work/bad" bs=1 seek=520 conv=notrunc status=none
refuses "$work/bad: entry 0" "$work/bad"
