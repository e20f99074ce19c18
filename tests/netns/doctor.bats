#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `waymark doctor` on the lab's router: a sound one has no findings; each thing that is broken is
# found, it alone, and the command that doctor gives mends it: every test runs that command.

load lab.bash

setup_file() {
	lab_file || return 0
	lab_nat ppp0 wan1 wan2
}

teardown_file() {
	lab_down
}

setup() {
	lab_test
	PATH=$WAYMARK_BUILD:$PATH
	lab_conf nat <<-'END'
		queue = { first = 0; count = 2; };
		mark = { mask = 0xff; };
	END
}

teardown() {
	lab_test_end
}

# doctor [WRAPPER...]: as JSON in REPORT, its exit code in CODE.
doctor() {
	CODE=0
	REPORT=$(on_router "$@" "$WAYMARK_BUILD/waymark" doctor --json -c "$LAB_CONF") || CODE=$?
}

# What counts for the exit code: "check" a line.
problems() {
	jq -r '.[] | select(.severity != "note") | .check' <<<"$REPORT"
}

mend_of() { # CHECK
	jq -r --arg check "$1" '[.[] | select(.severity != "note" and .check == $check)][0].mend' <<<"$REPORT"
}

healthy() {
	doctor
	[[ $CODE -eq 0 && -z $(problems) ]] || lab_fail "not healthy ($CODE): $REPORT"
}

# found CHECK TEXT: exactly this, said with TEXT in it.
found() {
	doctor
	[[ $CODE -eq 1 && $(problems) == "$1" ]] || lab_fail "wanted $1 alone ($CODE): $REPORT"
	jq -e --arg text "$2" '[.[] | select(.severity != "note")] |
		all((.what | contains($text)) and (.breaks | length > 0) and (.mend | length > 0))' <<<"$REPORT" ||
		lab_fail "no '$2' in $REPORT"
}

# Runs the mend as a user would, and looks again.
mended() { # CHECK
	local mend
	mend=$(mend_of "$1")
	echo "mend: $mend"
	on_router sh -c "$mend"
	healthy
}

@test "a sound router has no findings, as text and as JSON, and is left as it was" {
	local before tables
	before=$(lab_kernel_state)
	tables=$(on_router cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)
	healthy
	run -0 --separate-stderr on_router "$WAYMARK_BUILD/waymark" doctor -c "$LAB_CONF"
	[[ -z $stderr ]]
	[[ $output == *"ok: nothing found that keeps the policy from working" ]]
	refute grep -qE '^(warning|error):' <<<"$output"
	# looking has put nothing there: iptables-legacy-save alone would have made its tables
	[[ $(on_router cat /proc/net/ip_tables_names /proc/net/ip6_tables_names) == "$tables" ]]
	[[ $(lab_kernel_state) == "$before" ]]
	jq -e 'all(.[]; (keys == ["breaks", "check", "mend", "severity", "uplink", "what"]) and .severity == "note")' \
		<<<"$REPORT"
}

@test "a daemon that runs is no finding: its queues, chains and rules are its own" {
	lab_waymarkd
	healthy
}

@test "a configuration with an error is told as check tells it, and fails" {
	echo 'mode = "nonsense";' >>"$LAB_CONF"
	run -1 --separate-stderr on_router "$WAYMARK_BUILD/waymark" doctor --json -c "$LAB_CONF"
	[[ $stderr == *"$LAB_CONF:"*nonsense* ]]
	[[ -z $output ]]
	run -2 on_router "$WAYMARK_BUILD/waymark" doctor -c "$LAB_CONF" extra
}

@test "strict rp_filter on a line that main's default does not use" {
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=1 net/ipv4/conf/all/rp_filter=0
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/ppp0/rp_filter=2
	found rp-filter "net.ipv4.conf.wan2.rp_filter is 1 (strict)"
	jq -e '[.[] | select(.check == "rp-filter")][0].uplink == "isdn"' <<<"$REPORT"
	mended rp-filter
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/src_valid_mark=0 net/ipv4/conf/wan2/rp_filter=2 \
		net/ipv4/conf/all/rp_filter=2
}

