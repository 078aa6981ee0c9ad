# needs: linear zero
. "$SUITE/lib.sh"
t "the concise format, good and bad"
dm create --concise "v0,,,,0 8 zero,"
dm create --concise "v0,,,,"
dm create --concise "v0,,,,;v1,,,,0 8 zero"
dm ls
dm remove_all
dm create --concise "v0,,,,0 8 zero;v0,,,,0 8 zero;v1,,,,0 8 zero"
dm ls
dm remove_all
dm create --concise "v0,,,,0 8 zero;a/b,,,,0 8 zero;v1,,,,0 8 zero"
dm ls
dm remove_all
dm create --concise "v0,,,,0 8 zero;v1,,,,0 8 nosuch;v2,,,,0 8 zero"
dm ls
dm remove_all
dm create --concise 'v\,0,,,,0 8 zero;v\;1,,,,0 8 zero'
dm table --concise
dm remove_all
dm create --concise 'v0,,,,0 8 zer\o'
dm create --concise 'v0,,,,0 8 zero\'
dm create --concise -r "v0,,,,0 8 zero;v1,,,rw,0 8 zero"
dm info -c --noheadings -o name,attr
dm remove_all
dm create --concise -v "v0,,,rw,0 8 zero;v1,,,rw,0 8 zero"
dm remove_all
dm create --concise ""
dm create --concise ";"
dm create --concise --table "0 8 zero"
dmi "v0,,,,0 8 zero\n" create --concise
dmi "v1,,,,0 8 zero;\nv2,,,,0 8 zero;\n" create --concise
dm table
dm table --concise --target nosuch
dm table --concise v1 v2
