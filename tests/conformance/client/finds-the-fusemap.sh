#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The only fusemap of a user is found; several have to be told apart, a socket that a crash left is none.
. "$(dirname "$0")/lib.sh"

# Root looks into /run, which is everybody's: the test needs one of its own.
if [ "$(id -u)" = 0 ] && [ -z "${UNSHARED-}" ]; then
        UNSHARED=1 exec unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec bash "$0"' "$0"
fi
unset FUSEMAP_SOCKET
export XDG_RUNTIME_DIR=$work/run
mkdir -m 700 "$XDG_RUNTIME_DIR" "$work/a" "$work/b"

expect ctl ls <<END
fusemapctl: no fusemap is running; start one with: fusemap MOUNTPOINT
Command failed.
[1]
END

"$FUSEMAP" "$work/a"
defer "ctl --mount '$work/a' unmount --force"
ctl create one --table "0 8 zero"
expect ctl info -c --noheadings -o name <<END
one
END

"$FUSEMAP" "$work/b"
defer "ctl --mount '$work/b' unmount --force"
expect ctl ls <<END
fusemapctl: several fusemaps are running; choose one with --mount or \$FUSEMAP_SOCKET:
  --mount $work/a
  --mount $work/b
Command failed.
[1]
END
expect ctl --mount "$work/b" ls <<END
No devices found
END
ln -s "$work/a" "$work/link"
cd "$work"
expect ctl --mount a/ info -c --noheadings -o name <<END
one
END
expect ctl --mount link info -c --noheadings -o name <<END
one
END
expect ctl --mount "$work" ls <<END
fusemapctl: no fusemap is mounted on $work; there is:
  --mount $work/a
  --mount $work/b
Command failed.
[1]
END

ctl --mount "$work/b" unmount
# A socket that nobody listens on, as a killed fusemap leaves it.
stale=$(find /run/fusemap "$XDG_RUNTIME_DIR" -name '*.socket' 2>/dev/null | head -n 1)
python3 - "${stale%/*}/stale.socket" <<'END'
import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])
END
expect ctl info -c --noheadings -o name <<END
one
END
# One that does not answer is passed over too, but named when there is no other.
"$FUSEMAP" --foreground "$work/b" 2>/dev/null &
stopped=$!
defer "kill -9 $stopped; fusermount3 -uz '$work/b'"
await "the second mount answers" 30 mountpoint -q "$work/b"
await "and its socket" 30 ctl --mount "$work/b" ls >"$work/out"
kill -STOP $stopped
expect ctl info -c --noheadings -o name <<END
one
END
kill -CONT $stopped
ctl --mount "$work/b" unmount

FUSEMAP_SOCKET=$stale expect ctl info -c --noheadings -o name <<END
one
END
expect ctl --socket "${stale%/*}/stale.socket" ls <<END
fusemapctl: no fusemap listens on ${stale%/*}/stale.socket: Could not connect: Connection refused
Command failed.
[1]
END
ctl unmount
