#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# While a program waits for each answer, a worker looks for its next request and does not sleep.
. "$(dirname "$0")/lib.sh"
[ "${FUSEMAP_TRANSPORT-}" != io_uring ] || skip "through a ring the kernel's requests come to no worker"
: 2>/dev/null </dev/fuse || skip "cannot open /dev/fuse"

requests() {
        dd if="$mnt/d" of=/dev/null bs=4096 count=1000 iflag=direct status=none
}

# proc_pid_stat(5): a worker that runs, or would if it had a CPU, while there are no requests.  No program is
# started to find out: it would want a CPU, and the worker would leave it that.
a_worker_polls() {
        local stat tasks

        tasks=("/proc/$(daemon_pid)/task"/*/stat)
        requests
        for stat in "${tasks[@]}"; do
                if read -r stat <"$stat" && [[ $stat == *"(worker) R "* ]]; then
                        return
                fi
        done
        return 1
}

fuse_descriptors() { # COUNT
        [ "$(find "/proc/$(daemon_pid)/fd" -lname /dev/fuse | wc -l)" = "$1" ]
}

start_fusemap --threads=2 --poll=1000000
create d '0 8192 zero'
await "a worker polls" 60 a_worker_polls
remove d
stop_fusemap

# One of the session, one for each worker, and one that is polled.
start_fusemap --threads=2 -o poll=1
await "two workers and what is polled" 30 fuse_descriptors 4
stop_fusemap
start_fusemap --threads=2 --poll=0
await "two workers" 30 fuse_descriptors 3
create d '0 8192 zero'
requests
fuse_descriptors 3
stop_fusemap
