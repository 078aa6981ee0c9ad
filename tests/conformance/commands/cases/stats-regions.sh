# needs: linear zero
. "$SUITE/lib.sh"
t "stats: making, listing and ending regions"
dmq create s0 -u uuid-s0 --table "0 4096 linear $D0 0"
dmq create s1 --table "0 1000 zero
1000 24 zero
1024 2048 zero"
s() { dm stats "$@"; }
s list; s list s0; s report; s report s0
t "what is missing or too much"
for v in print clear delete group ungroup; do s $v; s $v s0; done
s create
s update_filemap
s create s0 --allregions
s create s0 --allprograms
s create s0 --areas 3 --areasize 10
s create s0 --programid ''
s create s0 --nogroup --alias x
s create s0 --areasize x
s create s0 --start x --length 1
s delete --allregions
s delete --regionid 0
s delete s0 --regionid 0 --groupid 0
s list --allprograms --programid x
s report --allregions --regionid 0
s list --follow inode --nomonitor
s list --units x
s list --units ''
s list --units 1
s group --regions 0
s ungroup --groupid 0
for v in list report create "delete --allregions" "clear --allregions" "group --regions 0" "ungroup --groupid 0"; do
	s $v nosuch
done
s list -u nouuid
t "regions"
s create s0
s create --alldevices
s create s0 s1
s create -u uuid-s0
s create --alldevices s0
s create s0 --areas 4
s create s0 --areasize 1m
s create s0 --areasize 1024
s create s0 --areasize 512k
s create s0 --areasize 999k
s create s0 --areasize 1M
s create s0 --areasize 0
s create s0 --areas 0
s create s0 --areas 5000
s create s0 --start 10 --length 100
s create s0 --start 1m --length 4k
s create s0 --length 10
s create s0 --start 10
s create s0 --start 0 --length 1M
s create s0 --start 4000 --length 1000
s create s0 --length 8S
s create s0 --length 4096b
s create s1 --segments --nogroup
s create s1 --segments --nogroup --areas 2
for d in s0 s1; do dm message $d 0 @stats_list; done
s list
s list s1 -v -S obj_type!=region
s list s1 --area
s list s1 --region
s list s1 --group
s list s0 s1
s list -u uuid-s0
s list s1 --units s
for u in b B s S k K m M g h H 3M 4s 1.5k; do s list s1 --units $u --noheadings; done
s list s1 --units s --nosuffix --noheadings
s list s1 --units h --nosuffix --noheadings
s list --separator ,
s list s1 --rows
s list s1 --nameprefixes
s list s1 --nameprefixes --unquoted --noheadings
s list -S 'area_count>1'
s list -S 'region_id=1 && name=s1' -o name,region_id
s list s1 -O -region_len,region_id -o region_len,region_id
s list s1 -o +name
s list s1 -o name,uuid,open,region_id,area_len
s list s1 --count 2 --interval 1 -o region_id
s delete s0 --regionid 1
s delete s0 --regionid 1
s delete s0 --regionid 99
s delete --regionid 0 --alldevices
s list -o name,region_id
s print s1 --regionid 1
s print s1 --regionid 99
s print --regionid 2 s0
s print --clear --regionid 2 s0
s clear s0 --regionid 2
s clear s0 --regionid 99
s clear --allregions
s clear s0 --allregions
s delete --allregions --alldevices
s list
s list nosuch
dm remove_all
s list
s report
s create --alldevices
s delete --alldevices --allregions
