# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The stage of the gateways*.bats: an uplink "line" on wan0 (isp4 in net), made anew for each test, beside
# main's own default by wan1; and what must hold after each step: the kernel has exactly what
# `uplinks --plan` wants, what others put there is untouched, and connections take the right line.

gateways_setup_file() {
	lab_file tun || return 0
	lab_server_echo 7777
	# GATEWAYS_MAIN=100000: with so many routes of others in main, which is then not read at each event
	awk -v n="${GATEWAYS_MAIN:-0}" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "route add blackhole 11.%d.%d.%d/32\n", i / 65536, i / 256 % 256, i % 256
	}' | on_router ip -batch -
}

gateways_setup() {
	lab_test
	LAB_UPLINKS="ppp0 wan0 wan1 wan2"
	ip -n "$LAB_ROUTER" link add wan0 type veth peer name isp4 netns "$LAB_NET"
	ip -n "$LAB_NET" addr add 100.64.0.1/24 dev isp4
	ip -n "$LAB_NET" link set isp4 up
	ip -n "$LAB_ROUTER" link set wan0 up
	lab_nat wan0 ppp0
	foreign_things add
	foreign_state >"$LAB_DIR/foreign"
	line_conf
}

gateways_teardown() {
	[[ -n ${LAB_ID:-} ]] || return 0
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		routing
		on_router ip route
		on_router ip -6 route
		on_router ip addr show
		tail -n 30 "$LAB_DIR"/log/job-*.{out,err}
	fi
	lab_test_end
	foreign_things del 2>/dev/null || true
	lab_stop tun-ppp4
	lab_stop tun-isp4
	rm -f "$LAB_DIR/ppp4.sock"
	on_router iptables -w -t nat -F
	on_router ip6tables -w -t nat -F
	ip -n "$LAB_ROUTER" link del br0 2>/dev/null || true
	ip -n "$LAB_ROUTER" link del wan0 2>/dev/null || ip -n "$LAB_NET" link del isp4 2>/dev/null || true
	on_router ip route flush exact default
	on_router ip -6 route flush exact default
	lab_main_default wan1
}

# line_conf [KEYS [UPLINK...]]: "line" on wan0 with these keys and "cable" on wan1, further uplinks behind.
# Port 7777 goes by "line".
line_conf() {
	local keys=${1:-} more interface=${LINE:-wan0}
	shift || true
	more=$(printf ', { %s }' "$@")
	[[ $more != ', {  }' ]] || more=
	cat >"$LAB_CONF" <<-END
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_SOCKET"; };
		uplinks = (
		  { name = "line"; interface = "$interface"; table = 204; mark = 4; nat = true; $keys },
		  { name = "cable"; interface = "wan1"; table = 202; mark = 2; }$more
		);
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "line"; } );
	END
}

# The daemon, and one capture of all connections that are opened.
start() {
	lab_waymarkd
	lab_capture any "$LAB_ROUTER" any 'tcp dst port 7777'
}

# ---- what must hold after each step ----

# Rules and routes of ours as the kernel tells them, in the words of the plan.
routing() {
	local family
	for family in 4 6; do
		on_router ip "-$family" rule show | grep 'proto 87$' |
			sed -E "s/^([0-9]+):\t/rule $family pref \1 /; s/from all //; s/fwmark 0\//fwmark 0x0\//; s/ proto 87$/ protocol 87/"
		on_router ip "-$family" route show table all | grep 'proto 87' |
			sed -E "s/^/route $family /; s/ +$//; s/ pref medium//; s/ metric 1024//; s/ linkdown//; s/^(.*unreachable.*) dev lo/\1/"
	done | grep -v ' table 999 \| lookup 999 ' | sort
}

plan() {
	on_router "$WAYMARK_BUILD/waymark" uplinks --plan -c "$LAB_CONF" | sort
}

as_planned() {
	diff <(plan) <(routing)
}

# What others have: a rule among ours, another protocol's route in our table and one like ours elsewhere.
foreign_things() { # add | del
	on_router ip rule "$1" pref 20001 fwmark 0x5/0x7f lookup 999
	on_router ip rule "$1" pref 150 from 100.64.9.9 lookup 999 protocol 87
	on_router ip -6 rule "$1" pref 20300 from 2001:db8:99::9 lookup 999
	on_router ip route "$1" 198.18.99.0/24 dev lan table 204
	on_router ip route "$1" default dev lan table 999 proto 87
	on_router ip -6 route "$1" 2001:db8:98::/48 dev lan table 204
	on_router ip -6 route "$1" unreachable default table 999 proto 87
}

foreign_state() {
	local family
	for family in 4 6; do
		on_router ip "-$family" rule show | grep -v 'proto 87$'
		on_router ip "-$family" route show table 999
		on_router ip "-$family" route show table 204 | grep -v 'proto 87'
	done
	on_router ip rule show pref 150
}

# The uplink's part of `uplinks --json` holds the condition.
uplink() { # NAME CONDITION
	waymark uplinks -c "$LAB_CONF" --json | jq -e ".[] | select(.name == \"$1\") | $2"
}

# settled CONDITION: "line" is so, the kernel is as planned, and nothing foreign has changed.
settled() {
	wait_until 8 uplink line "$1" || {
		uplink line . || true
		return 1
	}
	wait_until 5 as_planned || {
		as_planned
		return 1
	}
	# and what the daemon tells is of the same state
	uplink line "$1" >/dev/null
	foreign_state | diff "$LAB_DIR/foreign" -
}

# goes_by "INTERFACE..." [ADDRESS]: a new connection to the echo server leaves by it and is answered.
goes_by() {
	local address=${2:-$LAB_ECHO4} REPLY
	lab_port
	on_client socat -u OPEN:/dev/null "TCP:$(lab_literal "$address"):7777,sourceport=$REPLY,connect-timeout=$((5 * WAYMARK_TEST_SLOW))"
	wait_until 5 left_by_any "$REPLY"
	[[ $(left_by_any "$REPLY") == "$1" ]] || lab_fail "left by $(left_by_any "$REPLY"), not by $1"
}

# The interfaces by which the SYN from this port left.
left_by_any() { # PORT
	on_router tcpdump -n -r "$LAB_DIR/pcap/any.pcap" "src port $1" 2>/dev/null |
		awk '$3 == "Out" { print $2 }' | sort -u | paste -s -d ' ' | grep .
}

# table FAMILY ROUTE: our default in the line's table.
table() {
	[[ $(on_router ip "-$1" route show table 204 proto 87 | sed 's/ *$//; s/ pref medium//') == "$2" ]]
}

has_rule() { # FAMILY ADDRESS
	on_router ip "-$1" rule show | grep -q "from $2 lookup 204 proto 87"
}
