#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The frame of `waymark`: usage, exit codes, what goes to stdout and what to stderr,
# and how answers of a daemon are shown. The daemon here is a stand-in that answers each
# command with a prepared document; the real one is tested in tests/netns.
# Alone: WAYMARK_BUILD=build bats tests/cli.bats

bats_require_minimum_version 1.5.0
load stand-in.bash

setup() {
	WAYMARK="${WAYMARK_BUILD:?}/waymark"
	DIR="$BATS_TEST_TMPDIR"
	CONF="$DIR/waymark.conf"
	SOCKET="$DIR/control.sock"
	mkdir "$DIR/rules.d"
	cat >"$CONF" <<-EOF
		mark = { mask = 0xff; };
		control = { socket = "$SOCKET"; };
		rules_dir = "$DIR/rules.d";
		uplinks = (
		  { name = "cable"; interface = "wan0"; gateway = "192.0.2.1"; table = 200; mark = 1; },
		  { name = "mail.out"; interface = "wan1"; gateway = "198.51.100.1"; table = 201; mark = 2; }
		);
	EOF
	cat >"$DIR/rules.d/20-mail.conf" <<-'EOF'
		rules = (
		  { name = "outgoing-mail"; match = { proto = "tcp"; dport = [25, 465, 587]; }; uplink = "mail.out"; },
		  { name = "voice"; match = { dscp = ["ef"]; }; mark = 7; },
		  { name = "nothing-here"; match = { dst = "203.0.113.0/24"; }; drop = true; }
		);
	EOF
}

teardown() {
	stand_in_end
}

# ---- usage ----

@test "a mistyped command is named with its nearest, one line, exit 2" {
	run -2 --separate-stderr "$WAYMARK" chekc
	[ "$stderr" = "waymark: unknown command 'chekc', did you mean 'check'?" ]
	[ -z "$output" ]
}

@test "a command that is like none points at --help" {
	run -2 --separate-stderr "$WAYMARK" zzzzzz
	[ "$stderr" = "waymark: unknown command 'zzzzzz', see 'waymark --help'" ]
}

@test "no command is a usage error" {
	run -2 --separate-stderr "$WAYMARK"
	[ "$stderr" = "waymark: no command given, see 'waymark --help'" ]
}

@test "a mistyped option is named with its nearest, before the command and after it" {
	for line in "--jsno status" "status --jsno"; do
		run -2 --separate-stderr "$WAYMARK" $line
		[ "$stderr" = "waymark: unknown option '--jsno', did you mean '--json'?" ]
	done
	run -2 --separate-stderr "$WAYMARK" status -z
	[ "$stderr" = "waymark: unknown option '-z', see 'waymark --help'" ]
}

@test "an option without its argument, and one with an argument too many, are usage errors" {
	run -2 --separate-stderr "$WAYMARK" status -c
	[ "$stderr" = "waymark: option '-c' needs an argument" ]
	run -2 --separate-stderr "$WAYMARK" status --socket
	[ "$stderr" = "waymark: option '--socket' needs an argument" ]
	run -2 --separate-stderr "$WAYMARK" uplinks --plan=yes
	[ "$stderr" = "waymark: option '--plan' takes no argument" ]
}

@test "an argument that a command does not take is a usage error" {
	for command in check status uplinks rules flows names stats reload; do
		run -2 --separate-stderr "$WAYMARK" -c "$CONF" $command extra
		[ "$stderr" = "waymark: '$command' does not take 'extra'" ]
	done
}

@test "only diff takes two configurations" {
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" check -c "$CONF"
	[ "$stderr" = "waymark: '-c' given 2 times, 'check' takes 1" ]
}

@test "a command without a document has no --json" {
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" check --json
	[ "$stderr" = "waymark: 'check' has no --json" ]
}

@test "help lists every command on stdout, and each command has its own" {
	run -0 --separate-stderr "$WAYMARK" --help
	[ -z "$stderr" ]
	for command in check replay diff explain status uplinks rules flows names stats reload firewall; do
		[[ "$output" == *$'\n'"  $command "* ]]
	done
	for line in "status --help" "--help status" "-h status"; do
		run -0 --separate-stderr "$WAYMARK" $line
		[[ "$output" == "usage: waymark status "* ]]
	done
}

