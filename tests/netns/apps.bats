#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What flows turned out to be: real connections of a protocol that nobody knows show up by port, with
# their first bytes; a pattern written from them knows the next one.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_web www.example.net
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

apps() {
	waymark stats -c "$LAB_CONF" --apps --json
}

apps_say() { # JQ-CONDITION
	apps | jq -e "$1"
}

# exchange ADDRESS PORT FIRST [option...]: one whole connection that says FIRST first
exchange() {
	local address=$1 port=$2 first=$3
	shift 3
	on_client $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/exchange" --count 2 --interval 0 \
		--first "$first" "$@" "$address" "$port"
}

by_app() { # [more of waymark.conf]
	lab_conf <<-END
		$*
		rules = ( { name = "mail"; match = { app = ["smtp", "mystery"]; }; uplink = "mail.out"; } );
	END
	printf 'mystery\n^never said\n' >"$LAB_DIR/rules.d/mystery.pat"
}

@test "an unknown protocol shows by port how it begins, and a pattern written from that knows the next flow" {
	by_app
	lab_waymarkd
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "www.example.net:443:$LAB_WEB4" https://www.example.net/
	exchange $LAB_ECHO4 7777 'MYST\x01\x02one\n'
	exchange $LAB_ECHO4 7777 'MYST\x02\x02two\n'
	exchange $LAB_ECHO6 7777 'MYST\x03\x02six\n'
	exchange $LAB_ECHO4 7 'datagram\n' --udp
	wait_until 5 apps_say '[.unknown[].flows] | add == 4'
	apps >"$LAB_DIR/apps.json"
	cat "$LAB_DIR/apps.json"
	jq -e '.inspects and (.known | any(.app == "tls" and .flows == 1)) and
		(.unknown[0] | .proto == "tcp" and .port == 7777 and .first == "client" and .flows == 3 and .bytes > 0) and
		(.unknown[1] | .proto == "udp" and .port == 7 and .flows == 1)' "$LAB_DIR/apps.json"
	jq -re '.unknown[0].common.client' "$LAB_DIR/apps.json" >"$LAB_DIR/pattern"
	cat "$LAB_DIR/pattern"
	grep -q '^^MYST\.\\x02' "$LAB_DIR/pattern"
	waymark stats -c "$LAB_CONF" --apps | grep -q '4d595354 03027369 780a.*|MYST..six.'

	printf 'mystery\n%s\nwaymark bytes=raw\n' "$(<"$LAB_DIR/pattern")" >"$LAB_DIR/rules.d/mystery.pat"
	waymark reload -c "$LAB_CONF"
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'MYST\x04\x02new\n'
	wait_until 5 apps_say '.known | any(.app == "mystery" and .flows == 1)'
	lab_talk_end talk
	lab_flow '.dport == 7777 and .app == "mystery"' | jq -e '.rule == "mail"'
	apps_say '.unknown[0].flows == 3'
}

@test "two workers tell of the flows of both" {
	by_app 'queue = { count = 2; };'
	lab_waymarkd
	local last
	for last in {101..112}; do
		exchange 192.0.2.$last 7777 "MYST\\x01\\x02$last\\n"
	done
	wait_until 5 apps_say '[.unknown[].flows] | add == 12'
	apps_say '.unknown | length == 1 and (.[0].samples | map(.flows) | add) == 12 and
		(.[0].common.client | startswith("^MYST\\x01\\x021"))'
	waymark status -c "$LAB_CONF" --json | jq -e '.queues | length == 2 and all(.[]; .packets > 0)'
}

@test "rules by headers alone inspect nothing, and stats --apps says so" {
	lab_conf <<-END
		rules = ( { name = "seven"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	exchange $LAB_ECHO4 7777 'MYST\n'
	exchange $LAB_ECHO4 7778 'MYST\n'
	wait_until 5 apps_say '.not_inspected >= 2'
	apps_say '(.inspects | not) and .known == [] and .unknown == []'
	waymark stats -c "$LAB_CONF" --apps >"$LAB_DIR/said"
	cat "$LAB_DIR/said"
	grep -qx 'no rule looks at payload, so nothing is inspected' "$LAB_DIR/said"
}

@test "a flow that a header rule decides is counted, not doubted" {
	lab_conf <<-END
		rules = ( { name = "seven"; match = { dport = 7777; }; uplink = "mail.out"; },
		  { name = "mail"; match = { app = "smtp"; }; uplink = "isdn"; } );
	END
	lab_waymarkd
	exchange $LAB_ECHO4 7777 'MYST\n'
	exchange $LAB_ECHO4 7778 'MYST\n'
	wait_until 5 apps_say '.unknown | length == 1'
	apps_say '.unknown[0].port == 7778 and .not_inspected == 1'
}

@test "a pattern that costs too much is named by stats, by its app, file and line" {
	lab_conf <<-END
		rules = ( { name = "x"; match = { app = "costly"; }; uplink = "mail.out"; },
		  { name = "y"; match = { payload = "^(a|aa|aaa)*\$never"; }; uplink = "isdn"; } );
	END
	printf '# a comment\ncostly\n^(x|xx|xxx)*$\n' >"$LAB_DIR/rules.d/costly.pat"
	lab_waymarkd
	exchange $LAB_ECHO4 7777 "$(printf 'x%.0s' {1..600})!"
	exchange $LAB_ECHO4 7777 "$(printf 'a%.0s' {1..600})!"
	waymark stats -c "$LAB_CONF" --json | jq '[.patterns[] | select(.limit_hits > 0)]' >"$LAB_DIR/hits"
	cat "$LAB_DIR/hits"
	jq -e --arg file "$LAB_DIR/rules.d/costly.pat" --arg conf "$LAB_CONF" '
		any(.[]; .app == "costly" and .file == $file and .line == 3) and
		any(.[]; .app == null and .file == $conf)' "$LAB_DIR/hits"
	waymark stats -c "$LAB_CONF" | grep -q 'costly.*costly\.pat'
}
