#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What --json prints is JSON, in the form that doc/json.md tells, whatever a device is called.
. "$(dirname "$0")/lib.sh"
need python3
start_fusemap
disk=$(image 'a "disk"' 1024)

ctl create --manglename none 'odd "name"\' -u 'U-"1"' --table "0 64 zero" --mode 640
ctl create v1 <<END
0 8 linear ${disk// /\\ } 0
8 8 error
END
ctl create v2 --notable

json() { # EXPRESSION COMMAND...
        local expression=$1

        shift
        ctl --manglename none "$@" --json |
                python3 -c "import json, sys; d = json.load(sys.stdin); assert $expression, d"
}
all=$(python3 -c "print(['odd \"name\"' + chr(92), 'v1', 'v2'])")
for command in ls info table status measure; do
        json "[x['name'] for x in d['devices']] == $all" $command
        json "all(type(x['uuid']) is str for x in d['devices'])" $command
done
json "d['devices'][0]['uuid'] == 'U-\"1\"' and d['devices'][0]['mode'] == 0o640" info
json "d['devices'][0]['size'] == 32768 and d['devices'][0]['live_table'] is True" info
json "[len(x['targets']) for x in d['devices']] == [1, 2, 0]" table
json "d['devices'][0]['targets'][1] == {'start': 8, 'length': 8, 'type': 'error', 'params': ''}" table v1
json "[x['name'] for x in d['devices']] == ['v1', 'v2']" info v1 v2
json "'status' in d['devices'][0]['targets'][0]" status v1
json "d['devices'][0]['targets'][1]['measure'] == ''" measure v1
json "[x['name'] for x in d['devices']] == ['v1']" table v1 --target error
json "[x['name'] for x in d['devices']] == ['v1', 'v2']" table -S 'name=~^v'
json "d == {'devices': []}" status -S name=nosuch
json "'linear' in [x['name'] for x in d['targets']]" targets
json "set(d['targets'][0]) == {'name', 'version', 'summary', 'usage'}" targets

# An error prints none.
[ -z "$(ctl --json info nosuch 2>/dev/null || true)" ] || fail "JSON beside an error"
stop_fusemap
