#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gateways that move by themselves: DHCP (dhclient, udhcpc, dnsmasq), PPP (tun devices) and router
# advertisements (radvd). What they change in the main table and on the line, the uplink follows.

load lab.bash
load gateways.bash

setup_file() { gateways_setup_file; }
teardown_file() { lab_down; }
setup() { gateways_setup; }
teardown() { gateways_teardown; }

# ---- DHCP ----

# dhcp_server RANGE [OPTION...]: on isp4. `dhcp_options` changes what the next lease says.
dhcp_server() {
	local range=$1
	shift
	mkdir -p "$LAB_DIR/dhcp"
	printf '%s\n' "$@" >"$LAB_DIR/dhcp/options"
	: >"$LAB_DIR/dhcp/leases"
	cat >"$LAB_DIR/dhcp/conf" <<-END
		port=0
		interface=isp4
		except-interface=lo
		bind-interfaces
		dhcp-authoritative
		no-ping
		no-daemon
		user=root
		log-facility=-
		dhcp-range=$range,2m
		dhcp-optsfile=$LAB_DIR/dhcp/options
		dhcp-leasefile=$LAB_DIR/dhcp/leases
		pid-file=$LAB_DIR/dhcp/pid
	END
	lab_spawn job-dhcpd "$LAB_NET" dnsmasq -C "$LAB_DIR/dhcp/conf"
	wait_until 5 grep -q 'DHCP, IP range' "$LAB_DIR/log/job-dhcpd.err"
}

dhcp_options() {
	local before
	before=$(lab_lines "$LAB_DIR/log/job-dhcpd.err" 'read .*/options')
	printf '%s\n' "$@" >"$LAB_DIR/dhcp/options"
	kill -HUP "$(lab_pid job-dhcpd)"
	wait_until 5 lab_lines_above "$LAB_DIR/log/job-dhcpd.err" 'read .*/options' "$before"
}

# Debian's dhclient with its own script, in an /etc of its own: it writes resolv.conf.
dhclient() { # [CONFIGURATION LINE...]
	mkdir -p "$LAB_DIR/etc" "$LAB_DIR/dhcp"
	printf '%s\n' 'request subnet-mask, broadcast-address, routers;' 'initial-interval 1;' \
		'backoff-cutoff 1;' 'retry 1;' "$@" >"$LAB_DIR/dhcp/dhclient.conf"
	: >"$LAB_DIR/dhcp/dhclient.leases"
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn job-dhclient "$LAB_ROUTER" unshare --mount --propagation private sh -c \
		'mount --bind "$0" /etc && exec "$@"' "$LAB_DIR/etc" \
		dhclient -d -4 -cf "$LAB_DIR/dhcp/dhclient.conf" -lf "$LAB_DIR/dhcp/dhclient.leases" \
		-pf "$LAB_DIR/dhcp/dhclient.pid" -e IF_METRIC=100 wan0
}

# udhcpc, which renews when it is told to; the script is busybox's example without the name server.
udhcpc() {
	cat >"$LAB_DIR/udhcpc.script" <<-'END'
		#!/bin/sh
		ip() { command ip -4 "$@"; }
		case $1 in
		deconfig)
			command ip link set "$interface" up
			ip addr flush dev "$interface"
			;;
		bound | renew)
			[ "$1" = renew ] || ip addr flush dev "$interface"
			ip addr replace "$ip/$mask" dev "$interface"
			ip route flush exact default dev "$interface"
			if [ -z "$NO_DEFAULT" ]; then
				for router in $router; do
					ip route add default via "$router" dev "$interface" metric 100 onlink
				done
			fi
			;;
		esac
	END
	chmod 755 "$LAB_DIR/udhcpc.script"
	lab_spawn job-udhcpc "$LAB_ROUTER" env NO_DEFAULT="${NO_DEFAULT:-}" udhcpc -f -i wan0 -t 20 -T 1 -A 1 -s "$LAB_DIR/udhcpc.script"
	wait_until 15 grep -q 'lease of .* obtained' "$LAB_DIR/log/job-udhcpc.err"
}

udhcpc_renew() {
	local before
	before=$(lab_lines "$LAB_DIR/log/job-udhcpc.err" 'lease of .* obtained')
	kill -USR1 "$(lab_pid job-udhcpc)"
	wait_until 10 lab_lines_above "$LAB_DIR/log/job-udhcpc.err" 'lease of .* obtained' "$before"
}

