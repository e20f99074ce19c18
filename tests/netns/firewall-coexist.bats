#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Beside the user's own firewall: their rules stay byte-identical and keep working, and mark bits
# that are not waymark's survive.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; } );
	END
}
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || on_router iptables -w -t nat -F
}

# Rules of somebody's own in every table, with comments, counters and chains.
users_rules() {
	local command
	for command in iptables ip6tables; do
		on_router "$command-restore" -w <<-END
			*raw
			:PREROUTING ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			-A PREROUTING -p udp --dport 4789 -j CT --notrack
			COMMIT
			*mangle
			:PREROUTING ACCEPT [0:0]
			:INPUT ACCEPT [0:0]
			:FORWARD ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			:POSTROUTING ACCEPT [0:0]
			:mine - [0:0]
			-A PREROUTING -p tcp -m tcp --dport 7 -m comment --comment "mine, before" -j mine
			-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
			-A mine -j MARK --set-xmark 0x100000/0x100000
			COMMIT
			*nat
			:PREROUTING ACCEPT [0:0]
			:INPUT ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			:POSTROUTING ACCEPT [0:0]
			-A POSTROUTING -o ppp9 -j MASQUERADE
			COMMIT
			*filter
			:INPUT ACCEPT [0:0]
			:FORWARD ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			-A FORWARD -p tcp -m tcp --dport 7778 -j REJECT
			COMMIT
		END
	done
}

saved() {
	local command
	for command in iptables-save ip6tables-save; do
		on_router $command | sed '/^#/d; s/^\(:.*\) \[[0-9]*:[0-9]*\]$/\1/'
	done
}

# Without what is waymark's own; an empty base table may remain.
saved_users() {
	saved | grep -v WAYMARK
}

@test "the user's rules are byte-identical while it runs and after it" {
	users_rules
	saved >"$LAB_DIR/before"
	lab_waymarkd
	saved | grep WAYMARK >/dev/null
	diff <(grep '^-A' "$LAB_DIR/before") <(saved_users | grep '^-A')
	lab_waymarkd_stop
	[[ -z $(saved | grep WAYMARK) ]]
	diff <(grep '^-A' "$LAB_DIR/before") <(saved | grep '^-A')
	# chains too; an empty base chain of a table that was not there may remain
	[[ -z $(comm -3 <(grep '^:' "$LAB_DIR/before" | sort -u) <(saved | grep '^:' | sort -u) |
		grep -v ':\(PREROUTING\|INPUT\|FORWARD\|OUTPUT\|POSTROUTING\) ACCEPT$') ]]
}

@test "what the user's filter rules refuse is refused, for steered traffic too" {
	users_rules
	lab_waymarkd
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7778,connect-timeout=3
	[[ $output == *refused* ]]
	on_router iptables -w -A FORWARD -p tcp --dport 7777 -j REJECT --reject-with tcp-reset
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7777,connect-timeout=3
	[[ $output == *refused* ]]
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk
}

@test "mark bits of the user's own survive, set before and set after" {
	users_rules # sets 0x100000 in PREROUTING, before ours
	on_router iptables -w -t mangle -A FORWARD -p tcp --dport 7 -j MARK --set-xmark 0x200000/0x200000
	# the user's own counter sees all three together, in the packets of both kinds
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark --mark 0x300003/0xf000ff
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark ! --mark 0x300003/0xf000ff
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	lab_talk_end talk
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:7/ { print $1 }' | xargs)
	echo "without, with: $counts"
	[[ $counts =~ ^"0 "[1-9] ]]
}

@test "connmark bits of the user's own survive" {
	on_router iptables -w -t mangle -A PREROUTING -p tcp --dport 7 -j CONNMARK --set-xmark 0xab0000/0xff0000
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	[[ $(lab_conntrack -p tcp --dport 7) == *"mark=$((0xab0003))"* ]]
	lab_talk_end talk
}

# Complaints 8, 11, 12: masks that overlap others' and rules without a mask.
@test "with a mask of its own choice nothing outside it changes" {
	lab_conf <<-END
		mark = { mask = 0xff000; };
		rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; } );
	END
	on_router iptables -w -t mangle -A PREROUTING -p tcp --dport 7 -j MARK --set-mark 0x70000005
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark --mark 0x70003005
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark ! --mark 0x70003005
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan2 tcp dst port 7
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:7/ { print $1 }' | xargs)
	echo "without, with: $counts"
	[[ $counts =~ ^"0 "[1-9] ]]
}

# Complaint 9: our rules swallow another tool's rules at higher numbers.
@test "another tool's ip rules stay, and those before ours win" {
	on_router ip rule add priority 30000 fwmark 0x400000/0x400000 lookup main
	on_router ip rule add priority 500 to $LAB_ECHO4 ipproto tcp dport 7 lookup main
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp dst port 7
	lab_waymarkd_stop
	on_router ip rule show | grep '^30000:'
	on_router ip rule show | grep '^500:'
	on_router ip rule del priority 30000
	on_router ip rule del priority 500
}

@test "untracked packets pass untouched" {
	users_rules
	on_router iptables -w -t mangle -I POSTROUTING -p udp --dport 4789 -m mark ! --mark 0
	on_router iptables -w -t mangle -I POSTROUTING -p udp --dport 4789
	lab_conf <<-END
		rules = ( { name = "all"; match = { }; uplink = "isdn"; } );
	END
	lab_waymarkd
	on_client bash -c "echo x >/dev/udp/$LAB_ECHO4/4789"
	counted() {
		[[ $(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:4789/ { print $1 }' | xargs) == "1 0" ]]
	}
	wait_until 3 counted
}
