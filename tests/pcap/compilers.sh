#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What gcc and clang make of one source says the same of all golden captures, byte for byte. The other
# build is WAYMARK_BUILD_OTHER; where that is not given, `waymark` is built anew by the other compiler,
# which takes a minute: so this is no part of a plain `make check`. quickstart check gives it the builds
# that it has. TAP.
set -u
: "${WAYMARK_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compiler() { # BUILD: gcc or clang
	sed -n 's/^S\["CC"\]="\([^"]*\)"$/\1/p' "$1/config.status" | sed 's/.*clang.*/clang/; t; s/.*/gcc/'
}

fail() {
	echo "not ok 1 - $name"
	sed 's/^/# /' "$work/said"
	exit 1
}

name="gcc and clang say the same of every capture"
echo 1..1
own=$(compiler "$WAYMARK_BUILD")
if [ -z "${WAYMARK_BUILD_OTHER:-}" ]; then
	other=clang
	[ "$own" = gcc ] || other=gcc
	if ! command -v $other >/dev/null; then
		echo "ok 1 - $name # SKIP there is no $other"
		exit 0
	fi
	WAYMARK_BUILD_OTHER=$work/build
	mkdir "$WAYMARK_BUILD_OTHER"
	(cd "$WAYMARK_BUILD_OTHER" && "$WAYMARK_SRC/configure" --quiet CC=$other && make -s -j "$(nproc)" waymark) \
		>"$work/said" 2>&1 || fail
fi
other=$(compiler "$WAYMARK_BUILD_OTHER")
if [ "$own" = "$other" ]; then
	echo "$WAYMARK_BUILD and $WAYMARK_BUILD_OTHER are both of $own" >"$work/said"
	fail
fi

# replays BUILD: all captures by what is built in, then those that have one by their own policy
replays() {
	printf 'rules_dir = [];\n' >"$work/conf"
	"$1/waymark" replay -c "$work/conf" --json "$WAYMARK_SRC"/tests/pcap/*/in.pcap "$WAYMARK_SRC"/tests/pcap/apps/*/*.pcap || return
	for conf in "$WAYMARK_SRC"/tests/pcap/*/conf; do
		"$1/waymark" replay -c "$conf" --json --packets "${conf%conf}in.pcap" || return
		"$1/waymark" replay -c "$conf" --json "${conf%conf}in.pcap" || return
	done
}

replays "$WAYMARK_BUILD" >"$work/own" 2>"$work/said" || fail
replays "$WAYMARK_BUILD_OTHER" >"$work/other" 2>"$work/said" || fail
if ! diff "$work/own" "$work/other" >"$work/said" || [ ! -s "$work/own" ]; then
	fail
fi
echo "ok 1 - $name"
echo "# $(wc -l <"$work/own") lines by $own and $other"
