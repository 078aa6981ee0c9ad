# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every test here begins with:  . "$(dirname "$0")/lib.sh"
#
# A test runs in a directory of its own, $work, and ends as its last command does; whatever it leaves is
# taken away.  Exit status 77: skipped.  From meson come FUSEMAP and FUSEMAPCTL, the programs under
# test; PROGRAMS, the directory of the tests' own; and where no sanitizer watches CRASH_REPORT, which is
# preloaded into the daemon.
set -eu -o pipefail

: "${FUSEMAP:?is set by meson}" "${PROGRAMS:?is set by meson}"
work=$(mktemp -d "${TMPDIR:-/tmp}/fusemap-e2e-XXXXXX")
mnt=$work/mnt
socket=$work/socket
log=$work/log # the daemon's stderr
export FUSEMAP_SOCKET=$socket
mkdir "$mnt"

# The first error that a sanitizer finds ends the program, with a status of its own.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}halt_on_error=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:print_stacktrace=1"
# TSan sees nothing of the locks in GLib, which is not built with it.
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}halt_on_error=1:ignore_noninstrumented_modules=1"
export G_SLICE=always-malloc

# ---- failing and cleaning up ------------------------------------------------------------------------

exec {stderr}>&2 # for the end, which may come where it is redirected

fail() {
        echo "FAILED: $*" >&2
        exit 1
}

skip() {
        echo "skipped: $*"
        exit 77
}

need() { # PROGRAM...
        local program

        for program; do
                command -v "$program" >/dev/null || skip "$program is not installed"
        done
}

need_root() {
        [ "$(id -u)" = 0 ] || skip "needs root"
}

need_loop() {
        need_root
        need losetup
        losetup -f >/dev/null 2>&1 || skip "no loop devices"
}

undo=() # commands, run in the opposite order

defer() {
        undo+=("$*")
}

pids_of_test() { # what still runs out of $work
        grep -lFaf <(printf '%s\n' "$work/") /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 || true
}

