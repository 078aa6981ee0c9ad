# needs: linear zero
. "$SUITE/lib.sh"
t "stats: groups, programs, the user's data"
dmq create s0 --table "0 4096 linear $D0 0"
dmq create s1 --table "0 1000 zero
1000 24 zero
1024 2048 zero"
s() { dm stats "$@"; }
r() { for d in s0 s1; do dm message $d 0 @stats_list; done; }
s create s0 --userdata hello
s create s0 --userdata 'a b'
s create s0 --userdata ''
s create s0 --programid prog
s create s0 --force --programid ''
s create s0 --programid a-b
s create s0 --programid - --userdata -
s create s0 --userdata DMS_GROUP=x
s create s0 --userdata 'a\b'
r
s list
s list -o name,region_id,program_id,user_data
s list --allprograms -o name,region_id,program_id,user_data
s list --programid prog
s list --programid nobody
s list --allregions
s list --regionid 0
s clear s0 --regionid 2
s delete s0 --regionid 2
s delete s0 --regionid 2 --programid prog
s delete s0 --allregions --programid a-b
s delete s0 --allregions
s delete --alldevices --allprograms --allregions
r
t "groups"
for i in 1 2 3 4 5 6; do s create s0 --start ${i}00 --length 100; done
for i in 1 2 3; do s create s1 --areas 2 --precise; done
s group s0 --regions 0,1
s group s0 --regions 1,2
s group s0 --regions 2-3 --alias al
s group s0 --regions 4,9
s group s0 --regions x
s group s0 --regions 1-0
s group s0 --regions 5
s group --alldevices --regions 0
s list
s list -S 'obj_type!=region' -v
s list --group
s list --region
s list --area
s list -o name,group_id,region_id,obj_type,stats_name,user_data
s list -v -o name,group_id,region_id,obj_type,stats_name,area_id,area_count
s list -o +area_start -S obj_type=group
s report --group --units s
s report --area --group -o stats_name,group_id,region_id,area_id,area_start,area_len,read_count
r
s ungroup s0 --groupid 0
dme stats ungroup s0 --groupid 0
dme stats ungroup s0 --groupid 3
s group s0 --regions 0-2,4 --alias abc
s group s0 --regions '0 , 1,'
s ungroup s0 --groupid 2
s group s0 --regions '0-1 , 2,' --alias abc
s delete s0 --regionid 1
s list
s delete s0 --regionid 0
s list
s group s0 --regions 2,4
s delete s0 --groupid 0
s delete s0 --groupid 2
s group s0 --regions 1,3
s delete s0 --groupid 5
s list
r
t "segments"
s create s1 --segments
s create s1 --segments --alias sg --userdata ud
s create s1 --segments --nogroup
s create s1 --segments --areas 2 --start 5 --length 10
s create s0 --segments
s create s1 --alias x
s list -o +user_data
r
t "histograms and clocks"
s create s1 --bounds 1ms,2ms
s create s1 --bounds 1ms,2ms
s create s1 --bounds 1ms,3ms
s create s1 --precise --bounds 1ms,2ms
s list s1 -o region_id,hist_bounds,precise -S 'hist_bounds!=""'
s group s1 --regions 16,18
s group s1 --regions 16,17
s group s1 --regions 18 --alias 'x#y'
s group s1 --regions 15,19
s list s1 --histogram -S 'hist_bounds!=""'
s report s1 --histogram -S 'hist_bounds!=""'
s delete s1 --allregions
t "what others have put there"
for i in 'DMS_GROUP=al:0,1#-' 'DMS_GROUP=:0-2#ud' 'DMS_GROUP=0-2' 'DMS_GROUP=a#b' 'DMS_GROUP=' 'xDMS_GROUP=a:0#' 'DMS_GROUP=a:0,1#x#y'; do
	s create s1
	dm message s1 0 @stats_set_aux 0 "$i"
	s list s1 -o name,group_id,region_id,obj_type,stats_name,user_data
	s delete s1 --regionid 0
done
