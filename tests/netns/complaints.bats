#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What users of other multi-WAN and policy-routing tools complain about. Each test that is named
# after a complaint begins with its number, wherever it stands (tests/complaints.sh counts them);
# here are those that belong to no other file.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_server_echo 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

policy() { # [keys of each uplink]
	LAB_UPLINK_KEYS=${1:-} lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
}

@test "complaint 8: wg-quick's whole mark 0xca6c falls into somebody's mask: check names it" {
	lab_conf <<-END
		mark = { mask = 0xff; };
	END
	run -0 waymark check -c "$LAB_CONF"
	[[ $output == *wg-quick* ]]
	lab_conf <<-END
		mark = { mask = 0x7f000000; };
	END
	run -0 waymark check -c "$LAB_CONF"
	[[ $output != *wg-quick* && $output != *ailscale* ]]
}

@test "complaint 12: a fwmark rule without a mask breaks the neighbours: each of ours has one" {
	policy
	lab_waymarkd
	local rules
	rules=$( (on_router ip rule show; on_router ip -6 rule show) | grep 'proto 87' | grep fwmark)
	[[ -n $rules ]]
	[[ -z $(grep -v 'fwmark 0[x0-9a-f]*/0x7f' <<<"$rules") ]]
}

sysctls() { on_router sh -c 'grep -r . /proc/sys/net/ipv4 /proc/sys/net/ipv6' 2>/dev/null | sort |
	grep -v -e /neigh/ -e /route/ -e stable_secret; }

@test "complaint 23: an interrupted start leaves ip_forward=0: no sysctl is touched, wherever it is killed" {
	local i interface
	sysctls >"$LAB_DIR/before"
	grep -q '/ipv4/ip_forward:1' "$LAB_DIR/before"
	policy
	lab_waymarkd
	sysctls | diff "$LAB_DIR/before" -
	waymark reload -c "$LAB_CONF"
	lab_waymarkd_stop
	sysctls | diff "$LAB_DIR/before" -
	# at the first rule, route, chain; some milliseconds later; and before the first word
	chains() { on_router iptables-save -t mangle | grep -q WAYMARK; }
	rules() { on_router ip rule show | grep -q 'proto 87'; }
	routes() { [[ -n $(on_router ip route show table 203) ]]; }
	for i in rules routes chains true lab_waymarkd_answers; do
		lab_waymarkd_spawn
		wait_until 5 $i
		lab_stop waymarkd KILL
		sysctls | diff "$LAB_DIR/before" -
		on_client ping -q -c 1 -W 2 $LAB_ECHO4
		on_client ping -q -c 1 -W 2 $LAB_ECHO6
	done
}

# A router advertisement from the provider: a prefix, and the router's own lifetime.
advertise() { # LIFETIME_S
	on_net $LAB_PYTHON -c '
import socket, struct, sys
line = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
interface = socket.if_nametoindex("isp3")
prefix = struct.pack(">BBBBIII16s", 3, 4, 64, 0xC0, 600, 600, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:33::"))
line.sendto(struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, int(sys.argv[1]), 0, 0) + prefix, ("ff02::1", 0, 0, interface))
' "$1"
}

@test "complaint 23: RA or DHCPv6 events pause all forwarding" {
	local i
	lab_sysctl "$LAB_ROUTER" net/ipv6/conf/wan2/accept_ra=2
	policy
	lab_waymarkd
	sysctls >"$LAB_DIR/before"
	# a packet each 10 ms, both families, while the provider says this and that
	lab_spawn job-ping4 "$LAB_CLIENT" ping -q -i 0.01 -W 1 $LAB_ECHO4
	lab_spawn job-ping6 "$LAB_CLIENT" ping -q -i 0.01 -W 1 $LAB_ECHO6
	for i in 1 2 3; do
		advertise 600
		advertised() { on_router ip -6 addr show dev wan2 | grep -q 2001:db8:33:; }
		wait_until 5 advertised
		advertise 0
		# as a DHCPv6 client does with an address and a delegated prefix
		ip -n "$LAB_ROUTER" addr add 2001:db8:3:77::$i/128 dev wan2 nodad valid_lft 60 preferred_lft 60
		ip -n "$LAB_ROUTER" addr add 2001:db8:10:$i::1/64 dev lan nodad
		ruled() { on_router ip -6 rule show | grep -q "from 2001:db8:3:77::$i lookup 203"; }
		wait_until 5 ruled
		ip -n "$LAB_ROUTER" addr del 2001:db8:3:77::$i/128 dev wan2
		ip -n "$LAB_ROUTER" addr del 2001:db8:10:$i::1/64 dev lan
		wait_until 5 refute ruled
	done
	lab_stop job-ping4 INT
	lab_stop job-ping6 INT
	cat "$LAB_DIR/log/job-ping4.out" "$LAB_DIR/log/job-ping6.out"
	(($(grep -c ' 0% packet loss' "$LAB_DIR"/log/job-ping[46].out | grep -c ':1$') == 2))
	sysctls | diff "$LAB_DIR/before" -
	lab_sysctl "$LAB_ROUTER" net/ipv6/conf/wan2/accept_ra=0
	ip -n "$LAB_ROUTER" -6 addr flush dev wan2 dynamic
}

