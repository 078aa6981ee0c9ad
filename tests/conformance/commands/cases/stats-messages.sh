# needs: linear
. "$SUITE/lib.sh"
t "the messages that statistics are made of"
dmq create s0 --table "0 1000 linear $D0 0"
m() { dm message s0 0 "$@"; }
m @stats_list
m @stats_create - 100
m @stats_create 10+90 /3 me
m @stats_create - /1 2 precise_timestamps histogram:1,5,9 me mine
m @stats_create - /1 1 histogram:10,20
m @stats_create - /1 0 prog aux
m @stats_create - /1 0
m @stats_create - /1 prog
m @stats_create - /1 0 0 aux
m @stats_list
m @stats_list me
m @stats_list -
m @stats_list nobody
m @STATS_LIST
m @stats_delete 1
m @stats_delete 1
m @stats_create 0+1 1
m @stats_set_aux 2 yours
m @stats_set_aux 2 -
m @stats_set_aux 2
m @stats_set_aux 2 a b
m @stats_set_aux 99 a
m '@stats_set_aux 2  "a b"'
m '@stats_set_aux 2 a\ b'
m @stats_list
m @stats_list a b
t "what is refused, and what is not"
for a in "" "-" "0 1" "0+0 1" "0+9 0" "0+9 /0" "+9 1" "1x+9 1" "0+10x 1" "-- 1" "- 1x" "- /1x" "- /-1" \
	"- 1 1" "- 1 1 x" "- 1 999999999999" "- 1 a b c" "- 1 1 precise_timestamps p a x" \
	"- 1 1 histogram:" "- 1 1 histogram:0" "- 1 1 histogram:0,1" "- 1 1 histogram:5,5" "- 1 1 histogram:5,4" \
	"- 1 1 histogram:5,,6" "- 1 1 histogram:5,6," "- 1 1 histogram:a" "- 1 2 histogram:1 histogram:2" \
	"0+9000000000000000000 1" "0+9000000000000000 1" \
	"0+18014398509481983 18014398509481983" "0+18014398509481984 18014398509481984" "5000+10 1" "990+100 10" \
	"0+10 100" "0+10 /100" "0+10 /3" "0+10 /7" "- 18446744073709551615" "- /18446744073709551615" "0+01 01" \
	"- 1 01 precise_timestamps" "- 1 2 precise_timestamps precise_timestamps" "- 1 1 PRECISE_TIMESTAMPS p" \
	"- 1 1 HISTOGRAM:3" "- 1 p a" "- 1 5p a"; do m @stats_create $a; done
m @stats_list
m @stats_print 13
m @stats_print 99
m @stats_print x
m @stats_print
m @stats_print 13 0
m @stats_print 13 0 x
m @stats_print 13 x 1
m @stats_print 13 0 1 2
m @stats_print_clear 99
m @stats_clear
m @stats_clear 99
m @stats_delete
m @stats_delete 99
m @stats_nonsense
dm message nosuch 0 @stats_list
t "regions stay over a new table, a new name, and are there before the first table"
dmq create s1 --notable
dm message s1 0 @stats_create - /1
dm message s1 0 @stats_create 0+100 /2
dmq load s1 --table "0 64 linear $D0 0"
dmq resume s1
dmq load s1 --table "0 128 linear $D0 0"
dmq resume s1
dmq rename s1 s2
dm message s2 0 @stats_list
