#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Scripts see dmsetup's lines; people, -v and FUSEMAP_EXPLAIN see the daemon's reason too.
. "$(dirname "$0")/lib.sh"
start_fusemap
unset FUSEMAP_EXPLAIN

bare="device-mapper: reload ioctl on v0 (253:0) failed: Invalid argument
Command failed."
[ "$(ctl create v0 --table '0 8 zero 1' 2>&1)" = "$bare" ] || fail "without a wish"
explains() { # COMMAND...
        grep -q '^fusemapctl: line 1: zero: ' <<<"$("$@" 2>&1)"
}
explains ctl -v create v0 --table '0 8 zero 1' || fail "-v"
FUSEMAP_EXPLAIN=1 explains ctl create v0 --table '0 8 zero 1' || fail "FUSEMAP_EXPLAIN=1"
if command -v script >/dev/null; then
        script -qec "'$FUSEMAPCTL' create v0 --table '0 8 zero 1'" /dev/null </dev/null | tr -d '\r' >"$work/tty" ||
                true
        grep -q '^fusemapctl: line 1: zero: ' "$work/tty" || fail "on a terminal: $(cat "$work/tty")"
fi

# What has no line of dmsetup's is said in any case.
expect ctl create v0 --table $'0 8 linear /\xff 0' <<END
fusemapctl: the table is not valid UTF-8
Command failed.
[1]
END
expect ctl --manglename none info $'\xff' <<END
fusemapctl: name '$(printf '\377')' is not valid UTF-8
Command failed.
[1]
END
expect ctl wait v0 x <<END
Invalid event number 'x'.
Command failed.
[1]
END
stop_fusemap
