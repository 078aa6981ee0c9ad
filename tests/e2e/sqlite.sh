#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A filesystem on a mapped device keeps a database; one that was copied onto a device as it is can be read.
. "$(dirname "$0")/lib.sh"
need_loop
need sqlite3 mkfs.ext4

start_fusemap
sectors=$((64 * 2048))
create d "0 $sectors linear $(image a $sectors) 0"
mkfs.ext4 -q -F "$mnt/d"
attach_loop "$mnt/d"
mkdir "$work/fs"
mount "$loop" "$work/fs"
defer "umount -l $work/fs"

database=$work/fs/database
for journal in delete wal; do
        sqlite3 "$database" "PRAGMA journal_mode=$journal; PRAGMA synchronous=full;
                CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text);" >/dev/null
        for round in 1 2 3 4 5; do
                sqlite3 "$database" "WITH RECURSIVE n(i) AS
                        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                        INSERT INTO t (text) SELECT hex(randomblob(50)) FROM n;"
        done
        sqlite3 "$database" "DELETE FROM t WHERE n % 3 = 0; VACUUM;"
        [ "$(sqlite3 "$database" 'PRAGMA integrity_check')" = ok ] || fail "$journal: not intact"
done
sum=$(sqlite3 "$database" 'SELECT count(*), sum(length(text)), max(text) FROM t')
umount "$work/fs"
mount "$loop" "$work/fs"
[ "$(sqlite3 "$database" 'PRAGMA integrity_check')" = ok ]
[ "$(sqlite3 "$database" 'SELECT count(*), sum(length(text)), max(text) FROM t')" = "$sum" ]

# the device itself as a database file: its size is a whole number of pages
sqlite3 "$database" "PRAGMA journal_mode=delete" >/dev/null
cp "$database" "$work/copy"
umount "$work/fs"
detach_loop "$loop"
create raw "0 $(($(stat -c %s "$work/copy") / 512)) linear $(image b $sectors) 0"
cp "$work/copy" "$mnt/raw"
[ "$(sqlite3 "file:$mnt/raw?immutable=1" 'SELECT count(*), sum(length(text)), max(text) FROM t')" = "$sum" ]
stop_fusemap
