#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Groups of uplinks: weights, stickiness, and members that come and go, live.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7777
	# the flood ends at the far side of the router
	on_net iptables -w -t raw -A PREROUTING -p udp --dport 20000:60000 -j DROP
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || lab_line_again ppp0 wan2
}

# policy "keys of the group"
policy() {
	lab_conf nat <<-END
		groups = ( { name = "any"; $1
		  members = ( { uplink = "cable"; weight = 3; }, { uplink = "mail.out"; weight = 1; }, { uplink = "isdn"; weight = 1; } ); } );
		rules = (
		  { name = "balanced"; match = { proto = "udp"; }; uplink = "any"; },
		  { name = "talks"; match = { dport = 7777; }; uplink = "any"; }
		);
	END
	lab_waymarkd
}

# flood COUNT: as many new flows; how many left by each uplink, in shares[INTERFACE], and all in total.
# The router's own counters tell: a capture loses packets at this pace.
flood() {
	local interface
	declare -gA shares=()
	declare -g total=0
	for interface in $LAB_UPLINKS; do
		on_router iptables -w -A FORWARD -o "$interface" -p udp --dport 20000:60000
	done
	on_client $LAB_PYTHON "$LAB_PROGRAMS" flood 192.0.2.0 "$1"
	wait_until 10 queues_empty
	for interface in $LAB_UPLINKS; do
		shares[$interface]=$(on_router iptables -w -nvxL FORWARD |
			awk -v by="$interface" '$6 == by || $7 == by { n = $1 } END { print n + 0 }')
		total=$((total + shares[$interface]))
	done
	on_router iptables -w -F FORWARD
	echo "# $BATS_TEST_DESCRIPTION: wan1 ${shares[wan1]} ppp0 ${shares[ppp0]} wan2 ${shares[wan2]} of $total" >&3
}

queues_empty() {
	on_router awk '{ n += $3 } END { exit n != 0 }' /proc/net/netfilter/nfnetlink_queue
}

# share INTERFACE PERCENT: within two of a hundred of all flows
share() {
	awk -v have="${shares[$1]}" -v total="$total" -v want="$2" 'BEGIN { off = have * 100 / total - want; exit !(off <= 2 && off >= -2) }'
}

@test "weights 3:1:1 are honoured within 2% over 10 000 flows" {
	policy 'policy = "weighted";'
	flood 10000
	((total >= 9900))
	share wan1 60
	share ppp0 20
	share wan2 20
}

# As many connections, one after another; each gets back what it says.
connections() { # COUNT
	on_client $LAB_PYTHON -I -c '
import socket, sys
for i in range(int(sys.argv[1])):
    with socket.create_connection((sys.argv[2], 7777), 10) as s:
        s.sendall(b"hello\n")
        assert s.recv(6, socket.MSG_WAITALL) == b"hello\n"
' "$1" "$LAB_ECHO4"
}

# of the connections that the daemon knows, by uplink
shares_of_connections() {
	waymark flows -c "$LAB_CONF" --json |
		jq -c 'map(select(.rule == "talks")) | group_by(.uplink) | map({(.[0].uplink): length}) | add'
}

@test "connections share a weighted group, and each is whole" {
	policy 'policy = "weighted";'
	connections 200
	shares_of_connections | jq -e '(.cable - 120 | fabs) <= 4 and (.["mail.out"] - 40 | fabs) <= 4 and (.isdn - 40 | fabs) <= 4'
}

@test "a disabled member is left out" {
	policy 'policy = "failover";'
	connections 10
	shares_of_connections | jq -e '. == {cable: 10}'
	sed -i '/name = "cable"/s/interface/enabled = false; interface/' "$LAB_CONF"
	waymark reload -c "$LAB_CONF"
	connections 10
	shares_of_connections | jq -e '.["mail.out"] == 10'
}

@test "a member that goes down is shared out by weight, and one that returns is used again" {
	policy 'policy = "weighted";'
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40001
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40002
	lab_talk talk3 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40003
	lab_talk talk4 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40004
	local by
	by=$(uplinks_of_talks)
	on_router ip link set wan2 down
	wait_until 3 lab_uplink_is isdn down
	flood 4000
	share wan1 75
	share ppp0 25
	((shares[wan2] == 0))
	# those on the other members keep theirs
	local sport uplink
	while read -r sport uplink; do
		[[ $uplink != isdn ]] || continue
		lab_talk_lives "talk$((sport - 40000))"
		[[ $(uplinks_of_talks) == *"$sport $uplink"* ]]
	done <<<"$by"
	lab_line_again ppp0 wan2
	wait_until 3 lab_uplink_is isdn up
	flood 4000
	share wan1 60
	share wan2 20
}

