# needs: linear
. "$SUITE/lib.sh"
t "stats: histograms, precise counters"
zap 0
dmq create s0 --table "0 4096 linear $D0 0"
s() { dm stats "$@"; }
s create s0 --precise
s create s0 --bounds 1ms,5ms,10ms
s create s0 --bounds 10,20,30
s create s0 --bounds 10us,20us,30us
s create s0 --bounds 1s,2s
s create s0 --bounds 1500us
s create s0 --precise --bounds 5ms
s create s0 --bounds 1000000,2000000
s create s0 --areas 3 --bounds 1000s,2000s
t "what is refused"
s create s0 --bounds 5,4
s create s0 --bounds 5ms,5ms
s create s0 --bounds 5ms,
for b in x 5xs 1m 1u; do dme stats create s0 --bounds $b; done
dm message s0 0 @stats_list
s list --histogram
s list -v --histogram -S obj_type!=region
s list --histogram --notimesuffix
s list -o hist_bins,hist_bounds,hist_ranges
s list -o region_id,hist_ranges --notimesuffix
s list -o region_id,precise,hist_bins --noheadings
rd s0 0 8
rd s0 4000 8
for f in hist_count,hist_count_bounds hist_count_ranges hist_percent,hist_percent_bounds hist_percent_ranges; do
	s report -o region_id,area_id,$f -S region_id=8
	rd s0 0 8
	s report -o region_id,area_id,$f --noheadings -S region_id=8
	rd s0 0 8
	s report -o region_id,area_id,$f --notimesuffix -S region_id=8
	rd s0 0 8
	rd s0 4000 8
	rd s0 4008 8
	s report -o region_id,area_id,$f --separator , -S region_id=8
	rd s0 0 8
done
for i in 0 1 2 3 4 5 6 7 8; do dmq message s0 0 @stats_clear $i; done
s report --histogram -o region_id,hist_count_ranges
s report --histogram -o region_id,hist_percent_ranges --notimesuffix
s report --histogram
s report --histogram --relative
