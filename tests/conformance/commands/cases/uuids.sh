# needs: zero
. "$SUITE/lib.sh"
t "devices named by their uuids"
dm create v0 --table "0 64 zero"
dm rename v0 --setuuid 'a b'
dm info v0
dm --manglename none info v0
dm create v1 -n
dm create v2 -u "$(printf 'a b%0124d' 0)" -n
dm rename v1 v0
dm rename v1 v1
dm info -u 'a b'
dm info -u 'a b' v0
dm table -u 'a b' --target zero
dm rename -u 'a b' v5
dm reload -u 'a b' --table "0 8 zero"
dm resume -u 'a b'
dm resume -u 'nosuch x'
dm message -u 'nosuch x' 0 hi
