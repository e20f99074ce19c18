#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gateways that another hand moves: main's defaults that come, go and change their metric, next hops off
# the subnet, and interfaces that come, go, are renamed, moved and enslaved.

load lab.bash
load gateways.bash

setup_file() { gateways_setup_file; }
teardown_file() { lab_down; }
setup() { gateways_setup; }
teardown() { gateways_teardown; }

# ---- what another hand does with main's defaults ----

# Static addresses and defaults behind main's own.
line_static() {
	on_router ip addr add 100.64.0.2/24 dev wan0
	on_router ip addr add 2001:db8:4::2/64 dev wan0 nodad
	on_net ip addr add 100.64.0.9/24 dev isp4
	on_net ip addr add 2001:db8:4::1/64 dev isp4 nodad
	on_net ip addr add 2001:db8:4::9/64 dev isp4 nodad
}

@test "of several defaults on one interface the one with the lowest metric counts, and the next when it goes" {
	line_static
	start
	settled '.state == "down"'
	on_router ip route add default via 100.64.0.1 dev wan0 metric 300
	on_router ip -6 route add default via 2001:db8:4::1 dev wan0 metric 3000
	settled '.gateway == "100.64.0.1" and .gateway6 == "2001:db8:4::1"'
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	on_router ip route add default via 100.64.0.9 dev wan0 metric 200
	on_router ip -6 route add default via 2001:db8:4::9 dev wan0 metric 2000
	settled '.gateway == "100.64.0.9" and .gateway6 == "2001:db8:4::9"'
	table 4 "default via 100.64.0.9 dev wan0"
	table 6 "default via 2001:db8:4::9 dev wan0 metric 1024"
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	on_router ip route del default via 100.64.0.9 dev wan0
	on_router ip -6 route del default via 2001:db8:4::9 dev wan0
	settled '.gateway == "100.64.0.1" and .gateway6 == "2001:db8:4::1"'
	goes_by wan0
	on_router ip route del default via 100.64.0.1 dev wan0
	settled '.state == "up" and .gateway == null and .gateway6 == "2001:db8:4::1"'
	goes_by wan1
	on_router ip -6 route del default via 2001:db8:4::1 dev wan0
	settled '.state == "down" and .reason == "no gateway"'
	goes_by wan1 $LAB_ECHO6
}

@test "of several defaults with one metric the kernel's first is taken, and the next when it goes" {
	line_static
	on_net ip addr add 100.64.0.8/24 dev isp4
	on_net ip addr add 2001:db8:4::8/64 dev isp4 nodad
	start
	on_router ip route add default via 100.64.0.9 dev wan0 metric 300
	on_router ip route append default via 100.64.0.1 dev wan0 metric 300
	on_router ip route append default via 100.64.0.8 dev wan0 metric 300
	settled '.gateway == "100.64.0.9"'
	on_router ip route prepend default via 100.64.0.1 dev wan0 metric 300 proto static
	settled '.gateway == "100.64.0.1"'
	on_router ip route del default via 100.64.0.1 dev wan0 proto static
	settled '.gateway == "100.64.0.9"'
	on_router ip route del default via 100.64.0.9 dev wan0
	settled '.gateway == "100.64.0.1"'
	goes_by wan0
	on_router ip -6 route add default via 2001:db8:4::9 dev wan0 metric 3000
	on_router ip -6 route append default via 2001:db8:4::1 dev wan0 metric 3000
	on_router ip -6 route append default via 2001:db8:4::8 dev wan0 metric 3000
	settled '.gateway6 == "2001:db8:4::9"'
	on_router ip -6 route del default via 2001:db8:4::9 dev wan0
	settled '.gateway6 == "2001:db8:4::1"'
	goes_by wan0 $LAB_ECHO6
}

