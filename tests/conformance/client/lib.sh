# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the tests of fusemapctl share, besides the end-to-end tests' lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"

ctl() {
        "$FUSEMAPCTL" "$@"
}

# Runs COMMAND, and compares stdout and stderr together, and the status if it isn't 0, with stdin.
expect() { # COMMAND... <<END
        local got status=0 wanted

        wanted=$(cat)
        got=$("$@" 2>&1) || status=$?
        [ $status = 0 ] || got+=$'\n'"[$status]"
        [ "${got#$'\n'}" = "$wanted" ] || fail "$*: wanted
$wanted
got
$got"
}
