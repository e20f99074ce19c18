#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Beside other hands in policy routing: network managers, other multi-WAN tools, VPNs, and who else
# uses our protocol number. What is theirs is as before while we run and after it; what is ours works.
#
# systemd-networkd, NetworkManager, wg-quick and WireGuard are the real programs where they are
# installed, in the router's namespaces with files of their own. Where not (or with
# LAB_IMITATE=1), `ip` does what those were seen to do on netlink. mwan3, pbr and Tailscale are here
# by the rules, marks and chains that they set up.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
}
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || as_in_the_beginning
}

# Others' leavings go with the addresses and rules that the lab did not give.
as_in_the_beginning() {
	local name family
	for name in networkd manager job-wg-peer; do
		lab_stop "$name" KILL || true
	done
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/src_valid_mark=0
	lab_remove_namespaces "$LAB_ID-box"
	ip -n "$LAB_ROUTER" link del usb0 2>/dev/null || true
	for family in -4 -6; do
		ip -n "$LAB_ROUTER" $family rule flush
		ip -n "$LAB_ROUTER" $family rule add priority 32766 lookup main
		ip -n "$LAB_ROUTER" $family route flush table all proto static 2>/dev/null || true
	done
	ip -n "$LAB_ROUTER" rule add priority 32767 lookup default
	ip -n "$LAB_ROUTER" addr replace "${LAB_UP4[wan1]}/24" dev wan1
	ip -n "$LAB_ROUTER" addr replace "${LAB_UP6[wan1]}/64" dev wan1 nodad
	ip -n "$LAB_ROUTER" link set wan1 up
	on_router iptables -w -t nat -F
	on_router ip6tables -w -t nat -F
	lab_main_default wan1
}

# The programs are here.
real() {
	[[ -z ${LAB_IMITATE:-} ]] && command -v "$1" >/dev/null
}

# Every rule, route and chain of the router, a line each.
everything() {
	on_router sh -c '
		for family in -4 -6; do
			ip $family rule show | sed "s/^/$family rule /"
			ip $family route show table all | sed "s/^/$family route /; s/ *$//"
		done
		for command in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
			$command-save 2>/dev/null | sed -n "s/^-A/$command &/p"
		done' | sort
}

# Whatever there was before us is there now; after us, nothing else is.
theirs_are_there() { comm -23 "$LAB_DIR/before" <(everything) | diff /dev/null -; }
theirs_alone() { everything | diff "$LAB_DIR/before" -; }

# Start, run, a reload, a repair and stop: their things are the same all along. The function given
# is called in between, and must find that theirs and ours work.
beside() { # FUNCTION
	everything >"$LAB_DIR/before"
	lab_waymarkd
	theirs_are_there
	"$1"
	waymark reload -c "$LAB_CONF"
	theirs_are_there
	on_router ip rule del fwmark 0x1/0x7f
	wait_until 3 ours_are_there
	theirs_are_there
	"$1"
	lab_waymarkd_stop
	theirs_alone
}

ours_are_there() {
	on_router ip rule show | grep -q 'fwmark 0x1/0x7f lookup 201 proto 87'
}

# goes_by UPLINK NAMESPACE PORT [OPTION...]: a connection of this kind, both families, is whole, and
# leaves by this uplink alone.
goes_by() {
	local uplink=$1 namespace=$2 port=$3 REPLY
	shift 3
	lab_port
	lab_capture_uplinks
	lab_talk talk4 "$namespace" $LAB_ECHO4 "$port" --sport "$REPLY" "$@"
	lab_talk talk6 "$namespace" $LAB_ECHO6 "$port" --sport "$REPLY" "$@"
	lab_talk_end talk4
	lab_talk_end talk6
	lab_capture_uplinks_stop
	lab_left_by "$uplink" "ip and src port $REPLY"
	lab_left_by "$uplink" "ip6 and src port $REPLY"
}

each_family() { # FUNCTION: with ip's option for the family
	"$1" -4
	"$1" -6
}