@test "a multipath default in main gives each uplink its own next hop" {
	line_static
	start
	on_router ip route replace default nexthop via 100.64.0.1 dev wan0 weight 3 nexthop via "${LAB_GW4[wan1]}" dev wan1
	on_router ip -6 route del default
	on_router ip -6 route add default nexthop via 2001:db8:4::1 dev wan0 nexthop via "${LAB_GW6[wan1]}" dev wan1
	settled '.state == "up" and .gateway == "100.64.0.1" and .gateway6 == "2001:db8:4::1"'
	uplink cable ".state == \"up\" and .gateway == \"${LAB_GW4[wan1]}\" and .gateway6 == \"${LAB_GW6[wan1]}\""
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	on_router ip route replace default nexthop via 100.64.0.9 dev wan0 nexthop via "${LAB_GW4[wan1]}" dev wan1
	on_router ip -6 route append default nexthop via 2001:db8:4::9 dev wan0
	on_router ip -6 route del default nexthop via 2001:db8:4::1 dev wan0
	settled '.gateway == "100.64.0.9" and .gateway6 == "2001:db8:4::9"'
	goes_by wan0
	on_router ip route replace default via "${LAB_GW4[wan1]}" dev wan1
	on_router ip -6 route del default nexthop via 2001:db8:4::9 dev wan0
	settled '.state == "down" and .reason == "no gateway"'
	uplink cable ".state == \"up\" and .gateway == \"${LAB_GW4[wan1]}\" and .gateway6 == \"${LAB_GW6[wan1]}\""
	goes_by wan1
}

# The kernel tells of routes that go with their next hop object only by the object's own event.
@test "a default by a next hop object follows the object" {
	line_static
	start
	on_router ip nexthop add id 7 via 100.64.0.1 dev wan0
	on_router ip nexthop add id 8 via 2001:db8:4::1 dev wan0
	on_router ip route add default nhid 7 metric 300
	on_router ip -6 route add default nhid 8 metric 3000
	settled '.gateway == "100.64.0.1" and .gateway6 == "2001:db8:4::1"'
	on_router ip nexthop replace id 7 via 100.64.0.9 dev wan0
	on_router ip nexthop replace id 8 via 2001:db8:4::9 dev wan0
	settled '.gateway == "100.64.0.9" and .gateway6 == "2001:db8:4::9"'
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	on_router ip nexthop del id 7
	settled '.gateway == null and .gateway6 == "2001:db8:4::9"'
	table 4 ""
	on_router ip nexthop del id 8
	settled '.state == "down" and .reason == "no gateway"'
	goes_by wan1
}

# ---- gateways off the subnet ----

@test "a gateway off the subnet is reached on the link, given or found" {
	on_router ip addr add 100.64.0.2/32 dev wan0
	on_router ip addr add 2001:db8:4::2/128 dev wan0 nodad
	on_net ip route add 100.64.0.2/32 dev isp4
	on_net ip -6 route add 2001:db8:4::2/128 dev isp4
	on_net ip addr add 198.18.7.1/32 dev isp4
	on_net ip addr add 2001:db8:77::1/128 dev isp4 nodad
	line_conf 'gateway = "198.18.7.1"; gateway6 = "2001:db8:77::1";'
	start
	settled '.state == "up" and .gateway == "198.18.7.1" and .gateway6 == "2001:db8:77::1"'
	table 4 "default via 198.18.7.1 dev wan0 onlink"
	table 6 "default via 2001:db8:77::1 dev wan0 metric 1024 onlink"
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	line_conf
	waymark reload -c "$LAB_CONF"
	settled '.state == "down" and .reason == "no gateway"'
	on_router ip route add default via 198.18.7.1 dev wan0 onlink metric 300
	on_router ip -6 route add default via 2001:db8:77::1 dev wan0 onlink metric 3000
	settled '.state == "up" and .gateway == "198.18.7.1" and .gateway6 == "2001:db8:77::1"'
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
	# a route to the gateway makes it one of the subnet
	on_router ip route add 198.18.7.1/32 dev wan0
	settled '.state == "up" and .gateway == "198.18.7.1"'
	table 4 "default via 198.18.7.1 dev wan0"
	goes_by wan0
}

@test "an IPv4 default by an IPv6 next hop is followed" {
	line_static
	on_net ip addr add fe80::1/64 dev isp4 nodad
	start
	on_router ip -4 route add default via inet6 fe80::1 dev wan0 metric 300
	settled '.state == "up" and .gateway == "fe80::1" and .gateway6 == null'
	table 4 "default via inet6 fe80::1 dev wan0"
	goes_by wan0
	on_router ip route replace default via 100.64.0.1 dev wan0 metric 300
	settled '.gateway == "100.64.0.1"'
	table 4 "default via 100.64.0.1 dev wan0"
	goes_by wan0
}

# ---- interfaces that come and go ----

line_defaults() {
	on_router ip route add default via 100.64.0.1 dev wan0 metric 300
	on_router ip -6 route add default via 2001:db8:4::1 dev wan0 metric 3000
}

line_is_whole() {
	settled '.state == "up" and .gateway == "100.64.0.1" and .gateway6 == "2001:db8:4::1"'
	has_rule 4 100.64.0.2
	has_rule 6 2001:db8:4::2
	goes_by wan0
	goes_by wan0 $LAB_ECHO6
}