@test "complaint 24: all uplinks down makes the router unreachable from the LAN" {
	policy 'on_down = "block";'
	lab_waymarkd
	local interface
	for interface in wan1 wan2; do
		on_router ip link set $interface down
	done
	lab_stop tun-ppp0
	down() { waymark uplinks -c "$LAB_CONF" --json | jq -e 'all(.[]; .state == "down")'; }
	wait_until 5 down
	on_client ping -q -c 1 -W 2 $LAB_ROUTER4
	on_client ping -q -c 1 -W 2 $LAB_ROUTER6
	# and it can reach the LAN itself
	on_router ping -q -c 1 -W 2 $LAB_CLIENT4
	lab_stop tun-isp1
	rm -f "$LAB_DIR/ppp0.sock"
	for interface in wan1 wan2; do
		on_router ip link set $interface up
	done
	lab_link_tun ppp0
	ip -n "$LAB_ROUTER" addr add "${LAB_UP6[ppp0]}/64" dev ppp0 nodad
	ip -n "$LAB_NET" addr add "${LAB_GW6[ppp0]}/64" dev isp1 nodad
	ip -n "$LAB_NET" route add default via "${LAB_UP4[ppp0]}" dev isp1 table 1
	ip -n "$LAB_NET" -6 route add default via "${LAB_UP6[ppp0]}" dev isp1 table 1
	lab_main_default wan1
}

@test "complaint 24: on_down = block refuses what is steered to a dead uplink, and nothing else" {
	LAB_MAIL_OUT_KEYS='on_down = "block";' policy
	on_router ip link set ppp0 down
	lab_waymarkd
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7777,connect-timeout=2
	[[ $output == *nreachable* || $output == *"No route"* ]]
	on_client ping -q -c 1 -W 2 $LAB_ECHO4
	on_router ip link set ppp0 up
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}

@test "complaint 25: rt_tables is edited by tools: the user's files are not touched, and numbers work alone" {
	tables() { find /etc/iproute2 /usr/share/iproute2 /usr/lib/iproute2 -type f -exec sha256sum {} + 2>/dev/null | sort; }
	tables >"$LAB_DIR/before"
	policy
	lab_waymarkd
	lab_waymarkd_stop
	tables | diff "$LAB_DIR/before" -
}

# Whatever a tool has left there: an empty file, half a line, our numbers under other names, a name
# twice, bytes. In a mount namespace of the daemon's own.
@test "complaint 25: rt_tables is corrupted: numbers work alone" {
	local i
	mkdir -p "$LAB_DIR/iproute2/rt_tables.d"
	for i in '' '201' '201 cable\n202 mail.out\n203 cable\n201 isdn\n' '# \000\377\n-7 x\n99999999999 y\n201 \n\t203\n'; do
		printf "$i" >"$LAB_DIR/iproute2/rt_tables"
		printf '%b' "$i" | tac >"$LAB_DIR/iproute2/rt_tables.d/other.conf"
		find "$LAB_DIR/iproute2" -type f -exec sha256sum {} + | sort >"$LAB_DIR/before"
		policy
		lab_waymarkd unshare --mount --propagation private sh -c \
			'mkdir -p /etc/iproute2 && mount --bind "$0" /etc/iproute2 && exec "$@"' "$LAB_DIR/iproute2"
		[[ $(on_router ip route show table 201) == "default dev ppp0"* ]]
		lab_capture_uplinks
		lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
		lab_talk_end talk
		lab_capture_uplinks_stop
		lab_left_by ppp0 tcp dst port 7777
		lab_waymarkd_stop
		find "$LAB_DIR/iproute2" -type f -exec sha256sum {} + | sort | diff "$LAB_DIR/before" -
	done
}

