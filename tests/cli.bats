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
	for command in check status uplinks rules flows names stats monitor reload; do
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
	for command in check replay diff explain status uplinks uplink rules flows names stats monitor reload firewall; do
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
	for command in status uplinks "uplink cable down" flows names stats monitor reload; do
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

@test "uplink wants a name and one of its three words, before anything is sent" {
	# without a daemon: what is sent fails otherwise, with exit 1
	for line in uplink "uplink cable" "uplink down"; do
		run -2 --separate-stderr "$WAYMARK" -c "$CONF" $line
		[ "$stderr" = "waymark: 'uplink' needs the name of one, and up, down or auto" ]
	done
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" uplink cable donw
	[ "$stderr" = "waymark: unknown state 'donw', did you mean 'down'?" ]
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" uplink cable maintenance
	[ "$stderr" = "waymark: unknown state 'maintenance', it is one of up, down, auto" ]
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" uplink cable up now
	[ "$stderr" = "waymark: 'uplink' does not take 'now'" ]
	run -2 --separate-stderr "$WAYMARK" -c "$CONF" uplink $'c\xff' up
	[ "$stderr" = "waymark: the name of an uplink is text in UTF-8" ]
	[ -z "$output" ]
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
		 "patterns": [{"app": "acme", "file": "/r/acme.pat", "line": 3, "pattern": "^ACME", "limit_hits": 1},
		  {"app": "other", "file": "/r/other.pat", "line": 2, "pattern": "^OTHER", "limit_hits": 0}]}}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" stats -c "$CONF"
	[ "${lines[0]}" = "refused        0" ]
	[ "${lines[1]}" = "pattern_count  2" ]
	[ "${lines[2]}" = "classify:" ]
	[ "${lines[3]}" = "  packets  10" ]
	[ "${lines[6]}" = "  APP   FILE         LINE  PATTERN  LIMIT-HITS" ]
	[ "${lines[7]}" = "  acme  /r/acme.pat     3  ^ACME             1" ]
	[ "${#lines[@]}" -eq 8 ] # patterns that cost nothing out of turn are not listed
	run -0 --separate-stderr "$WAYMARK" stats -c "$CONF" --json
	jq -e '.patterns | length == 2' <<<"$output"
}