@test "strict rp_filter with src_valid_mark is right, where it is set for all too" {
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=1 net/ipv4/conf/all/rp_filter=1 \
		net/ipv4/conf/ppp0/rp_filter=1 net/ipv4/conf/all/src_valid_mark=1
	healthy
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=2 net/ipv4/conf/all/rp_filter=2 \
		net/ipv4/conf/ppp0/rp_filter=2 net/ipv4/conf/all/src_valid_mark=0
}

@test "complaint 13: strict rp_filter drops the replies: as doctor says, before and after the mend" {
	local port
	lab_server_echo 7
	cat >"$LAB_DIR/rules.d/10-echo.conf" <<-'END'
		rules = ( { name = "echo"; match = { proto = "tcp"; dport = 7; }; uplink = "isdn"; } );
	END
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=1 net/ipv4/conf/all/rp_filter=0
	lab_waymarkd
	lab_port
	port=$REPLY
	run on_client timeout 2 socat -T 1 - "TCP:$LAB_ECHO4:7,sourceport=$port,connect-timeout=1" </dev/null
	[[ $status -ne 0 ]]
	found rp-filter "wan2.rp_filter"
	mended rp-filter
	lab_talk talk-echo "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk-echo
	rm "$LAB_DIR/rules.d/10-echo.conf"
	lab_stop echo
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/src_valid_mark=0 net/ipv4/conf/wan2/rp_filter=2 \
		net/ipv4/conf/all/rp_filter=2
}

@test "loose rp_filter on a tunnel without address: what doctor says is what the kernel does" {
	lab_server_echo 7
	cat >"$LAB_DIR/rules.d/10-echo.conf" <<-'END'
		rules = ( { name = "echo"; match = { proto = "tcp"; dport = 7; }; uplink = "mail.out"; } );
	END
	on_router ip -4 addr flush dev ppp0
	lab_waymarkd
	lab_port
	run on_client timeout 2 socat -T 1 - "TCP:$LAB_ECHO4:7,sourceport=$REPLY,connect-timeout=1" </dev/null
	[[ $status -ne 0 ]]
	found rp-filter "net.ipv4.conf.ppp0.rp_filter is 2 (loose)"
	mended rp-filter
	lab_talk talk-echo "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk-echo
	rm "$LAB_DIR/rules.d/10-echo.conf"
	lab_stop echo
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/ppp0/src_valid_mark=0
	on_router ip addr add "${LAB_UP4[ppp0]}" peer "${LAB_GW4[ppp0]}/32" dev ppp0
}

# hears_ttl_exceeded: whether the client is told that its packet was too old.
hears_ttl_exceeded() {
	on_client ping -n -c 1 -W 1 -t 1 $LAB_ECHO4 | grep -q 'Time to live exceeded'
}

@test "fwmark_reflect without main_first: what doctor says is what the kernel does" {
	echo 'routing = { main_first = false; };' >>"$LAB_CONF"
	cat >"$LAB_DIR/rules.d/10-ping.conf" <<-'END'
		rules = ( { name = "ping"; match = { proto = "icmp"; }; uplink = "isdn"; } );
	END
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=0 net/ipv4/conf/all/rp_filter=0 net/ipv4/fwmark_reflect=1
	lab_waymarkd
	refute hears_ttl_exceeded
	found mark-sysctls "net.ipv4.fwmark_reflect is 1"
	mended mark-sysctls
	wait_until 5 hears_ttl_exceeded
	rm "$LAB_DIR/rules.d/10-ping.conf"
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/wan2/rp_filter=2 net/ipv4/conf/all/rp_filter=2
}

# A connection that a REDIRECT brings to the router's own proxy, which answers by a greeting.
proxied() {
	[[ $(on_client timeout 2 socat -T 1 -u "TCP:$LAB_ECHO4:7,connect-timeout=1" - 2>/dev/null) == greeting ]]
}