@test "specific routes of main stay reachable for marked traffic" {
	lab_conf <<-END
		rules = ( { name = "all"; match = { }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	on_router ip route add 192.0.2.96/27 via "${LAB_GW4[wan2]}"
	lab_capture_uplinks
	on_client ping -q -c 1 -W 2 192.0.2.99
	on_client ping -q -c 1 -W 2 192.0.2.9
	on_client ping -q -c 1 -W 2 $LAB_ROUTER4
	lab_capture_uplinks_stop
	on_router ip route del 192.0.2.96/27
	lab_left_by wan2 dst host 192.0.2.99
	lab_left_by ppp0 dst host 192.0.2.9
}

# The kernel refuses what comes in on an interface without an address, even under loose rp_filter,
# unless the mark counts in its check of the source.
@test "also: address-less tunnels: a tunnel without an address is an uplink" {
	on_router ip addr flush dev ppp0
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/ppp0/src_valid_mark=1
	policy
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	on_router ip addr add "${LAB_UP4[ppp0]}" peer "${LAB_GW4[ppp0]}/32" dev ppp0
	on_router ip addr add "${LAB_UP6[ppp0]}/64" dev ppp0 nodad
	lab_left_by ppp0 tcp dst port 7777
}

@test "also: identical gateways on two uplinks" {
	on_router ip addr add 198.18.0.2/24 dev wan1
	on_router ip addr add 198.18.0.3/24 dev wan2
	on_net ip addr add 198.18.0.1/24 dev isp2
	on_net ip addr add 198.18.0.1/24 dev isp3
	cat >"$LAB_CONF" <<-END
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_SOCKET"; };
		uplinks = (
		  { name = "one"; interface = "wan1"; gateway = "198.18.0.1"; table = 201; mark = 1; },
		  { name = "two"; interface = "wan2"; gateway = "198.18.0.1"; table = 202; mark = 2; }
		);
		rules = (
		  { name = "a"; match = { dst = "192.0.2.9"; }; uplink = "one"; },
		  { name = "b"; match = { dst = "192.0.2.99"; }; uplink = "two"; }
		);
	END
	lab_waymarkd
	[[ $(on_router ip route show table 201) == "default via 198.18.0.1 dev wan1"* ]]
	[[ $(on_router ip route show table 202) == "default via 198.18.0.1 dev wan2"* ]]
	lab_capture_uplinks
	on_client ping -q -c 1 -W 2 192.0.2.9
	on_client ping -q -c 1 -W 2 192.0.2.99
	lab_capture_uplinks_stop
	on_router ip addr del 198.18.0.2/24 dev wan1
	on_router ip addr del 198.18.0.3/24 dev wan2
	on_net ip addr del 198.18.0.1/24 dev isp2
	on_net ip addr del 198.18.0.1/24 dev isp3
	lab_left_by wan1 dst host 192.0.2.9
	lab_left_by wan2 dst host 192.0.2.99
}

@test "a gateway is taken from main's routes where the configuration says auto" {
	cat >"$LAB_CONF" <<-END
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_SOCKET"; };
		uplinks = ( { name = "cable"; interface = "wan1"; table = 202; mark = 2; } );
	END
	lab_waymarkd
	[[ $(on_router ip route show table 202) == "default via ${LAB_GW4[wan1]} dev wan1"* ]]
	[[ $(on_router ip -6 route show table 202) == "default via ${LAB_GW6[wan1]} dev wan1"* ]]
}

# A client whose address is of one provider's prefix must be masqueraded on the lines of the others,
# and only there: that is the user's rule, and it holds where we steer.
@test "also: IPv6 source of another uplink's prefix: masqueraded there only" {
	on_router ip6tables -w -t nat -A POSTROUTING -o wan2 ! -s 2001:db8:3::/48 -j MASQUERADE
	on_router ip6tables -w -t nat -A POSTROUTING -o ppp0 ! -s 2001:db8:1::/48 -j MASQUERADE
	ip -n "$LAB_ROUTER" addr add 2001:db8:3:10::1/64 dev lan nodad
	ip -n "$LAB_CLIENT" addr add 2001:db8:3:10::2/64 dev eth0 nodad
	lab_conf <<-END
		rules = ( { name = "a"; match = { dst = "2001:db8:ffff::9"; }; uplink = "mail.out"; },
		          { name = "b"; match = { dst = "2001:db8:ffff::99"; }; uplink = "isdn"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	on_client ping -q -c 1 -W 2 -I 2001:db8:3:10::2 2001:db8:ffff::9
	on_client ping -q -c 1 -W 2 -I 2001:db8:3:10::2 2001:db8:ffff::99
	on_client ping -q -c 1 -W 2 -I $LAB_CLIENT6 2001:db8:ffff::99
	lab_capture_uplinks_stop
	on_router ip6tables -w -t nat -F
	ip -n "$LAB_ROUTER" addr del 2001:db8:3:10::1/64 dev lan
	ip -n "$LAB_CLIENT" addr del 2001:db8:3:10::2/64 dev eth0
	lab_left_by ppp0 dst host 2001:db8:ffff::9
	lab_left_by ppp0 "src host ${LAB_UP6[ppp0]} and dst host 2001:db8:ffff::9"
	lab_left_by wan2 "src host 2001:db8:3:10::2 and dst host 2001:db8:ffff::99"
	lab_left_by wan2 "src host ${LAB_UP6[wan2]} and dst host 2001:db8:ffff::99"
	lab_left_by "" "src host $LAB_CLIENT6"
}