@test "a DHCP lease gives its uplink a gateway and the rules of its address" {
	start
	settled '.state == "down" and .reason == "no gateway" and .gateway == null'
	goes_by wan1
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	dhclient
	settled '.state == "up" and .gateway == "100.64.0.1" and .reason == null'
	table 4 "default via 100.64.0.1 dev wan0"
	has_rule 4 100.64.0.100
	goes_by wan0
	[[ $(on_router ip route get "$LAB_ECHO4") == *"dev wan1"* ]]
}

# Complaint 2: the lease was renewed, the default is gone.
@test "complaint 2: a renewal that changes nothing changes nothing" {
	local renewals sent
	renewed() { lab_lines_above "$LAB_DIR/log/job-dhclient.err" '^bound to' "$1"; }
	start
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	dhclient 'supersede dhcp-renewal-time 2;' 'supersede dhcp-rebinding-time 20;' 'supersede dhcp-lease-time 30;'
	settled '.state == "up" and .gateway == "100.64.0.1"'
	routing >"$LAB_DIR/wanted"
	sent=$(lab_lines "$LAB_DIR/log/waymarkd.err" 'changes sent')
	renewals=$(lab_lines "$LAB_DIR/log/job-dhclient.err" '^bound to')
	wait_until 15 renewed $((renewals + 1))
	settled '.state == "up" and .gateway == "100.64.0.1"'
	routing | diff "$LAB_DIR/wanted" -
	[[ $(lab_lines "$LAB_DIR/log/waymarkd.err" 'changes sent') == "$sent" ]]
	goes_by wan0
}

@test "complaint 2: a lease that runs out takes the default, and a new one brings it back" {
	start
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	dhclient 'supersede dhcp-renewal-time 2;' 'supersede dhcp-rebinding-time 3;' 'supersede dhcp-lease-time 4;'
	settled '.state == "up" and .gateway == "100.64.0.1"'
	goes_by wan0
	lab_stop job-dhcpd
	settled '.state == "down" and .reason == "no gateway"'
	table 4 ""
	refute has_rule 4 100.64.0.100
	goes_by wan1
	dhcp_server 100.64.0.120,100.64.0.120 option:router,100.64.0.1
	settled '.state == "up" and .gateway == "100.64.0.1"'
	has_rule 4 100.64.0.120
	refute has_rule 4 100.64.0.100
	goes_by wan0
}

@test "a renewal that names another router moves the default" {
	on_net ip addr add 100.64.0.9/24 dev isp4
	start
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	udhcpc
	settled '.gateway == "100.64.0.1"'
	dhcp_options option:router,100.64.0.9
	udhcpc_renew
	settled '.state == "up" and .gateway == "100.64.0.9"'
	table 4 "default via 100.64.0.9 dev wan0"
	goes_by wan0
}

@test "a lease of another network moves the default and the rules" {
	start
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	udhcpc
	settled '.gateway == "100.64.0.1"'
	has_rule 4 100.64.0.100
	lab_stop job-dhcpd
	on_net ip addr add 100.66.0.1/16 dev isp4
	on_net ip addr del 100.64.0.1/24 dev isp4
	dhcp_server 100.66.7.7,100.66.7.7,255.255.0.0 option:router,100.66.0.1
	# it is refused, and asks anew
	udhcpc_renew
	settled '.state == "up" and .gateway == "100.66.0.1"'
	has_rule 4 100.66.7.7
	refute has_rule 4 100.64.0.100
	goes_by wan0
}

@test "complaint 6: a unicast renewal leaves by its own uplink, whatever rules and main say" {
	line_conf 'gateway = "100.64.0.9";'
	on_net ip addr add 100.64.0.9/24 dev isp4
	# everything of this machine's own by another line
	sed -i 's/^rules = .*/rules = ( { name = "all"; match = { }; uplink = "cable"; } );/' "$LAB_CONF"
	start
	lab_capture_uplinks 'udp dst port 67 or arp'
	# a lease of one address: the server is not on the subnet, and main has no way to it by wan0
	dhcp_server 100.64.0.100,100.64.0.100,255.255.255.0 option:netmask,255.255.255.255 option:router,100.64.0.1
	on_net ip route add 100.64.0.100/32 dev isp4
	NO_DEFAULT=1 udhcpc
	settled '.state == "up" and .gateway == "100.64.0.9"'
	table 4 "default via 100.64.0.9 dev wan0 onlink"
	udhcpc_renew
	grep 'sending renew to server' "$LAB_DIR/log/job-udhcpc.err"
	lab_capture_uplinks_stop
	lab_left_by wan0 udp dst port 67
	# from the address, and by the gateway: nobody looked for the server on the link
	(($(lab_captured wan0 src host 100.64.0.100 and dst host 100.64.0.1 and udp dst port 67) > 0))
	(($(lab_captured wan0 arp dst host 100.64.0.9) > 0))
	(($(lab_captured wan0 arp src host 100.64.0.100 and arp dst host 100.64.0.1) == 0))
}