@test "tcp_fwmark_accept without main_first: what doctor says is what the kernel does" {
	local redirect='PREROUTING -i lan -p tcp --dport 7 -j REDIRECT --to-ports 7777'
	echo 'routing = { main_first = false; };' >>"$LAB_CONF"
	cat >"$LAB_DIR/rules.d/10-echo.conf" <<-'END'
		rules = ( { name = "echo"; match = { proto = "tcp"; dport = 7; }; uplink = "isdn"; } );
	END
	lab_spawn job-proxy "$LAB_ROUTER" socat TCP-LISTEN:7777,fork,reuseaddr 'SYSTEM:echo greeting'
	# shellcheck disable=SC2086 # words
	on_router iptables -w -t nat -A $redirect
	wait_until 5 proxied
	lab_sysctl "$LAB_ROUTER" net/ipv4/tcp_fwmark_accept=1
	lab_waymarkd
	refute proxied
	found mark-sysctls "net.ipv4.tcp_fwmark_accept is 1"
	mended mark-sysctls
	wait_until 5 proxied
	# shellcheck disable=SC2086 # words
	on_router iptables -w -t nat -D $redirect
	rm "$LAB_DIR/rules.d/10-echo.conf"
}

@test "a router that does not forward, IPv4 and IPv6" {
	lab_sysctl "$LAB_ROUTER" net/ipv4/ip_forward=0
	found forwarding "net.ipv4.ip_forward is 0"
	mended forwarding
	lab_sysctl "$LAB_ROUTER" net/ipv6/conf/all/forwarding=0
	lab_main_default wan1
	found forwarding "net.ipv6.conf.all.forwarding is 0"
	mended forwarding
	# changing ip_forward resets other keys of the interfaces
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/send_redirects=0
}

@test "a machine that forwards nothing by choice is no router, and none is asked for" {
	echo 'firewall = { hooks = ["output"]; };' >>"$LAB_CONF"
	lab_sysctl "$LAB_ROUTER" net/ipv4/ip_forward=0
	healthy
	lab_sysctl "$LAB_ROUTER" net/ipv4/ip_forward=1 net/ipv4/conf/all/send_redirects=0
}

@test "an uplink with nat that nobody masquerades, each family by itself" {
	on_router iptables -w -t nat -D POSTROUTING -o wan2 -j MASQUERADE
	found nat "no IPv4 rule masquerades what leaves by wan2"
	mended nat
	on_router ip6tables -w -t nat -D POSTROUTING -o wan2 -j MASQUERADE
	found nat "no IPv6 rule masquerades what leaves by wan2"
	mended nat
}

@test "a masquerade behind chains and conditions is one; one for other clients is none" {
	on_router iptables -w -t nat -D POSTROUTING -o wan2 -j MASQUERADE
	on_router iptables -w -t nat -N zone
	on_router iptables -w -t nat -A zone -m comment --comment 'a "quoted" -o lan' -j SNAT --to-source "${LAB_UP4[wan2]}"
	on_router iptables -w -t nat -A POSTROUTING ! -o lan -s 10.10.0.0/16 -j zone
	healthy
	on_router iptables -w -t nat -R POSTROUTING "$(on_router iptables -w -t nat -S POSTROUTING |
		grep -c '^-A')" ! -o lan -s 172.17.0.0/16 -j zone
	found nat wan2
	on_router iptables -w -t nat -D POSTROUTING ! -o lan -s 172.17.0.0/16 -j zone
	on_router iptables -w -t nat -F zone
	on_router iptables -w -t nat -X zone
	mended nat
}

@test "a masquerade in a table of nf_tables' own is seen" {
	on_router iptables -w -t nat -D POSTROUTING -o wan2 -j MASQUERADE
	on_router nft -f - <<-'END'
		table inet own {
			chain post {
				type nat hook postrouting priority 100;
				oifname "wan2" masquerade
			}
		}
	END
	healthy
	on_router nft 'flush chain inet own post; add rule inet own post oifname "wan1" masquerade'
	found nat wan2
	on_router nft delete table inet own
	mended nat
}