# A machine of its own behind a new interface of the router: a VPN's peer, a container.
box() { # INTERFACE ROUTER4/LENGTH BOX4/LENGTH ROUTER6/LENGTH BOX6/LENGTH
	ip netns add "$LAB_ID-box"
	lab_sysctl "$LAB_ID-box" net/ipv6/conf/default/accept_dad=0
	ip -n "$LAB_ID-box" link set lo up
	ip link add "$1" netns "$LAB_ROUTER" type veth peer name eth0 netns "$LAB_ID-box"
	ip -n "$LAB_ROUTER" addr add "$2" dev "$1"
	ip -n "$LAB_ROUTER" addr add "$4" dev "$1" nodad
	ip -n "$LAB_ID-box" addr add "$3" dev eth0
	ip -n "$LAB_ID-box" addr add "$5" dev eth0 nodad
	ip -n "$LAB_ROUTER" link set "$1" up
	ip -n "$LAB_ID-box" link set eth0 up
	ip -n "$LAB_ID-box" route add default via "${2%/*}" dev eth0
	ip -n "$LAB_ID-box" -6 route add default via "${4%/*}" dev eth0
}

# ---- network managers ----

NETWORKD=/lib/systemd/systemd-networkd

# Its files are in a mount namespace of its own; /sys read-only says that there is no udev to wait for.
networkd() {
	mkdir -p "$LAB_DIR/networkd"
	printf '[Match]\nName=wan1\n[Network]\nIPv6AcceptRA=no\nAddress=%s/24\nAddress=%s/64\nGateway=%s\nGateway=%s\n' \
		"${LAB_UP4[wan1]}" "${LAB_UP6[wan1]}" "${LAB_GW4[wan1]}" "${LAB_GW6[wan1]}" \
		>"$LAB_DIR/networkd/10-wan1.network"
	printf '[Match]\nName=usb0\n[Network]\nIPv6AcceptRA=no\nAddress=10.66.0.1/24\n' \
		>"$LAB_DIR/networkd/20-usb0.network"
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn networkd "$LAB_ROUTER" unshare --mount --propagation private sh -ec '
		mkdir -p /run/systemd
		mount -t tmpfs none /run/systemd
		mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/systemd/network
		chown -R systemd-network: /run/systemd/netif
		cp "$1"/*.network /run/systemd/network
		mount -t sysfs -o ro none /sys
		SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info exec "$0"' "$NETWORKD" "$LAB_DIR/networkd"
}

# What networkd does when it takes up a link: every rule and every static route that it does not
# know goes, whoever made it.
networkd_takes_up_a_link() {
	ip link add usb0 netns "$LAB_ROUTER" type veth peer name usb1 netns "$LAB_NET"
	ip -n "$LAB_NET" link set usb1 up
	if real "$NETWORKD"; then
		taken_up() { on_router ip addr show dev usb0 | grep -q 10.66.0.1/24; }
		wait_until 10 taken_up
	else
		each_family flush_foreign_rules
		ip -n "$LAB_ROUTER" addr add 10.66.0.1/24 dev usb0
		ip -n "$LAB_ROUTER" link set usb0 up
	fi
}

flush_foreign_rules() {
	local rule
	on_router ip "$1" rule show | sed -n 's/^\([1-9][0-9]*\):.*/\1/p' | grep -v -x -e 32766 -e 32767 |
		while read -r rule; do on_router ip "$1" rule del priority "$rule"; done
}

without_wan1() {
	ip -n "$LAB_ROUTER" addr flush dev wan1 scope global
}

all_of_ours() {
	on_router sh -c 'for family in -4 -6; do
			ip $family rule show | grep "proto 87"
			for table in 201 202 203; do ip $family route show table $table proto 87; done
		done' | sed 's/ *$//'
}

# compare: the rules that are there when nobody disturbs us
as_ours_alone() { all_of_ours | diff "$LAB_DIR/ours" -; }

# Soon; what is not so is shown.
ours_return() { wait_until 5 as_ours_alone || as_ours_alone; }

