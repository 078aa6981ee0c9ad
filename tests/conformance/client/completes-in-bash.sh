#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The bash completion knows the commands, their options and the devices; the zsh one is sound.
. "$(dirname "$0")/lib.sh"
start_fusemap
ctl create alpha --table "0 8 zero"
ctl create alto --table "0 8 zero"
"$FUSEMAPCTL" --completion bash >"$work/completion"
. "$work/completion"

completes() { # WANTED WORD... (the last one is being typed)
        local wanted=$1 got

        shift
        COMP_WORDS=("$FUSEMAPCTL" "$@")
        COMP_CWORD=$#
        _fusemapctl || true # nothing to offer
        got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
        [ "$got" = "$wanted " ] || fail "$*: wanted '$wanted', got '$got'"
}
completes "remove remove_all" remo
completes "measure message" me
completes "udevcomplete udevcomplete_all udevcookies udevcreatecookie" udevc
completes "--deferred" remove --de
completes "--noflush --nolockfs" suspend --no
completes "alpha alto" remove al
completes "alpha" --socket "$socket" table alp
completes "alto" remove alpha alt
completes "" targets al
completes "stats status" stat
completes "clear create" stats c
completes "--groupid" stats delete --groupi
completes "--userdata" stats create --userd
completes "alpha alto" stats report al
completes "" stats version al

if command -v zsh >/dev/null; then
        "$FUSEMAPCTL" --completion zsh >"$work/_fusemapctl"
        zsh -n "$work/_fusemapctl"
fi
stop_fusemap
