#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Connections that come in by an uplink are answered by it, in the kernel, without a queue; ICMP
# errors change no mark; a flow on a NATed line stays there when main's default moves away.
#
# Whoever asks has an address that no uplink's network holds. Main alone would answer everything
# by its default, and a strict rp_filter would let nothing in by any other line.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 53 7777
	lab_spawn forwarded "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" serve \
		--udp $LAB_CLIENT4 --udp $LAB_CLIENT6 8080
	local interface own=()
	for interface in $LAB_UPLINKS; do
		own+=(--udp "${LAB_UP4[$interface]}" --udp "${LAB_UP6[$interface]}")
	done
	lab_spawn service "$LAB_ROUTER" $LAB_PYTHON "$LAB_PROGRAMS" serve "${own[@]}" 9090
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
}
teardown() {
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		rp_filter 2 0
		on_router iptables -w -t nat -F PREROUTING
		on_router ip6tables -w -t nat -F PREROUTING
		lab_main_default wan1
	fi
}

# On every interface of the router; the kernel takes the larger of `all` and the interface's own,
# and of src_valid_mark either.
rp_filter() { # RP_FILTER SRC_VALID_MARK
	local interface settings=()
	for interface in all default lo lan $LAB_UPLINKS; do
		settings+=("net/ipv4/conf/$interface/rp_filter=$1" "net/ipv4/conf/$interface/src_valid_mark=0")
	done
	lab_sysctl "$LAB_ROUTER" "${settings[@]}" "net/ipv4/conf/all/src_valid_mark=$2"
}

forward_ports() {
	local interface proto
	for interface in $LAB_UPLINKS; do
		for proto in tcp udp; do
			on_router iptables -w -t nat -A PREROUTING -i $interface -p $proto --dport 8080 \
				-j DNAT --to $LAB_CLIENT4
			on_router ip6tables -w -t nat -A PREROUTING -i $interface -p $proto --dport 8080 \
				-j DNAT --to $LAB_CLIENT6
		done
	done
}

# ask UPLINK PORT [udp]: from the outside, both families; the talks' names are added to TALKS.
ask() {
	local interface=$1 port=$2 proto=${3:-tcp} family name
	local -A to=([4]=${LAB_UP4[$interface]} [6]=${LAB_UP6[$interface]})
	local -A from=([4]=$LAB_OUTSIDE4 [6]=$LAB_OUTSIDE6)
	for family in 4 6; do
		name=talk-$interface-$port-$proto$family
		lab_talk_spawn "$name" "$LAB_NET" "${to[$family]}" "$port" --source "${from[$family]}" \
			${3:+--$proto}
		TALKS+=("$name")
	done
}

# Everything at once, by all uplinks: port forwards and the router's own services, TCP, UDP and ping,
# IPv4 and IPv6. Each is answered, by the line that it was asked on, and no queue sees a packet.
all_are_answered() {
	local interface name before
	TALKS=()
	before=$(lab_queued)
	lab_capture_uplinks
	for interface in $LAB_UPLINKS; do
		ask "$interface" 8080
		ask "$interface" 8080 udp
		ask "$interface" 9090
		ask "$interface" 9090 udp
	done
	lab_talks_live 5 "${TALKS[@]}"
	for interface in $LAB_UPLINKS; do
		on_net ping -q -c 2 -i 0.2 -W 3 -I $LAB_OUTSIDE4 "${LAB_UP4[$interface]}"
		on_net ping -q -c 2 -i 0.2 -W 3 -I $LAB_OUTSIDE6 "${LAB_UP6[$interface]}"
	done
	for name in "${TALKS[@]}"; do
		lab_talk_end "$name"
	done
	lab_capture_uplinks_stop
	(($(lab_queued) == before))
	each_left_by_its_own
}

each_left_by_its_own() {
	local interface address
	for interface in $LAB_UPLINKS; do
		for address in "${LAB_UP4[$interface]}" "${LAB_UP6[$interface]}"; do
			lab_left_by "$interface" "src host $address and tcp src port 8080"
			lab_left_by "$interface" "src host $address and udp src port 8080"
			lab_left_by "$interface" "src host $address and tcp src port 9090"
			lab_left_by "$interface" "src host $address and udp src port 9090"
		done
		lab_left_by "$interface" "src host ${LAB_UP4[$interface]} and icmp[0] == 0"
		lab_left_by "$interface" "src host ${LAB_UP6[$interface]} and icmp6 and ip6[40] == 129"
	done
}

