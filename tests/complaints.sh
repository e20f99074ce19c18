#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The fault table: each of the 25 complaints about tools of this kind has at least one test in
# namespaces that is named after it, "complaint N: ...". One TAP case a complaint; it names them.
set -u
top=${WAYMARK_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
count=25 failed=0

echo "1..$count"
number=1
while [ $number -le $count ]; do
	tests=$(grep -h "^@test \"complaint $number: " "$top"/tests/netns/*.bats)
	if [ -n "$tests" ]; then
		echo "ok $number - complaint $number"
	else
		echo "not ok $number - complaint $number has no test named after it"
		failed=1
	fi
	printf '%s\n' "$tests" | sed -n 's/^@test "\(.*\)".*/# \1/p'
	number=$((number + 1))
done

# a number that is none, or a name that this would not find
if grep -n '^@test "[cC]omplaint' "$top"/tests/netns/*.bats |
	grep -v '@test "complaint \([1-9]\|1[0-9]\|2[0-5]\): [^ ]'; then
	echo "Bail out! such a name counts for no complaint"
	failed=1
fi
exit $failed
