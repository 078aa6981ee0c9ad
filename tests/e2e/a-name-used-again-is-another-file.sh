#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Who has an old device open never reaches the data of one that has its name now.
. "$(dirname "$0")/lib.sh"

filled_image old 2048 old
filled_image new 2048 new
cp "$work/new" "$work/new-before"
start_fusemap
create d "0 2048 linear $work/old 0"
inode=$(stat -c %i "$mnt/d")
exec 3<>"$mnt/d"
[ "$(head -c 3 "$mnt/d")" = old ]
not remove d 2>"$work/error" || fail "an open device was removed"
grep -q EBUSY "$work/error"
remove d "{'immediate': <true>}"
not stat "$mnt/d" 2>/dev/null || fail "the name is still there"

create d "0 2048 linear $work/new 0"
[ "$(stat -c %i "$mnt/d")" != "$inode" ] || fail "the same inode number"
[ "$(head -c 3 "$mnt/d")" = new ]
not dd if=/dev/fd/3 bs=1 count=3 status=none >"$work/read" 2>"$work/error" || fail "$(cat "$work/read")"
not dd if=/dev/zero bs=512 count=1 status=none >&3 2>"$work/error" || fail "written"
grep -q 'Input/output error' "$work/error"
exec 3>&-
cmp "$work/new-before" "$mnt/d"

# a rename takes the file along, and its old name is free
exec 3<"$mnt/d"
rename_device d e
[ "$(ls "$mnt")" = e ]
create d "0 2048 linear $work/old 0"
[ "$(head -c 3 <&3)" = new ] || fail "the descriptor followed the name"
[ "$(head -c 3 "$mnt/d")" = old ]
[ "$(head -c 3 "$mnt/e")" = new ]
exec 3<&-
stop_fusemap
cmp "$work/new-before" "$work/new"