@test "complaint 19: replies to port forwards leave by the default uplink" {
	# what is complained of: without us the answer to wan2 leaves by wan1
	forward_ports
	lab_capture_uplinks
	lab_talk talk-before "$LAB_NET" "${LAB_UP4[wan2]}" 8080 --source $LAB_OUTSIDE4
	lab_talk_end talk-before
	lab_capture_uplinks_stop
	lab_left_by wan1 "src host ${LAB_UP4[wan2]} and tcp src port 8080"
	on_router conntrack -F
	lab_waymarkd
	all_are_answered # rp_filter is 2: loose
	lab_main_default wan2
	all_are_answered
}

@test "complaint 13: strict rp_filter drops the replies, and does not where src_valid_mark is set" {
	rp_filter 1 0
	forward_ports
	lab_waymarkd
	# by main's default they come; so does what the router itself is asked, by the rule for its
	# address; what has another destination inside does not
	lab_talk talk1 "$LAB_NET" "${LAB_UP4[wan1]}" 8080 --source $LAB_OUTSIDE4
	lab_talk_end talk1
	run -1 lab_talk talk2 "$LAB_NET" "${LAB_UP4[wan2]}" 8080 --source $LAB_OUTSIDE4 --timeout 1
	on_net ping -q -c 1 -W 2 -I $LAB_OUTSIDE4 "${LAB_UP4[wan2]}"
	run -1 lab_talk talk3 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --timeout 1
	# the mark is on the packet before it is routed: with it, the kernel asks for the uplink's table
	rp_filter 1 1
	all_are_answered
	lab_main_default wan2
	all_are_answered
}

@test "with rp_filter 0 each is answered by its uplink too" {
	rp_filter 0 0
	forward_ports
	lab_main_default ppp0
	lab_waymarkd
	all_are_answered
}

@test "with chains of iptables-legacy, strict: each is answered by its uplink too" {
	printf 'firewall = { command = "iptables-legacy"; };\n' >>"$LAB_CONF"
	rp_filter 1 1
	forward_ports
	lab_waymarkd
	on_router iptables-legacy-save -t mangle | grep -q WAYMARK
	all_are_answered
}

@test "strict rp_filter and src_valid_mark: what goes out by any uplink is answered, local and forwarded" {
	rp_filter 1 1
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp
	lab_talk talk2 "$LAB_ROUTER" $LAB_ECHO4 7777 --udp
	lab_talk talk3 "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_lives talk1
	lab_talk_lives talk2
	lab_talk_end talk1
	lab_talk_end talk2
	lab_talk_end talk3
	lab_capture_uplinks_stop
	lab_left_by ppp0 udp dst port 7777
	lab_left_by wan1 tcp dst port 7777
}

@test "one client asks one port forward by two uplinks at once, from one source port" {
	forward_ports
	lab_waymarkd
	lab_capture_uplinks
	local proto
	for proto in '' --udp; do
		lab_talk talk-ppp0 "$LAB_NET" "${LAB_UP4[ppp0]}" 8080 --source $LAB_OUTSIDE4 --sport 44000 \
			$proto
		lab_talk talk-wan2 "$LAB_NET" "${LAB_UP4[wan2]}" 8080 --source $LAB_OUTSIDE4 --sport 44000 \
			$proto
		lab_talks_live 5 talk-ppp0 talk-wan2
		lab_talk_end talk-ppp0
		lab_talk_end talk-wan2
	done
	lab_capture_uplinks_stop
	lab_left_by ppp0 "src host ${LAB_UP4[ppp0]} and src port 8080"
	lab_left_by wan2 "src host ${LAB_UP4[wan2]} and src port 8080"
}

# Without a default in main no line leads to a stranger, and a loose rp_filter refuses it as well,
# unless the mark counts.
@test "without any default in main what comes in is answered all the same" {
	rp_filter 2 1
	forward_ports
	on_router ip route del default
	on_router ip -6 route del default
	lab_waymarkd
	all_are_answered
}

connmark_is() { # DPORT VALUE
	[[ $(lab_conntrack -p udp --dport "$1") == *" mark=$2 "* ]]
}

@test "an ICMP error about a flow changes no mark" {
	lab_waymarkd
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
	lab_waymarkd
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
	lab_server_echo 53 7777
}

@test "a main default that changes mid-flow does not break flows pinned to a NATed line" {
	lab_waymarkd
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

@test "nor does it break DNS, which is looked at as long as it lasts" {
	lab_conf nat <<-END
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 53
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO6 53 --udp
	lab_flow '.dport == 53 and .proto == "tcp"' | jq -e '.state == "final" and .mark == "0x7f"'
	lab_main_default wan2
	lab_talk_lives talk1 20
	lab_talk_lives talk2 20
	lab_talk_end talk1
	lab_talk_end talk2
	lab_capture_uplinks_stop
	lab_left_by wan1 "src host ${LAB_UP4[wan1]} and tcp dst port 53"
	lab_left_by wan1 "src host ${LAB_UP6[wan1]} and udp dst port 53"
}
