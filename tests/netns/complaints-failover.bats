#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Complaints about probes, failover and failback: probes that leave by another line or believe one
# liar (20, 21), flows that stay where they should not, or go where they should stay (17, 18).
#
# A line fails where no link event tells it: behind the first hop. Every line NATs, so a flow that
# is moved would break, and one that stays on a dead line too.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7 7777 7778
	lab_server_web probe.example.net
	lab_server_dns
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		on_net iptables-restore -w <<<$'*raw\nCOMMIT'
		on_net ip6tables-restore -w <<<$'*raw\nCOMMIT'
	fi
}

TARGET1=192.0.2.201 TARGET2=192.0.2.202 TARGET3=192.0.2.203
QUICK="interval_ms = $((150 * WAYMARK_TEST_SLOW)); timeout_ms = $((120 * WAYMARK_TEST_SLOW)); down = 3; up = 3;"

# The provider behind this uplink loses everything, or what is bound for an address.
dead() { # UPLINK [DESTINATION]
	on_net iptables -w -t raw -A PREROUTING -i "${LAB_ISP[$1]}" ${2:+-d $2} -j DROP
	[[ -n ${2:-} ]] || on_net ip6tables -w -t raw -A PREROUTING -i "${LAB_ISP[$1]}" -j DROP
}

alive_again() {
	on_net iptables -w -t raw -F
	on_net ip6tables -w -t raw -F
}

@test "complaint 20: the backup's probe leaves by the primary" {
	local interface target type
	for type in icmp tcp http dns; do
		target=$TARGET1
		[[ $type != http ]] || target=$LAB_WEB4
		[[ $type != dns ]] || target=$LAB_DNS4
		local -A more=([icmp]='' [tcp]='port = 7777;' [http]='port = 80; path = "/";'
			[dns]='port = 53; query = "probe.example.net";')
		LAB_UPLINK_KEYS="probe = { type = \"$type\"; targets = [\"$target\"]; ${more[$type]} $QUICK };" \
			lab_conf nat <<<'rules = ( { name = "all"; match = { }; uplink = "cable"; } );'
		lab_capture_uplinks "dst host $target"
		lab_waymarkd
		all_up() { lab_uplink_is mail.out up && lab_uplink_is cable up && lab_uplink_is isdn up; }
		wait_until 10 all_up
		for interface in $LAB_UPLINKS; do
			probed() { (($(lab_captured "$interface") >= 5)); }
			wait_until 10 probed
		done
		# the backup is dead behind its first hop, and must not be seen alive by the primary
		dead wan2
		wait_until 10 lab_uplink_is isdn down
		lab_uplink_is cable up
		lab_uplink_is mail.out up
		# main's default is nowhere: nor does that mislead
		on_router ip route del default
		rounds() { (($(lab_captured ppp0) >= 30)); }
		wait_until 20 rounds
		lab_uplink_is mail.out up
		lab_uplink_is isdn down
		lab_main_default wan1
		alive_again
		wait_until 10 lab_uplink_is isdn up
		lab_waymarkd_stop
		lab_capture_uplinks_stop
		# each with its own address, by its own device, none of them elsewhere
		for interface in $LAB_UPLINKS; do
			lab_left_by "$interface" "src host ${LAB_UP4[$interface]}"
		done
	done
}

@test "complaint 21: one probe target lies: silent on a good line, it takes nothing down" {
	LAB_MAIL_OUT_KEYS="probe = { type = \"icmp\"; targets = [\"$TARGET1\", \"$TARGET2\", \"$TARGET3\"]; need = 2; $QUICK };" \
		lab_conf nat <<<'rules = ( );'
	on_net iptables -w -t raw -A PREROUTING -d $TARGET2 -j DROP
	lab_capture ppp0 "$LAB_ROUTER" ppp0 "icmp and dst host $TARGET2"
	lab_waymarkd
	wait_until 10 lab_uplink_is mail.out up
	silent() { (($(lab_captured ppp0) >= 20)); }
	wait_until 20 silent
	lab_uplink_is mail.out up
	lab_capture_stop ppp0
}

@test "complaint 21: one probe target lies: answered by the provider itself, it keeps nothing up" {
	LAB_MAIL_OUT_KEYS="probe = { type = \"icmp\"; targets = [\"$TARGET1\", \"$TARGET2\", \"$TARGET3\"]; need = 2; $QUICK };" \
		lab_conf nat <<<'rules = ( );'
	lab_waymarkd
	wait_until 10 lab_uplink_is mail.out up
	dead ppp0 $TARGET1
	dead ppp0 $TARGET3
	wait_until 10 lab_uplink_is mail.out down
	waymark uplinks -c "$LAB_CONF" --json | jq -e '.[] | select(.name == "mail.out") | .reason != ""'
	alive_again
	wait_until 10 lab_uplink_is mail.out up
}

