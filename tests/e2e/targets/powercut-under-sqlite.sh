#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A database that does not sync loses what it has committed, which a few cuts show; one that syncs survives
# every cut.  (synchronous=FULL is not enough, as sqlite's manual says and the cuts show too: it does not sync
# the directory after it has removed its journal, and then the last commit may be rolled back.)
# How many cuts it has to survive can be set: CUTS=1000.
. "$(dirname "$0")/lib.sh"
need_loop
need mkfs.ext4 sqlite3 stdbuf
cuts=${CUTS-$((200 * ${FUSEMAP_TEST_SCALE-100} / 100))}

image disk 32768 >/dev/null
start_fusemap
create disk "0 32768 powercut $work/disk 0"

# Commits one row after the other, and says so each time, until the power goes.
commit_rows() { # PRAGMA FIRST LAST
        local i

        {
                echo "PRAGMA synchronous=$1;"
                for ((i = $2; i <= $3; i++)); do
                        echo "INSERT INTO t VALUES($i, hex(randomblob(100))); SELECT $i;"
                done
        } | stdbuf -oL sqlite3 -bail "$work/fs/db" >"$work/acked" 2>/dev/null
}

acked() { # at least N
        [ "$(wc -l <"$work/acked")" -ge "$1" ]
}

new_database() {
        mkfs.ext4 -q -F -b 1024 "$mnt/disk"
        mount_on_loop disk
        sqlite3 "$work/fs/db" 'CREATE TABLE t(n INTEGER PRIMARY KEY, data TEXT)'
        sync -f "$work/fs"
        umount_from_loop
        last=0
}

# One cut after some commits.  False when a commit that was acknowledged is lost.
survives_cut() { # PRAGMA SEED
        local found writer

        mount_on_loop disk || fail "seed $2: the filesystem does not mount"
        : >"$work/acked"
        commit_rows "$1" $((last + 1)) $((last + 8)) &
        writer=$!
        await "commits" 60 acked $(($2 % 8 + 1))
        crash disk seed "$2" >/dev/null
        wait "$writer" || true
        last=$(tail -n 1 "$work/acked")

        mount_on_loop disk || fail "seed $2: the filesystem does not mount after the cut"
        [ "$(sqlite3 "$work/fs/db" 'PRAGMA integrity_check' 2>&1)" = ok ] || { umount_from_loop; return 1; }
        found=$(sqlite3 "$work/fs/db" 'SELECT max(n) FROM t')
        umount_from_loop
        [ "${found:-0}" -ge "$last" ] || return 1
        last=$found # one more may have been committed than was acknowledged
}

new_database
lost=
for seed in {1..20}; do
        survives_cut OFF "$seed" || { lost=$seed; break; }
done
[ "$lost" ] || fail "a database that does not sync has lost nothing in 20 cuts"
echo "without fsync: a commit was lost at cut $lost"

new_database
for ((seed = 1; seed <= cuts; seed++)); do
        survives_cut EXTRA "$seed" || fail "with fsync: seed $seed: row $last was committed, and is lost"
done
echo "with fsync: $cuts cuts, $last rows, nothing lost"
remove disk
stop_fusemap
