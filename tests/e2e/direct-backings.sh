# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# --direct: data bypasses the backing's page cache, and every kind of I/O is right all the same.
. "$(dirname "$0")/lib.sh"

sectors=16384
backing=$(filled_image one $sectors pattern)
dd if="$backing" of="$work/probe" bs=4096 count=1 oflag=direct status=none 2>/dev/null ||
        skip "no direct I/O on $work"
rm "$work/probe"
cp "$backing" "$work/model"
start_fusemap --direct
create d "0 $sectors linear $backing 0"

both() { # DD-ARGUMENT...: the same write to the device and to the model
        dd of="$mnt/d" conv=notrunc status=none "$@"
        dd of="$work/model" conv=notrunc status=none "${@/oflag=direct/oflag=dsync}"
}

head -c 4M /dev/urandom >"$work/data"
both if="$work/data" bs=1M seek=2 oflag=direct
both if="$work/data" bs=4096 seek=17 count=300 oflag=direct
both if="$work/data" bs=512 seek=77 count=9 oflag=direct
both if="$work/data" bs=1000 seek=7345 count=33
both if="$work/data" bs=64k seek=20 count=8 oflag=sync
both if="$work/data" bs=7 seek=4681 count=5
sync "$mnt/d"
cmp "$mnt/d" "$work/model"
cmp "$backing" "$work/model"
dd if="$mnt/d" bs=512 iflag=direct status=none | cmp - "$work/model"
dd if="$mnt/d" bs=1M iflag=direct status=none | cmp - "$work/model"

# what is read through it does not come into the cache
sync "$backing"
dd if="$backing" iflag=nocache count=0 status=none
dd if="$mnt/d" of=/dev/null bs=1M iflag=direct status=none
if command -v fincore >/dev/null; then
        pages=$(fincore --noheadings --output PAGES "$backing")
        [ "$pages" -lt 64 ] || fail "$pages pages of the backing are in the cache"
fi

remove d
stop_fusemap

# where there is no direct I/O, a clear refusal
[ -d /dev/shm ] || exit 0
other=$(mktemp -p /dev/shm)
defer "rm -f $other"
truncate -s 1M "$other"
dd if=/dev/zero of="$other" bs=4096 count=1 oflag=direct conv=notrunc status=none 2>/dev/null && exit 0
start_fusemap --direct
not create e "0 8 linear $other 0" 2>"$work/errors"
grep -q "$other: no direct I/O there" "$work/errors" || fail "said: $(cat "$work/errors")"
stop_fusemap
