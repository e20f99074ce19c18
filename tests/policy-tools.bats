#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be known of a policy before it is put in place: `waymark diff` over captures, `waymark
# explain` for a connection that does not exist, and the client side of `waymark names`. No daemon, no
# root; the kernel's side and the daemon's: tests/netns/explain.bats.
# Alone: WAYMARK_BUILD=build bats tests/policy-tools.bats

bats_require_minimum_version 1.5.0
load stand-in.bash

setup() {
	WAYMARK="${WAYMARK_BUILD:?}/waymark"
	PCAPS="$BATS_TEST_DIRNAME/pcap"
	DIR="$BATS_TEST_TMPDIR"
	SOCKET="$DIR/control.sock"
}

teardown() {
	stand_in_end
}

conf() { # NAME RULES...: a configuration with three lines, of which cable is NATed
	cat >"$DIR/$1" <<-EOF
		control = { socket = "$SOCKET"; };
		rules_dir = [];
		uplinks = (
		  { name = "mail.out"; interface = "ppp0"; gateway = "192.0.2.1"; table = 201; mark = 1; },
		  { name = "cable"; interface = "wan1"; gateway = "198.51.100.1"; table = 202; mark = 2; nat = true; },
		  { name = "isdn"; interface = "wan2"; gateway = "203.0.113.1"; table = 203; mark = 3; }
		);
		rules = ( $2 );
	EOF
}

explain() {
	"$WAYMARK" explain -c "$DIR/a" --src 10.0.0.2 --dst 192.0.2.10 "$@"
}

# ---- diff ----

MAIL='{ name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; }'
SMTP_CABLE='{ name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "cable"; }'

@test "diff of a policy with itself is silent and 0" {
	conf a "$MAIL"
	run -0 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/a" "$PCAPS/smtp/in.pcap"
	[ -z "$output" ] && [ -z "$stderr" ]
	run -0 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/a" --json "$PCAPS/smtp/in.pcap"
	jq -e '. == []' <<<"$output"
}

@test "diff lists each flow that changes, with what it was and what it becomes" {
	conf a "$MAIL"
	conf b "$SMTP_CABLE"
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --json "$PCAPS/smtp/in.pcap"
	flows=$("$WAYMARK" replay -c "$DIR/a" --json "$PCAPS/smtp/in.pcap" | jq -s 'map(select(.dport == 25)) | length')
	[ "$flows" -gt 0 ]
	jq -e --argjson flows "$flows" 'length == $flows and all(.[]; .proto == "tcp" and .dport == 25 and
		.old == {rule: "mail", uplink: "mail.out", mark: "0x1"} and
		.new == {rule: "mail", uplink: "cable", mark: "0x2"})' <<<"$output"
}

@test "diff sums flows and bytes of the uplinks that change, then in all" {
	conf a "$MAIL"
	conf b "$SMTP_CABLE"
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" "$PCAPS/smtp/in.pcap" "$PCAPS/ssh/in.pcap"
	read -r all changed bytes < <("$WAYMARK" replay -c "$DIR/a" --json "$PCAPS/smtp/in.pcap" "$PCAPS/ssh/in.pcap" |
		jq -rs '"\(length) \(map(select(.dport == 25)) | length) \(map(select(.dport == 25).bytes) | add)"')
	[ "${lines[-1]}" = "$changed of $all flows change, $bytes bytes" ]
	[[ "$output" =~ uplink\ +old\ flows\ +new\ flows\ +old\ bytes\ +new\ bytes ]]
	[[ "$output" =~ cable\ +0\ +$changed\ +0\ +$bytes ]]
	[[ "$output" =~ mail.out\ +$changed\ +0\ +$bytes\ +0 ]]
	refute_line_begins main
}

refute_line_begins() {
	local line
	for line in "${lines[@]}"; do
		[[ "$line" != "$1"* ]] || return 1
	done
}

@test "diff --summary --json tells all lines, old and new, and agrees with replay" {
	conf a "$MAIL"
	conf b "$SMTP_CABLE"
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --summary --json "$PCAPS/smtp/in.pcap" "$PCAPS/ssh/in.pcap"
	for side in a b; do
		"$WAYMARK" replay -c "$DIR/$side" --json "$PCAPS/smtp/in.pcap" "$PCAPS/ssh/in.pcap" |
			jq -s 'group_by(.uplink // "main") | map({uplink: (.[0].uplink // "main"), flows: length,
				bytes: (map(.bytes) | add)}) | sort_by(.uplink)' >"$DIR/$side.sums"
	done
	jq -e --slurpfile a "$DIR/a.sums" --slurpfile b "$DIR/b.sums" '
		.flows == ($a[0] | map(.flows) | add) and .changed > 0 and
		(.uplinks | map(select(.old.flows > 0) | {uplink} + .old)) == $a[0] and
		(.uplinks | map(select(.new.flows > 0) | {uplink} + .new)) == $b[0]' <<<"$output"
}

