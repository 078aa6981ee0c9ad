# needs: linear zero
. "$SUITE/lib.sh"
t "what is counted: I/O, merges, sectors"
zap 0
dmq create s0 --table "0 4096 linear $D0 0"
# The counters that do not tell of time: areas, reads and writes with their merges and sectors, in flight.
p() {
	_cmd message s0 0 "$@"
	$DM message s0 0 "$@" | while read -r area r rm rs rt w wm ws wt f rest; do echo "$area $r $rm $rs $w $wm $ws $f"; done
}
dm message s0 0 @stats_create - 1000
dm message s0 0 @stats_create 100+100 /4
dm message s0 0 @stats_create 3000+100 /1
dm message s0 0 @stats_create 4000+1000 500
dm message s0 0 @stats_create - /1 1 precise_timestamps
all() { for i in 0 1 2 3 4; do p @stats_print $i; done; }
all
rd s0 0 8
wr1 s0 1 0 8
wr1 s0 1 96 32
wr1 s0 1 128 64
wr1 s0 1 992 16
wr1 s0 1 1008 16
rd s0 1024 8
wr1 s0 1 1032 8
rd s0 0 256
all
p @stats_print 0 1 2
p @stats_print 0 1 100
p @stats_print 0 10 1
p @stats_print_clear 0 1 1
p @stats_print 0
dm message s0 0 @stats_clear 0
p @stats_print 0
all
t "a histogram"
dm message s0 0 @stats_create - 1000 1 histogram:1000000
rd s0 2048 2048
$DM message s0 0 @stats_print 5 | sed 's/.* //'
