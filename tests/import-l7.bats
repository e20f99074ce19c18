#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `waymark import-l7`: what is told of each pattern file, and an old configuration as rules that `check`
# takes. The files are made here; none is l7-filter's. No daemon, no root.
# Alone: WAYMARK_BUILD=build bats tests/import-l7.bats

bats_require_minimum_version 1.5.0

setup() {
	WAYMARK="${WAYMARK_BUILD:?}/waymark"
	DIR="$BATS_TEST_TMPDIR/l7"
	OLD="$BATS_TEST_TMPDIR/l7-filter.conf"
	mkdir -p "$DIR/protocols" "$DIR/extra/deeper"
	pat protocols/acme '^acme/[0-9]'
	pat protocols/zebra 'stripes of a zebra'
	pat extra/any '.?.?'
	pat extra/slow '^(x+x+)+y'
}

pat() { # FILE REGEX [LINES]: a pattern file with a name as the file's
	printf '# about %s\n\n%s\n# more\n%s\n%b' "$1" "${1##*/}" "$2" "${3:-}" >"$DIR/$1.pat"
}

import() {
	"$WAYMARK" import-l7 "$DIR" "$@"
}

file_of() { # NAME: its member in the document in $output
	jq -e --arg name "$1" '.files[] | select(.name == $name)' <<<"$output"
}

check() { # TEXT: a configuration whose rules_dir holds the text and the patterns
	mkdir -p "$BATS_TEST_TMPDIR/rules.d"
	printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/rules.d/l7.conf"
	printf 'rules_dir = ["%s/rules.d", "%s/protocols", "%s/extra"];\n' "$BATS_TEST_TMPDIR" "$DIR" "$DIR" \
		>"$BATS_TEST_TMPDIR/waymark.conf"
	"$WAYMARK" check -c "$BATS_TEST_TMPDIR/waymark.conf"
}

@test "each file has its line, in the directory and those in it" {
	pat top '^top'
	pat extra/deeper/hidden '^hidden'
	run -0 --separate-stderr import
	[ "${#lines[@]}" -eq 7 ]
	[[ ${lines[0]} =~ ^NAME\ .*\ FILE$ ]]
	[[ ${lines[1]} =~ ^top\ .*\ "$DIR/top.pat"$ ]]
	[[ ${lines[2]} =~ ^any\ .*\ "$DIR/extra/any.pat"$ ]]
	[[ ${lines[4]} =~ ^acme\ +compiles\ +yes\ +yes\ .*\ "$DIR/protocols/acme.pat"$ ]]
	[ "${lines[6]}" = "5 files: 5 compile, 0 skipped, 0 with errors" ]
	[ -z "$stderr" ]
}

@test "a pattern is anchored or not, and can be looked for by a literal or not" {
	run -0 import --json
	file_of acme | jq -e '.anchored and .prefilterable and (.builtin | not)'
	file_of zebra | jq -e '(.anchored | not) and .prefilterable'
	file_of any | jq -e '.prefilterable | not'
}

@test "the dearest input of the corpus and a limit that was hit are told" {
	pat extra/runs '(a+)+[!?]'
	run -0 import --json
	file_of runs | jq -e '.limit and .dearest == "run of a" and .steps > 1000'
	file_of acme | jq -e '(.limit | not) and .steps < 100 and (.time_us | type == "number")'
	first=$(jq '[.files[] | {name, steps, dearest}]' <<<"$output")
	run -0 import --json
	[ "$first" = "$(jq '[.files[] | {name, steps, dearest}]' <<<"$output")" ]
}

@test "a file that does not compile is an error with its line, and hides no other" {
	pat protocols/broken '^[z-a]'
	pat protocols/group '(a'
	printf 'nothing\n' >"$DIR/protocols/empty.pat"
	run -1 --separate-stderr import
	[[ "$output" =~ broken\ +error\ .*broken.pat:\ line\ 5:\ a\ range ]]
	[[ "$output" =~ group\ +error\ .*group.pat:\ line\ 5:\ pattern:\ missing ]]
	[[ "$output" =~ empty\ +error\ .*empty.pat:\ no\ regex\ line ]]
	[[ "$output" =~ "7 files: 4 compile, 0 skipped, 3 with errors" ]]
	run -1 import --json
	file_of broken | jq -e '.result == "error" and (.problem | test("range")) and (has("steps") | not)'
}

@test "dummies are skipped by name, which is no finding" {
	printf 'unknown\n\\x00\n' >"$DIR/protocols/unknown.pat"
	pat protocols/unset .
	run -0 --separate-stderr import
	[[ "$output" =~ unknown\ +skipped\ .*unknown.pat:\ a\ dummy ]]
	[[ "$output" =~ "6 files: 4 compile, 2 skipped, 0 with errors" ]]
	[ -z "$stderr" ]
}

@test "a protocol that waymark finds by itself is told" {
	pat protocols/ssh '^ssh-[12]'
	run -0 import
	[[ "$output" =~ ssh.pat:\ waymark\ finds\ this\ protocol\ by\ itself ]]
}

