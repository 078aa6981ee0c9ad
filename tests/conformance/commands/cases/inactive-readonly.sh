# needs: linear zero
. "$SUITE/lib.sh"
F=name,attr,readonly,tables_loaded,segments
tell() {
	dm info v0
	dm info --inactive v0
	dm info -c --noheadings -o $F v0
	dm info -c --inactive --noheadings -o $F v0
	dm info -c --inactive --noheadings -o name -S readonly=Read-only
}
t "only a read-only inactive table"
dmq create v0 --notable
tell
dmq load v0 -r --table "0 64 zero"
tell
t "live writable, inactive read-only"
dmq load v0 --table "0 64 zero"
dmq resume v0
dmq load v0 -r --table "0 32 zero"
tell
dm table --inactive -v v0
dm table --concise --inactive v0
dm table --concise v0
t "live read-only, inactive writable"
dmq resume v0
dmq load v0 --table "0 16 zero"
tell
dm table --inactive -v v0
dm table --concise --inactive v0
dm suspend --inactive -v v0
dm load --inactive -v v0 -r --table "0 16 zero"
dm resume --inactive -v v0
dm clear v0
tell
t "live read-only, no inactive one"
dm info --inactive v0
dm info -c --inactive --noheadings -o $F v0
