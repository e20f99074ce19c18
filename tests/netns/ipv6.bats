#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The classic policy over IPv6, and names told apart by SNI.

load lab.bash
load classic.bash
FAMILY=6

setup_file() {
	lab_file tun || return 0
	classic_lab
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

@test "IPv6: fwmark 1 leads to table 201, which has the default" {
	classic_daemon
	on_router ip -6 rule show | grep -E 'from all fwmark 0x1/0x7f lookup (201|mail.out) proto 87'
	on_router ip -6 route show table 201 | grep '^default dev ppp0 proto 87'
}

@test "IPv6: TCP port 25 leaves by mail.out" {
	classic_daemon
	classic_mail
}

@test "IPv6: everything else leaves by main" {
	classic_daemon
	classic_rest
}

@test "IPv6: an excepted host goes by main" {
	classic_daemon
	classic_exception
}

@test "IPv6: low delay takes the third uplink" {
	classic_daemon
	lab_capture_uplinks
	on_client ping -q -c 2 -i 0.2 -W 3 -Q 0x10 $LAB_ECHO6
	lab_capture_uplinks_stop
	lab_left_by wan2 "dst host $LAB_ECHO6"
}

@test "IPv6: with MASQUERADE on every uplink each connection completes" {
	classic_daemon
	classic_all_complete
}

@test "IPv6: two names on one address are told apart by SNI" {
	lab_conf <<-END
		rules = (
		  { name = "net"; match = { host = "www.example.net"; }; uplink = "isdn"; late = "move"; }
		);
	END
	on_router ip6tables -w -t nat -F
	lab_waymarkd
	lab_capture_uplinks
	classic_curl
	lab_capture_uplinks_stop
	lab_nat $LAB_UPLINKS
	# the handshake by main, and everything from the ClientHello on by the third uplink
	(($(lab_captured wan2 "dst host $LAB_WEB6") > 3))
	lab_flow '.dport == 443' | jq -e '.rule == "net" and .uplink == "isdn" and .host == "www.example.net"
		and .mark == "0x3"'
}

@test "also: neighbour discovery and router advertisements stay unmarked" {
	lab_conf <<-END
		rules = ( { name = "all"; match = { }; uplink = "isdn"; } );
	END
	on_router ip6tables -w -t mangle -A POSTROUTING -p icmpv6 --icmpv6-type neighbour-solicitation -m mark ! --mark 0
	lab_waymarkd
	on_router ip -6 neigh flush dev wan1
	on_router ip -6 neigh flush dev lan
	on_client ping -q -c 1 -W 3 $LAB_ECHO6
	on_router ping -q -c 1 -W 3 "${LAB_GW6[wan1]}"
	[[ $(on_router ip6tables -w -t mangle -vnxL POSTROUTING | awk '/ipv6-icmp/ { n += $1 } END { print n + 0 }') == 0 ]]
}
