#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the classifier costs, in instructions, is what it cost when that was recorded: a speed would be
# the machine's, an instruction count is ours. callgrind counts what classify_batch() executes
# in our own code over captures that never change; what libraries do for it is left out, since they
# choose their code by the processor. Every case fails when it takes MARGIN % more than recorded, and when
# it takes GAIN % less: then the gain is to be kept.
#
#	make record-instructions	writes tests/pcap/instructions.tsv anew, for this compiler
#
# The figures hold for one compiler and processor family; where there are none for those in use, nothing
# can be said. TAP.
set -euo pipefail
: "${WAYMARK_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
MARGIN=2 GAIN=10
record=$WAYMARK_SRC/tests/pcap/instructions.tsv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "x86_64 gcc-12 -g -O2", as in the first column
builder() {
	local cc version flags
	cc=$(sed -n 's/^S\["CC"\]="\([^"]*\)"$/\1/p' "$WAYMARK_BUILD/config.status")
	flags=$(sed -n 's/^S\["CFLAGS"\]="\([^"]*\)"$/\1/p' "$WAYMARK_BUILD/config.status")
	version=$($cc -dumpversion)
	echo "$(uname -m) ${cc##*/}-${version%%.*} $flags"
}

# What a case replays: a policy, then captures.
case_files() {
	local directory=$WAYMARK_SRC/tests/pcap
	case $1 in
	headers) echo "$work/headers.conf" "$directory"/*/in.pcap ;;
	names) echo "$work/names.conf" "$directory"/{https-two-names,http,quic,dns-first,smtp-starttls}/in.pcap ;;
	apps) echo "$work/apps.conf" "$directory"/apps/*/in.pcap ;;
	doubt) echo "$work/apps.conf" "$directory"/apps/*/not.pcap ;;
	esac
}

write_policies() {
	local common='rules_dir = [];
uplinks = ( { name = "up"; interface = "lo"; gateway = "none"; mark = 1; } );
'
	{
		printf '%srules = (\n' "$common"
		for ((i = 1; i < 1000; i++)); do
			printf '{ name = "r%d"; match = { dst = "172.16.%d.%d"; dport = %d; }; uplink = "main"; },\n' \
				"$i" $((i / 250)) $((i % 250)) "$i"
		done
		printf '{ name = "all"; match = { src = "0.0.0.0/0"; }; uplink = "up"; } );\n'
	} >"$work/headers.conf"
	printf '%srules = ( { name = "n"; match = { host = ["example.org", "*.example.com"]; }; uplink = "up"; } );\n' \
		"$common" >"$work/names.conf"
	printf '%srules = ( { name = "a"; match = { app = ["bittorrent", "sip"]; }; uplink = "up"; } );\n' \
		"$common" >"$work/apps.conf"
}

# case -> instructions of our own code within classify_batch()
count() {
	local files
	read -ra files <<<"$(case_files "$1")"
	LD_BIND_NOW=1 "$WAYMARK_BUILD/libtool" --mode=execute valgrind --tool=callgrind --toggle-collect=classify_batch \
		--compress-strings=no --compress-pos=no --callgrind-out-file="$work/$1.out" \
		"$WAYMARK_BUILD/waymark" replay -c "${files[0]}" --json "${files[@]:1}" >"$work/$1.json" 2>"$work/$1.said" ||
		{
			cat "$work/$1.said" >&2
			return 1
		}
	# a line behind "calls=" is what was called, which counts where it stands itself
	awk '/^ob=/ { ours = /waymark/ } /^calls=/ { getline; next } /^[0-9+-]/ && ours { sum += $2 } END { print sum + 0 }' \
		"$work/$1.out"
}

cases=(headers names apps doubt)
key=$(builder)
write_policies

if [[ ${1:-} == --record ]]; then
	{
		grep -v "^$key	" "$record" 2>/dev/null || printf '# compiler, case, packets, instructions\n'
		for case in "${cases[@]}"; do
			instructions=$(count "$case")
			printf '%s\t%s\t%s\t%s\n' "$key" "$case" "$(jq -s 'map(.packets) | add' "$work/$case.json")" "$instructions"
		done
	} >"$work/record"
	cp "$work/record" "$record"
	exit 0
fi

echo "1..${#cases[@]}"
number=0 status=0
for case in "${cases[@]}"; do
	((number += 1))
	name="$case: the classifier takes no more instructions than recorded"
	if grep -q '^#define WAYMARK_SANITIZER' "$WAYMARK_BUILD/config.h"; then
		echo "ok $number - $name # SKIP a sanitizer is built in"
		continue
	fi
	read -r packets recorded < <(awk -F'\t' -v k="$key" -v c="$case" '$1 == k && $2 == c { print $3, $4 }' "$record") || true
	if [[ -z ${recorded:-} ]]; then
		echo "ok $number - $name # SKIP nothing is recorded for $key"
		continue
	fi
	instructions=$(count "$case")
	if ((instructions > recorded * (100 + MARGIN) / 100)); then
		echo "not ok $number - $name"
		status=1
	elif ((instructions < recorded * (100 - GAIN) / 100)); then
		echo "not ok $number - $name"
		echo "# it takes less: make record-instructions keeps the gain"
		status=1
	else
		echo "ok $number - $name"
	fi
	printf '# %d instructions, %d recorded, %d packets: %d a packet\n' \
		"$instructions" "$recorded" "$packets" $((instructions / packets))
	unset recorded
done
exit $status
