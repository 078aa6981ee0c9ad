#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# usage: installed.sh SOURCE-DIRECTORY BUILD-DIRECTORY PREFIX COMPILER...
#
# What `meson install' lays down can be used: the programs run, and a program of somebody else's
# compiles with the installed header and pkg-config file alone, links, and does I/O.
set -eu
source=$1 build=$2 prefix=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

meson install -C "$build" --destdir "$dir/root" --no-rebuild --quiet >"$dir/log" 2>&1 || {
        cat "$dir/log"
        exit 1
}
root=$dir/root$prefix

# A .pc file names where it will be, which is not where it is now.
mkdir "$dir/pc"
pc=$(find "$root" -name fusemap-engine.pc)
sed "s|^prefix=.*|prefix=$root|" "$pc" >"$dir/pc/fusemap-engine.pc"
export PKG_CONFIG_PATH=$dir/pc
"$@" -Wall -Wextra -Werror "$source/tests/structure/embed.c" -o "$dir/embed" \
        $(pkg-config --cflags --libs fusemap-engine)
"$dir/embed" | diff - <(printf 'wrote and read 4096 bytes at 8192\nNo device\n')

for program in fusemap fusemapctl; do
        [ ! -e "$build/$program/$program" ] && [ ! -e "$build/ctl/$program" ] && continue
        [ -x "$(find "$root/bin" "$root/sbin" -name $program 2>/dev/null)" ] || {
                echo "$program is not installed"
                exit 1
        }
done