@test "complaint 4: a network manager's restart deletes foreign fwmark rules (systemd-networkd)" {
	lab_nat $LAB_UPLINKS
	lab_waymarkd
	all_of_ours >"$LAB_DIR/ours"
	without_wan1
	! real "$NETWORKD" || networkd
	addressed() { on_router ip route show default | grep -q 'dev wan1'; }
	real "$NETWORKD" || {
		ip -n "$LAB_ROUTER" addr add "${LAB_UP4[wan1]}/24" dev wan1
		ip -n "$LAB_ROUTER" addr add "${LAB_UP6[wan1]}/64" dev wan1 nodad
		lab_main_default wan1
	}
	wait_until 10 addressed
	ours_return
	# a connection on a NATed line lives through it, unless it speaks in the very milliseconds
	# without a rule: then the kernel sees its packet leave by another line, and ends it
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777 --interval 1
	lab_watch rule
	networkd_takes_up_a_link
	ours_return
	deleted() { grep -q 'Deleted 20001:.*fwmark 0x1/0x7f' "$LAB_DIR/log/job-monitor.out"; }
	wait_until 3 deleted
	lab_talk_lives talk-steered 2
	lab_talk_end talk-steered
	if real "$NETWORKD"; then
		# and through its restart
		lab_stop networkd
		networkd
		ip -n "$LAB_ROUTER" link set wan1 down
		ip -n "$LAB_ROUTER" link set wan1 up
		wait_until 10 addressed
		ours_return
	fi
	lab_stop job-monitor
	goes_by ppp0 "$LAB_CLIENT" 7777
	goes_by wan1 "$LAB_CLIENT" 7
}