@test "two uplinks by DHCP that name the same router address" {
	line_conf '' 'name = "isdn"; interface = "wan2"; table = 203; mark = 3;'
	on_router ip addr add 100.64.0.50/24 dev wan2
	on_net ip addr add 100.64.0.1/24 dev isp3
	on_router ip route add default via 100.64.0.1 dev wan2 metric 300
	start
	dhcp_server 100.64.0.100,100.64.0.100 option:router,100.64.0.1
	dhclient
	settled '.state == "up" and .gateway == "100.64.0.1"'
	uplink isdn '.state == "up" and .gateway == "100.64.0.1"'
	table 4 "default via 100.64.0.1 dev wan0"
	[[ $(on_router ip route show table 203) == "default via 100.64.0.1 dev wan2 proto 87"* ]]
	goes_by wan0
	sed -i 's/^rules = .*/rules = ( { name = "all"; match = { dport = 7777; }; uplink = "isdn"; } );/' "$LAB_CONF"
	waymark reload -c "$LAB_CONF"
	goes_by wan2
	on_router ip addr del 100.64.0.50/24 dev wan2
	on_net ip addr del 100.64.0.1/24 dev isp3
}

# ---- PPP: a tun device with a peer ----

LAB_ISP[ppp4]=isp4

# ppp_up ADDRESS PEER: the line is ppp4, as a PPP daemon would make it.
ppp_up() {
	ip -n "$LAB_ROUTER" link del br0 2>/dev/null || true
	ip -n "$LAB_ROUTER" link del wan0 2>/dev/null || true
	rm -f "$LAB_DIR/ppp4.sock"
	LAB_UP4[ppp4]=$1 LAB_GW4[ppp4]=$2
	lab_link_tun ppp4
	lab_nat ppp4
}

ppp_down() {
	lab_stop tun-ppp4
	lab_stop tun-isp4
}

# ppp_renumber ADDRESS PEER: the same interface, another address and peer.
ppp_renumber() {
	ip -n "$LAB_NET" addr flush dev isp4 scope global
	ip -n "$LAB_ROUTER" addr flush dev ppp4 scope global
	ip -n "$LAB_NET" addr add "$2" peer "$1/32" dev isp4
	ip -n "$LAB_ROUTER" addr add "$1" peer "$2/32" dev ppp4
}

@test "a PPP line whose addresses change keeps its device as default and gets new rules" {
	LINE=ppp4 line_conf
	ppp_up 100.65.0.2 100.65.0.1
	start
	settled '.state == "up" and .gateway == null and .gateway6 == null'
	table 4 "default dev ppp4 scope link"
	table 6 "" # nothing but a link-local address: the line has no IPv6
	has_rule 4 100.65.0.2
	goes_by ppp4
	goes_by wan1 $LAB_ECHO6
	on_router ip addr add 2001:db8:65::2/64 dev ppp4 nodad
	on_net ip addr add 2001:db8:65::1/64 dev isp4 nodad
	wait_until 5 has_rule 6 2001:db8:65::2
	table 6 "default dev ppp4 metric 1024"
	goes_by ppp4 $LAB_ECHO6
	ppp_renumber 100.65.9.2 100.65.8.1
	wait_until 5 has_rule 4 100.65.9.2
	settled '.state == "up" and .gateway == null'
	refute has_rule 4 100.65.0.2
	refute has_rule 6 2001:db8:65::2
	table 4 "default dev ppp4 scope link"
	table 6 ""
	goes_by ppp4
	on_router ip addr add 2001:db8:66::2/64 dev ppp4 nodad
	on_net ip addr add 2001:db8:66::1/64 dev isp4 nodad
	wait_until 5 has_rule 6 2001:db8:66::2
	settled '.state == "up"'
	goes_by ppp4 $LAB_ECHO6
}

