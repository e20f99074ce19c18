#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make fuzz`, `make fuzz-coverage` and `make fuzz-merge` do with the fuzz targets, from the
# build directory:
#
#   fuzz.sh run SECONDS TARGET...   fuzzes each that long, from its seeds and what earlier runs found
#   fuzz.sh coverage TARGET...      line coverage of the parsers that each target is for
#   fuzz.sh merge TARGET...         adds to the seeds the few found inputs that reach further
#
# Seeds: tests/fuzz/corpus/NAME of the source tree, which only `merge` writes; fuzz_protocols has the
# flows of all golden captures, too. Found inputs, findings and logs: fuzz-work/NAME of the build directory.
#
# The parsers of a target are named by a line "Covers: FILE..." in its source, or, without one, are
# src/inspect/NAME.c of fuzz_NAME. Coverage fails where the seeds alone reach less than 85% of a parser's
# lines; what fuzzing found here is shown beside it. The lines that no seed reaches: fuzz-coverage/NAME.txt.
# A target that names no parser is not measured.
set -u
: "${WAYMARK_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${FUZZ_COVERAGE_MIN:=85}"
# what a seed may cost the repository
seed_bytes_max=2048
seeds_max=120

die() {
	echo "fuzz: $*" >&2
	exit 1
}

count_files() { # DIRECTORY
	find "$1" -type f 2>/dev/null | wc -l
}

# The corpora of $name, the writable one first.
corpora() {
	work=fuzz-work/$name
	mkdir -p "$work/corpus" "$work/findings"
	seeds=$WAYMARK_SRC/tests/fuzz/corpus/$name
	[ -d "$seeds" ] || seeds=
	if [ "$name" = fuzz_protocols ]; then
		seeds=$work/captures
		find "$WAYMARK_SRC/tests/pcap" -name '*.pcap' \
			-exec "$WAYMARK_SRC/tests/fuzz/captures.py" "$seeds" {} +
		cp "$WAYMARK_SRC/tests/fuzz/corpus/$name"/* "$seeds" # what it found once
	fi
}

run() { # SECONDS TARGET...
	seconds=$1 failed=0
	shift
	for target in "$@"; do
		name=$(basename "$target")
		corpora
		status=0
		began=$(date +%s)
		# shellcheck disable=SC2086 # no seeds, no argument
		"./$target" -max_total_time="$seconds" -print_final_stats=1 -timeout=20 \
			-artifact_prefix="$work/findings/" "$work/corpus" $seeds \
			>"$work/log" 2>&1 </dev/null || status=$?
		[ "$status" -eq 0 ] || failed=1
		took=$(($(date +%s) - began))
		units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
		edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/log" | tail -n 1)
		findings=$(find "$work/findings" -type f ! -name 'slow-unit-*' | wc -l)
		printf '%-20s %5s s  %10s executions  %5s edges  corpus %5d  findings %d\n' "$name" \
			"$took" "${units:-?}" "${edges:-?}" "$(count_files "$work/corpus")" "$findings"
		if [ "$status" -ne 0 ]; then
			echo "  ended with status $status, see $PWD/$work/log:"
			grep -E '^(==[0-9]*==ERROR|SUMMARY)|runtime error' "$work/log" | sed 's/^/  /' | head -n 5
		fi
		find "$work/findings" -type f ! -name 'slow-unit-*' | sed 's/^/  finding: /'
	done
	return "$failed"
}

# The llvm tool that fits the compiler.
llvm_tool() { # NAME
	version=$(clang -dumpversion 2>/dev/null | sed 's/\..*//')
	command -v "$1-$version" || command -v "$1" || die "no $1; it comes with llvm"
}

parsers_of() { # NAME
	named=$(sed -n 's/.*Covers: *//p' "$WAYMARK_SRC/tests/fuzz/$1.c" | sed 's,\*/,,')
	if [ -n "$named" ]; then
		(cd "$WAYMARK_SRC" && eval "ls $named") # it may hold patterns
	else
		(cd "$WAYMARK_SRC" && ls "src/inspect/${1#fuzz_}.c" 2>/dev/null)
	fi
}

# Percent of a file's lines that a profile reached.
lines_reached() { # TARGET PROFILE FILE
	"$cov" export -summary-only -skip-expansions -instr-profile "$2" "fuzz-coverage/$1" "$WAYMARK_SRC/$3" |
		jq -r '.data[0].totals.lines | select(.count > 0) | .percent * 100 | floor / 100'
}

