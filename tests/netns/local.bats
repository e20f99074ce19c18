#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Traffic of the router itself (OUTPUT) follows the same rules.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_nat $LAB_UPLINKS
	lab_server_smtp 25
	lab_server_web video.example.net news.example.net
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

local_policy() {
	lab_conf nat <<-END
		rules = (
		  { name = "outgoing-mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; },
		  { name = "interactive"; match = { tos = "lowdelay"; }; uplink = "isdn"; },
		  { name = "nobody"; match = { hook = "output"; uid = 65534; }; uplink = "isdn"; }
		);
	END
	lab_waymarkd
}

@test "the router's own mail leaves by mail.out and completes" {
	local_policy
	lab_capture_uplinks
	on_router swaks --silent 2 --timeout 10 --server $LAB_SMTP4 --to a@example.org --from b@example.org
	on_router swaks --silent 2 --timeout 10 --server $LAB_SMTP6 --to a@example.org --from b@example.org
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp port 25
	(($(lab_captured ppp0 ip6 and tcp port 25) > 5))
}

@test "the router's own TOS low delay takes the third uplink, the rest main" {
	local_policy
	lab_capture_uplinks
	lab_talk talk1 "$LAB_ROUTER" $LAB_ECHO4 7777 --udp --tos 0x10
	lab_talk talk2 "$LAB_ROUTER" $LAB_ECHO4 7
	lab_talk_lives talk1
	lab_talk_lives talk2
	lab_talk_end talk1
	lab_talk_end talk2
	on_router ping -q -c 2 -i 0.2 -W 3 -Q 0x10 $LAB_WEB4
	lab_capture_uplinks_stop
	lab_left_by wan2 dst port 7777
	lab_left_by wan1 dst port 7
	lab_left_by wan2 "icmp and dst host $LAB_WEB4"
}

@test "a rule for one user's processes" {
	local_policy
	lab_capture_uplinks
	on_router setpriv --reuid 65534 --clear-groups curl -sS --max-time 10 http://$LAB_WEB4/
	on_router curl -sS --max-time 10 http://$LAB_WEB4:80/
	lab_capture_uplinks_stop
	(($(lab_captured wan2 tcp port 80) > 3))
	(($(lab_captured wan1 tcp port 80) > 3))
}

@test "the router's own connection by name moves where there is no NAT" {
	lab_conf <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "isdn"; late = "move"; }
		);
	END
	on_router iptables -w -t nat -F
	lab_waymarkd
	lab_capture_uplinks
	on_router curl -sS --max-time 10 --interface $LAB_ROUTER4 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve video.example.net:443:$LAB_WEB4 https://video.example.net/
	lab_capture_uplinks_stop
	lab_nat $LAB_UPLINKS
	(($(lab_captured wan2 tcp dst port 443) > 3))
	lab_flow '.dport == 443' | jq -e '.rule == "video" and .uplink == "isdn"'
}

@test "complaint 7: a VPN's own marked packets are re-marked: what its owner has marked keeps its way" {
	lab_conf nat <<-END
		rules = ( { name = "all"; match = { }; uplink = "isdn"; } );
	END
	on_router ip rule add priority 100 fwmark 0x100000/0x100000 lookup main
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_ROUTER" $LAB_ECHO4 7777 --udp --mark 0x100000
	lab_talk_lives talk
	lab_talk_end talk
	lab_capture_uplinks_stop
	on_router ip rule del priority 100
	lab_left_by wan1 dst port 7777
}

@test "complaint 6: a renewal leaves by the wrong uplink: a socket bound to an address leaves by its uplink" {
	lab_conf nat <<-END
		rules = ( { name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	local interface
	for interface in ppp0 wan2; do
		lab_talk talk "$LAB_ROUTER" $LAB_ECHO4 7777 --udp --source "${LAB_UP4[$interface]}"
		lab_talk_end talk
		lab_talk talk "$LAB_ROUTER" $LAB_ECHO6 7777 --udp --source "${LAB_UP6[$interface]}"
		lab_talk_end talk
	done
	lab_capture_uplinks_stop
	lab_left_by ppp0 "src host ${LAB_UP4[ppp0]} and dst port 7777"
	lab_left_by wan2 "src host ${LAB_UP4[wan2]} and dst port 7777"
	lab_left_by ppp0 "src host ${LAB_UP6[ppp0]} and dst port 7777"
	lab_left_by wan2 "src host ${LAB_UP6[wan2]} and dst port 7777"
}
