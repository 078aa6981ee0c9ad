#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# fusemap goes to the background once the mount answers; mount(8) and fstab start it too; options are given by
# name or with -o; bad ones are refused by name.
. "$(dirname "$0")/lib.sh"

# ---- the background
"$FUSEMAP" --socket "$socket" "$mnt"
mountpoint -q "$mnt" || fail "the parent was gone before the mount was there"
create d '0 8 zero'
cmp -n 4096 /dev/zero "$mnt/d"
unmounted() {
        ! mountpoint -q "$mnt" && [ ! -e "$socket" ]
}
call Unmount false >/dev/null
await "it ends" 30 unmounted

# ---- what does not work is said, and the exit status tells
refuses() { # MESSAGE ARGUMENT...
        local message=$1

        shift
        not timeout 30 "$FUSEMAP" "$@" >"$work/error" 2>&1 || fail "it did: fusemap $*"
        grep -qF -- "$message" "$work/error" || fail "fusemap $*: $(cat "$work/error")"
        [ "$(wc -l <"$work/error")" = 1 ] || fail "more than a line: $(cat "$work/error")"
        not mountpoint -q "$mnt" || fail "mounted all the same"
}
refuses "no mount point given"
refuses "$work/nothing: No such file or directory" "$work/nothing"
touch "$work/file"
refuses "$work/file: Not a directory" "$work/file"
refuses "-o nonsense: unknown option" -o nonsense "$mnt"
refuses "--threads: must be a number from 1 to 64, got '0'" -o threads=0 "$mnt"
refuses "--threads: must be a number from 1 to 64, got '65'" --threads=65 "$mnt"
refuses "--nice: must be a number from -20 to 19, got '-21'" -o nice=-21 "$mnt"
refuses "--nice: must be a number from -20 to 19, got 'low'" --nice=low "$mnt"
refuses "--poll: must be a number from 0 to 1000000, got '-1'" --poll=-1 "$mnt"
refuses "--poll: must be a number from 0 to 1000000, got 'long'" -o poll=long "$mnt"
refuses "--on-unmount: must be 'drain' or 'force', got 'perhaps'" --on-unmount=perhaps "$mnt"
refuses "--drain-timeout: must be a number" --drain-timeout=soon "$mnt"
refuses "--frobnicate" --frobnicate "$mnt"
refuses "'three'" one two three
refuses "$work/no/such/place" --socket "$work/no/such/place/socket" "$mnt"
"$FUSEMAP" --version | grep -q '^fusemap [0-9]'
"$FUSEMAP" --help | grep -q 'drain-timeout'
