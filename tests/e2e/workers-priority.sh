#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Workers leave the CPU to the program that asks, and may have a larger share of it where that is allowed.
. "$(dirname "$0")/lib.sh"

fusemap=$FUSEMAP
batch=3 # SCHED_BATCH, of <linux/sched.h>

# proc_pid_stat(5): after the name, field 19 is the nice value and 41 the policy.
workers() {
        local task

        for task in "/proc/$(daemon_pid)/task"/*; do
                grep -qxE 'worker|queue|deputy' "$task/comm" || continue
                sed 's/.*) //' "$task/stat" | cut -d' ' -f 17,39
        done | sort -u
}

# One of them may answer before another has begun.
workers_have() { # NICE
        [ "$(workers)" = "$1 $batch" ] || { workers >&2 && false; }
}

expect_workers() { # NICE
        await "workers at nice $1" 30 workers_have "$1"
}

# In a container root seldom may, and others never.
without_the_right() {
        [ "$(id -u)" = 0 ] || return 0
        need setpriv
        FUSEMAP=$work/without-the-right
        printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice -- "%s" "$@"\n' \
                "$fusemap" >"$FUSEMAP"
        chmod +x "$FUSEMAP"
}

expect_log() { # COUNT
        [ "$(grep -cF -- "--nice=-7: Permission denied; workers go on without" "$log")" = "$1" ] ||
                fail "not $1 lines of that in the log"
}

start_fusemap --nice=3
expect_workers 3
stop_fusemap

# Who starts it with a nice value means it.
FUSEMAP=$work/niced
printf '#!/bin/sh\nexec nice -n 4 "%s" "$@"\n' "$fusemap" >"$FUSEMAP"
chmod +x "$FUSEMAP"
start_fusemap
expect_workers $(($(nice) + 4))
stop_fusemap
FUSEMAP=$fusemap

if (renice -n -7 -p $BASHPID) >/dev/null 2>&1; then
        start_fusemap
        expect_workers -5
        stop_fusemap
        start_fusemap -o nice=-7
        expect_workers -7
        stop_fusemap
        expect_log 0
fi

# What is not allowed is no error, but who asked for it is told.
without_the_right
start_fusemap
expect_workers 0
stop_fusemap
[ ! -s "$log" ] || fail "it was not asked for"
start_fusemap --nice=-7
expect_workers 0
create d '0 8 zero'
cmp -n 4096 /dev/zero "$mnt/d"
stop_fusemap
expect_log 1
