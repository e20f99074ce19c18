#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What another hand breaks in policy routing is put right in under 100 ms, and nothing doubles.
# Time is taken from the kernel's own events: from the deletion to our addition.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7777
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	routing >"$LAB_DIR/wanted"
}
teardown() { lab_test_end; }

# All rules and routes of the uplinks, as waymark made them.
routing() {
	on_router sh -c '
		for family in -4 -6; do
			echo "family $family"
			ip $family rule show
			for table in 201 202 203; do
				ip $family route show table $table 2>/dev/null | sed "s/^/table $table: /; s/ *$//"
			done
		done'
}

as_wanted() {
	routing | diff "$LAB_DIR/wanted" - >/dev/null
}

no_duplicates() {
	# each rule and route once a family
	[[ -z $(routing | awk '/^family/ { family = $2 } seen[family, $0]++') ]]
}

# watch WHAT (rule, route, link): the kernel's events with their time.
watch() {
	lab_spawn job-monitor "$LAB_ROUTER" stdbuf -oL ip -ts monitor "$@"
	monitor_ready() { [[ -n $(ls -l "/proc/$(lab_pid job-monitor)/fd" | grep socket) ]]; }
	wait_until 3 monitor_ready
}

# elapsed FROM TO: milliseconds between the first event like FROM and the last like TO after it.
elapsed() {
	lab_stop job-monitor
	cat "$LAB_DIR/log/job-monitor.out" >&2
	awk -v from="$1" -v to="$2" '
		function ms(stamp, part) {
			split(stamp, part, /[T:\]]/)
			return ((part[2] * 60 + part[3]) * 60 + part[4]) * 1000
		}
		$0 ~ from && !begin { begin = ms($1) ; next }
		begin && $0 ~ to { end = ms($1) }
		END { if (!begin || !end) exit 1; printf "%.0f\n", end - begin }' "$LAB_DIR/log/job-monitor.out"
}

budget() {
	echo "repaired in $1 ms"
	(($1 < 100 * WAYMARK_TEST_SLOW))
}

@test "a deleted fwmark rule is back in under 100 ms" {
	watch rule
	on_router ip rule del fwmark 0x1/0x7f
	wait_until 2 as_wanted
	budget "$(elapsed 'Deleted.*fwmark 0x1/' '\][^D]*fwmark 0x1/')"
	no_duplicates
}

@test "a deleted IPv6 fwmark rule is back in under 100 ms" {
	watch rule
	on_router ip -6 rule del fwmark 0x1/0x7f
	wait_until 2 as_wanted
	budget "$(elapsed 'Deleted.*fwmark 0x1/' '\][^D]*fwmark 0x1/')"
	no_duplicates
}

@test "complaint 4: a restart deletes foreign fwmark rules: all at once are back in under 100 ms" {
	watch rule
	on_router ip rule flush protocol 87 || on_router ip rule flush
	on_router ip rule show | grep -q 'lookup main' || on_router ip rule add priority 32766 lookup main
	on_router ip rule show | grep -q 'lookup default' || on_router ip rule add priority 32767 lookup default
	wait_until 2 as_wanted
	budget "$(elapsed 'Deleted.*fwmark 0x3/' '\][^D]*fwmark 0x3/')"
	no_duplicates
}

@test "a flushed table is filled again in under 100 ms" {
	watch route
	on_router ip route flush table 201
	wait_until 2 as_wanted
	budget "$(elapsed 'Deleted.*table 201' '\][^D]*default.*table 201')"
	no_duplicates
}

@test "a flushed IPv6 table is filled again in under 100 ms" {
	watch route
	on_router ip -6 route flush table 201
	wait_until 2 as_wanted
	budget "$(elapsed 'Deleted.*table 201' '\][^D]*default.*table 201')"
	no_duplicates
}

@test "complaint 1: the default route is missing from the uplink's table after a flap: back in under 100 ms" {
	watch link route
	on_router ip link set ppp0 down
	on_router ip link set ppp0 up
	wait_until 3 as_wanted
	budget "$(elapsed 'ppp0.*[<,]UP' '\][^D]*default.*table 201')"
	no_duplicates
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}

@test "an interface that is deleted and made again is taken up" {
	on_router ip link del ppp0
	lab_link_veth ppp0
	ip -n "$LAB_ROUTER" addr add "${LAB_UP6[ppp0]}/64" dev ppp0 nodad
	ip -n "$LAB_NET" addr add "${LAB_GW6[ppp0]}/64" dev isp1 nodad
	ip -n "$LAB_ROUTER" link set ppp0 up
	ip -n "$LAB_NET" link set isp1 up
	ip -n "$LAB_NET" route add default via "${LAB_UP4[ppp0]}" dev isp1 table 1
	ip -n "$LAB_NET" -6 route add default via "${LAB_UP6[ppp0]}" dev isp1 table 1
	wait_until 3 as_wanted
	no_duplicates
	waymark uplinks -c "$LAB_CONF" --json | jq -e '.[] | select(.name == "mail.out") | .state == "up"'
}

@test "an uplink whose interface is gone says so" {
	on_router ip link set wan2 down
	down() {
		waymark uplinks -c "$LAB_CONF" --json |
			jq -e '.[] | select(.name == "isdn") | .state == "down" and .reason != ""'
	}
	wait_until 3 down
	on_router ip link set wan2 up
	up() { waymark uplinks -c "$LAB_CONF" --json | jq -e '.[] | select(.name == "isdn") | .state == "up"'; }
	wait_until 3 up
	on_router ip -6 route replace default via "${LAB_GW6[wan1]}" dev wan1
}

@test "complaint 5: the kernel silently deletes routes when an address changes: whole again, no rule of the old one" {
	on_router ip addr del 203.0.113.2/24 dev wan2
	on_router ip addr add 203.0.113.9/24 dev wan2
	changed() {
		on_router ip rule show | grep -q 'from 203.0.113.9 ' &&
			! on_router ip rule show | grep -q 'from 203.0.113.2 ' &&
			on_router ip route show table 203 | grep -q '^default via 203.0.113.1 dev wan2'
	}
	wait_until 3 changed
	no_duplicates
	on_router ip addr del 203.0.113.9/24 dev wan2
	on_router ip addr add 203.0.113.2/24 dev wan2
	wait_until 3 as_wanted
}

@test "complaint 3: repeated additions leave duplicates: not after ten repairs and five reloads" {
	local i
	for i in {1..10}; do
		on_router ip rule del fwmark 0x2/0x7f
		wait_until 2 as_wanted
	done
	for i in {1..5}; do
		waymark reload -c "$LAB_CONF"
	done
	as_wanted
	no_duplicates
}

@test "also: a firewall's flush takes our chains: they are put back" {
	on_router iptables -w -t mangle -F
	on_router iptables -w -t mangle -X
	there() { on_router iptables-save -t mangle | grep -q -e '-j NFQUEUE'; }
	wait_until 3 there
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}