@test "a rule of another's that reads bits of our mask: another mask is free" {
	on_router ip rule add pref 1000 fwmark 0x10/0xf0 lookup 100
	found mark-rules "fwmark 0x10/0xf0"
	mended mark-rules
	grep -q 'mask = 0xff000000L' "$LAB_CONF"
	run -0 "$WAYMARK_BUILD/waymark" check -c "$LAB_CONF"
	on_router ip rule del pref 1000
}

@test "where the file does not set the mask, the mend writes it" {
	lab_conf nat </dev/null
	on_router ip rule add pref 1000 fwmark 0x10/0xf0 lookup 100
	found mark-rules "fwmark 0x10/0xf0"
	mended mark-rules
	on_router ip rule del pref 1000
}

@test "a target of another's that writes bits of our mask" {
	on_router iptables -w -t mangle -A PREROUTING -p tcp --dport 99 -j MARK --set-mark 0x40/0x40
	found mark-targets "--set-xmark 0x40/0x40"
	mended mark-targets
	on_router iptables -w -t mangle -D PREROUTING -p tcp --dport 99 -j MARK --set-mark 0x40/0x40
}

@test "a rule of another's within our priorities" {
	on_router ip rule add pref 20100 from 192.0.2.99 lookup 100
	found priorities "within our priorities 20000 to 20499"
	mended priorities
	on_router ip rule del pref 20100
}

@test "another program that uses our protocol number would lose its rules" {
	on_router ip rule add pref 20100 iif lan tos 0x10 lookup 100 protocol 87
	found priorities "routing.protocol 87"
	# now it stands there as another's: so the first mend is followed by one more
	on_router sh -c "$(mend_of priorities)"
	found priorities "within our priorities"
	mended priorities
	on_router ip rule del pref 20100
}

@test "a default of another's in an uplink's table" {
	on_router ip route add default via "${LAB_GW4[wan1]}" dev wan1 table 203
	found tables "table 203 of an uplink holds a route of another's"
	mended tables
}

@test "a queue that another program owns is named with its owner: other numbers are free" {
	lab_spawn nullverdict "$LAB_ROUTER" "$WAYMARK_BUILD/tests/tools/nullverdict" 1 1 0xff
	wait_until 5 grep -q ready "$LAB_DIR/log/nullverdict.out"
	found queues "queue 1 is taken by "
	[[ $REPORT == *"process "* ]]
	mended queues
	grep -q 'first = 2' "$LAB_CONF"
	lab_stop nullverdict
}

@test "a rule of another's that sends packets to our queue" {
	on_router iptables -w -t mangle -A FORWARD -p tcp --dport 99 -j NFQUEUE --queue-num 1
	found queues "--queue-num 1"
	mended queues
	on_router iptables -w -t mangle -D FORWARD -p tcp --dport 99 -j NFQUEUE --queue-num 1
}

@test "connections are not taken up midway" {
	lab_sysctl "$LAB_ROUTER" net/netfilter/nf_conntrack_tcp_loose=0
	found conntrack "nf_conntrack_tcp_loose is 0"
	mended conntrack
}

# The limit is one for the whole machine: in its place stands a file, for these processes alone.
@test "conntrack is nearly full" {
	local i
	for i in {1..9}; do
		on_router conntrack -I -p udp -s 10.10.0.2 -d 192.0.2.7 --sport "$i" --dport 9 -t 600 >/dev/null 2>&1
	done
	echo 10 >"$LAB_DIR/max"
	cat >"$LAB_DIR/full" <<-'END'
		set -eu
		mount --bind "$1/max" /proc/sys/net/netfilter/nf_conntrack_max
		"$2" doctor --json -c "$3" >"$1/before" && exit 9
		mend=$(jq -r '[.[] | select(.severity == "warning")][0].mend' "$1/before")
		sh -c "$mend"
		"$2" doctor --json -c "$3" >"$1/after"
	END
	on_router unshare --mount --propagation private sh "$LAB_DIR/full" "$LAB_DIR" "$WAYMARK_BUILD/waymark" "$LAB_CONF"
	jq -e '[.[] | select(.severity != "note")] | length == 1 and
		(.[0].what | startswith("conntrack holds 9 of 10 connections"))' "$LAB_DIR/before"
	[[ $(<"$LAB_DIR/max") == 20 ]]
}

