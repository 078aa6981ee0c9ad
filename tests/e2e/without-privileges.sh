#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# All of it without root: mounting by fusermount3, serving, draining, force.
if [ "$(id -u)" = 0 ]; then
        command -v setpriv >/dev/null || { echo "skipped: setpriv is not installed"; exit 77; }
        unshare -m true 2>/dev/null || { echo "skipped: no mount namespace can be made"; exit 77; }
        nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
        "${nobody[@]}" test -r "$0" -a -x "$FUSEMAP" ||
                { echo "skipped: nobody may not see the build"; exit 77; }
        # as nobody, where /dev/fuse is everybody's, for this test alone
        exec unshare -m bash -e -c 'mount -t tmpfs none /mnt
                mknod -m 666 /mnt/fuse c 10 229
                mount --bind /mnt/fuse /dev/fuse
                exec "$@"' - "${nobody[@]}" env -u XDG_RUNTIME_DIR HOME=/ TMPDIR=/tmp bash "$0"
fi
. "$(dirname "$0")/lib.sh"
need fusermount3

head -c 1M /dev/urandom >"$work/data"
start_fusemap
create d "0 2048 linear $(image a 2048) 0"
create top "0 2048 linear d 0"
dd if="$work/data" of="$mnt/top" bs=64k oflag=direct status=none
cmp "$work/data" "$mnt/d"
"$PROGRAMS/ends" "$mnt/top"
not call Create "'e'" "'0 8 linear /etc/shadow 0'" '{}' 2>/dev/null || fail "it reads what it may not"
fusermount3 -u "$mnt"
expect_end

start_fusemap
create d "0 2048 linear $work/a 0"
dd if="$work/data" of="$mnt/d" bs=64k status=none
kill -9 "$(daemon_pid)"
await "it is dead" 30 has_ended
start_fusemap # takes the dead mount away
create d "0 2048 linear $work/a 0"
suspend d
cat "$mnt/d" >/dev/null 2>&1 &
reader=$!
waits() {
        [ "$(references d)" -ge 1 ]
}
await "it waits" 30 waits
start=$(now_ms)
call Unmount true >/dev/null
not wait $reader || fail "a reader that was cut off heard of a success"
expect_end
echo "ended after $(($(now_ms) - start)) ms"
cmp "$work/data" "$work/a"

# what hangs does not keep the mount, nor those who use it
start_hangfs 2048
start_fusemap
create d "0 2048 linear $hang/disk 0"
create other "0 2048 linear $work/a 0"
echo stick >"$hang/control"
defer "echo run >$hang/control"
exec 3<"$mnt/other"
cat "$mnt/d" >/dev/null 2>&1 3<&- &
reader=$!
await "it hangs" 30 hangs 1
start=$(now_ms)
call Unmount true >"$work/answer"
grep -q 'd: given up with [1-9][0-9]* reference' "$work/answer" || fail "$(cat "$work/answer")"
not wait $reader || fail "a reader that was cut off heard of a success"
not head -c 1 <&3 >/dev/null 2>&1 || fail "a file that was open can be read still"
exec 3<&-
not mountpoint -q "$mnt" || fail "the mount is still there"
echo "ended after $(($(now_ms) - start)) ms"
echo run >"$hang/control"
await "fusemap ends" 30 has_ended
[ "$(cat "$work/status")" = 0 ] || fail "fusemap ended with $(cat "$work/status")"
expect_no_report