@test "the version is one line, wherever it is asked for" {
	run -0 --separate-stderr "$WAYMARK" --version
	[[ "$output" =~ ^waymark\ [0-9]+\.[0-9]+ ]]
	run -0 --separate-stderr "$WAYMARK" status --version
	[[ "$output" =~ ^waymark\ [0-9]+\.[0-9]+ ]]
}

@test "a full disk under stdout is a failure" {
	[ -w /dev/full ] || skip "no /dev/full"
	run -1 --separate-stderr sh -c '"$1" --help >/dev/full' sh "$WAYMARK"
	[[ "$stderr" == "waymark: cannot write to stdout: "* ]]
}

# ---- check ----

@test "check says in one line what it found good" {
	run -0 --separate-stderr "$WAYMARK" check -c "$CONF"
	[ "$output" = "$CONF: ok: 3 rules, 2 uplinks, 0 patterns" ]
}

@test "options may stand before the command, with or without an equals sign" {
	for line in "-c $CONF check" "--config=$CONF check" "check --config $CONF" "check -c$CONF"; do
		run -0 --separate-stderr "$WAYMARK" $line
		[ "$output" = "$CONF: ok: 3 rules, 2 uplinks, 0 patterns" ]
	done
}

@test "check prints every error of every file with its line, and nothing on stdout" {
	cat >>"$CONF" <<-'EOF'
		flosw = { max = 1000; };
		mode = "enforced";
	EOF
	cat >"$DIR/rules.d/30-bad.conf" <<-'EOF'
		rules = (
		  { name = "a"; match = { prto = "tcp"; }; uplink = "cable"; },
		  { name = "b"; match = { dport = 70000; }; uplink = "cabel"; }
		);
	EOF
	run -1 --separate-stderr "$WAYMARK" check -c "$CONF"
	[ -z "$output" ]
	[[ "$stderr" == *"$CONF:8: "*"flosw"*"flows"* ]]
	[[ "$stderr" == *"$CONF:9: "*"enforced"* ]]
	[[ "$stderr" == *"$DIR/rules.d/30-bad.conf:2: "*"prto"*"proto"* ]]
	[[ "$stderr" == *"$DIR/rules.d/30-bad.conf:3: "*"70000"* ]]
	[[ "$stderr" == *"$DIR/rules.d/30-bad.conf:3: "*"cabel"*"cable"* ]]
}

@test "check warns of a mask that others use, and still succeeds" {
	sed -i 's/0xff;/0xff0000;/' "$CONF"
	run -0 --separate-stderr "$WAYMARK" check -c "$CONF"
	[[ "$stderr" == *ailscale* ]]
	[[ "$output" == "$CONF: ok: "* ]]
}

@test "check of a file that is not there fails and names it" {
	run -1 --separate-stderr "$WAYMARK" check -c "$DIR/none.conf"
	[[ "$stderr" == *"$DIR/none.conf"*"No such file or directory"* ]]
	[ -z "$output" ]
}

@test "check of a syntax error names its line" {
	printf 'mode = "enforce";\nmark = { mask = ;\n' >"$CONF"
	run -1 --separate-stderr "$WAYMARK" check -c "$CONF"
	[[ "$stderr" == "$CONF:2: "* ]]
}

# ---- without a daemon ----

@test "without a daemon the commands that need one say where they looked" {
	for command in status uplinks flows names stats reload; do
		run -1 --separate-stderr "$WAYMARK" $command -c "$CONF"
		[ "$stderr" = "waymark: cannot reach waymarkd at $SOCKET: No such file or directory" ]
		[ -z "$output" ]
	done
}

@test "the socket may be named, and wins over the configuration's" {
	run -1 --separate-stderr "$WAYMARK" status -c "$CONF" --socket="$DIR/other.sock"
	[ "$stderr" = "waymark: cannot reach waymarkd at $DIR/other.sock: No such file or directory" ]
}

@test "rules needs no daemon and keeps the order of the match" {
	run -0 --separate-stderr "$WAYMARK" rules -c "$CONF"
	[[ "${lines[0]}" =~ ^PRIORITY\ +NAME\ +ACTION ]]
	[[ "${lines[1]}" =~ \ 100\ +outgoing-mail\ +uplink\ mail.out\ .*20-mail.conf:2$ ]]
	[[ "${lines[2]}" =~ \ 100\ +voice\ +mark\ 7\  ]]
	[[ "${lines[3]}" =~ \ 100\ +nothing-here\ +drop\  ]]
	run -0 --separate-stderr "$WAYMARK" rules --json -c "$CONF"
	jq -e 'length == 3 and .[0].name == "outgoing-mail" and .[0].priority == 100 and
		.[0].hits == null and .[0].last_hit == null and .[0].action == "uplink mail.out"' <<<"$output"
}