@test "a PPP line with gateway auto follows its peer in main's default" {
	LINE=ppp4 line_conf 'gateway = "auto";'
	ppp_up 100.65.0.2 100.65.0.1
	start
	settled '.state == "down" and .reason == "no gateway"'
	goes_by wan1
	on_router ip route add default via 100.65.0.1 dev ppp4 metric 200
	settled '.state == "up" and .gateway == "100.65.0.1"'
	table 4 "default via 100.65.0.1 dev ppp4"
	goes_by ppp4
	# the kernel takes main's default away with the peer's address
	ppp_renumber 100.65.9.2 100.65.8.1
	on_router ip route replace default via 100.65.8.1 dev ppp4 metric 200
	settled '.state == "up" and .gateway == "100.65.8.1"'
	table 4 "default via 100.65.8.1 dev ppp4"
	goes_by ppp4
	# pppd's `defaultroute` without a next hop
	on_router ip route replace default dev ppp4 metric 200
	settled '.state == "up" and .gateway == null'
	table 4 "default dev ppp4 scope link"
	goes_by ppp4
}

@test "a PPP line that is dialled again comes back with another index and address" {
	local index
	LINE=ppp4 line_conf
	ppp_up 100.65.0.2 100.65.0.1
	start
	settled '.state == "up"'
	index=$(on_router cat /sys/class/net/ppp4/ifindex 2>/dev/null || on_router ip -o link show ppp4)
	ppp_down
	settled ".state == \"down\" and .reason == \"interface 'ppp4' does not exist\""
	refute has_rule 4 100.65.0.2
	goes_by wan1
	ppp_up 100.65.3.2 100.65.3.1
	[[ $(on_router ip -o link show ppp4) != "$index" ]]
	settled '.state == "up" and .gateway == null'
	has_rule 4 100.65.3.2
	goes_by ppp4
}

# ---- router advertisements ----

# line_ra SYSCTL...: wan0 listens to them; what they bring to main stands behind main's own default.
line_ra() {
	lab_sysctl "$LAB_ROUTER" net/ipv6/conf/wan0/accept_ra=2 net/ipv6/conf/wan0/ra_defrtr_metric=2048 \
		net/ipv6/conf/wan0/accept_ra_min_lft=0 net/ipv6/route/gc_interval=1 "$@"
	lab_sysctl "$LAB_NET" net/ipv6/conf/isp4/forwarding=1
	on_net ip addr add 2001:db8:41::1/64 dev isp4 nodad
	on_net ip addr add 2001:db8:42::1/64 dev isp4 nodad
	on_net ip addr add fe80::1/64 dev isp4 nodad
	on_net ip addr add fe80::2/64 dev isp4 nodad
}