# NetworkManager with a message bus of its own. No service is started by that bus.
manager() {
	mkdir -p "$LAB_DIR/manager"
	cat >"$LAB_DIR/manager/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		<type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
		<allow own="*"/><allow user="*"/></policy>
		</busconfig>
	END
	cat >"$LAB_DIR/manager/NetworkManager.conf" <<-END
		[main]
		plugins=keyfile
		dns=none
		rc-manager=unmanaged
		auth-polkit=false
		[keyfile]
		unmanaged-devices=except:interface-name:wan1
	END
	cat >"$LAB_DIR/manager/cable.nmconnection" <<-END
		[connection]
		id=cable
		uuid=2b0c1d4e-0000-4000-8000-000000000001
		type=ethernet
		interface-name=wan1
		[ipv4]
		method=manual
		address1=${LAB_UP4[wan1]}/24,${LAB_GW4[wan1]}
		routing-rule1=priority 500 from 10.99.0.0/16 table 99
		[ipv6]
		method=manual
		address1=${LAB_UP6[wan1]}/64,${LAB_GW6[wan1]}
	END
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn manager "$LAB_ROUTER" unshare --mount --propagation private sh -ec '
		for directory in /run /var/lib/NetworkManager /etc/NetworkManager; do
			mount -t tmpfs none $directory
		done
		mkdir -p /run/dbus /run/NetworkManager /etc/NetworkManager/system-connections /etc/NetworkManager/conf.d
		cp "$0/NetworkManager.conf" /etc/NetworkManager
		cp "$0/cable.nmconnection" /etc/NetworkManager/system-connections
		chmod 600 /etc/NetworkManager/system-connections/*
		mount -t sysfs -o ro none /sys
		dbus-daemon --config-file="$0/bus.conf" --nofork --nopidfile &
		until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
		exec NetworkManager --no-daemon' "$LAB_DIR/manager"
}

manager_does() { # nmcli's words
	nsenter --mount="/proc/$(lab_pid manager)/ns/mnt" --net="/run/netns/$LAB_ROUTER" nmcli --wait 10 "$@"
}

managed_up() {
	on_router ip rule show | grep -q '^500:.*from 10.99.0.0/16 lookup 99' &&
		on_router ip route show default | grep -q 'dev wan1' &&
		on_router ip -6 route show default | grep -q 'dev wan1' &&
		# what is compared with later is all that we set, also for an address that is still probed for
		! on_router ip -6 address show dev wan1 tentative | grep -q inet6
}

manager_up() {
	if real NetworkManager; then
		lab_alive manager || manager
		nmcli_answers() { manager_does connection; }
		wait_until 10 nmcli_answers
		manager_does connection up cable >/dev/null
	else
		ip -n "$LAB_ROUTER" rule add priority 500 from 10.99.0.0/16 lookup 99 protocol static
		ip -n "$LAB_ROUTER" addr add "${LAB_UP4[wan1]}/24" dev wan1
		ip -n "$LAB_ROUTER" addr add "${LAB_UP6[wan1]}/64" dev wan1 nodad
		ip -n "$LAB_ROUTER" route add default via "${LAB_GW4[wan1]}" dev wan1 proto static metric 100
		ip -n "$LAB_ROUTER" -6 route add default via "${LAB_GW6[wan1]}" dev wan1 proto static metric 100
	fi
	wait_until 10 managed_up
}

manager_down() {
	if real NetworkManager; then
		manager_does connection down cable >/dev/null
	else
		ip -n "$LAB_ROUTER" -6 addr flush dev wan1
		without_wan1
		each_family no_default_by_wan1
		ip -n "$LAB_ROUTER" rule del priority 500
	fi
}

no_default_by_wan1() {
	on_router ip "$1" route flush default dev wan1
}

@test "complaint 4: a network manager's restart deletes foreign fwmark rules (NetworkManager)" {
	lab_nat $LAB_UPLINKS
	# main will have no default for a while; a loose rp_filter then lets in only what has a mark,
	# if that counts
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/src_valid_mark=1
	without_wan1
	each_family no_default_by_wan1
	manager_up
	lab_waymarkd
	all_of_ours >"$LAB_DIR/ours"
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	local i
	for i in 1 2; do
		manager_down
		wait_until 5 refute managed_up
		lab_talk_lives talk-steered
		manager_up
		ours_return
	done
	if real NetworkManager; then
		manager_does device reapply wan1
		ours_return
		lab_stop manager
		manager_up
		ours_return
	fi
	lab_talk_lives talk-steered
	lab_talk_end talk-steered
	goes_by ppp0 "$LAB_CLIENT" 7777
	goes_by wan1 "$LAB_CLIENT" 7
	# its own rule is there, and stays when we go
	on_router ip rule show | grep '^500:'
	lab_waymarkd_stop
	managed_up
}

# ---- other tools that mark and route ----

# mwan3: marks in 0x3f00, rules from 1001, and a blackhole for what it refuses. It balances port
# 7778 on wan2, its interface 1; all else it leaves to main, marked so.
mwan3() {
	local command
	each_family mwan3_routes
	for command in iptables ip6tables; do
		on_router $command-restore --noflush -w <<-END
			*mangle
			:mwan3_hook - [0:0]
			:mwan3_ifaces_in - [0:0]
			:mwan3_rules - [0:0]
			-A PREROUTING -j mwan3_hook
			-A OUTPUT -j mwan3_hook
			-A mwan3_hook -m mark --mark 0x0/0x3f00 -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00
			-A mwan3_hook -m mark --mark 0x0/0x3f00 -j mwan3_ifaces_in
			-A mwan3_hook -m mark --mark 0x0/0x3f00 -j mwan3_rules
			-A mwan3_hook -j CONNMARK --save-mark --nfmask 0x3f00 --ctmask 0x3f00
			-A mwan3_ifaces_in -i wan2 -j MARK --set-xmark 0x100/0x3f00
			-A mwan3_rules -p tcp -m tcp --dport 7778 -j MARK --set-xmark 0x100/0x3f00
			-A mwan3_rules -m mark --mark 0x0/0x3f00 -j MARK --set-xmark 0x3f00/0x3f00
			COMMIT
		END
	done
}

mwan3_routes() {
	local -A gateway=([-4]=${LAB_GW4[wan2]} [-6]=${LAB_GW6[wan2]})
	local -A inside=([-4]=10.10.0.0/24 [-6]=2001:db8:10::/64)
	on_router ip "$1" route add default via "${gateway[$1]}" dev wan2 table 1
	on_router ip "$1" route add "${inside[$1]}" dev lan table 1
	on_router ip "$1" rule add priority 1001 iif wan2 lookup 1
	on_router ip "$1" rule add priority 2001 fwmark 0x100/0x3f00 lookup 1
	on_router ip "$1" rule add priority 2061 fwmark 0x3d00/0x3f00 blackhole
	on_router ip "$1" rule add priority 2062 fwmark 0x3e00/0x3f00 unreachable
}

theirs_wan2_ours_ppp0() {
	goes_by wan2 "$LAB_CLIENT" 7778
	goes_by ppp0 "$LAB_CLIENT" 7777
	goes_by wan1 "$LAB_CLIENT" 7
}

@test "mwan3 marks and routes as before, and what it leaves to main is ours to steer" {
	mwan3
	beside theirs_wan2_ours_ppp0
	on_router ip route flush table 1
	on_router ip -6 route flush table 1
}

# pbr: rules at 30000, behind ours, and marks in 0xff0000.
pbr() {
	local command
	on_router ip rule add priority 30000 fwmark 0x10000/0xff0000 lookup 256
	on_router ip -6 rule add priority 30000 fwmark 0x10000/0xff0000 lookup 256
	on_router ip route add default via "${LAB_GW4[wan2]}" dev wan2 table 256
	on_router ip -6 route add default via "${LAB_GW6[wan2]}" dev wan2 table 256
	for command in iptables ip6tables; do
		on_router $command-restore --noflush -w <<-END
			*mangle
			:PBR_PREROUTING - [0:0]
			:PBR_MARK_0x010000 - [0:0]
			-A PREROUTING -m mark --mark 0x0/0xff0000 -j PBR_PREROUTING
			-A PBR_PREROUTING -p tcp -m tcp --dport 7778 -g PBR_MARK_0x010000
			-A PBR_MARK_0x010000 -j MARK --set-xmark 0x10000/0xff0000
			-A PBR_MARK_0x010000 -j RETURN
			COMMIT
		END
	done
}

@test "complaint 9: our rules swallow another tool's rules at higher numbers (pbr, 30000)" {
	pbr
	beside theirs_wan2_ours_ppp0
	# nor does it matter where ours stand: behind theirs, theirs would win for both
	lab_conf <<-END
		routing = { priority = 31000; };
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	theirs_wan2_ours_ppp0
	lab_waymarkd_stop
	theirs_alone
	on_router ip route flush table 256
	on_router ip -6 route flush table 256
}

# Tailscale: rules 5210 to 5270, table 52, marks in 0xff0000: 0x80000 for its own packets, 0x40000
# for what comes out of its interface.
tailscale() {
	local command
	each_family tailscale_rules
	for command in iptables ip6tables; do
		on_router $command-restore --noflush -w <<-END
			*filter
			:ts-input - [0:0]
			:ts-forward - [0:0]
			-A INPUT -j ts-input
			-A FORWARD -j ts-forward
			-A ts-input -i tailscale0 -j ACCEPT
			-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
			-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
			-A ts-forward -o tailscale0 -j ACCEPT
			COMMIT
			*nat
			:ts-postrouting - [0:0]
			-A POSTROUTING -j ts-postrouting
			-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
			COMMIT
		END
	done
}

tailscale_rules() {
	on_router ip "$1" rule add priority 5210 fwmark 0x80000/0xff0000 lookup main
	on_router ip "$1" rule add priority 5230 fwmark 0x80000/0xff0000 lookup default
	on_router ip "$1" rule add priority 5250 fwmark 0x80000/0xff0000 unreachable
	on_router ip "$1" rule add priority 5270 lookup 52
}

tailnet() {
	box tailscale0 100.100.0.1/24 100.100.0.9/24 fd7a:115c:a1e0::1/64 fd7a:115c:a1e0::9/64
	on_router ip route add 100.100.0.9/32 dev tailscale0 table 52
	on_router ip -6 route add fd7a:115c:a1e0::9/128 dev tailscale0 table 52
}

tailscale_works_and_so_do_we() {
	# its own packets find main, and are not marked by us, also where a rule of ours would have them
	goes_by wan1 "$LAB_ROUTER" 7777 --udp --mark 0x80000
	# as an exit node it masquerades what comes out of the tunnel, on whichever line we choose
	goes_by ppp0 "$LAB_ID-box" 7777
	goes_by wan1 "$LAB_ID-box" 7
	goes_by ppp0 "$LAB_CLIENT" 7777
	# and the peer is reached
	on_client ping -q -c 1 -W 2 100.100.0.9
	on_client ping -q -c 1 -W 2 fd7a:115c:a1e0::9
}

@test "Tailscale's own packets, exit node and subnet routes are as before" {
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; },
		          { name = "pings"; match = { proto = "icmp"; }; uplink = "isdn"; } );
	END
	tailscale
	tailnet
	beside tailscale_works_and_so_do_we
}

@test "complaint 10: iif rules or a boot race break an exit node" {
	# at boot: we are first, and neither the VPN nor one of our lines is there
	local LAB_UPLINKS="ppp0 wan1"
	ip -n "$LAB_ROUTER" link del wan2
	lab_waymarkd
	goes_by ppp0 "$LAB_CLIENT" 7777
	tailscale
	tailnet
	goes_by ppp0 "$LAB_ID-box" 7777
	goes_by wan1 "$LAB_ID-box" 7
	# the line comes late; so does the VPN once more
	LAB_UPLINKS="ppp0 wan1 wan2"
	lab_link_veth wan2
	lab_line_again wan2
	up() { waymark uplinks -c "$LAB_CONF" --json | jq -e 'all(.[]; .state == "up")'; }
	wait_until 5 up
	lab_remove_namespaces "$LAB_ID-box"
	gone() { ! on_router ip link show tailscale0; }
	wait_until 5 gone
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "isdn"; } );
	END
	waymark reload -c "$LAB_CONF"
	tailnet
	goes_by wan2 "$LAB_ID-box" 7777
	goes_by wan1 "$LAB_ID-box" 7
	# none of our rules asks where a packet came from
	[[ -z $( (on_router ip rule show; on_router ip -6 rule show) | grep 'proto 87' | grep -w iif) ]]
}

# ---- wg-quick ----

# A WireGuard tunnel with everything in it. Without the kernel's or a userspace WireGuard the tunnel
# is a plain link, and the rules are wg-quick's.
wg_quick_up() {
	TUNNEL=${LAB_ID}g
	WG=
	if real wg-quick && real wireguard-go; then
		WG=real
		wg_peer
		cat >"$LAB_DIR/$TUNNEL.conf" <<-END
			[Interface]
			PrivateKey = $(umask 077; wg genkey | tee "$LAB_DIR/wg.key")
			Address = 10.77.0.2/32, fd77::2/128
			[Peer]
			PublicKey = $(wg pubkey <"$LAB_DIR/wg-peer.key")
			AllowedIPs = 0.0.0.0/0, ::/0
			Endpoint = $LAB_OUTSIDE4:51820
		END
		chmod 600 "$LAB_DIR/$TUNNEL.conf"
		on_net wg set "${TUNNEL}p" peer "$(wg pubkey <"$LAB_DIR/wg.key")" \
			allowed-ips 10.77.0.2/32,10.10.0.0/24,fd77::2/128,2001:db8:10::/64
		on_router env WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go wg-quick up "$LAB_DIR/$TUNNEL.conf" \
			>"$LAB_DIR/log/wg-quick.out" 2>&1 3>&- || lab_fail "$(cat "$LAB_DIR/log/wg-quick.out")"
	else
		ip link add "$TUNNEL" netns "$LAB_ROUTER" type veth peer name "${TUNNEL}p" netns "$LAB_NET"
		ip -n "$LAB_ROUTER" addr add 10.77.0.2/24 dev "$TUNNEL"
		ip -n "$LAB_ROUTER" addr add fd77::2/64 dev "$TUNNEL" nodad
		ip -n "$LAB_NET" addr add 10.77.0.1/24 dev "${TUNNEL}p"
		ip -n "$LAB_NET" addr add fd77::1/64 dev "${TUNNEL}p" nodad
		ip -n "$LAB_ROUTER" link set "$TUNNEL" up
		ip -n "$LAB_NET" link set "${TUNNEL}p" up
		each_family wg_quick_rules
		lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/src_valid_mark=1
	fi
	on_net ip route add 10.77.0.2/32 dev "${TUNNEL}p" 2>/dev/null || true
	on_net ip -6 route add fd77::2/128 dev "${TUNNEL}p" 2>/dev/null || true
	lab_nat "$TUNNEL"
}

wg_quick_rules() {
	local -A peer=([-4]=10.77.0.1 [-6]=fd77::1)
	on_router ip "$1" route add default via "${peer[$1]}" dev "$TUNNEL" table 51820
	on_router ip "$1" rule add not fwmark 51820 table 51820
	on_router ip "$1" rule add table main suppress_prefixlength 0
}

# The other end, on the net.
wg_peer() {
	(umask 077; wg genkey >"$LAB_DIR/wg-peer.key")
	lab_spawn job-wg-peer "$LAB_NET" wireguard-go --foreground "${TUNNEL}p"
	there() { on_net wg show "${TUNNEL}p"; }
	wait_until 5 there
	on_net wg set "${TUNNEL}p" listen-port 51820 private-key "$LAB_DIR/wg-peer.key"
	on_net ip addr add 10.77.0.1/32 dev "${TUNNEL}p"
	on_net ip -6 addr add fd77::1/128 dev "${TUNNEL}p" nodad
	on_net ip link set "${TUNNEL}p" up
}

wg_quick_down() {
	if [[ $WG == real ]]; then
		on_router wg-quick down "$LAB_DIR/$TUNNEL.conf" >"$LAB_DIR/log/wg-quick.out" 2>&1
		lab_stop job-wg-peer
	else
		on_router ip link del "$TUNNEL"
	fi
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/src_valid_mark=0
}

# The tunnel's own packets leave by main's default, each of them.
outer_by_main() {
	lab_capture_uplinks udp port 51820
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 10
	lab_talk_end talk
	lab_capture_uplinks_stop
	[[ $WG != real ]] || {
		lab_left_by wan1 udp port 51820
		(($(lab_captured wan1) > 20))
	}
}

tunnel_works_and_so_do_we() {
	# what we steer leaves by its line, what we do not goes through the tunnel, as before
	goes_by ppp0 "$LAB_CLIENT" 7777
	goes_by "" "$LAB_CLIENT" 7
	outer_by_main
}

@test "complaint 7: a VPN cannot handshake, because its own marked packets are re-marked (wg-quick)" {
	# a rule that would have the tunnel's packets too, were they not marked by their owner
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "mail.out"; },
		          { name = "outer"; match = { proto = "udp"; dport = 51820; }; uplink = "isdn"; } );
	END
	wg_quick_up
	beside tunnel_works_and_so_do_we
	wg_quick_down
	# the other way round: rules that come without a priority go before all that are there, ours
	# too. So the tunnel has everything, as wg-quick wants it, and explain says who decides.
	lab_waymarkd
	wg_quick_up
	outer_by_main
	goes_by "" "$LAB_CLIENT" 7777
	on_router "$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --json --src $LAB_CLIENT4 --dst $LAB_ECHO4 \
		--proto tcp --sport 40000 --dport 7777 --iface-in lan |
		jq -e --arg tunnel "$TUNNEL" '.route.warning | contains($tunnel) and contains("51820")'
	wg_quick_down
	goes_by ppp0 "$LAB_CLIENT" 7777
}

# ---- whoever else ----

# Protocol 87 is nobody's by name: any tool may have taken it. Ours is what carries it and stands
# in our priorities or our tables.
@test "somebody else's protocol 87 is never touched" {
	each_family their_87
	beside ours_and_no_other
	# without a chance to clean up, and over the next start
	everything >"$LAB_DIR/before"
	lab_waymarkd
	lab_waymarkd_stop KILL
	theirs_are_there
	lab_waymarkd
	theirs_are_there
	lab_waymarkd_stop
	theirs_alone
	each_family no_more_87
}

their_87() {
	local -A gateway=([-4]=${LAB_GW4[wan2]} [-6]=${LAB_GW6[wan2]}) far=([-4]=198.19.0.0/16 [-6]=2001:db8:77::/48)
	local -A inside=([-4]=10.10.0.0/24 [-6]=2001:db8:10::/64)
	on_router ip "$1" rule add priority 19999 fwmark 0x7000000/0x7000000 lookup 299 protocol 87
	on_router ip "$1" rule add priority 20500 fwmark 0x6000000/0x7000000 lookup 299 protocol 87
	on_router ip "$1" route add default via "${gateway[$1]}" dev wan2 table 299 protocol 87 metric 7
	on_router ip "$1" route add "${far[$1]}" via "${gateway[$1]}" dev wan2 protocol 87
	# of another protocol, among ours
	on_router ip "$1" rule add priority 20001 fwmark 0x5000000/0x7000000 lookup 299 protocol static
	on_router ip "$1" rule add priority 20100 fwmark 0x4000000/0x7000000 lookup 299
	on_router ip "$1" route add "${far[$1]}" via "${gateway[$1]}" dev wan2 table 201 protocol static
	on_router ip "$1" rule add priority 31999 from "${inside[$1]}" lookup 299 protocol 87
}

no_more_87() {
	on_router ip "$1" route flush table 299
	on_router ip "$1" route flush table 201
	on_router ip "$1" route flush protocol 87
}

ours_and_no_other() {
	goes_by ppp0 "$LAB_CLIENT" 7777
	# 31999 is before main: that is theirs to decide
	goes_by wan2 "$LAB_CLIENT" 7
}
