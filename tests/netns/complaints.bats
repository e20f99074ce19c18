#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What users of other multi-WAN and policy-routing tools complain about, where it is not said in
# another file here: repair (1-5), local (6, 7), firewall-coexist (8, 9, 11), lifecycle (14, 22),
# return-path (19).

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

@test "complaint 8: a mask that overlaps wg-quick's mark is named by check" {
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

@test "complaint 10: no rule names an incoming interface" {
	policy
	lab_waymarkd
	[[ -z $(on_router ip rule show | grep -w iif) ]]
	[[ -z $(on_router ip -6 rule show | grep -w iif) ]]
}

@test "complaint 12: every fwmark rule of ours has a mask" {
	policy
	lab_waymarkd
	local rules
	rules=$( (on_router ip rule show; on_router ip -6 rule show) | grep 'proto 87' | grep fwmark)
	[[ -n $rules ]]
	[[ -z $(grep -v 'fwmark 0[x0-9a-f]*/0x7f' <<<"$rules") ]]
}

@test "complaint 23: forwarding and other sysctls are never touched" {
	sysctls() { on_router sh -c 'grep -r . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf' 2>/dev/null | sort; }
	sysctls >"$LAB_DIR/before"
	policy
	lab_waymarkd
	sysctls | diff "$LAB_DIR/before" -
	waymark reload -c "$LAB_CONF"
	lab_waymarkd_stop
	sysctls | diff "$LAB_DIR/before" -
}

@test "complaint 24: with all uplinks down the router is reachable from the LAN" {
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

@test "complaint 25: the user's rt_tables files are not touched, and numbers work alone" {
	tables() { find /etc/iproute2 /usr/share/iproute2 /usr/lib/iproute2 -type f -exec sha256sum {} + 2>/dev/null | sort; }
	tables >"$LAB_DIR/before"
	policy
	lab_waymarkd
	lab_waymarkd_stop
	tables | diff "$LAB_DIR/before" -
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
@test "a tunnel without an address is an uplink" {
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

@test "two uplinks with the same gateway address" {
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