@test "the plan needs no daemon" {
	run -0 --separate-stderr "$WAYMARK" uplinks --plan -c "$CONF"
	[[ "$output" == *"lookup 201"* || "$output" == *"table 201"* ]]
	run -0 --separate-stderr "$WAYMARK" uplinks --plan --json -c "$CONF"
	jq -e '.plan | length > 0' <<<"$output"
}

@test "firewall show prints both families, and one for a pipe" {
	run -0 --separate-stderr "$WAYMARK" firewall show -c "$CONF"
	[[ "$output" == *"# waymark, IPv4: iptables-restore --noflush"*WAYMARK*"# waymark, IPv6: ip6tables-restore"*WAYMARK* ]]
	run -0 --separate-stderr "$WAYMARK" firewall show -4 -c "$CONF"
	[[ "$output" != *"IPv6: "* ]]
	[[ "$output" == *"*mangle"*"COMMIT"* ]]
}

@test "firewall wants one of its four words" {
	run -2 --separate-stderr "$WAYMARK" firewall -c "$CONF"
	[ "$stderr" = "waymark: 'firewall' needs one of show, apply, check, remove" ]
	run -2 --separate-stderr "$WAYMARK" firewall aply -c "$CONF"
	[ "$stderr" = "waymark: unknown action 'aply', did you mean 'apply'?" ]
	run -2 --separate-stderr "$WAYMARK" firewall apply -4 -c "$CONF"
	[ "$stderr" = "waymark: '-4' is for 'show' only" ]
}

@test "a filter that cannot match is a usage error, not an empty table" {
	run -2 --separate-stderr "$WAYMARK" flows --dport 70000
	[ "$stderr" = "waymark: --dport takes a number from 0 to 65535, not '70000'" ]
	run -2 --separate-stderr "$WAYMARK" flows --src 192.0.2
	[[ "$stderr" == "waymark: --src takes an address, not '192.0.2'" ]]
	run -2 --separate-stderr "$WAYMARK" flows --limit 0
	[[ "$stderr" == "waymark: --limit takes a number "* ]]
}

# ---- with a daemon ----

@test "status shows the daemon in one line and its queues as a table" {
	cat >"$DIR/status.json" <<-'EOF'
		{"ok": true, "data": {"version": "1.2", "mode": "enforce", "uptime_s": 7384, "generation": 3,
		 "queues": [{"number": 0, "packets": 1234567, "dropped": 0}, {"number": 1, "packets": 9, "dropped": 2}],
		 "flows": 12, "rules": 3, "uplinks": 2}}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" status -c "$CONF"
	[ "${lines[0]}" = "waymarkd 1.2, mode enforce, up 2h 3m, generation 3" ]
	[ "${lines[1]}" = "flows    12" ]
	[ "${lines[4]}" = "queues:" ]
	[ "${lines[5]}" = "  NUMBER  PACKETS  DROPPED" ]
	[ "${lines[6]}" = "       0  1234567        0" ]
	[ "${lines[7]}" = "       1        9        2" ]
	run -0 --separate-stderr "$WAYMARK" status --json -c "$CONF"
	jq -se 'length == 1 and .[0].uptime_s == 7384 and .[0].queues[1].dropped == 2' <<<"$output"
}

@test "uplinks shows absent values as a dash" {
	cat >"$DIR/uplinks.json" <<-'EOF'
		{"ok": true, "data": [
		 {"name": "cable", "interface": "wan0", "table": 200, "mark": "0x1", "state": "up", "reason": "",
		  "gateway": "192.0.2.1", "gateway6": null, "loss_percent": null, "latency_ms": null},
		 {"name": "mail.out", "interface": "wan1", "table": 201, "mark": "0x2", "state": "down", "reason": "no carrier",
		  "gateway": null, "gateway6": null, "loss_percent": 12.5, "latency_ms": 40}]}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" uplinks -c "$CONF"
	[[ "${lines[1]}" =~ ^cable\ +wan0\ +200\ +0x1\ +up\ +192.0.2.1\ +-\ +-\ +-\ +-$ ]]
	[[ "${lines[2]}" =~ ^mail.out\ +wan1\ +201\ +0x2\ +down\ +-\ +-\ +12.5\ +40\ +no\ carrier$ ]]
}

