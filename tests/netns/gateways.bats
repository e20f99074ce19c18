#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gateways that move: what DHCP, PPP, router advertisements and other hands change in the main table
# and on the links, the uplink's table follows. In each test the line under test is wan0 (isp4 in
# net), made anew by setup; main's own default leaves by wan1. After every step the kernel has
# exactly what `uplinks --plan` wants, and what others put there is untouched.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_server_echo 7777
	# GATEWAYS_MAIN=100000: the same with so many routes of others in main, which is then not read at each event
	awk -v n="${GATEWAYS_MAIN:-0}" 'BEGIN { for (i = 0; i < n; i++) printf "route add blackhole 11.%d.%d.%d/32\n", i / 65536, i / 256 % 256, i % 256 }' |
		on_router ip -batch -
}

teardown_file() { lab_down; }

setup() {
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

teardown() {
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
	local side namespace
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