line_is_missing() {
	settled ".state == \"down\" and .reason == \"interface 'wan0' does not exist\" and .gateway == null and .gateway6 == null"
	refute has_rule 4 100.64.0.2
	refute has_rule 6 2001:db8:4::2
	table 4 ""
	table 6 ""
	goes_by wan1
	goes_by wan1 $LAB_ECHO6
}

@test "an interface that appears after the start is taken up, and again after it has gone" {
	on_router ip link del wan0
	start
	line_is_missing
	for _ in 1 2; do
		ip -n "$LAB_ROUTER" link add wan0 type veth peer name isp4 netns "$LAB_NET"
		on_net ip addr add 100.64.0.1/24 dev isp4
		on_net ip link set isp4 up
		settled ".state == \"down\" and .reason == \"interface 'wan0' is down\""
		on_router ip link set wan0 up
		settled '.state == "down" and .reason == "no gateway"'
		line_static
		line_defaults
		line_is_whole
		on_router ip link del wan0
		line_is_missing
	done
}

@test "an interface that is renamed away is missing, and one that is renamed into its name takes its place" {
	line_static
	line_defaults
	start
	line_is_whole
	on_router ip link set wan0 down
	on_router ip link set wan0 name old0
	line_is_missing
	# another takes the name while the first still lives
	ip -n "$LAB_ROUTER" link add fresh0 type veth peer name isp5 netns "$LAB_NET"
	on_net ip addr flush dev isp4
	on_net ip addr add 100.64.0.1/24 dev isp5
	on_net ip addr add 2001:db8:4::1/64 dev isp5 nodad
	on_net ip link set isp5 up
	on_router ip addr flush dev old0
	on_router ip addr add 100.64.0.2/24 dev fresh0
	on_router ip addr add 2001:db8:4::2/64 dev fresh0 nodad
	on_router ip link set fresh0 name wan0
	settled ".state == \"down\" and .reason == \"interface 'wan0' is down\""
	on_router ip link set wan0 up
	line_defaults
	line_is_whole
	on_router ip link del old0
	line_is_whole
}

@test "a name that two interfaces exchange is followed while both are up" {
	line_static
	line_defaults
	start
	line_is_whole
	on_router ip link set wan0 name tmp0
	on_router ip link set wan2 name wan0
	settled '.state == "down" and .reason == "no gateway"'
	has_rule 4 "${LAB_UP4[wan2]}"
	refute has_rule 4 100.64.0.2
	on_router ip link set wan0 name wan2
	on_router ip link set tmp0 name wan0
	line_is_whole
}

@test "an interface that is moved into another namespace and back" {
	line_static
	line_defaults
	start
	line_is_whole
	on_router ip link set wan0 netns "$LAB_CLIENT"
	line_is_missing
	on_client ip link set wan0 netns "$LAB_ROUTER"
	on_router ip link set wan0 up
	on_router ip addr add 100.64.0.2/24 dev wan0
	on_router ip addr add 2001:db8:4::2/64 dev wan0 nodad
	line_defaults
	line_is_whole
}

@test "a port of a bridge carries nothing until it is taken out" {
	line_static
	line_defaults
	start
	line_is_whole
	on_router ip link add br0 type bridge
	on_router ip link set br0 up
	on_router ip link set wan0 master br0
	settled ".state == \"down\" and .reason == \"interface 'wan0' is a port of 'br0'\" and .gateway == null"
	table 4 ""
	goes_by wan1
	goes_by wan1 $LAB_ECHO6
	on_router ip link set wan0 nomaster
	line_is_whole
	on_router ip link set wan0 master br0
	settled '.state == "down"'
	on_router ip link del br0
	line_is_whole
}

@test "a bridge is an uplink like any other" {
	LINE=br0 line_conf
	on_router ip link add br0 type bridge
	on_router ip link set br0 up
	lab_nat br0
	start
	settled '.state == "down"'
	on_router ip link set wan0 master br0
	on_router ip addr add 100.64.0.2/24 dev br0
	on_router ip route add default via 100.64.0.1 dev br0 metric 300
	settled '.state == "up" and .gateway == "100.64.0.1"'
	goes_by "br0 wan0" # the bridge, and its port
	on_router ip link set wan0 nomaster
	settled '.state == "down" and .reason == "no carrier"'
	goes_by wan1
	on_router ip link del br0
	settled ".state == \"down\" and .reason == \"interface 'br0' does not exist\""
}
