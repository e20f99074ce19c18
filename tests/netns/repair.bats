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

budget() {
	echo "repaired in $1 ms"
	(($1 < 100 * WAYMARK_TEST_SLOW))
}

@test "a deleted fwmark rule is back in under 100 ms" {
	lab_watch rule
	on_router ip rule del fwmark 0x1/0x7f
	wait_until 2 as_wanted
	budget "$(lab_elapsed 'Deleted.*fwmark 0x1/' '\][^D]*fwmark 0x1/')"
	no_duplicates
}

@test "a deleted IPv6 fwmark rule is back in under 100 ms" {
	lab_watch rule
	on_router ip -6 rule del fwmark 0x1/0x7f
	wait_until 2 as_wanted
	budget "$(lab_elapsed 'Deleted.*fwmark 0x1/' '\][^D]*fwmark 0x1/')"
	no_duplicates
}

@test "complaint 4: a restart deletes foreign fwmark rules: all at once are back in under 100 ms" {
	lab_watch rule
	on_router ip rule flush protocol 87 || on_router ip rule flush
	on_router ip rule show | grep -q 'lookup main' || on_router ip rule add priority 32766 lookup main
	on_router ip rule show | grep -q 'lookup default' || on_router ip rule add priority 32767 lookup default
	wait_until 2 as_wanted
	budget "$(lab_elapsed 'Deleted.*fwmark 0x3/' '\][^D]*fwmark 0x3/')"
	no_duplicates
}

@test "a flushed table is filled again in under 100 ms" {
	lab_watch route
	on_router ip route flush table 201
	wait_until 2 as_wanted
	budget "$(lab_elapsed 'Deleted.*table 201' '\][^D]*default.*table 201')"
	no_duplicates
}

@test "a flushed IPv6 table is filled again in under 100 ms" {
	lab_watch route
	on_router ip -6 route flush table 201
	wait_until 2 as_wanted
	budget "$(lab_elapsed 'Deleted.*table 201' '\][^D]*default.*table 201')"
	no_duplicates
}

@test "complaint 1: the default route is missing from the uplink's table after a flap: back in under 100 ms" {
	lab_watch link route
	on_router ip link set ppp0 down
	on_router ip link set ppp0 up
	wait_until 3 as_wanted
	budget "$(lab_elapsed 'ppp0.*[<,]UP' '\][^D]*default.*table 201')"
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
	lab_line_again ppp0
	wait_until 3 as_wanted
	no_duplicates
	lab_uplink_is mail.out up
}

@test "an uplink whose interface is gone says so" {
	on_router ip link set wan2 down
	down() {
		waymark uplinks -c "$LAB_CONF" --json |
			jq -e 'any(.[]; .name == "isdn" and .state == "down" and .reason != "")'
	}
	wait_until 3 down
	on_router ip link set wan2 up
	wait_until 3 lab_uplink_is isdn up
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
	# in one step: between two, they may be back
	printf '*mangle\nCOMMIT\n' | on_router iptables-restore -w
	there() { on_router iptables-save -t mangle | grep -q -e '-j NFQUEUE'; }
	wait_until 3 there
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}
