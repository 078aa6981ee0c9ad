#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# monitor prints what others do, line by line, and ends with the fusemap.
. "$(dirname "$0")/lib.sh"
start_fusemap
ctl monitor >"$work/text" &
text=$!
ctl monitor --json >"$work/json" &
json=$!

# It says nothing when it is ready, so a device comes and goes until both have seen it.
both_listen() {
        ctl create probe --notable
        ctl remove probe
        grep -q probe "$work/text" && grep -q probe "$work/json"
}
await "both listen" 30 both_listen

ctl create 'a b' --table "0 8 zero"
ctl rename 'a b' c
ctl suspend c
ctl resume c
ctl remove c
has_seen() {
        grep -q '^hidden c$' "$1"
}
await "the end is told" 30 has_seen "$work/text"
grep -v probe "$work/text" >"$work/got"
for line in 'created a b' 'appeared a b' 'renamed c (was a b)' 'suspended c' 'resumed c' 'hidden c'; do
        grep -qx "$line" "$work/got" || fail "no line '$line' in: $(cat "$work/got")"
done
[ "$(grep -nx 'suspended c' "$work/got" | cut -d: -f1)" -lt "$(grep -nx 'hidden c' "$work/got" | cut -d: -f1)" ]

stop_fusemap
wait $text
wait $json
python3 - "$work/json" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
renamed = [e for e in events if e["event"] == "renamed"]
assert len(renamed) == 1 and renamed[0]["name"] == "c" and renamed[0]["old_name"] == "a b", events
assert all("old_name" not in e for e in events if e["event"] != "renamed"), events
END
