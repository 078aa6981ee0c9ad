# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Statistics: what a report counts is the I/O that programs did, each once, whoever reports it how often.
. "$(dirname "$0")/lib.sh"
start_fusemap

stats() {
        "$FUSEMAPCTL" stats "$@"
}

expect() { # WANTED COMMAND...
        local got

        got=$("${@:2}" 2>&1) || true
        [ "$got" = "$1" ] || fail "${*:2}: '$got', not '$1'"
}

read_sectors() { # DEVICE FIRST COUNT, each with a request of its own
        dd if="$mnt/$1" of=/dev/null bs=512 skip="$2" count="$3" iflag=direct status=none
}

backing=$(image one 4096)
"$FUSEMAPCTL" create a --table "0 4096 linear $backing 0"
"$FUSEMAPCTL" create b --table "0 8 zero
8 8 zero"

# ---- regions, areas and groups ----
expect "Invalid character in histogram: h
Command failed." stats create a --bounds 1h
expect "a: Created new region with 4 area(s) as region ID 0" stats create a --areas 4 --bounds 1000s
expect "a: Created new region with 1 area(s) as region ID 1" stats create a --precise --userdata mine
expect "b: Created new region with 1 area(s) as region ID 0
b: Created new region with 1 area(s) as region ID 1
Grouped regions 0,1 as group ID 0 with alias both" stats create b --segments --alias both
read_sectors a 0 3
read_sectors a 1023 2
read_sectors b 7 3
dd if=/dev/zero of="$mnt/a" bs=1536 seek=2 count=1 oflag=direct conv=notrunc status=none

# info -c leaves the counters alone, a report begins anew
for again in 1 2; do
        expect "a:0:0:area:4:1:3
a:0:1:area:1:0:0
a:0:2:area:0:0:0
a:0:3:area:0:0:0
a:1:0:area:5:1:3
a:0:0:region:5:1:3
b:0:0:area:1:0:0
b:1:0:area:2:0:0
b:0-1:0:group:3:0:0" "$FUSEMAPCTL" info -c --noheadings \
                -o name,region_id,area_id,obj_type,read_count,write_count,write_sector_count
done
expect "5:0" stats report a --noheadings -o hist_count -S "region_id=0 && area_id=0 && read_count=4"
expect "" stats report a --noheadings -o hist_count -S "read_count>0"
expect "both:3:2:3" stats report b --group --noheadings \
        -o stats_name,read_count,reads_merged_count,read_sector_count
expect "both:0" stats report b --group --noheadings -o stats_name,read_count

# ---- selection and rows ----
expect "b" "$FUSEMAPCTL" info -c --noheadings -o name \
        -S "region_id=0 && area_count=1 && obj_type=area"
read_sectors a 0 1
"$FUSEMAPCTL" create c --table "0 8 zero"
stats create c >"$work/created"
"$FUSEMAPCTL" suspend -S "read_count=0 && name!=a"
expect "b
c" "$FUSEMAPCTL" info -c --noheadings -o name -S suspended=Suspended
"$FUSEMAPCTL" resume b c

# ---- a report that repeats counts each I/O once ----
stats report a --interval 1 --count 0 --noheadings -o read_count -S "region_id=1 && read_count>0" \
        >"$work/reports" &
reporter=$!
defer "kill $reporter"
total=1 # from above
seen() {
        [ "$(awk '{ sum += $1 } END { print sum + 0 }' "$work/reports")" = $total ]
}
await "the first report" 30 seen
read_sectors a 0 7
total=8
await "the second one" 30 seen
read_sectors a 0 5
total=13
await "the third one" 30 seen
kill $reporter
wait $reporter || true