profile_of() { # TARGET PROFILE DIRECTORY...
	profiled=$1 profile=$2
	shift 2
	LLVM_PROFILE_FILE=$profile.raw "fuzz-coverage/$profiled" -runs=0 "$@" >"$profile.log" 2>&1 </dev/null ||
		die "$profiled fails on its corpus, see $PWD/$profile.log"
	"$profdata" merge -sparse "$profile.raw" -o "$profile" || die "no profile of $profiled"
}

coverage() { # TARGET...
	command -v jq >/dev/null || die "no jq"
	cov=$(llvm_tool llvm-cov) || exit 1
	profdata=$(llvm_tool llvm-profdata) || exit 1
	mkdir -p fuzz-coverage
	if [ ! -e fuzz-coverage/config.status ]; then
		(cd fuzz-coverage && "$WAYMARK_SRC/configure" -q --enable-fuzzing CC=clang --disable-shared \
			--enable-static CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping') >fuzz-coverage/log 2>&1 ||
			die "cannot configure, see $PWD/fuzz-coverage/log"
	fi
	make -C fuzz-coverage -s --no-print-directory "$@" >>fuzz-coverage/log 2>&1 ||
		die "cannot build, see $PWD/fuzz-coverage/log"
	failed=0
	printf '%-20s %-32s %8s %8s\n' target parser seeds found
	for target in "$@"; do
		name=$(basename "$target")
		corpora
		parsers=$(parsers_of "$name")
		if [ -z "$parsers" ]; then
			printf '%-20s not measured\n' "$name"
			continue
		fi
		if [ -z "$seeds" ]; then
			echo "$name: no seeds"
			failed=1
			continue
		fi
		profile_of "$target" "fuzz-coverage/$name.seeds" "$seeds"
		profile_of "$target" "fuzz-coverage/$name.found" "$seeds" "$work/corpus"
		: >"fuzz-coverage/$name.txt"
		for parser in $parsers; do
			alone=$(lines_reached "$target" "fuzz-coverage/$name.seeds" "$parser")
			found=$(lines_reached "$target" "fuzz-coverage/$name.found" "$parser")
			"$cov" show -instr-profile "fuzz-coverage/$name.seeds" "fuzz-coverage/$target" \
				"$WAYMARK_SRC/$parser" | grep -E '^ *[0-9]+\| +0\|' >>"fuzz-coverage/$name.txt"
			printf '%-20s %-32s %7s%% %7s%%\n' "$name" "$parser" "${alone:-0}" "${found:-0}"
			awk "BEGIN { exit !(${alone:-0} >= $FUZZ_COVERAGE_MIN) }" || {
				echo "  less than $FUZZ_COVERAGE_MIN%"
				failed=1
			}
		done
	done
	return "$failed"
}

# The smallest found inputs that reach what no seed reaches, as many as there is room for.
merge() { # TARGET...
	for target in "$@"; do
		name=$(basename "$target")
		corpora
		seeds=$WAYMARK_SRC/tests/fuzz/corpus/$name
		rm -rf "$work/small" "$work/new"
		mkdir -p "$seeds" "$work/small" "$work/new"
		find "$work/corpus" -type f -size -"$((seed_bytes_max + 1))c" -exec cp {} "$work/small/" \;
		cp -R "$seeds/." "$work/new/"
		"./$target" -merge=1 "$work/new" "$work/small" >"$work/merge.log" 2>&1 </dev/null ||
			die "$name: cannot merge, see $PWD/$work/merge.log"
		room=$((seeds_max - $(count_files "$seeds")))
		added=0
		find "$work/new" -type f -printf '%s %f\n' | sort -n >"$work/by-size"
		while read -r _ file && [ "$added" -lt "$room" ]; do
			[ -e "$seeds/$file" ] || { cp "$work/new/$file" "$seeds/" && added=$((added + 1)); }
		done <"$work/by-size"
		echo "$name: $added added, $(count_files "$seeds") seeds"
	done
}

[ $# -gt 1 ] || die "usage: fuzz.sh run SECONDS TARGET... | coverage TARGET... | merge TARGET..."
what=$1
shift
case $what in
run | coverage | merge) "$what" "$@" ;;
*) die "no command '$what'" ;;
esac