@test "diff counts what goes between two lines in both directions" {
	conf a '{ name = "x"; match = { host = "=video.example.net"; }; uplink = "mail.out"; late = "move"; },
		{ name = "y"; match = { host = "=news.example.net"; }; uplink = "isdn"; late = "move"; }'
	conf b '{ name = "x"; match = { host = "=video.example.net"; }; uplink = "isdn"; late = "move"; },
		{ name = "y"; match = { host = "=news.example.net"; }; uplink = "mail.out"; late = "move"; }'
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --summary "$PCAPS/https-two-names/in.pcap"
	[[ "$output" == *$'\n'"isdn "* && "$output" == *$'\n'"mail.out "* ]]
	[[ "${lines[-1]}" == *" flows change, "*" bytes" ]]
}

@test "a rule of another name is a change, but of no uplink" {
	conf a "$MAIL"
	conf b "${MAIL/\"mail\"/\"post\"}"
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --summary "$PCAPS/smtp/in.pcap"
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *" flows change, "* ]]
}

@test "a class and a drop are lines of their own in the summary" {
	conf a "$MAIL"
	conf b '{ name = "mail"; match = { proto = "tcp"; dport = 25; }; mark = 7; },
		{ name = "ssh"; match = { proto = "tcp"; dport = 22; }; drop = true; }'
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --summary --json "$PCAPS/smtp/in.pcap" "$PCAPS/ssh/in.pcap"
	jq -e '.uplinks | any(.uplink == "mark 0x7" and .new.flows > 0) and any(.uplink == "drop" and .new.flows > 0)' <<<"$output"
}

@test "a capture that is cut gives what was read, a message and exit 2" {
	conf a "$MAIL"
	conf b "$SMTP_CABLE"
	head -c -20 "$PCAPS/smtp/in.pcap" >"$DIR/cut.pcap"
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" "$DIR/cut.pcap"
	[[ "$stderr" == "$DIR/cut.pcap: "* ]]
	[[ "$output" == *" flows change, "* ]]
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --json "$DIR/cut.pcap"
	jq -e 'length > 0' <<<"$output"
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --json "$DIR/none.pcap"
	jq -e '. == []' <<<"$output"
	[[ "$stderr" == *"none.pcap"* ]]
}

@test "diff without two configurations or a capture is a usage error, a bad one trouble" {
	conf a "$MAIL"
	conf b '{ name = "mail"; match = { dprt = 25; }; uplink = "cable"; }'
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" "$PCAPS/smtp/in.pcap"
	[[ "$stderr" == *"-c OLD -c NEW"* ]]
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/a"
	run -2 --separate-stderr "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" "$PCAPS/smtp/in.pcap"
	[[ "$stderr" == *dprt* ]]
	[ -z "$output" ]
}

# ---- explain ----

VIDEO='{ name = "video"; match = { host = "video.example.net"; }; uplink = "cable"; }'
WEB='{ name = "web"; match = { proto = "tcp"; dport = 443; }; uplink = "isdn"; }'

@test "a header rule decides on the SYN, and nothing else is asked" {
	conf a "$MAIL"
	run -0 explain --dport 25 --json
	jq -e '.rule == "mail" and .uplink == "mail.out" and .mark == "0x1" and .open_rules == [] and
		.evidence == null and .late == null and .final and .first.uplink == "mail.out" and .next == null and
		.route.table == 201 and .route.interface == "ppp0" and (.route | has("kernel"))' <<<"$output"
	run -0 explain --dport 25
	[[ "$output" == *"packet 1 (SYN): rule 'mail' holds by its headers: mail.out, finally"* ]]
	[[ "$output" != *waymarkd* ]]
}