@test "a directory without patterns, or none at all, is a finding" {
	rm -r "$DIR"/*
	run -1 --separate-stderr import
	[ "$stderr" = "$DIR: there is no .pat file in it" ]
	rmdir "$DIR"
	run -1 --separate-stderr import
	[[ "$stderr" =~ ^"$DIR: cannot read the directory: " ]]
	run -2 "$WAYMARK" import-l7
	run -2 "$WAYMARK" import-l7 a b
}

@test "an old configuration becomes rules that check takes, in its order" {
	pat 'extra/we"ird+' '^weird'
	printf '# protocol mark\n\n\tzebra\t\t5\n  acme 3  # comment\r\nssh 7\nslow 4\nwe"ird+ 9\n' >"$OLD"
	run -0 --separate-stderr import --config "$OLD"
	rules=$output
	[ "$(grep -c 'match = ' <<<"$rules")" -eq 5 ]
	[[ "$stderr" =~ "5 files: 5 compile" ]]
	run -0 --separate-stderr check "$rules"
	[[ "$output" =~ "5 rules" ]]
	run -0 "$WAYMARK" rules -c "$BATS_TEST_TMPDIR/waymark.conf" --json
	jq -e '[.[] | [.name, .action]] == [["l7-zebra", "mark 5"], ["l7-acme", "mark 3"], ["l7-ssh", "mark 7"],
		["l7-slow", "mark 4"], ["l7-line-7", "mark 9"]]' <<<"$output"
	# whose pattern has to be there is said
	grep -F "$DIR/protocols/zebra.pat" <<<"$rules"
	run -1 grep -F ssh.pat <<<"$rules"
}

@test "protocols have the names that waymark knows them by" {
	pat protocols/jabber '<stream:stream .*jabber'
	pat protocols/ssl '^\x16\x03'
	printf 'jabber 3\nssl 4\n' >"$OLD"
	run -0 --separate-stderr import --config "$OLD"
	[[ "$output" =~ app\ =\ \[\"xmpp\"\].*mark\ =\ 3.*jabber ]]
	[[ "$output" =~ app\ =\ \[\"tls\"\].*mark\ =\ 4.*ssl ]]
	check "$output"
	# one that asked for more than the app tells is warned of
	printf 'validcertssl 4\n' >"$OLD"
	run -0 --separate-stderr import --config "$OLD"
	[[ "$stderr" =~ "$OLD:1: warning: 'validcertssl' becomes 'tls', whatever its certificate" ]]
}

@test "no line is lost: each that cannot be a rule is a finding and a comment" {
	pat protocols/broken '[z-a]'
	printf 'unset\n.\n' >"$DIR/extra/unset.pat"
	printf '%s\n' 'acme 3' 'zebar 4' 'zebra' 'zebra x' 'zebra 0x10' 'zebra 1' 'zebra 1000' \
		'zebra 99999999999999999999' 'broken 4' 'unset 4' 'acme 5' 'nix 1' 'any 6 7' >"$OLD"
	run -1 --separate-stderr import --config "$OLD"
	rules=$output
	[ "$(grep -c 'match = ' <<<"$rules")" -eq 2 ]
	[ "$(grep -c 'is not taken over' <<<"$rules")" -eq 11 ]
	for finding in "2: there is no protocol 'zebar', did you mean 'zebra'?" "3: not 'protocol mark': 'zebra'" \
		"4: 'x' is no mark" "5: '0x10' is no mark" "6: mark 1 is out of range: the mask 0xff leaves 2 to " \
		"7: mark 1000 is out of range" "8: mark 99999999999999999999 is out of range" \
		"9: 'broken': $DIR/protocols/broken.pat: line 5: " "10: 'unset': $DIR/extra/unset.pat: a dummy" \
		"11: 'acme' is app 'acme', which line 1 marks already" "12: there is no protocol 'nix'" "12: mark 1 is" \
		"13: warning: what follows the mark is ignored: '7'"; do
		grep -F "$OLD:$finding" <<<"$stderr"
	done
	rm "$DIR/protocols/broken.pat"
	check "$rules"
	run -1 import --config "$OLD" --json
	jq -e '(.rules | length == 13 and map(select(.app)) == [
		{line: 1, protocol: "acme", app: "acme", mark: 3, needs: $acme},
		{line: 13, protocol: "any", app: "any", mark: 6, needs: $any}]) and
		(.findings | map(select(.severity == "error")) | length == 12 and all(.line > 1))' \
		--arg acme "$DIR/protocols/acme.pat" --arg any "$DIR/extra/any.pat" <<<"$output"
}

@test "marks have to fit into the mask of the configuration that -c names" {
	printf 'mark = { mask = 0xffff0000L; };\n' >"$BATS_TEST_TMPDIR/wide.conf"
	printf 'acme 300\n' >"$OLD"
	run -1 import --config "$OLD"
	run -0 --separate-stderr import --config "$OLD" -c "$BATS_TEST_TMPDIR/wide.conf"
	[[ "$output" =~ mark\ =\ 300 ]]
}

@test "a configuration that cannot be read is a finding, and no rules are" {
	run -1 --separate-stderr import --config "$BATS_TEST_TMPDIR/none"
	[[ "$stderr" =~ "$BATS_TEST_TMPDIR/none: cannot open: " ]]
	: >"$OLD"
	run -0 --separate-stderr import --config "$OLD"
	check "$output"
}

@test "nothing in a file drives a terminal or leaves its comment" {
	printf 'x\\033[2J"] }; }\\n) 3\n' | sed 's/\\033/\x1b/' >"$OLD"
	printf 'evil\x1b[2J 3\n' >>"$OLD"
	mv "$DIR/protocols/acme.pat" "$DIR/protocols/$(printf 'ac\x1bme').pat"
	run import --config "$OLD"
	[[ ! "$output" =~ $'\x1b' ]] || false
	pat "extra/$(printf 'no\x1bne')" '['
	run -1 --separate-stderr import
	[[ ! "$output" =~ $'\x1b' ]] || false
	[[ "$output" =~ "no?ne" ]]
}
