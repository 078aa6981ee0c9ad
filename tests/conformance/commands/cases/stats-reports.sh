# needs: linear zero
. "$SUITE/lib.sh"
t "stats: reports"
zap 0
dmq create s0 --table "0 4096 linear $D0 0"
dmq create s1 --table "0 1000 zero
1000 24 zero
1024 2048 zero"
s() { dm stats "$@"; }
s create s0
s create s0 --areas 4
s create s1 --segments --alias foo
s report -S obj_type!=region
s report -v -S obj_type!=region
s report --area
s report --group
s report --noheadings -S obj_type!=region
s report --region -o region_id,area_len,util,await
s report --nameprefixes -o name,region_id,read_count
s report --rows -o name,region_id,read_count
s report --separator : -o name,region_id,read_count
s report -S region_id=1 -o name,region_id,read_count
s report -O -region_id -o name,region_id,read_count
s report -O area_id,region_id,name -o name,region_id,area_id
s report --unbuffered -o name,region_id,read_count
s report s0 -o interval,interval_ns
s report s0 --interval 3 --count 1 -o interval,interval_ns
t "counts, which a report sets to 0"
C=region_id,obj_type,area_id,read_count,reads_merged_count,read_sector_count,write_count,writes_merged_count,write_sector_count,in_progress_count
M=region_id,obj_type,area_id,reads_per_sec,writes_per_sec,read_size_per_sec,write_size_per_sec,avg_request_size,throughput
io() {
	rd s0 0 8; rd s0 8 8; rd s0 2048 16; wr1 s0 1 0 64; wr1 s0 1 64 64; wr1 s0 1 1024 8; rd s0 1020 4
}
io
s list s0 -o $C
s report s0 -o $C
io
s report s0 -o $C
io
s report s0 -o $M
io
s report s0 --interval 4 --count 1 -o $M
io
s report s0 --units s -o $M
io
s report s0 --units k --nosuffix -o $M
io
s report s0 -S 'read_count>2' -o $C
io
s report s0 -S 'read_sector_count>20 || write_count=1' -o region_id,obj_type,reads_per_sec
io
s group s0 --regions 0,1
s report s0 --group -o $C
io
s report s0 --count 2 --interval 1 -o $C
io
dm message s0 0 @stats_clear 0
dm message s0 0 @stats_clear 1
s report s0 -o $C
