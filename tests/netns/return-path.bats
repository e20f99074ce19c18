#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Connections that come in by an uplink are answered by it; ICMP errors change no mark; a flow on
# a NATed line stays there when main's default moves away.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7777
	lab_spawn forwarded "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" serve --udp $LAB_CLIENT4 8080
	lab_spawn service "$LAB_ROUTER" $LAB_PYTHON "$LAB_PROGRAMS" serve 9090
	wait_until 5 on_client socat -u OPEN:/dev/null TCP:127.0.0.1:8080
	wait_until 5 on_router socat -u OPEN:/dev/null TCP:127.0.0.1:9090
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf nat <<-END
		rules = (
		  { name = "steered"; match = { proto = "udp"; dport = [9, 7777]; }; uplink = "mail.out"; }
		);
	END
	lab_waymarkd
}
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || lab_main_default wan1
}

forward_ports() {
	local interface
	for interface in $LAB_UPLINKS; do
		on_router iptables -w -t nat -A PREROUTING -i $interface -p tcp --dport 8080 -j DNAT --to $LAB_CLIENT4
		on_router iptables -w -t nat -A PREROUTING -i $interface -p udp --dport 8080 -j DNAT --to $LAB_CLIENT4
		on_router ip6tables -w -t nat -A PREROUTING -i $interface -p tcp --dport 8080 -j DNAT --to $LAB_CLIENT6
	done
}

# Complaint 19: replies to port forwards leave by the default uplink.
@test "a port forward on each uplink is answered by it" {
	forward_ports
	lab_capture_uplinks
	local interface
	for interface in $LAB_UPLINKS; do
		lab_talk talk "$LAB_NET" "${LAB_UP4[$interface]}" 8080
		lab_talk_end talk
		lab_talk talk "$LAB_NET" "${LAB_UP4[$interface]}" 8080 --udp
		lab_talk_end talk
		lab_talk talk "$LAB_NET" "${LAB_UP6[$interface]}" 8080
		lab_talk_end talk
	done
	lab_capture_uplinks_stop
	on_router iptables -w -t nat -F PREROUTING
	on_router ip6tables -w -t nat -F PREROUTING
	for interface in $LAB_UPLINKS; do
		lab_left_by "$interface" "src host ${LAB_UP4[$interface]} and tcp src port 8080"
		lab_left_by "$interface" "src host ${LAB_UP4[$interface]} and udp src port 8080"
		lab_left_by "$interface" "src host ${LAB_UP6[$interface]} and tcp src port 8080"
	done
}

@test "a service of the router's own is answered by the uplink that it was asked on" {
	lab_capture_uplinks
	local interface
	for interface in $LAB_UPLINKS; do
		lab_talk talk "$LAB_NET" "${LAB_UP4[$interface]}" 9090
		lab_talk_end talk
		lab_talk talk "$LAB_NET" "${LAB_UP6[$interface]}" 9090
		lab_talk_end talk
	done
	lab_capture_uplinks_stop
	for interface in $LAB_UPLINKS; do
		lab_left_by "$interface" "src host ${LAB_UP4[$interface]} and tcp src port 9090"
		lab_left_by "$interface" "src host ${LAB_UP6[$interface]} and tcp src port 9090"
	done
}

@test "an inbound connection is never queued" {
	forward_ports
	local before
	before=$(lab_queued)
	lab_talk talk "$LAB_NET" "${LAB_UP4[wan2]}" 8080
	lab_talk_end talk
	on_router iptables -w -t nat -F PREROUTING
	(($(lab_queued) == before))
}

connmark_is() { # DPORT VALUE
	[[ $(lab_conntrack -p udp --dport "$1") == *" mark=$2 "* ]]
}

@test "an ICMP error about a flow changes no mark" {
	lab_capture_uplinks
	# port 9 is closed: each datagram is answered by port unreachable
	local i
	for i in 1 2 3; do
		on_client socat -u - "UDP:$LAB_ECHO4:9,sourceport=40009" <<<"x" || true
	done
	wait_until 3 connmark_is 9 1
	lab_capture_uplinks_stop
	(($(lab_captured ppp0 'icmp[0] == 3') >= 1))
	lab_left_by ppp0 udp dst port 9
	connmark_is 9 1
}

@test "an ICMP error of the inside about a steered flow changes no mark" {
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --sport 40777
	lab_talk_lives talk
	lab_stop talk KILL
	wait_until 3 connmark_is 7777 1
	# a late answer meets a closed port: the client's error goes back to the server
	local sport
	sport=$(lab_conntrack -p udp --dport 7777 | sed -n 's/.* sport=7777 dport=\([0-9]*\).*/\1/p' | head -n 1)
	lab_capture_uplinks
	on_net socat -u - "UDP-SENDTO:${LAB_UP4[ppp0]}:$sport,bind=$LAB_ECHO4:7778" <<<"x" || true
	lab_stop echo
	on_net socat -u - "UDP-SENDTO:${LAB_UP4[ppp0]}:$sport,bind=$LAB_ECHO4:7777" <<<"late"
	seen() { (($(lab_captured ppp0 "icmp[0] == 3 and src host ${LAB_UP4[ppp0]}") > 0)); }
	wait_until 3 seen
	lab_capture_uplinks_stop
	connmark_is 7777 1
	lab_server_echo 7777
}

@test "a main default that changes mid-flow does not break flows pinned to a NATed line" {
	lab_capture_uplinks
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO6 7777
	lab_talk talk3 "$LAB_ROUTER" $LAB_ECHO4 7777
	lab_main_default wan2
	lab_talk_lives talk1 20
	lab_talk_lives talk2 20
	lab_talk_lives talk3 20
	lab_talk talk4 "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk1
	lab_talk_end talk2
	lab_talk_end talk3
	lab_talk_end talk4
	lab_capture_uplinks_stop
	lab_left_by wan1 "src host ${LAB_UP4[wan1]} and tcp dst port 7777"
	lab_left_by wan1 "src host ${LAB_UP6[wan1]} and tcp dst port 7777"
	lab_left_by wan2 "src host ${LAB_UP4[wan2]} and tcp dst port 7777"
}