@test "a rule is open because of what it waits for" {
	conf a "$VIDEO, { name = \"h2\"; match = { alpn = \"h2\"; }; mark = 7; },
		{ name = \"acme\"; match = { payload = \"^ACME\"; }; mark = 8; },
		{ name = \"shell\"; match = { app = \"ssh\"; host = \"git.example.net\"; }; mark = 9; },
		{ name = \"plain\"; match = { not = { app = \"tls\"; }; dport = 443; }; mark = 10; }, $WEB"
	run -0 explain --dport 443 --no-daemon
	[[ "$output" == *"packet 1 (SYN): rule 'video' is open because of its host"* ]]
	[[ "$output" == *"rule 'h2' is open because of its alpn"* ]]
	[[ "$output" == *"rule 'acme' is open because of its payload"* ]]
	[[ "$output" == *"rule 'shell' is open because of its host and app"* ]]
	[[ "$output" == *"rule 'plain' is open because of its app"* ]]
	[[ "$output" == *"packet 1 (SYN): takes rule 'web' meanwhile: isdn"* ]]
	run -0 explain --dport 443 --no-daemon --json
	jq -e '.rule == "web" and .uplink == "isdn" and .final == false and .names == null and
		.open_rules == ["video", "h2", "acme", "shell", "plain"]' <<<"$output"
}

@test "a name that comes late is learnt for the next connection, and would be early by DNS" {
	conf a "$VIDEO"
	run -0 explain --dport 443 --host www.video.example.net --json
	jq -e '.rule == "video" and .uplink == "main" and .mark == "0x7f" and .late == "learn" and .moved == false and
		.final and .open_rules == [] and .evidence.host == "www.video.example.net" and .first.rule == null and
		.next == {rule: "video", uplink: "cable", mark: "0x2"}' <<<"$output"
	run -0 explain --dport 443 --host www.video.example.net
	[[ "$output" == *"packet 1 (SYN): rule 'video' is open because of its host"*"takes main meanwhile"* ]]
	[[ "$output" == *"packet 4 (ClientHello): host www.video.example.net (given), app tls (assumed): rule 'video' holds, which says cable"* ]]
	[[ "$output" == *"keeps main"*"next connection to this server: begins on cable"* ]]
	[[ "$output" == *"known from DNS before the connection: packet 1 takes rule 'video', cable"* ]]
}

@test "explain says what replay does, packet number and all" {
	conf a "$VIDEO"
	"$WAYMARK" replay -c "$DIR/a" --json "$PCAPS/https-two-names/in.pcap" |
		jq -c 'select(.host == "video.example.net")' | head -n 1 >"$DIR/flow"
	run -0 explain --dport 443 --host video.example.net --json
	jq -e --slurpfile flow "$DIR/flow" '.rule == $flow[0].rule and .uplink == $flow[0].uplink and
		.mark == $flow[0].mark and .late == $flow[0].late and .moved == $flow[0].moved and
		(.why | any(startswith("packet \($flow[0].decided_packet) (ClientHello)")))' <<<"$output"
}

@test "a protocol that shows itself in its first datagram is never late" {
	conf a "$VIDEO"
	run -0 explain --proto udp --dport 53 --host video.example.net --json
	jq -e '.rule == "video" and .uplink == "cable" and .late == null and .evidence.host_source == "dns-query"' <<<"$output"
	run -0 explain --proto icmp --json
	jq -e '.open_rules == [] and .final and .rule == null' <<<"$output"
}

@test "without a daemon explain says that no name was known, and why; --no-daemon does not ask" {
	conf a "$VIDEO"
	run -0 explain --dport 443
	[[ "$output" == *"no name known in advance: cannot reach waymarkd at $SOCKET"* ]]
	run -0 explain --dport 443 --no-daemon
	[[ "$output" != *waymarkd* ]]
}

@test "a name that the daemon knows decides on the first packet" {
	conf a "$VIDEO"
	echo '{"ok": true, "data": {"host": "video.example.net", "origin": "client-answer", "answer": "video.example.net",
		"apps": [], "rule": null}}' >"$DIR/guess.json"
	stand_in
	run -0 explain --dport 443 --json
	jq -e '.command == "guess" and .client == "10.0.0.2" and .address == "192.0.2.10" and .proto == 6 and
		.port == 443' "$DIR/request"
	jq -e '.rule == "video" and .uplink == "cable" and .mark == "0x2" and .open_rules == ["video"] and
		.names == {host: "video.example.net", origin: "client-answer", apps: []}' <<<"$output"
	run -0 explain --dport 443 --host video.example.net
	[[ "$output" == *"packet 1 (SYN): waymarkd knows 192.0.2.10 as video.example.net (DNS, asked by this client)"* ]]
	[[ "$output" == *"so it begins as rule 'video' says, on cable"*"as expected, nothing changes"* ]]
	run -0 explain --dport 443 --host other.example.net --json
	jq -e '.first.uplink == "cable" and .rule == null and .mark == "0x2" and .moved == false' <<<"$output"
}

@test "an older daemon, or one that answers nonsense, leaves explain without names" {
	conf a "$VIDEO"
	echo '{"ok": false, "error": "unknown command '"'guess'"'"}' >"$DIR/guess.json"
	stand_in
	run -0 explain --dport 443
	[[ "$output" == *"no name known in advance: unknown command 'guess'"* ]]
	echo '{"ok": true, "data": {"host": 7, "origin": [], "apps": ["no-such-app", 3], "rule": {}}}' >"$DIR/guess.json"
	run -0 explain --dport 443 --json
	jq -e '.uplink == null and .open_rules == ["video"]' <<<"$output"
}

# ---- groups and uplinks that are not used ----

ANY='{ name = "all"; uplink = "any"; }'

group_conf() { # NAME GROUP RULES [KEYS]: cable, mail.out and isdn, which KEYS are added to, and one group "any"
	conf "$1" "$3"
	sed -i "s/mark = 3; /mark = 3; ${4-}/" "$DIR/$1"
	echo "groups = ( { name = \"any\"; $2 } );" >>"$DIR/$1"
}

MEMBERS='members = ( { uplink = "cable"; weight = 3; }, { uplink = "mail.out"; }, { uplink = "isdn"; } );'

capture() { # SOURCES FLOWS: as many SYNs, one after another from each source
	python3 - "$1" "$2" >"$DIR/many.pcap" <<-'EOF'
		import struct, sys
		sources, flows = int(sys.argv[1]), int(sys.argv[2])
		out = sys.stdout.buffer
		out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
		for i in range(flows):
		    src = bytes([10, 0, i % sources >> 8, i % sources & 255])
		    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, i, 0, 64, 6, 0) + src + bytes([192, 0, 2, 9])
		    tcp = struct.pack(">HHIIBBHHH", 10000 + i, 80, i, 0, 0x50, 2, 1024, 0, 0)
		    out.write(struct.pack("<IIII", 1700000000 + i // 100, i % 100, 40, 40) + ip + tcp)
	EOF
}

replay() { # NAME: the capture's flows, as that configuration has them
	"$WAYMARK" replay -c "$DIR/$1" --json "$DIR/many.pcap"
}

@test "replay spreads the flows of a group by weight, by its members' names and marks, and the same way each time" {
	group_conf a "$MEMBERS" "$ANY"
	capture 1 5000
	replay a >"$DIR/once"
	jq -es 'length == 5000 and (group_by(.uplink) | map({(.[0].uplink): length}) | add |
		(.cable - 3000 | fabs) <= 25 and (.["mail.out"] - 1000 | fabs) <= 25 and (.isdn - 1000 | fabs) <= 25) and
		(map("\(.rule) \(.uplink) \(.mark)") | unique == ["all cable 0x2", "all isdn 0x3", "all mail.out 0x1"])' "$DIR/once"
	replay a | cmp - "$DIR/once"
	run -0 --separate-stderr "$WAYMARK" check -c "$DIR/a"
	[[ "$stderr" != *"not acted on"* ]]
}

@test "replay keeps a source on its member where the group is sticky" {
	group_conf a "sticky = \"source\"; $MEMBERS" "$ANY"
	capture 500 2000
	replay a | jq -es '(group_by(.src) | length == 500 and all(.[]; map(.uplink) | unique | length == 1)) and
		(group_by(.uplink) | map({(.[0].uplink): (map(.src) | unique | length)}) | add |
			(.cable - 300 | fabs) <= 5 and (.isdn - 100 | fabs) <= 5)'
}

@test "what is disabled takes no flow: a group shares without it, a rule goes by its on_down" {
	group_conf a "$MEMBERS" "$ANY" 'enabled = false; '
	capture 1 1000
	replay a | jq -es 'group_by(.uplink) | map({(.[0].uplink): length}) | add |
		(.cable - 750 | fabs) <= 5 and (.["mail.out"] - 250 | fabs) <= 5 and (has("isdn") | not)'
	group_conf a "policy = \"failover\"; $MEMBERS" '{ name = "x"; uplink = "isdn"; }' 'enabled = false; on_down = "any"; '
	replay a | jq -es 'all(.[]; .rule == "x" and .uplink == "cable" and .mark == "0x2")'
	run -0 explain --dport 80 --json
	jq -e '.rule == "x" and .uplink == "cable" and .group == null' <<<"$output"
	run -0 explain --dport 80
	[[ "$output" == *"isdn is disabled, and its on_down leads to cable"* ]]
	group_conf a "$MEMBERS" '{ name = "x"; uplink = "isdn"; }' 'enabled = false; on_down = "block"; failback = "all"; '
	run -0 explain --dport 80 --json
	jq -e '.rule == "x" and .uplink == null and .mark == "0x7d"' <<<"$output"
}

@test "an uplink that the daemon knows to be down or drained is explained by where its flows go" {
	group_conf a "$MEMBERS" '{ name = "x"; uplink = "isdn"; }' 'on_down = "cable"; '
	echo '{"ok": true, "data": [{"name": "isdn", "use": "lost"}, {"name": "cable", "use": "usable"}, {"use": 3}]}' \
		>"$DIR/uplinks.json"
	echo '{"ok": true, "data": null}' >"$DIR/guess.json"
	stand_in
	run -0 explain --dport 80
	[[ "$output" == *"isdn is down, and its on_down leads to cable"* ]]
	run -0 explain --dport 80 --no-daemon --json
	jq -e '.uplink == "isdn"' <<<"$output"
	group_conf a "$MEMBERS" '{ name = "x"; uplink = "isdn"; }' 'on_down = "block"; '
	echo '{"ok": true, "data": [{"name": "isdn", "use": "drained"}]}' >"$DIR/uplinks.json"
	run -0 explain --dport 80 --json
	jq -e '.uplink == null and .mark == "0x7d"' <<<"$output"
}

@test "explain shows who is in a group, and whom this flow takes" {
	group_conf a "$MEMBERS" "$ANY"
	run -0 explain --dport 80 --json
	jq -e '.rule == "all" and .uplink == "cable" and .mark == "0x2" and .group == "any" and .final and
		.members == [{uplink: "cable", weight: 3}, {uplink: "mail.out", weight: 1}, {uplink: "isdn", weight: 1}]' <<<"$output"
	run -0 explain --dport 80
	[[ "$output" =~ group\ +any ]]
	[[ "$output" == *"of group 'any' (cable 3, mail.out 1, isdn 1) it takes cable, by turn"* ]]
	group_conf a "policy = \"failover\"; $MEMBERS" "$VIDEO, $ANY"
	run -0 explain --dport 443 --no-daemon
	[[ "$output" == *"takes rule 'all' meanwhile: cable"* ]]
	[[ "$output" == *"of group 'any' (cable, mail.out, isdn) it takes cable, the first that is usable"* ]]
	conf a "$MAIL"
	run -0 explain --dport 25 --json
	jq -e '.group == null and .members == null' <<<"$output"
}

@test "a name that leads to a group is late as a group with a translating member is" {
	group_conf a "$MEMBERS" '{ name = "video"; match = { host = "video.example.net"; }; uplink = "any"; }'
	run -0 explain --dport 443 --host video.example.net --json
	jq -e '.uplink == "main" and .late == "learn" and .group == null and .next.uplink == "cable"' <<<"$output"
	run -0 explain --dport 443 --host video.example.net
	[[ "$output" == *"rule 'video' holds, which says group 'any'"*"keeps main"* ]]
}

@test "diff does not take turns for changes: flows of one group are the same whatever member they took" {
	group_conf a "$MEMBERS" "$ANY"
	group_conf b "$MEMBERS" "{ name = \"mine\"; match = { sport = 10007; }; uplink = \"isdn\"; }, $ANY"
	capture 1 1000
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --json "$DIR/many.pcap"
	jq -e 'map(.sport) == [10007] and .[0].new.rule == "mine"' <<<"$output"
	# a member less is a change for those that were on it
	group_conf b 'members = ( { uplink = "cable"; weight = 3; }, { uplink = "mail.out"; } );' "$ANY"
	run -1 "$WAYMARK" diff -c "$DIR/a" -c "$DIR/b" --json "$DIR/many.pcap"
	jq -e 'length > 150 and all(.[]; .old.uplink == "isdn")' <<<"$output"
}

# ---- names ----

@test "names sorts by name and client for people, and leaves the document as it is" {
	conf a "$VIDEO"
	cat >"$DIR/names.json" <<-'EOF'
		{"ok": true, "data": [
		 {"name": "video.example.net", "addresses": ["192.0.2.10"], "client": null, "ttl_s": 30, "source": "dns"},
		 {"name": "video.example.net", "addresses": ["192.0.2.10", "2001:db8::10"], "client": "10.0.0.3", "ttl_s": 4000, "source": "dns"},
		 {"name": "a\u001b[2J.example", "addresses": ["192.0.2.11"], "client": "10.0.0.2", "ttl_s": 60, "source": "tls-sni", "port": 443}]}
	EOF
	stand_in
	run -0 --separate-stderr "$WAYMARK" names -c "$DIR/a" --name example.net --client 10.0.0.3 --address 192.0.2.10
	jq -e '. == {command: "names", name: "example.net", client: "10.0.0.3", address: "192.0.2.10"}' "$DIR/request"
	[[ "${lines[0]}" =~ ^NAME\ +CLIENT\ +SOURCE\ +PORT\ +APPS\ +TTL\ +ADDRESSES$ ]]
	[[ "${lines[1]}" =~ ^a\?\[2J\.example\ +10\.0\.0\.2\ +tls-sni\ +443\ +-\ +1m\ 0s\ +192\.0\.2\.11$ ]]
	[[ "${lines[2]}" =~ ^video\.example\.net\ +10\.0\.0\.3\ +dns\ +-\ +-\ +1h\ 6m\ +192\.0\.2\.10,2001:db8::10$ ]]
	[[ "${lines[3]}" =~ ^video\.example\.net\ +any\ +dns\ +-\ +-\ +30s\ +192\.0\.2\.10$ ]]
	run -0 --separate-stderr "$WAYMARK" names -c "$DIR/a" --json
	jq -e 'map(.ttl_s) == [30, 4000, 60] and .[0].client == null' <<<"$output"
}

@test "names takes addresses only where an address belongs" {
	run -2 --separate-stderr "$WAYMARK" names --client nobody
	[ "$stderr" = "waymark: --client takes an address, not 'nobody'" ]
	run -2 --separate-stderr "$WAYMARK" names --address 192.0.2
	[ "$stderr" = "waymark: --address takes an address, not '192.0.2'" ]
	run -2 --separate-stderr "$WAYMARK" names --limit 0
	run -2 --separate-stderr "$WAYMARK" names extra
	[ "$stderr" = "waymark: 'names' does not take 'extra'" ]
}

# ---- replay --apps ----

@test "replay --apps shows of each unknown port how its flows begin, and a pattern made of that knows them" {
	conf a ""
	run -0 --separate-stderr "$WAYMARK" replay -c "$DIR/a" --apps --json "$PCAPS/pattern/in.pcap" "$PCAPS/smtp/in.pcap"
	printf '%s\n' "$output" >"$DIR/before"
	jq -e '(.known | any(.app == "smtp" and .flows == 2 and .packets == 48)) and
		([.unknown[] | select(.port == 7777)] | length == 1 and (.[0] | .proto == "tcp" and .first == "client"))' "$DIR/before"
	flows=$("$WAYMARK" replay -c "$DIR/a" --json "$PCAPS/pattern/in.pcap" "$PCAPS/smtp/in.pcap" | jq -s length)
	jq -e --argjson flows "$flows" '([.known[], .unknown[]] | map(.flows) | add) +
		.silent + .midstream + .not_inspected == $flows' "$DIR/before"
	mkdir "$DIR/patterns"
	sed -i "s|rules_dir = .*|rules_dir = \"$DIR/patterns\";|" "$DIR/a"
	{
		echo mystery
		jq -r '[.unknown[] | select(.port == 7777)][0].samples[0].client | gsub("(?<b>..)"; "\\x\(.b)") | "^" + .[0:16]' "$DIR/before"
		echo "waymark bytes=raw"
	} >"$DIR/patterns/mystery.pat"
	run -0 --separate-stderr "$WAYMARK" replay -c "$DIR/a" --apps --json "$PCAPS/pattern/in.pcap" "$PCAPS/smtp/in.pcap"
	jq -e '.known | any(.app == "mystery" and .flows >= 1)' <<<"$output"
	run -0 --separate-stderr "$WAYMARK" replay -c "$DIR/a" --apps "$PCAPS/pattern/in.pcap"
	[[ ${lines[0]} =~ ^app\ +flows\ +packets\ +bytes$ ]]
	[[ ${lines[1]} =~ ^mystery\  ]]
	run -2 --separate-stderr "$WAYMARK" replay -c "$DIR/a" --apps --packets "$PCAPS/pattern/in.pcap"
	[ "$stderr" = "waymark: replay takes --apps or --packets, not both" ]
}
