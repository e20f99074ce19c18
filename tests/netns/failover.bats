#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An uplink fails, and returns: new flows move at once, the connections of the failed line open
# anew on its stand-in, and nobody else's are touched.
#
# mail.out (ppp0) is the line that fails, isdn (wan2) stands in, cable (wan1) is main's default.
# How fast: new flows drip at a steady pace, each from a source port of its own, and the captures
# of all uplinks tell by which line each of them left.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7777 7
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || line_mends
}

# policy [keys of mail.out]: 7777 goes by mail.out, UDP 7 by isdn, the rest by main.
policy() {
	LAB_MAIL_OUT_KEYS=${1:-on_down = \"isdn\";} lab_conf nat <<-END
		rules = (
		  { name = "steered"; match = { dport = 7777; }; uplink = "mail.out"; },
		  { name = "other"; match = { proto = "udp"; dport = 7; }; uplink = "isdn"; }
		);
	END
	lab_waymarkd
}

probed() { # [more keys]
	policy "on_down = \"isdn\"; probe = { type = \"icmp\"; targets = [\"192.0.2.7\"]; interval_ms = 200; timeout_ms = 150; down = 3; up = 3; }; ${1:-}"
	wait_until 5 good
}

good() {
	waymark uplinks -c "$LAB_CONF" --json | jq -e 'any(.[]; .name == "mail.out" and .probe.state == "good")'
}

# The line dies behind the link: packets vanish on the far side, the carrier stays.
line_breaks() {
	on_net iptables -w -t raw -I PREROUTING -i isp1 -j DROP
	on_net ip6tables -w -t raw -I PREROUTING -i isp1 -j DROP
}

line_mends() {
	on_net iptables -w -t raw -D PREROUTING -i isp1 -j DROP 2>/dev/null || true
	on_net ip6tables -w -t raw -D PREROUTING -i isp1 -j DROP 2>/dev/null || true
	lab_line_again ppp0
}

# ---- how fast ----

drip_begin() {
	lab_capture_uplinks udp dst port 7777
	lab_spawn job-drip "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" drip $LAB_ECHO4 7777
	drips() { (($(wc -l <"$LAB_DIR/log/job-drip.out") > 50)); }
	wait_until 5 drips
}

drip_more() { # N: as many more flows
	local have
	have=$(wc -l <"$LAB_DIR/log/job-drip.out")
	more() { (($(wc -l <"$LAB_DIR/log/job-drip.out") >= have + $1)); }
	wait_until 20 more "$1"
}

drip_end() {
	lab_stop job-drip
	lab_capture_uplinks_stop
}

# drip_moved FROM SECONDS-SINCE-EPOCH: milliseconds from then until the last flow that did not leave by isdn;
# later ones all did, and there were some.
drip_moved() {
	{
		tcpdump -n -tt -r "$LAB_DIR/pcap/wan2.pcap" 2>/dev/null |
			sed -n 's/^\([0-9.]*\) IP [0-9.]*\.\([0-9]*\) > .*/seen \2/p'
		cat "$LAB_DIR/log/job-drip.out"
	} | awk -v from="$1" '
		$1 == "seen" { by[$2] = 1; next }
		$2 < from { next }
		$1 in by { after++; next }
		{ last = $2; after = 0 }
		END {
			if (after < 20) exit 1
			printf "%.1f\n", last ? (last - from) * 1000 : 0
		}'
}

within() { # MS BUDGET
	echo "# $BATS_TEST_DESCRIPTION: $1 ms" >&3
	awk -v ms="$1" -v budget="$2" -v slow="$WAYMARK_TEST_SLOW" 'BEGIN { exit !(ms <= budget * slow) }'
}

@test "a link set down: new flows leave by the stand-in within 50 ms of the kernel's event" {
	policy
	lab_watch link
	drip_begin
	local at begin=$EPOCHREALTIME
	on_router ip link set ppp0 down
	wait_until 3 lab_uplink_is mail.out down
	drip_more 100
	drip_end
	at=$(lab_event_time 'ppp0.*state DOWN')
	echo "# $(drip_moved "$begin") ms after the command was typed" >&3
	within "$(drip_moved "$at")" 50
	# and as soon as it is back they return
	line_mends
	wait_until 3 lab_uplink_is mail.out up
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}

@test "a carrier lost: new flows leave by the stand-in within 50 ms of the kernel's event" {
	policy
	lab_watch link
	drip_begin
	local at begin=$EPOCHREALTIME
	ip -n "$LAB_NET" link set isp1 down
	wait_until 3 lab_uplink_is mail.out down
	drip_more 100
	drip_end
	at=$(lab_event_time 'ppp0.*NO-CARRIER')
	echo "# $(drip_moved "$begin") ms after the command was typed" >&3
	within "$(drip_moved "$at")" 50
}

@test "an address lost with its gateway: new flows leave by the stand-in" {
	LAB_MAIL_OUT_KEYS='on_down = "isdn";' lab_conf nat <<-END
		rules = ( { name = "steered"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	sed -i "s/gateway = \"${LAB_GW4[ppp0]}\"; gateway6 = \"${LAB_GW6[ppp0]}\"/gateway = \"auto\"; gateway6 = \"none\"/" "$LAB_CONF"
	sed -i 's/gateway6 = "none"/gateway6 = "auto"/' "$LAB_CONF"
	on_router ip route add default via "${LAB_GW4[ppp0]}" dev ppp0 metric 1000
	lab_waymarkd
	lab_uplink_is mail.out up
	on_router ip addr del "${LAB_UP4[ppp0]}/30" dev ppp0
	wait_until 3 lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	on_router ip addr add "${LAB_UP4[ppp0]}/30" dev ppp0
	lab_left_by wan2 tcp dst port 7777
}

@test "an address lost, the gateway given: new flows leave by the stand-in" {
	LAB_MAIL_OUT_KEYS='on_down = "isdn";' lab_conf nat <<-END
		rules = ( { name = "steered"; match = { dport = 7777; }; uplink = "mail.out"; } );
	END
	sed -i "s/gateway6 = \"${LAB_GW6[ppp0]}\"/gateway6 = \"auto\"/" "$LAB_CONF"
	lab_waymarkd
	lab_uplink_is mail.out up
	on_router ip addr flush dev ppp0
	wait_until 3 lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	on_router ip addr add "${LAB_UP4[ppp0]}/30" dev ppp0
	on_router ip addr add "${LAB_UP6[ppp0]}/64" dev ppp0 nodad
	wait_until 3 lab_uplink_is mail.out up
	lab_left_by wan2 tcp dst port 7777
}

@test "probes fail: new flows leave by the stand-in within down x interval + timeout + 50 ms" {
	probed
	drip_begin
	local at
	line_breaks
	at=$EPOCHREALTIME
	wait_until 5 lab_uplink_is mail.out down
	drip_more 100
	drip_end
	within "$(drip_moved "$at")" $((3 * 200 + 150 + 50))
	line_mends
	wait_until 5 lab_uplink_is mail.out up
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}

@test "probes that fail leave the uplink's own table to them, and the reason is told" {
	probed
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	[[ $(on_router ip route show table 201) == "default via ${LAB_GW4[ppp0]} dev ppp0"* ]]
	[[ -z $(on_router ip rule show | grep 'fwmark 0x1/0x7f lookup 201') ]]
	on_router ip rule show | grep -q 'fwmark 0x1/0x7f lookup 203'
	# what the daemon's probes found out is in the plan and in explanations of others
	on_router "$WAYMARK_BUILD/waymark" uplinks --plan -c "$LAB_CONF" | grep -q 'fwmark 0x1/0x7f lookup 203'
	on_router "$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_ECHO4 --dport 7777 --json |
		jq -e '.uplink == "isdn"'
	waymark uplinks -c "$LAB_CONF" --json |
		jq -e 'any(.[]; .name == "mail.out" and (.reason | contains("192.0.2.7")) and .loss_percent > 0)'
	line_mends
	wait_until 5 lab_uplink_is mail.out up
	on_router ip rule show | grep -q 'fwmark 0x1/0x7f lookup 201'
	[[ -z $(on_router ip rule show | grep 'fwmark 0x1/0x7f lookup 203') ]]
}

# ---- connections ----

nat_of() { # DPORT: the translated source address of the UDP connection to it
	lab_conntrack -p udp --dport "$1" | sed -n 's/.*src=.* src=.* dst=\([0-9.]*\) .*/\1/p' | head -n 1
}

# Complaint 18 has the SIP case; here: whose entries go, and whose stay.
@test "a failed line's connections leave conntrack, and nobody else's" {
	probed
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --patient
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO4 7 --udp
	lab_talk talk3 "$LAB_CLIENT" $LAB_WEB4 7
	[[ $(nat_of 7777) == "${LAB_UP4[ppp0]}" ]]
	line_breaks
	moved() { [[ $(nat_of 7777) == "${LAB_UP4[wan2]}" ]]; }
	wait_until 5 lab_uplink_is mail.out down
	wait_until 5 moved
	lab_talks_live 5 talk1 talk2 talk3
	[[ $(nat_of 7) == "${LAB_UP4[wan2]}" ]]
	# the failed line's value is nowhere, the stand-in's is
	[[ -z $(lab_conntrack | grep ' mark=1 ' | grep -v icmp) ]]
	[[ $(lab_conntrack -p udp --dport 7777) == *" mark=3 "* ]]
}

@test "failback = new-flows: what runs on the stand-in stays there, new flows return" {
	probed
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777
	line_mends
	wait_until 5 lab_uplink_is mail.out up
	lab_capture_uplinks
	lab_talk_lives talk1 20
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO4 7777 --source $LAB_CLIENT4 --sport 40002
	lab_talk_end talk2
	lab_talk_end talk1
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777 and tcp src port 40002
	lab_left_by wan2 tcp dst port 7777 and not tcp src port 40002
}

@test "failback = all: what ran on the stand-in opens anew on the line that is back" {
	probed 'failback = "all";'
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --patient
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO4 7 --udp --patient
	[[ $(nat_of 7777) == "${LAB_UP4[wan2]}" ]]
	line_mends
	back() { [[ $(nat_of 7777) == "${LAB_UP4[ppp0]}" ]]; }
	wait_until 5 back
	lab_talks_live 5 talk1 talk2
	[[ $(nat_of 7) == "${LAB_UP4[wan2]}" ]]
}

@test "failback = all after a lost link: the same" {
	policy 'on_down = "isdn"; failback = "all";'
	on_router ip link set ppp0 down
	wait_until 3 lab_uplink_is mail.out down
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --patient
	[[ $(nat_of 7777) == "${LAB_UP4[wan2]}" ]]
	line_mends
	back() { [[ $(nat_of 7777) == "${LAB_UP4[ppp0]}" ]]; }
	wait_until 5 back
	lab_talk_lives talk1 5
}

@test "on_down = main: the failed line's flows go by main's default" {
	policy 'on_down = "main"; probe = { type = "tcp"; port = 7; targets = ["192.0.2.7"]; interval_ms = 200; timeout_ms = 150; };'
	wait_until 5 good
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp dst port 7777
	line_mends
	wait_until 5 lab_uplink_is mail.out up
}

@test "on_down = block: the failed line's flows are refused, all others go on" {
	policy 'on_down = "block"; probe = { type = "icmp"; targets = ["192.0.2.7"]; interval_ms = 200; timeout_ms = 150; };'
	wait_until 5 good
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7777,connect-timeout=2
	[[ $output == *nreachable* || $output == *"No route"* ]]
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk
	line_mends
	wait_until 5 lab_uplink_is mail.out up
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
}

@test "IPv6 fails over and returns as IPv4 does" {
	probed
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO6 7777
	lab_talk_end talk
	line_mends
	wait_until 5 lab_uplink_is mail.out up
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO6 7777 --sport 40006
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 ip6 and tcp dst port 7777 and tcp src port 40006
	lab_left_by wan2 ip6 and tcp dst port 7777 and not tcp src port 40006
}

@test "the router's own connections fail over too" {
	probed
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk "$LAB_ROUTER" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan2 tcp dst port 7777
}

# ---- by hand ----

@test "an uplink ordered down keeps its connections and takes no new ones, until auto" {
	policy
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777
	waymark uplink mail.out down -c "$LAB_CONF"
	lab_uplink_is mail.out down
	lab_capture_uplinks
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40002
	lab_talk_lives talk1 5
	lab_talk_end talk2
	lab_capture_uplinks_stop
	lab_left_by wan2 tcp dst port 7777 and tcp src port 40002
	lab_left_by ppp0 tcp dst port 7777 and not tcp src port 40002
	waymark uplink mail.out auto -c "$LAB_CONF"
	lab_uplink_is mail.out up
	lab_capture_uplinks
	lab_talk talk3 "$LAB_CLIENT" $LAB_ECHO4 7777 --sport 40003
	lab_talk_end talk3
	lab_talk_end talk1
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}

@test "an uplink ordered up is used although its probes fail; a reload does not forget the order" {
	probed
	line_breaks
	wait_until 5 lab_uplink_is mail.out down
	waymark uplink mail.out up -c "$LAB_CONF"
	lab_uplink_is mail.out up
	waymark reload -c "$LAB_CONF"
	lab_uplink_is mail.out up
	waymark uplinks -c "$LAB_CONF" --json | jq -e 'any(.[]; .name == "mail.out" and .by_hand == "up")'
	waymark uplink mail.out auto -c "$LAB_CONF"
	wait_until 5 lab_uplink_is mail.out down
}

@test "an order for an uplink that is not there is refused" {
	policy
	run -1 waymark uplink nosuch down -c "$LAB_CONF"
	[[ $output == *"no uplink 'nosuch'"* ]]
	run -1 waymark uplink isnd down -c "$LAB_CONF"
	[[ $output == *"did you mean 'isdn'?"* ]]
}

@test "a line that comes and goes is held back, its routes are not" {
	policy
	local i
	for i in 1 2 3 4 5; do
		on_router ip link set ppp0 down
		wait_until 3 lab_uplink_is mail.out down
		on_router ip link set ppp0 up
		carrier() { [[ $(on_router ip route show table 201) == *"dev ppp0"* ]]; }
		wait_until 3 carrier
	done
	waymark uplinks -c "$LAB_CONF" --json |
		jq -e 'any(.[]; .name == "mail.out" and .state == "down" and (.reason | contains("held back")))'
	wait_until 15 lab_uplink_is mail.out up
}

# ---- what a change brings with it ----

@test "monitor tells each change, and on_change is run with what changed" {
	cat >"$LAB_DIR/hook" <<-END
		#!/bin/sh
		echo "\$WAYMARK_UPLINK \$WAYMARK_INTERFACE \$WAYMARK_OLD_STATE \$WAYMARK_STATE \$WAYMARK_TABLE \$WAYMARK_MARK \$WAYMARK_REASON" >>"$LAB_DIR/hook.out"
	END
	chmod +x "$LAB_DIR/hook"
	rm -f "$LAB_DIR/hook.out"
	policy "on_down = \"isdn\"; on_change = \"$LAB_DIR/hook\";"
	lab_spawn job-events "$LAB_ROUTER" "$WAYMARK_BUILD/waymark" monitor --json -c "$LAB_CONF"
	begun() { grep -q '"now"' "$LAB_DIR/log/job-events.out"; }
	wait_until 5 begun
	on_router ip link set ppp0 down
	ran() { grep -q "^mail.out ppp0 up down 201 0x1 interface 'ppp0' is down" "$LAB_DIR/hook.out"; }
	wait_until 5 ran
	line_mends
	again() { grep -q "^mail.out ppp0 down up 201 0x1 " "$LAB_DIR/hook.out"; }
	wait_until 5 again
	told() {
		jq -es 'any(.[]; .event == "uplink" and .uplink == "mail.out" and .state == "down" and .old == "up") and
			any(.[]; .event == "uplink" and .uplink == "mail.out" and .state == "up" and .old == "down") and
			any(.[]; .event == "hook" and .exit == 0)' "$LAB_DIR/log/job-events.out"
	}
	wait_until 5 told
	(($(wc -l <"$LAB_DIR/hook.out") == 2))
}