# 7777 is mail.out's, isdn stands in; 7778 is isdn's own; 7 follows main.
failing() { # [KEYS of mail.out]
	LAB_MAIL_OUT_KEYS="probe = { type = \"icmp\"; targets = [\"$TARGET1\"]; $QUICK }; on_down = \"isdn\"; ${1:-}" \
		lab_conf nat <<-END
		rules = ( { name = "theirs"; match = { dport = 7777; }; uplink = "mail.out"; },
		          { name = "isdns"; match = { dport = 7778; }; uplink = "isdn"; } );
	END
	lab_waymarkd
	wait_until 10 lab_uplink_is mail.out up
	lab_talk talk-isdn "$LAB_CLIENT" $LAB_ECHO4 7778
	lab_talk talk-isdn6 "$LAB_CLIENT" $LAB_ECHO6 7778
	lab_talk talk-main "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk talk-mainudp "$LAB_CLIENT" $LAB_ECHO4 7 --udp
	lab_talk talk-local "$LAB_ROUTER" $LAB_ECHO4 7778
	entries >"$LAB_DIR/innocent"
}

INNOCENT="talk-isdn talk-isdn6 talk-main talk-mainudp talk-local"

# Their connections as the kernel numbers them: the same numbers are the same entries.
entries() {
	on_router conntrack -L -o id 2>/dev/null | grep -e 'dport=7778 ' -e 'dport=7 ' |
		sed 's/.* \(sport=[0-9]* dport=[0-9]*\) .* \(id=[0-9]*\).*/\1 \2/' | sort
	on_router conntrack -L -f ipv6 -o id 2>/dev/null | grep 'dport=7778 ' |
		sed 's/.* \(sport=[0-9]* dport=[0-9]*\) .* \(id=[0-9]*\).*/\1 \2/' | sort
}

# No other line's connection has lost a packet or its entry.
innocent_live() {
	lab_talks_live 3 $INNOCENT
	entries | diff "$LAB_DIR/innocent" -
}

innocent_end() {
	local name
	for name in $INNOCENT; do
		lab_talk_end "$name"
	done
}

@test "complaint 17: after failback sessions stay on the metered line: with failback = all they do not" {
	failing 'failback = "all";'
	dead ppp0
	wait_until 10 lab_uplink_is mail.out down
	lab_talk talk-during "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --patient --timeout 0.2 --sport 40777
	innocent_live
	alive_again
	wait_until 10 lab_uplink_is mail.out up
	# the session goes on by the line that is back
	lab_capture_uplinks "udp src port 40777 or udp dst port 7777"
	lab_talk_lives talk-during 10
	lab_capture_uplinks_stop
	(($(lab_captured ppp0 "src host ${LAB_UP4[ppp0]} and udp dst port 7777") >= 5))
	lab_talk_end talk-during
	innocent_live
	innocent_end
}

@test "complaint 17: a global flush kills the innocent: with failback = new-flows nothing at all is moved" {
	failing 'failback = "new-flows";'
	dead ppp0
	wait_until 10 lab_uplink_is mail.out down
	lab_talk talk-during "$LAB_CLIENT" $LAB_ECHO4 7777
	innocent_live
	alive_again
	wait_until 10 lab_uplink_is mail.out up
	lab_capture_uplinks
	lab_talk_lives talk-during 10
	lab_talk talk-after "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk-after
	lab_talk_end talk-during
	lab_capture_uplinks_stop
	lab_left_by wan2 "src host ${LAB_UP4[wan2]} and tcp dst port 7777"
	lab_left_by ppp0 "src host ${LAB_UP4[ppp0]} and tcp dst port 7777"
	innocent_live
	innocent_end
}

@test "complaint 18: SIP/UDP keeps its old NAT address after failover" {
	local how sport=5060
	failing
	for how in probes link; do
		# another phone: the same one would go on as it did, by the line that stood in
		((sport += 2))
		lab_capture_uplinks udp dst port 7777
		lab_talk talk-sip "$LAB_CLIENT" $LAB_ECHO4 7777 --udp --patient --timeout 0.2 --sport $sport
		lab_talk talk-sip6 "$LAB_CLIENT" $LAB_ECHO6 7777 --udp --patient --timeout 0.2 --sport $sport
		if [[ $how == probes ]]; then dead ppp0; else on_net ip link set isp1 down; fi
		wait_until 10 lab_uplink_is mail.out down
		# the same socket says the same to the same server, and is answered at the new address
		lab_talk_lives talk-sip 5
		lab_talk_lives talk-sip6 5
		lab_talk_end talk-sip
		lab_talk_end talk-sip6
		lab_capture_uplinks_stop
		lab_left_by ppp0 "src host ${LAB_UP4[ppp0]}"
		lab_left_by wan2 "src host ${LAB_UP4[wan2]}"
		lab_left_by wan2 "src host ${LAB_UP6[wan2]}"
		innocent_live
		alive_again
		[[ $how != link ]] || {
			on_net ip link set isp1 up
			on_net ip route add default via "${LAB_UP4[ppp0]}" dev isp1 table 1
			on_net ip -6 route replace default via "${LAB_UP6[ppp0]}" dev isp1 table 1
		}
		wait_until 20 lab_uplink_is mail.out up
	done
	innocent_live
	innocent_end
}