on_exit() {
        local status=$? i pid

        trap - EXIT
        set +e
        exec 2>&"$stderr"
        for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
                eval "${undo[i]}" >/dev/null 2>&1
        done
        for pid in $(pids_of_test); do
                [ "$pid" = $$ ] || kill -9 "$pid"
        done 2>/dev/null
        awk -v dir="$work/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac |
                while read -r mount; do
                        umount -l "$mount" 2>/dev/null || fusermount3 -uz "$mount"
                done
        if [ $status != 0 ] && [ $status != 77 ]; then
                for file in "$work"/log*; do
                        [ -s "$file" ] && sed "s/^/${file##*/}: /" "$file" >&2
                done
        fi
        rm -rf --one-file-system "$work"
        exit $status
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

# ---- waiting ----------------------------------------------------------------------------------------

now_ms() {
        local now=${EPOCHREALTIME/[.,]/}

        echo $((now / 1000))
}

# Waits until COMMAND succeeds; fails after SECONDS, which no test should come near.  What COMMAND says is
# kept, the last time's for on_exit() to show.
await() { # WHAT SECONDS COMMAND...
        local what=$1 deadline=$(($(now_ms) + $2 * 1000))

        shift 2
        until "$@" 2>"$work/log-await"; do
                [ "$(now_ms)" -lt "$deadline" ] || fail "waited in vain: $what"
                sleep 0.02
        done
}

not() {
        ! "$@"
}

# ---- the daemon -------------------------------------------------------------------------------------

[ -w /dev/fuse ] || skip "/dev/fuse cannot be used"

# FUSEMAP_TRANSPORT: the one to be tested.
transport=${FUSEMAP_TRANSPORT:+--transport=$FUSEMAP_TRANSPORT}
if [ "${FUSEMAP_TRANSPORT-}" = io_uring ]; then
        [ "$(cat /sys/module/fuse/parameters/enable_uring 2>/dev/null)" = Y ] ||
                skip "the kernel does not offer FUSE over io_uring (fuse.enable_uring)"
fi

# Runs fusemap in the foreground, and returns once the mount answers.
start_fusemap() { # OPTION...
        launch_fusemap "$@"
        await "the mount answers" 30 mount_answers
        not grep -q 'requests come by /dev/fuse' "$log" || fail "another transport was to be tested"
}

# Its pid comes into $work/pid, its exit status into $work/status: whoever waits for it must not hang.
launch_fusemap() {
        rm -f "$work/status" "$work/pid"
        (
                status=0
                sh -c 'echo $$ >"$0" && exec "$@"' "$work/pid" \
                        env ${CRASH_REPORT:+"LD_PRELOAD=$CRASH_REPORT"} \
                        "$FUSEMAP" --foreground --socket "$socket" ${transport:+"$transport"} "$@" "$mnt" ||
                        status=$?
                echo $status >"$work/status"
        ) </dev/null 2>>"$log" {stderr}>&- &
}

mount_answers() {
        [ -e "$work/status" ] && fail "fusemap ended with $(cat "$work/status")"
        # one question, which only a server answers so: the mount of one that died may go in between
        [ "$(stat -f -c %t "$mnt")" = 65735546 ] && [ -S "$socket" ] # FUSE_SUPER_MAGIC
}

daemon_pid() {
        cat "$work/pid"
}

# How many threads of the daemon are called NAME.
threads_called() { # NAME
        cat "/proc/$(daemon_pid)/task/"*/comm | grep -cxF "$1" || true
}

has_ended() {
        [ -s "$work/status" ]
}

# Waits for the daemon's end, which has to be clean.
expect_end() { # [SECONDS]
        await "fusemap ends" "${1-30}" has_ended
        [ "$(cat "$work/status")" = 0 ] || fail "fusemap ended with $(cat "$work/status")"
        not mountpoint -q "$mnt" || fail "the mount is still there"
        expect_no_report
}

# A process that ends by _exit() shows no leak and no status of a sanitizer: the log does.
expect_no_report() {
        not grep -E 'CRASHED|Sanitizer|runtime error:|CRITICAL|WARNING \*\*' "$log" || fail "see the log"
}

stop_fusemap() {
        kill -TERM "$(daemon_pid)"
        expect_end
}

# ---- control ----------------------------------------------------------------------------------------

# Calls METHOD of the control protocol; strings in GVariant's text form are quoted by quote().
call() { # METHOD ARGUMENT...
        local method=$1

        shift
        gdbus call --timeout 60 --address "unix:path=$socket" --dest org.fusemap --object-path /org/fusemap \
                --method "org.fusemap.Control1.$method" -- "$@"
}

quote() {
        local text=${1//\\/\\\\}

        text=${text//\'/\\\'}
        printf "'%s'" "${text//$'\n'/\\n}"
}

create() { # NAME TABLE [OPTIONS]
        call Create "$(quote "$1")" "$(quote "$2")" "${3-{\}}" >/dev/null
}

load() { # NAME TABLE
        call Load "$(quote "$1")" "$(quote "$2")" '{}' >/dev/null
}

suspend() { # NAME [OPTIONS]
        call Suspend "$(quote "$1")" "${2-{\}}" >/dev/null
}

resume() { # NAME
        call Resume "$(quote "$1")" '{}' >/dev/null
}

rename_device() { # NAME NEW
        call Rename "$(quote "$1")" "$(quote "$2")" >/dev/null
}

remove() { # NAME [OPTIONS]
        call Remove "$(quote "$1")" "${2-{\}}" >/dev/null
}

# How many requests and calls hold DEVICE at present.
references() { # DEVICE
        call Info "$(quote "$1")" | tr -d '()' | awk -F, '{ print $8 }' | grep -o '[0-9]*$'
}

# ---- backings ---------------------------------------------------------------------------------------

# A sparse image of SECTORS in $work; prints its path.
image() { # NAME SECTORS
        truncate -s $(($2 * 512)) "$work/$1"
        echo "$work/$1"
}

# An image of SECTORS, full of lines of WORD.
filled_image() { # NAME SECTORS WORD
        { yes "$3" || true; } | head -c $(($2 * 512)) >"$work/$1"
        echo "$work/$1"
}

# A loop device over FILE; its path comes into $loop.
attach_loop() { # FILE OPTION...
        local file=$1

        shift
        loop=$(losetup -f --show "$@" "$file") || skip "no loop device can be set up"
        defer "detach_loop $loop"
}

# Once it is detached, its number may be another test's.
detach_loop() { # LOOP
        case $(losetup --noheadings --output BACK-FILE "$1" 2>/dev/null) in
        "$work"/*) losetup -d "$1" ;;
        esac
}

# A file system that can be frozen, so that who writes to it waits where it stands: at $freezable.
make_freezable() {
        need_loop
        need fsfreeze
        freezable=$work/freezable
        mkdir "$freezable"
        truncate -s 64M "$work/freezable.img"
        mkfs.ext4 -q "$work/freezable.img"
        attach_loop "$work/freezable.img"
        mount -t ext4 "$loop" "$freezable"
        defer "umount -l $freezable"
}

freeze() {
        fsfreeze -f "$freezable"
        defer thaw
}

thaw() {
        fsfreeze -u "$freezable"
}

# A backing that hangs or fails at command, see programs/hangfs.c: $hang/disk, of SECTORS.
start_hangfs() { # SECTORS
        hang=$work/hang
        mkdir -p "$hang"
        "$PROGRAMS/hangfs" "$hang" $(($1 * 512)) </dev/null 2>>"$work/log-hangfs" &
        defer "kill -9 $!"
        await "hangfs answers" 30 test -e "$hang/disk"
}

# How many requests of WHAT (hanging, reads, writes, syncs) it has, or has had.
hangfs_count() { # WHAT
        sed "s/.*$1 \([0-9]*\).*/\1/" "$hang/control"
}

hangs() { # at least N
        [ "$(hangfs_count hanging)" -ge "$1" ]
}
