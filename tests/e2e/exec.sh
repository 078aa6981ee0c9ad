# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# fusemap exec: a script written for dmsetup runs unchanged, with a mount of its own or on a running one.
. "$(dirname "$0")/lib.sh"

PATH=$(dirname "$FUSEMAPCTL"):$PATH
export TMPDIR=$work
unset FUSEMAP_SOCKET

cat >"$work/script" <<'SCRIPT'
set -e
case $(command -v dmsetup) in "$DM_DEV_DIR"/bin/dmsetup) ;; *) exit 90 ;; esac
case $(command -v dmstats) in "$DM_DEV_DIR"/bin/dmstats) ;; *) exit 91 ;; esac
dmsetup create v0 --table "0 128 linear $1 0"
[ "$MAPDIR" = "$DM_DEV_DIR/mapper" ]
echo written | dd of="$DM_DEV_DIR/mapper/v0" conv=notrunc,fsync status=none
dmsetup table v0
dmstats create v0 >"$2.stats"
dmstats list --noheadings -o name,region_id >>"$2.stats"
dmsetup table nosuch 2>"$2" || true
SCRIPT

# ---- a mount of its own, that goes with it ----
backing=$(image one 128)
out=$("$FUSEMAP" exec -- sh "$work/script" "$backing" "$work/errors")
[ "$out" = "0 128 linear $backing 0" ] || fail "table said: $out"
[ "$(head -c 7 "$backing")" = written ] || fail "nothing was written"
grep -q '^device-mapper: table ioctl on nosuch  failed: No such device or address$' "$work/errors" ||
        fail "dmsetup said: $(cat "$work/errors")"
printf '%s\n' 'v0: Created new region with 1 area(s) as region ID 0' v0:0 | cmp - "$work/errors.stats" ||
        fail "dmstats said: $(cat "$work/errors.stats")"
not grep -F "$work/fusemap-exec" /proc/self/mountinfo || fail "the mount stayed"
for left in "$work"/fusemap-exec-*; do
        [ ! -e "$left" ] || fail "$left stayed"
done

# ---- a running one ----
unset TMPDIR
"$FUSEMAP" --foreground "$mnt" 2>>"$log" &
daemon=$!
defer "kill -9 $daemon"
await "the mount answers" 30 mountpoint -q "$mnt"
await "it listens" 30 "$FUSEMAPCTL" --mount "$mnt" version >/dev/null
"$FUSEMAP" exec --mount "$mnt" sh "$work/script" "$backing" "$work/errors" >/dev/null
[ -e "$mnt/v0" ] || fail "v0 is not in the running mount"
"$FUSEMAPCTL" --mount "$mnt" remove v0
"$FUSEMAPCTL" --mount "$mnt" unmount
wait $daemon

# ---- how it ends ----
expect_status() { # STATUS ARGUMENT...
        local status=0 wanted=$1

        shift
        "$FUSEMAP" exec "$@" 2>"$work/errors" || status=$?
        [ $status = "$wanted" ] || fail "exec $*: status $status, not $wanted: $(cat "$work/errors")"
}

expect_status 7 -- sh -c 'exit 7'
expect_status 143 -- sh -c 'kill -TERM $$'
expect_status 127 -- "$work/nosuch"
grep -q "$work/nosuch: No such file" "$work/errors"
expect_status 126 -- "$work"
expect_status 125
expect_status 125 --nosuch ls
expect_status 125 --mount "$work/nowhere" ls
grep -q "$work/nowhere: no fusemap" "$work/errors"

# a signal reaches the command, and what it had is taken away all the same
export TMPDIR=$work
"$FUSEMAP" exec -- sh -c 'trap "exit 9" TERM; : >"$0"; while :; do sleep 0.1; done' "$work/runs" &
pid=$!
await "the command runs" 30 test -e "$work/runs"
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 9 ] || fail "status $status after a signal"
not grep -F "$work/fusemap-exec" /proc/self/mountinfo || fail "the mount stayed after a signal"