uplinks_of_talks() {
	waymark flows -c "$LAB_CONF" --json |
		jq -r '.[] | select(.sport >= 40001 and .sport <= 40004) | "\(.sport) \(.uplink)"' | sort
}

# uplink_of SPORT
uplink_of() {
	waymark flows -c "$LAB_CONF" --json | jq -r ".[] | select(.sport == $1) | .uplink"
}

@test "sticky = source: what a source opens takes the line that it has, others take theirs" {
	policy 'policy = "weighted"; sticky = "source";'
	local last sport=42000 first uplinks=
	for last in 11 12 13 14 15; do
		ip -n "$LAB_CLIENT" addr add "10.10.0.$last/24" dev eth0
		first=
		for _ in 1 2 3; do
			sport=$((sport + 1))
			lab_talk talk "$LAB_CLIENT" "192.0.2.$((100 + sport % 100))" 7777 --source "10.10.0.$last" --sport $sport
			lab_talk_end talk
			[[ -z $first || $(uplink_of $sport) == "$first" ]]
			first=$(uplink_of $sport)
		done
		uplinks+=" $first"
		ip -n "$LAB_CLIENT" addr del "10.10.0.$last/24" dev eth0
	done
	echo "sources took:$uplinks"
	[[ $uplinks == *cable* && $uplinks == *mail.out* && $uplinks == *isdn* ]]
}

@test "sticky sources move when their line fails, and only those" {
	policy 'policy = "weighted"; sticky = "source";'
	local last sport=43000
	declare -A before=()
	for last in 11 12 13 14 15; do
		ip -n "$LAB_CLIENT" addr add "10.10.0.$last/24" dev eth0
		sport=$((sport + 1))
		lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --source "10.10.0.$last" --sport $sport
		lab_talk_end talk
		before[$last]=$(uplink_of $sport)
	done
	on_router ip link set wan2 down
	wait_until 3 lab_uplink_is isdn down
	for last in 11 12 13 14 15; do
		sport=$((sport + 1))
		lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --source "10.10.0.$last" --sport $sport
		lab_talk_end talk
		if [[ ${before[$last]} == isdn ]]; then
			[[ $(uplink_of $sport) != isdn ]]
		else
			[[ $(uplink_of $sport) == "${before[$last]}" ]]
		fi
		ip -n "$LAB_CLIENT" addr del "10.10.0.$last/24" dev eth0
	done
}

@test "a failover group uses its first member that works" {
	policy 'policy = "failover";'
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 44001
	lab_talk_end talk
	[[ $(uplink_of 44001) == cable ]]
	waymark uplink cable down -c "$LAB_CONF"
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 44002
	lab_talk_end talk
	[[ $(uplink_of 44002) == mail.out ]]
	on_router ip link set ppp0 down
	wait_until 3 lab_uplink_is mail.out down
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 44003
	lab_talk_end talk
	[[ $(uplink_of 44003) == isdn ]]
	waymark uplink cable auto -c "$LAB_CONF"
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 44004
	lab_talk_end talk
	[[ $(uplink_of 44004) == cable ]]
}

@test "a group stands in for an uplink that fails" {
	lab_conf nat <<-END
		groups = ( { name = "spare"; policy = "failover"; members = ( { uplink = "isdn"; }, { uplink = "cable"; } ); } );
		rules = ( { name = "talks"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	sed -i 's/{ name = "mail.out";/{ name = "mail.out"; on_down = "spare";/' "$LAB_CONF"
	lab_waymarkd
	on_router ip link set ppp0 down
	wait_until 3 lab_uplink_is mail.out down
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 45001
	lab_talk_end talk
	[[ $(uplink_of 45001) == isdn ]]
	on_router ip link set wan2 down
	wait_until 3 lab_uplink_is isdn down
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 45002
	lab_talk_end talk
	[[ $(uplink_of 45002) == cable ]]
}
