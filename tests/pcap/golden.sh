#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Golden captures: each directory here is a case, recorded by ./record. A case fails when a file is
# missing, when replay says anything but `expected`, when replay fails, or when `expected`
# contradicts `truth`, so that a wrong answer cannot be blessed. Nothing is ever written here.
# TAP, one result a case; `golden.sh CASE...` runs those alone.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${WAYMARK_SRC:=$(cd "$here/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# One line for each thing that `expected`, or the first packet of a flow, says against `truth`.
disagreements() { # TRUTH EXPECTED PACKETS
	jq -rn --slurpfile truth "$1" --slurpfile expected "$2" --slurpfile packets "$3" '
		def who: "\(.proto) \(.src) \(.sport) \(.dst) \(.dport)";
		def differs($what; $true; $said): if $true == $said then empty
			else "\($what) is \($true), expected says \($said)" end;
		["tls", "http", "dns", "ssh", "quic", "dtls", "mdns", "llmnr", "http2", "smtp", "socks"] as $claimed |
		($truth | map(who)) as $known |
		# every case has the same marks
		(reduce ($packets | reverse[]) as $p ({};
			.[$p.flow | tostring] = ({ "0x1": "mail.out", "0x3": "isdn" }[$p.mark] // "main"))) as $first_on |
		($expected[] | select(who as $w | $known | index([$w]) | not) | "\(who): in expected, not in truth"),
		($truth[] | . as $t | ($t | who) as $who |
			[$expected[] | select(who == $who)] |
			if length != 1 then "\($who): \(length) times in expected"
			else .[0] as $e | $who + ": " + (
				# "not known" contradicts only where waymark claims to know the protocol
				(if $e.app == null and ($claimed | index([$t.app]) | not) then empty
					else differs("the protocol spoken"; $t.app; $e.app) end),
				differs("the name asked for"; $t.host; $e.host),
				# what is never queued is known from captures alone
				(select($t.queued != false) |
					differs("the line it was captured on"; $t.captured_on; $e.uplink // "main"),
					(select($t.first_on != null) | differs("the line of its first packet";
						$t.first_on; $first_on[$e.flow | tostring])),
					(("rule", "uplink", "mark") as $key |
						differs("\($key) decided live"; $t.live[$key]; $e[$key])),
					# live, a flow is looked at until its verdict; in a replay until its end
					(("app", "host") as $key | select($t.live[$key] != null) |
						select($key != "app" or $t.live.app != $t.carrier) |
						differs("\($key) found live"; $t.live[$key]; $e[$key]))))
			end)'
}

# Silent and 0 when all is well; otherwise says what is not.
check_case() { # DIRECTORY
	for file in in.pcap conf truth expected; do
		if [ ! -s "$1/$file" ]; then
			echo "no $file"
			return 1
		fi
	done
	if [ "$(wc -c <"$1/in.pcap")" -gt 61440 ]; then
		echo "in.pcap: more than 60 KiB"
		return 1
	fi
	if ! (cd "$1" && "$WAYMARK_BUILD/waymark" replay -c conf --json in.pcap) >"$work/got" 2>"$work/errors"; then
		echo "replay failed:"
		cat "$work/errors"
		return 1
	fi
	diff -u "$1/expected" "$work/got" || return 1
	(cd "$1" && "$WAYMARK_BUILD/waymark" replay -c conf --json --packets in.pcap) >"$work/packets" || return 1
	disagreements "$1/truth" "$1/expected" "$work/packets" >"$work/disagreements" 2>&1
	cat "$work/disagreements"
	[ ! -s "$work/disagreements" ]
}

result() { # STATUS DESCRIPTION, with what there is to say in $work/said
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		sed 's/^/# /' "$work/said"
	fi
}

# The runner itself: a case that is wrong must fail, and nothing may be made.
self_test() { # DIRECTORY of a good case
	cp -r "$1" "$work/case" && chmod -R u+w "$work/case" || return 1
	(cd "$work/case" && jq -c '.app = "no-such-protocol"' truth >truth.new && mv truth.new truth)
	if check_case "$work/case"; then
		echo "expected contradicts truth, and the case passed"
		return 1
	fi
	cp "$1/truth" "$work/case/truth"
	rm -f "$work/case/expected"
	if check_case "$work/case"; then
		echo "expected is missing, and the case passed"
		return 1
	fi
	if [ -e "$work/case/expected" ]; then
		echo "expected was made by a check"
		return 1
	fi
}

if [ $# -eq 0 ]; then
	for directory in "$here"/*/; do
		# apps has captures of another kind: apps.sh checks them
		[ -d "$directory" ] && [ "$(basename "$directory")" != apps ] && set -- "$@" "$(basename "$directory")"
	done
fi
echo "1..$(($# + 1))"
for name in "$@"; do
	check_case "$here/$name" >"$work/said" 2>&1
	result $? "golden: $name"
done
self_test "$here/${1:-none}" >"$work/said" 2>&1
result $? "a golden case that contradicts its truth, or lacks a file, fails"