@test "stats --apps shows what is known by app, then what is not by port, as hex and text" {
	cat >"$DIR/apps.json" <<-'EOF'
		{"ok": true, "data": {"inspects": true,
		 "known": [{"app": "tls", "flows": 12, "packets": 40, "bytes": 50000}, {"app": "ssh", "flows": 1, "packets": 4, "bytes": 500}],
		 "unknown": [{"proto": "tcp", "port": 9999, "first": "server", "flows": 2, "unfinished": 1, "packets": 8, "bytes": 900,
		  "last_seen": 1700000000.5, "common": {"client": null, "server": "^HI\\x20.\\x0a"},
		  "samples": [{"flows": 2, "client": "1b5b324a", "server": "48492031000102030405060708090a0b0c"}]}],
		 "silent": 3, "midstream": 1, "not_inspected": 0, "forgotten": {"ports": 2, "flows": 5}}}
	EOF
	stand_in
	TZ=UTC run -0 --separate-stderr "$WAYMARK" stats -c "$CONF" --apps
	jq -e '. == {command: "apps"}' "$DIR/request"
	diff - <(echo "$output") <<-'EOF'
		app  flows  packets  bytes
		tls     12       40  50000
		ssh      1        4    500

		tcp port 9999, server first: 2 flows (1 not looked at to the end), 8 packets, 900 bytes, last 2023-11-14 22:13:20
		  all         server  ^HI\x20.\x0a
		  2 flows     server  48492031 00010203 04050607 08090a0b  |HI 1............|
		                      0c                                   |.|
		              client  1b5b324a                             |.[2J|

		3 flows without payload
		1 flow unknown, seen from the middle on
		5 flows of 2 unknown ports forgotten: there are too many ports
	EOF
	run -0 --separate-stderr "$WAYMARK" stats -c "$CONF" --apps --json
	jq -e '.unknown[0].port == 9999' <<<"$output"
}

@test "stats --apps says so where no rule looks at payload" {
	cat >"$DIR/apps.json" <<-'EOF'
		{"ok": true, "data": {"inspects": false, "known": [], "unknown": [], "silent": 0, "midstream": 0,
		 "not_inspected": 7, "forgotten": {"ports": 0, "flows": 0}}}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" stats -c "$CONF" --apps
	diff - <(echo "$output") <<-'EOF'
		no rule looks at payload, so nothing is inspected

		7 flows not inspected: decided by headers, or without ports
	EOF
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

@test "uplink sends its name and word, and says in one line what came of it" {
	stand_in
	echo '{"ok": true, "data": {"name": "cable", "state": "down", "reason": "by hand", "by_hand": "down"}}' >"$DIR/uplink.json"
	run -0 --separate-stderr "$WAYMARK" uplink -c "$CONF" cable down
	[ "$output" = "uplink 'cable': down: by hand" ]
	jq -e '. == {command: "uplink", name: "cable", to: "down"}' "$DIR/request"
	run -0 --separate-stderr "$WAYMARK" uplink -c "$CONF" cable down --json
	jq -e '.state == "down" and .by_hand == "down"' <<<"$output"
	echo '{"ok": true, "data": {"name": "cable", "state": "up", "reason": "", "by_hand": "up"}}' >"$DIR/uplink.json"
	run -0 --separate-stderr "$WAYMARK" uplink -c "$CONF" cable up
	[ "$output" = "uplink 'cable': up: by hand" ]
	echo '{"ok": true, "data": {"name": "cable", "state": "up", "reason": null, "by_hand": null}}' >"$DIR/uplink.json"
	run -0 --separate-stderr "$WAYMARK" -c "$CONF" uplink cable auto
	[ "$output" = "uplink 'cable': up" ]
	echo '{"ok": false, "error": "no uplink '"'cabel', did you mean 'cable'?"'"}' >"$DIR/uplink.json"
	run -1 --separate-stderr "$WAYMARK" -c "$CONF" uplink cabel auto
	[ "$stderr" = "waymark: no uplink 'cabel', did you mean 'cable'?" ]
}

# ---- monitor: the answer goes on through a pipe that the test writes to ----

# Starts the stand-in and `waymark monitor ARGUMENTS`, its output in $OUT. What is written to
# descriptor 9 is what the daemon sends.
monitor() {
	: "${OUT:=$DIR/out}"
	mkfifo "$DIR/monitor.json"
	exec 9<>"$DIR/monitor.json"
	stand_in 9>&-
	"$WAYMARK" monitor -c "$CONF" "$@" >"$OUT" 2>"$DIR/err" 3>&- 9>&- &
	MONITOR=$!
}

shown() { # TEXT: waits until it stands in the output
	timeout $((10 * ${WAYMARK_TEST_SLOW:-1})) grep -q -m 1 -F -- "$1" \
		< <(tail -n +1 -f --pid="$MONITOR" "$DIR/out" 3>&- 9>&-)
}

ended() { # CODE: waits for the monitor, which must exit with it
	local code=0
	wait "$MONITOR" || code=$?
	[ "$code" = "$1" ]
}

@test "monitor shows what holds now and each change as it comes, until the daemon ends" {
	export TZ=UTC
	monitor
	echo '{"ok": true, "data": [{"time": 1764084601.123, "event": "uplink", "uplink": "cable", "state": "up", "reason": null, "now": true}]}' >&9
	shown "2025-11-25 15:30:01.123 uplink 'cable': up"
	[ "$(cat "$DIR/request")" = '{"command":"monitor"}' ]
	cat >&9 <<-'EOF'
		{"time": 1764084602.9996, "event": "uplink", "uplink": "cable", "state": "down", "old": "up", "reason": "no carrier"}
		{"time": 1764084602, "event": "routes", "changes": 3}
		{"time": 1764084602, "event": "routes", "changes": 1}
		{"time": 1764084602, "event": "firewall", "differences": 2}
		{"time": 1764084602, "event": "reload", "generation": 4, "ok": true}
		{"time": 1764084602, "event": "reload", "generation": 4, "ok": false}
		{"time": 1764084602, "event": "hook", "uplink": "cable", "program": "/etc/x", "exit": 3}
		{"time": 1764084602, "event": "hook", "uplink": "cable", "program": "/etc/x", "signal": 11}
		{"time": 1764084602, "event": "hook", "uplink": "cable", "program": "/etc/x", "timeout": 10}
		{"time": 1764084602, "event": "hook", "uplink": "cable", "program": "/etc/x", "error": 2}
		{"time": 1764084602, "event": "weather", "sky": "blue\u001b[2J", "wind": 3, "rain": false}
		{"event": "last"}
	EOF
	shown "last"
	exec 9>&-
	ended 1
	[ "$(cat "$DIR/err")" = "waymark: the daemon has gone" ]
	diff - "$DIR/out" <<-'EOF'
		2025-11-25 15:30:01.123 uplink 'cable': up
		2025-11-25 15:30:02.999 uplink 'cable': down: no carrier
		2025-11-25 15:30:02.000 routes: 3 changes
		2025-11-25 15:30:02.000 routes: 1 change
		2025-11-25 15:30:02.000 firewall: 2 differences
		2025-11-25 15:30:02.000 reloaded: generation 4
		2025-11-25 15:30:02.000 reload failed, still generation 4
		2025-11-25 15:30:02.000 uplink 'cable': /etc/x: exit code 3
		2025-11-25 15:30:02.000 uplink 'cable': /etc/x: ended by signal 11
		2025-11-25 15:30:02.000 uplink 'cable': /etc/x: ended after 10 s
		2025-11-25 15:30:02.000 uplink 'cable': /etc/x: cannot be run: No such file or directory
		2025-11-25 15:30:02.000 weather: sky=blue?[2J, wind=3, rain=no
		- last
	EOF
}

@test "monitor --json is one object a line, each at once" {
	monitor --json
	echo '{"ok": true, "data": [{"time": 1764084601.123, "event": "uplink", "now": true}, {"event": "uplink", "now": true}]}' >&9
	shown '{"time":1764084601.123,"event":"uplink","now":true}'
	echo '{"time": 1764084602.5, "event": "routes", "changes": 3}' >&9
	shown '{"time":1764084602.5,"event":"routes","changes":3}'
	kill -TERM "$MONITOR"
	ended 0
	[ "$(wc -l <"$DIR/out")" = 3 ]
	jq -e . "$DIR/out"
	[ ! -s "$DIR/err" ]
	exec 9>&-
}

@test "monitor ends well by SIGINT" {
	monitor
	echo '{"ok": true, "data": [{"event": "first"}]}' >&9
	shown first
	kill -INT "$MONITOR"
	ended 0
	[ ! -s "$DIR/err" ]
	exec 9>&-
}

@test "monitor ends quietly when its reader leaves, without waiting for another event" {
	OUT="$DIR/reader"
	mkfifo "$OUT"
	monitor
	exec 8<"$OUT"
	echo '{"ok": true, "data": [{"event": "first"}]}' >&9
	read -r line <&8
	[ "$line" = "- first" ]
	exec 8<&-
	ended 1
	[ ! -s "$DIR/err" ]
	exec 9>&-
}

@test "monitor into a full disk fails and says so" {
	[ -w /dev/full ] || skip "no /dev/full"
	echo '{"ok": true, "data": [{"event": "first"}]}' >"$DIR/monitor.json"
	stand_in
	run -1 --separate-stderr sh -c '"$1" monitor -c "$2" >/dev/full' sh "$WAYMARK" "$CONF"
	[ "$stderr" = "waymark: cannot write to stdout: No space left on device" ]
}

@test "monitor of what breaks off in mid-line or is no JSON fails with a reason" {
	printf '{"ok": true, "data": []}\n{"event": "a"}\n{"ev' >"$DIR/monitor.json"
	stand_in
	run -1 --separate-stderr "$WAYMARK" monitor -c "$CONF"
	[ "$output" = "- a" ]
	[ "$stderr" = "waymark: the daemon has gone" ]
	printf '{"ok": true, "data": []}\nbye\n' >"$DIR/monitor.json"
	run -1 --separate-stderr "$WAYMARK" monitor -c "$CONF"
	[ "$stderr" = "waymark: cannot read on what the daemon sends: Bad message" ]
	echo '{"ok": false, "error": "too many clients that follow, at most 16"}' >"$DIR/monitor.json"
	run -1 --separate-stderr "$WAYMARK" monitor -c "$CONF"
	[ "$stderr" = "waymark: too many clients that follow, at most 16" ]
}