@test "flows sends its filters and cannot be made to drive the terminal" {
	cat >"$DIR/flows.json" <<-'EOF'
		{"ok": true, "data": [{"proto": "tcp", "src": "10.0.0.2", "sport": 40000, "dst": "192.0.2.9", "dport": 443,
		 "app": "tls", "host": "a\u001b[2J\u009bb", "rule": null, "uplink": "cable", "mark": "0x1", "state": "final"}]}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" flows -c "$CONF" --proto tcp --src 10.0.0.2 --dport=443 --app tls --limit 5
	[[ "${lines[1]}" =~ ^tcp\ +10.0.0.2\ +40000\ +192.0.2.9\ +443\ +tls\ +a\?\[2J\?b\ +-\ +cable\ +0x1\ +final$ ]]
	jq -e '.command == "flows" and .proto == "tcp" and .src == "10.0.0.2" and .dport == 443 and
		.app == "tls" and .limit == 5 and (has("host") | not)' "$DIR/request"
}

@test "rules adds the daemon's hits to those of the file" {
	cat >"$DIR/rules.json" <<-'EOF'
		{"ok": true, "data": [{"name": "voice", "priority": 100, "hits": 42, "last_hit": 1700000000.5, "action": "mark 7"}]}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" rules -c "$CONF" --json
	jq -e 'length == 3 and .[0].hits == null and .[1].name == "voice" and .[1].hits == 42 and
		.[1].last_hit == 1700000000.5' <<<"$output"
	TZ=UTC run -0 --separate-stderr "$WAYMARK" rules -c "$CONF"
	[[ "${lines[2]}" == *" 42 "*"2023-11-14 22:13:20"* ]]
}

@test "stats shows counters by the module that counts" {
	cat >"$DIR/stats.json" <<-'EOF'
		{"ok": true, "data": {"classify": {"packets": 10, "flows": 2}, "refused": 0,
		 "patterns": [{"pattern": "^ACME", "limit_hits": 1}]}}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" stats -c "$CONF"
	[ "${lines[0]}" = "refused  0" ]
	[ "${lines[1]}" = "classify:" ]
	[ "${lines[2]}" = "  packets  10" ]
	[ "${lines[5]}" = "  PATTERN  LIMIT-HITS" ]
	[ "${lines[6]}" = "  ^ACME             1" ]
}

@test "reload says the generation, with warnings on stderr" {
	echo '{"ok": true, "data": {"generation": 3, "findings": ["a.conf:2: warning: odd"]}}' >"$DIR/reload.json"
	stand_in
	run -0 --separate-stderr "$WAYMARK" reload -c "$CONF"
	[ "$output" = "reloaded: generation 3" ]
	[ "$stderr" = "a.conf:2: warning: odd" ]
}

@test "a refused reload prints the findings line by line and fails" {
	echo '{"ok": false, "error": "the configuration has errors, the old one stays",
		"findings": ["a.conf:2: unknown key", "a.conf:5: no such uplink"]}' >"$DIR/reload.json"
	stand_in
	run -1 --separate-stderr "$WAYMARK" reload -c "$CONF"
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "a.conf:2: unknown key" ]
	[ "${stderr_lines[1]}" = "a.conf:5: no such uplink" ]
	[ "${stderr_lines[2]}" = "waymark: the configuration has errors, the old one stays" ]
}

@test "the daemon is found while its configuration has errors" {
	echo '{"ok": true, "data": {"version": "1.2"}}' >"$DIR/status.json"
	echo 'flosw = { };' >>"$CONF"
	stand_in
	run -0 --separate-stderr "$WAYMARK" status -c "$CONF"
	[ "${lines[0]}" = "waymarkd 1.2, mode -, up -, generation -" ]
}

@test "what does not speak the protocol is named as such" {
	echo 'HTTP/1.1 400 Bad Request' >"$DIR/status.json"
	stand_in
	run -1 --separate-stderr "$WAYMARK" status -c "$CONF"
	[ "$stderr" = "waymark: what answers at $SOCKET does not speak waymark's protocol" ]
}