# ---- what has a fraction is sorted by it, and selected by its whole number ----
"$FUSEMAPCTL" stats clear b --allregions
"$FUSEMAPCTL" stats create b --areas 2 >"$work/created"
read_sectors b 0 5
read_sectors b 8 6
once=(--interval 4 --count 1 --noheadings) # for 4 seconds, without waiting for them
fields=region_id,area_id,reads_per_sec
expect "1:0:1.50
2:1:1.50
0:0:1.25
2:0:1.25" stats report b --area "${once[@]}" -O -reads_per_sec,region_id -o $fields
read_sectors b 0 5
expect "" stats report b --area "${once[@]}" -o $fields -S "reads_per_sec>1"
read_sectors b 0 5
expect "0:0:1.25
2:0:1.25" stats report b --area "${once[@]}" -o $fields -S "reads_per_sec=1"

# ---- more areas than a reply holds ----
"$FUSEMAPCTL" create large --table "0 40000 zero"
expect "large: Created new region with 40000 area(s) as region ID 0" stats create large --areasize 1
read_sectors large 39998 2
expect "39998:1
39999:1" stats report large --area --noheadings -o area_id,read_count -S "read_count>0"
expect "0" stats report large --region --noheadings -o read_count

# ---- what is stored with regions ----
expect "a:1:dmstats:mine:1" stats list a --noheadings -S region_id=1 \
        -o name,region_id,program_id,user_data,precise
expect "Grouped regions 1 as group ID 1 on a" stats group a --regions 1 --alias x
expect "1: 0+4096 4096 dmstats DMS_GROUP=x:1#mine precise_timestamps" \
        sh -c '"$0" message a 0 @stats_list dmstats | grep ^1' "$FUSEMAPCTL"
expect "Invalid alias argument: \"a:b\"
Could not create group on a: 0
Command failed." stats group a --regions 0 --alias a:b
expect "Removed group ID 1 on a" stats ungroup a --groupid 1
expect "Group ID 1 does not exist
Could not delete group 1 on a.
Command failed." stats ungroup a --groupid 1
expect "a:mine" stats list a --noheadings -o name,user_data -S region_id=1
"$FUSEMAPCTL" message a 0 '@stats_set_aux 1 two\ words\\here'
expect "Grouped regions 1 as group ID 1 on a" stats group a --regions 1
expect 'two words\here' stats list a --noheadings -o user_data -S "region_id=1 && obj_type=region"
expect "Removed group ID 1 on a" stats ungroup a --groupid 1
expect 'two words\here' stats list a --noheadings -o user_data -S region_id=1

# ---- numbers, each region once ----
"$FUSEMAPCTL" stats clear a --allregions
[ "$(stats print a --allregions | wc -l)" = 5 ] || fail "print: $(stats print a --allregions)"
expect "0+1024 0 0 0 0 0 0 0 0 0 0 0 0 0 0:0" \
        sh -c '"$0" stats print a --regionid 0 | head -n 1' "$FUSEMAPCTL"
expect "Invalid argument for --regionid: x.
Couldn't process command line." stats print a --regionid x
expect "Invalid areasize argument: \"1b\"
Command failed." stats create a --areasize 1b

# ---- files lie on no device ----
touch "$work/file"
expect "Cannot map file: not a device-mapper device.
Could not create regions from file $work/file.
Command failed." stats create --filemap "$work/file"
expect "Cannot map file: not a device-mapper device.
Could not update regions from file $work/file.
Command failed." stats update_filemap "$work/file" --groupid 0
expect "Could not canonicalize file name: $work/nosuch
Command failed." stats create --filemap "$work/nosuch"

# ---- dmstats ----
ln -s "$FUSEMAPCTL" "$work/dmstats"
expect "a:0
a:1" "$work/dmstats" list a --noheadings -o name,region_id
expect "Deleted statistics group 0." "$work/dmstats" delete b --groupid 0
expect "" "$work/dmstats" delete --alldevices --allregions
expect "" "$work/dmstats" list
expect "" "$work/dmstats" stats list
expect "Unknown command." sh -c '"$0" "stats list" 2>&1 | head -n 1' "$FUSEMAPCTL"
expect "Unknown stats command." sh -c '"$0" nosuch 2>&1 | head -n 1' "$work/dmstats"
expect "Unknown stats command." sh -c '"$0" info 2>&1 | head -n 1' "$work/dmstats"
stop_fusemap
