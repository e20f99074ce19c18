#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Replay of a capture decides as the live run of the same traffic did: rule, uplink, mark, app
# and host of every flow.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_smtp 25
	lab_server_web video.example.net news.example.net www.example.net
	lab_server_ssh
	lab_server_dns
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

fetch() { # NAME ADDRESS SCHEME
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "$1:443:$(lab_literal "$2")" --resolve "$1:80:$(lab_literal "$2")" "$3://$1/"
}

mail() { # ADDRESS
	on_client swaks --silent 2 --timeout 10 --server "$1" --to a@example.org --from b@example.org
}

# Flow by flow: who, then what was decided. Live, a flow is looked at until its verdict, in a
# replay until its end: so what the daemon never saw (app, host) is left out on both sides.
decisions() { # THIS LIVE
	jq -rn --slurpfile this "$1" --slurpfile live "$2" '
		def who: "\(.proto) \(.src) \(.sport) \(.dst) \(.dport)";
		($live | flatten | map({ (who): . }) | add) as $known |
		$this | flatten | map(select(.proto | startswith("icmpv6") | not) |
			$known[who] as $l |
			"\(who): rule \(.rule) uplink \(.uplink) mark \(.mark)" +
			(if $l.app then " app \(.app)" else "" end) +
			(if $l.host then " host \(.host)" else "" end)) | sort | .[]'
}

@test "replay equals live for every flow of a mixed run" {
	lab_conf <<-END
		rules = (
		  { name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; },
		  { name = "interactive"; match = { tos = "lowdelay"; }; uplink = "isdn"; },
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "cable"; late = "move"; },
		  { name = "news"; match = { host = "=news.example.net"; }; uplink = "isdn"; late = "learn"; },
		  { name = "ssh"; match = { app = "ssh"; }; uplink = "mail.out"; late = "move"; },
		  { name = "acme"; match = { payload = "^ACME/[0-9]"; }; mark = 7; },
		  { name = "dns"; match = { proto = ["udp", "tcp"]; dport = 53; }; uplink = "main"; },
		  { name = "web"; match = { proto = "tcp"; dport = [80, 443]; }; uplink = "isdn"; }
		);
	END
	lab_capture lan "$LAB_ROUTER" lan "ip or ip6"
	lab_waymarkd
	local address
	for address in $LAB_SMTP4 $LAB_SMTP6; do
		mail $address
	done
	for address in $LAB_WEB4 $LAB_WEB6; do
		fetch video.example.net $address https
		fetch news.example.net $address https
		fetch www.example.net $address https
		fetch video.example.net $address http
		fetch www.example.net $address http
	done
	lab_ssh $LAB_SSH4 true
	lab_ssh $LAB_SSH6 true
	for address in $LAB_DNS4 $LAB_DNS6; do
		on_client dig +time=3 +tries=1 +short @$address www.example.net
		on_client dig +tcp +time=3 +tries=1 +short @$address news.example.net
	done
	on_client ping -q -c 2 -i 0.2 -W 3 $LAB_ECHO4
	on_client ping -q -c 2 -i 0.2 -W 3 -Q 0x10 $LAB_WEB4
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'ACME/1\n'
	lab_talk_lives talk 30
	lab_talk_end talk
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO6 7 --udp
	lab_talk_lives talk 30
	lab_talk_end talk
	waymark flows -c "$LAB_CONF" --json >"$LAB_DIR/live.json"
	lab_capture_stop lan
	waymark replay -c "$LAB_CONF" --json "$LAB_DIR/pcap/lan.pcap" >"$LAB_DIR/replay.json"
	decisions "$LAB_DIR/live.json" "$LAB_DIR/live.json" >"$LAB_DIR/live"
	decisions "$LAB_DIR/replay.json" "$LAB_DIR/live.json" >"$LAB_DIR/replay"
	cat "$LAB_DIR/live"
	(($(wc -l <"$LAB_DIR/live") >= 20))
	diff "$LAB_DIR/live" "$LAB_DIR/replay"
}