# radvd_conf ROUTER LIFETIME PREFERENCE [PREFIX VALID PREFERRED]...
radvd_conf() {
	cat <<-END
		interface isp4 {
			AdvSendAdvert on;
			MinRtrAdvInterval 3;
			MaxRtrAdvInterval 4;
			AdvRASrcAddress { $1; };
			AdvDefaultLifetime $2;
			AdvDefaultPreference $3;
	END
	shift 3
	while (($#)); do
		printf '\tprefix %s { AdvValidLifetime %s; AdvPreferredLifetime %s; };\n' "$1" "$2" "$3"
		shift 3
	done
	echo '};'
}

# radvd NAME ROUTER LIFETIME PREFERENCE [PREFIX VALID PREFERRED]...: a router, until it is stopped.
radvd() {
	local name=$1
	shift
	radvd_conf "$@" >"$LAB_DIR/$name.conf"
	lab_spawn "job-$name" "$LAB_NET" radvd -n -m stderr -d 1 -C "$LAB_DIR/$name.conf" -p "$LAB_DIR/$name.pid"
}

radvd_change() {
	local name=$1
	shift
	radvd_conf "$@" >"$LAB_DIR/$name.conf"
	kill -HUP "$(lab_pid "job-$name")"
}

# The addresses that the line has of this prefix.
line_addresses() { # PREFIX
	on_router ip -6 -o addr show dev wan0 scope global | awk '{ sub(/\/.*/, "", $4); print $4 }' | grep "^$1"
}

all_have_rules() { # PREFIX [COUNT]
	local address n=0
	for address in $(line_addresses "$1"); do
		has_rule 6 "$address" || return 1
		n=$((n + 1))
	done
	((n >= ${2:-1}))
}

no_rules() { # PREFIX
	refute on_router ip -6 rule show | refute grep -q "from $1"
}

@test "a router that advertises itself is the gateway until it says that it is none" {
	line_ra
	start
	settled '.state == "down" and .reason == "no gateway"'
	goes_by wan1 $LAB_ECHO6
	radvd radvd fe80::1 60 medium 2001:db8:41::/64 600 300
	settled '.state == "up" and .gateway6 == "fe80::1" and .gateway == null'
	wait_until 5 all_have_rules 2001:db8:41:
	table 6 "default via fe80::1 dev wan0 metric 1024"
	goes_by wan0 $LAB_ECHO6
	# its last words are a lifetime of 0
	lab_stop job-radvd
	settled '.state == "down" and .reason == "no gateway" and .gateway6 == null'
	table 6 ""
	goes_by wan1 $LAB_ECHO6
}

@test "another lifetime changes nothing, and a router that falls silent is given up" {
	local sent
	lifetime_above() { (($(on_router ip -6 route show default dev wan0 | sed -n 's/.*expires \([0-9]*\)sec.*/\1/p') > $1)); }
	line_ra
	start
	radvd radvd fe80::1 60 medium 2001:db8:41::/64 600 300
	settled '.state == "up" and .gateway6 == "fe80::1"'
	wait_until 5 all_have_rules 2001:db8:41:
	settled '.state == "up"'
	sent=$(lab_lines "$LAB_DIR/log/waymarkd.err" 'changes sent')
	radvd_change radvd fe80::1 1800 medium 2001:db8:41::/64 600 300
	wait_until 8 lifetime_above 1000
	[[ $(lab_lines "$LAB_DIR/log/waymarkd.err" 'changes sent') == "$sent" ]]
	radvd_change radvd fe80::1 4 medium 2001:db8:41::/64 600 300
	wait_until 8 refute lifetime_above 5
	lab_stop job-radvd KILL
	wait_until 40 uplink line '.state == "down"'
	settled '.state == "down" and .gateway6 == null'
	goes_by wan1 $LAB_ECHO6
}

@test "another router takes over, and the better of two is taken" {
	line_ra
	start
	radvd first fe80::1 60 medium 2001:db8:41::/64 600 300
	settled '.state == "up" and .gateway6 == "fe80::1"'
	goes_by wan0 $LAB_ECHO6
	radvd second fe80::2 60 high 2001:db8:41::/64 600 300
	settled '.state == "up" and .gateway6 == "fe80::2"'
	goes_by wan0 $LAB_ECHO6
	lab_stop job-second
	settled '.state == "up" and .gateway6 == "fe80::1"'
	radvd second fe80::2 60 low 2001:db8:41::/64 600 300
	both() { (($(on_router ip -6 route show default dev wan0 | wc -l) == 2)); }
	wait_until 8 both
	settled '.state == "up" and .gateway6 == "fe80::1"'
	lab_stop job-first
	settled '.state == "up" and .gateway6 == "fe80::2"'
	goes_by wan0 $LAB_ECHO6
}

@test "a prefix that is replaced leaves with its rules, and its addresses are served until then" {
	deprecated() { on_router ip -6 addr show dev wan0 | grep -q '2001:db8:41:.* deprecated'; }
	gone() { [[ -z $(line_addresses 2001:db8:41:) ]]; }
	line_ra
	start
	radvd radvd fe80::1 60 medium 2001:db8:41::/64 12 10
	wait_until 8 all_have_rules 2001:db8:41:
	settled '.state == "up" and .gateway6 == "fe80::1"'
	# the old one is deprecated, the new one is there
	radvd_change radvd fe80::1 60 medium 2001:db8:41::/64 12 0 2001:db8:42::/64 600 300
	wait_until 8 all_have_rules 2001:db8:42:
	wait_until 8 deprecated
	settled '.state == "up" and .gateway6 == "fe80::1"'
	all_have_rules 2001:db8:41:
	goes_by wan0 $LAB_ECHO6
	# and then only the new one
	radvd_change radvd fe80::1 60 medium 2001:db8:42::/64 600 300
	wait_until 30 gone
	settled '.state == "up" and .gateway6 == "fe80::1"'
	all_have_rules 2001:db8:42:
	[[ -z $(on_router ip -6 rule show | grep 'from 2001:db8:41:') ]]
	goes_by wan0 $LAB_ECHO6
}

@test "temporary addresses have rules of their own" {
	line_ra net/ipv6/conf/wan0/use_tempaddr=2
	start
	radvd radvd fe80::1 60 medium 2001:db8:41::/64 600 300
	wait_until 10 all_have_rules 2001:db8:41: 2
	settled '.state == "up" and .gateway6 == "fe80::1"'
	on_router ip -6 addr show dev wan0 | grep -q temporary
	goes_by wan0 $LAB_ECHO6
}
