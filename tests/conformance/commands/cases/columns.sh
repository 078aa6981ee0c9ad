# needs: linear zero striped
. "$SUITE/lib.sh"
t "fields, formats and sorting of info -c"
dmq create low -u LVM-aBc --table "0 1024 linear $D0 0"
dmq create vg--x-lv-real -u LVM-xyz --table "0 512 linear $MAPDIR/low 0"
dmq create top -u CRYPT-LUKS-1 --table "0 512 striped 2 8 $MAPDIR/low 0 $D1 0"
dmq create none --notable
dmq load low -r --table "0 8 zero"
for f in devs_used names_using_dev device_ref_count device_count read_ahead subsystem vg_name lv_name lv_layer mangled_name unmangled_uuid tables_loaded; do dm info -c --noheadings -o name,$f; done
dm info -c -o splitname_all,name
dm info -c --noheadings -o name,vg_name,lv_name,lv_layer vg--x-lv-real
dm info -c --noheadings -o +device_count top
dm info -c -o name,device_ref_count,names_using_dev
dm deps --inactive low
dm status --inactive
dm table --inactive
dm info -c -o name,open --unbuffered
dm info -c -o name,open --unbuffered --sort -name
dm info -c --rows --noheadings
dm info -c -o name,selected -S 'open>0'
dm info -c -o name -S 'uuid=~LVM'
dm info -c -o name --count 2 --interval 1 low
dm info -c nosuch
dm info -c low nosuch top
dml info -c -o nosuch,name
dml info -c -S "bogus=1"
dml info -c -S "open>"
dm table -c low
dm ls -c
dm status -c --sort name
dm info -C -o name --separator ''
