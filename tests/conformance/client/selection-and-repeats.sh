#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# -S chooses the devices of a command; --count and --interval repeat a report.
. "$(dirname "$0")/lib.sh"
start_fusemap
for name in a1 a2 b1; do
        ctl create $name --table "0 8 zero"
done
exec 5<"$mnt/a2"

expect ctl info -c --noheadings -o name,open -S 'name=~^a && open=0' <<END
a1:0
END
expect ctl table -S 'name=~^a' <<END
a1: 0 8 zero 
a2: 0 8 zero 
END
ctl suspend -S 'name=~^a'
expect ctl info -c --noheadings -o name,suspended <<END
a1:Suspended
a2:Suspended
b1:Active
END
ctl resume -S suspended=Suspended
expect ctl deps -S name=b1 <<END
b1: 0 dependencies	:
END
ctl remove -S open=0
expect ctl info -c --noheadings -o name <<END
a2
END
expect ctl remove -S 'nosuchfield=1' -o nosuchfield <<END
$(ctl remove -S 'nosuchfield=1' -o nosuchfield 2>&1)
[1]
END

[ "$(ctl info -c --noheadings -o name --count 3 --interval 1 | grep -c a2)" = 3 ] || fail "--count 3"
expect ctl info -c --interval 0 <<END
Interval must be a positive integer.
Couldn't process command line.
[1]
END
exec 5<&-
ctl remove a2
stop_fusemap