@test "bridged packets that pass the chains" {
	on_router ip link add br0 type bridge
	lab_sysctl "$LAB_ROUTER" net/bridge/bridge-nf-call-iptables=1 net/bridge/bridge-nf-call-ip6tables=0
	[[ $(on_router cat /proc/sys/net/bridge/bridge-nf-call-iptables) == 1 ]] || skip "this kernel filters no bridges"
	found bridge "bridge-nf-call-iptables is 1, and br0 is a bridge"
	mended bridge
	on_router ip link del br0
}

@test "a rule of another's behind our jumps, and a chain that somebody emptied" {
	lab_waymarkd
	on_router iptables -w -t mangle -A POSTROUTING -p tcp --dport 99 -j ACCEPT
	found chains "a rule follows our jump"
	mended chains
	lab_waymarkd_stop
	on_router waymark firewall apply -c "$LAB_CONF"
	on_router iptables -w -t mangle -F WAYMARK-SAVE
	found chains "WAYMARK-SAVE"
	mended chains
}

@test "rules in both variants of iptables" {
	local other=iptables-legacy
	on_router iptables -V | grep -q nf_tables || other=iptables-nft
	on_router $other -w -t mangle -A FORWARD -p tcp --dport 99 -j ACCEPT
	found iptables "both have rules"
	mended iptables
	on_router iptables -w -t mangle -D FORWARD -p tcp --dport 99 -j ACCEPT
}

@test "an uplink without IPv6 beside others that have it: its flows would pass by the policy" {
	on_router ip -6 addr flush dev ppp0
	found ipv6 "uplink 'mail.out' carries IPv4 only"
	mended ipv6
	run -0 "$WAYMARK_BUILD/waymark" check -c "$LAB_CONF"
	on_router ip addr add "${LAB_UP6[ppp0]}/64" dev ppp0 nodad
}

@test "an interface that is not there yet is a note" {
	sed -i 's/"wan2"/"wan7"/' "$LAB_CONF"
	healthy
	jq -e 'any(.[]; .check == "uplinks" and .severity == "note" and (.what | contains("wan7")))' <<<"$REPORT"
}

@test "an uplink without an address" {
	on_router ip addr flush dev wan2
	found uplinks "interface wan2 of uplink 'isdn' has no address"
	on_router ip addr add "${LAB_UP4[wan2]}/24" dev wan2
	on_router ip addr add "${LAB_UP6[wan2]}/64" dev wan2 nodad
	healthy
}

@test "without root it works, and says what it could not look at" {
	chmod 644 "$LAB_CONF"
	lab_sysctl "$LAB_ROUTER" net/netfilter/nf_conntrack_tcp_loose=0
	doctor setpriv --reuid=65534 --regid=65534 --clear-groups
	[[ $CODE -eq 1 && $(problems) == conntrack ]] || lab_fail "$CODE $REPORT"
	jq -e '[.[] | select(.check == "privilege")] | length == 1 and (.[0].what | contains("root"))' <<<"$REPORT"
	lab_sysctl "$LAB_ROUTER" net/netfilter/nf_conntrack_tcp_loose=1
	doctor setpriv --reuid=65534 --regid=65534 --clear-groups
	[[ $CODE -eq 0 ]]
}

@test "sysctls are those of the own network namespace" {
	lab_sysctl "$LAB_ROUTER" net/netfilter/nf_conntrack_tcp_loose=0
	found conntrack tcp_loose
	CODE=0
	REPORT=$(on_client "$WAYMARK_BUILD/waymark" doctor --json -c "$LAB_CONF") || CODE=$?
	[[ $(problems) != *conntrack* ]]
	lab_sysctl "$LAB_ROUTER" net/netfilter/nf_conntrack_tcp_loose=1
}
