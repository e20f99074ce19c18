#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The chains alone, on the real kernel, nft and legacy, IPv4 and IPv6: a stand-in answers the
# queues by port, the rules of policy routing are written by hand, no daemon runs.
# Which uplink a connection takes is what the far side saw its last packet come by.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_nat ppp0 wan1 wan2
	lab_server_echo 53 7000 7001 7002 7003 7004 7005 7006
	lab_spawn inside "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" serve 7100
	lab_spawn service "$LAB_ROUTER" $LAB_PYTHON "$LAB_PROGRAMS" serve --udp "${LAB_UP4[ppp0]}" \
		--udp "${LAB_UP6[ppp0]}" 7101
	on_router iptables -w -t nat -A PREROUTING -p tcp --dport 7100 -j DNAT --to $LAB_CLIENT4
	on_router ip6tables -w -t nat -A PREROUTING -p tcp --dport 7100 -j DNAT --to $LAB_CLIENT6
	wait_until 10 on_router socat -u OPEN:/dev/null "TCP:$LAB_CLIENT4:7100"
	wait_until 10 on_router socat -u OPEN:/dev/null TCP:127.0.0.1:7101
}

teardown_file() { lab_down; }

setup() {
	lab_test
	# so that the far side tells of this test's flows alone
	on_net conntrack -F 2>/dev/null
	rm -f "$LAB_CONF"
}

teardown() {
	local variant=${BATS_TEST_DESCRIPTION%%:*} family
	[[ -n ${LAB_ID:-} ]] || return 0
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		echo "--- the verdicts:"
		tail -n 30 "$LAB_DIR/log/null.out" 2>/dev/null || true
		echo "--- connections:"
		lab_conntrack -f ipv4 || true
		lab_conntrack -f ipv6 || true
		echo "--- as the far side has them:"
		on_net conntrack -L 2>/dev/null || true
	fi
	lab_stop null || true
	lab_stop watch || true
	lab_stop resolver || true
	no_redirects
	[[ ! -s $LAB_CONF ]] || firewallctl remove || true
	if [[ $variant == legacy ]]; then
		for family in ip ip6; do
			on_router "${family}tables-legacy" -w -t mangle -F
			on_router "${family}tables-legacy" -w -t mangle -X
			on_router "${family}tables-legacy" -w -t filter -F
		done
	fi
	lab_main_default wan1
	lab_test_end
}

firewallctl() {
	on_router "$WAYMARK_BUILD/tests/tools/firewallctl" "$LAB_CONF" "$@"
}

# ipt FAMILY ARGUMENTS: the variant's own iptables, on the router; "-save" and so on as a first argument.
ipt() {
	local family=$1 suffix=
	shift
	[[ $1 != -save && $1 != -restore ]] || {
		suffix=$1
		shift
	}
	[[ $family == 6 ]] && family=ip6tables || family=iptables
	on_router "$family-$VARIANT$suffix" "$@"
}

# use VARIANT [CONFIGURATION...]: what the test's functions work on.
use() {
	VARIANT=$1
	shift
	local firewall="firewall = { command = \"iptables-$VARIANT\"; ${FIREWALL_KEYS:-} };"
	printf '%s\n' "queue = { first = 3; count = 2; };" "$firewall" "$@" | lab_conf nat
}

# Rules of policy routing as the route module makes them; protocol 87 is what the lab sweeps.
steer() {
	local family interface number table
	for family in -4 -6; do
		[[ ${MAIN_FIRST:-yes} == no ]] ||
			on_router ip "$family" rule add priority 20000 not fwmark 0/0x7f lookup main suppress_prefixlength 1 protocol 87
		number=0
		for interface in $LAB_UPLINKS; do
			number=$((number + 1)) table=$((201 + number - 1))
			on_router ip "$family" rule add priority $((20010 + number)) fwmark $number/0x7f lookup $table protocol 87
			if [[ $family == -4 ]]; then
				on_router ip route add default via "${LAB_GW4[$interface]}" dev "$interface" table $table protocol 87
			else
				on_router ip -6 route add default via "${LAB_GW6[$interface]}" dev "$interface" table $table protocol 87
			fi
		done
	done
}

# answer RULE...: the stand-in on our queues.
answer() {
	lab_spawn null "$LAB_ROUTER" "$WAYMARK_BUILD/tests/tools/nullverdict" 3 2 0xff "$@"
	wait_until 5 grep -q '^ready' "$LAB_DIR/log/null.out"
}

# lab_talk, that never takes an earlier conversation's first echo for its own.
converse() {
	rm -f "$LAB_DIR/log/$1.status"
	lab_talk "$@"
}

# How many packets of this port (either side) were queued.
asked() {
	awk -v port="$1" '$3 == port || $4 == port { n++ } END { print n + 0 }' "$LAB_DIR/log/null.out"
}

asked_at_least() {
	(($(asked "$1") >= $2))
}

# With which mark the first packet of this port came to the queue.
asked_with() {
	awk -v port="$1" '$3 == port || $4 == port { print $5; exit }' "$LAB_DIR/log/null.out"
}

family_option() {
	if [[ $1 == *:* ]]; then echo -f ipv6; else echo -f ipv4; fi
}

# uplink_of ADDRESS PORT [PROTO]: 1, 2 or 3, as the far side sees it.
uplink_of() {
	# shellcheck disable=SC2046 # two words
	on_net conntrack -L $(family_option "$1") -p "${3:-tcp}" --orig-port-dst "$2" -d "$1" 2>/dev/null |
		sed -n 's/.* mark=\([1-9][0-9]*\).*/\1/p' | tail -n 1
}

# connmark_of ADDRESS PORT [PROTO]: in decimal, as the router keeps it.
connmark_of() {
	# shellcheck disable=SC2046 # two words
	lab_conntrack $(family_option "$1") -p "${3:-tcp}" --orig-port-dst "$2" -d "$1" |
		sed -n 's/.* mark=\([0-9]*\).*/\1/p' | tail -n 1
}

equal() { # WHAT GOT WANTED
	[[ $2 == "$3" ]] || lab_fail "$1: got '$2', wanted '$3'"
}

# The tables without counters and dates.
rules_now() {
	local family
	for family in 4 6; do
		ipt "$family" -save "$@" 2>/dev/null | grep -v '^#' | sed 's/\[[0-9:]*\]//'
	done
}

shapes=(
	''
	'mark = { mask = 0xff0000; }; routing = { main_first = false; };'
	'mode = "observe";'
	'routing = { return_path = false; };'
)

# ---- apply, check, remove ----

applying_twice_is_applying_once() {
	local i first
	local keys=('' 'interfaces = ["lan", "eth+"]; foreign_marks = "steer";' 'hooks = ["output"];' 'hooks = ["forward"];')
	for i in 0 1 2 3; do
		FIREWALL_KEYS=${keys[i]} use "$1" "${shapes[i]}"
		firewallctl apply
		first=$(rules_now)
		firewallctl check
		firewallctl apply
		equal "second apply" "$(rules_now)" "$first"
		firewallctl apply-no-queues
		firewallctl check-no-queues
		refute grep -q NFQUEUE <<<"$(rules_now)"
		firewallctl apply
		equal "apply after no queues" "$(rules_now)" "$first"
	done
	firewallctl remove
	refute grep -q -i waymark <<<"$(rules_now)"
	firewallctl remove
}
@test "nft: applying twice is applying once, in every shape" { applying_twice_is_applying_once nft; }
@test "legacy: applying twice is applying once, in every shape" { applying_twice_is_applying_once legacy; }

what_is_shown_can_be_pasted() {
	local family
	use "$1"
	for family in 4 6; do
		firewallctl show $family | ipt $family -restore --noflush -w
	done
	firewallctl check
}
@test "nft: what is shown can be pasted" { what_is_shown_can_be_pasted nft; }
@test "legacy: what is shown can be pasted" { what_is_shown_can_be_pasted legacy; }

check_finds_what_others_did() {
	local family
	use "$1"
	for family in 4 6; do
		firewallctl apply
		ipt $family -t mangle -D WAYMARK-SAVE -m mark --mark 0x7e/0x7f -j RETURN
		run -1 --separate-stderr firewallctl check
		[[ $stderr == *"ipv$family mangle: rule is missing: -A WAYMARK-SAVE -m mark --mark 0x7e/0x7f -j RETURN"* ]]

		firewallctl apply
		ipt $family -t mangle -F WAYMARK-PRE
		run -1 firewallctl check
		[[ $output == *"rule is missing: -A WAYMARK-PRE "* ]]

		firewallctl apply
		ipt $family -t mangle -D PREROUTING -j WAYMARK-PRE
		run -1 firewallctl check
		[[ $output == "ipv$family mangle: jump is missing: -A PREROUTING -j WAYMARK-PRE" ]]

		firewallctl apply
		ipt $family -t security -F
		run -1 firewallctl check
		[[ $output == *"ipv$family security: jump is missing: -A OUTPUT -j WAYMARK-OUT"* ]]

		firewallctl apply
		ipt $family -t mangle -I WAYMARK-OUT -j ACCEPT
		run -1 firewallctl check
		[[ $output == "ipv$family mangle: rule is not ours: -A WAYMARK-OUT -j ACCEPT" ]]

		firewallctl apply
		ipt $family -t mangle -A POSTROUTING -j MARK --set-xmark 0x100000/0x100000
		run -0 firewallctl check
		[[ $output == *"warning: ipv$family mangle: a rule follows our jump"* ]]
		firewallctl apply
		run -0 firewallctl check
		equal "after moving the jump" "$output" ""
		ipt $family -t mangle -D POSTROUTING -j MARK --set-xmark 0x100000/0x100000

		ipt $family -t mangle -F
		ipt $family -t mangle -X
		run -1 firewallctl check
		firewallctl apply
		run -0 firewallctl check
		equal "after a flush" "$output" ""
	done
}
@test "nft: check finds what others did, and applying repairs it" { check_finds_what_others_did nft; }
@test "legacy: check finds what others did, and applying repairs it" { check_finds_what_others_did legacy; }

users_rules_stay() {
	local family before
	use "$1"
	for family in 4 6; do
		ipt $family -restore --noflush -w <<-END
			*raw
			-A PREROUTING -p udp -m udp --dport 4789 -j CT --notrack
			COMMIT
			*mangle
			:mine - [0:0]
			-A PREROUTING -p tcp -m tcp --dport 9 -m comment --comment "mine, \"before\"" -j mine
			-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
			-A POSTROUTING -j MARK --set-xmark 0x100000/0x100000
			-A mine -j MARK --set-xmark 0x100000/0x100000
			COMMIT
			*filter
			-A FORWARD -p tcp -m tcp --dport 9 -j REJECT
			COMMIT
			*security
			-A OUTPUT -p tcp -m tcp --dport 9 -j ACCEPT
			COMMIT
		END
	done
	before=$(rules_now)
	firewallctl apply
	[[ $(rules_now) != "$before" ]]
	# ours come last
	equal "last of POSTROUTING" "$(ipt 4 -t mangle -S POSTROUTING | tail -n 1)" "-A POSTROUTING -m mark --mark 0x7f/0xff -j WAYMARK-SAVE"
	firewallctl apply-no-queues
	firewallctl apply
	firewallctl remove
	equal "after removal" "$(rules_now)" "$before"
	for family in 4 6; do
		ipt $family -t raw -F
		ipt $family -t filter -F
		ipt $family -t security -F
	done
}
@test "nft: the user's rules stay as they are" { users_rules_stay nft; }
@test "legacy: the user's rules stay as they are" { users_rules_stay legacy; }

@test "removal finds our chains in both variants, and applying leaves them in one" {
	use legacy
	firewallctl apply
	use nft
	firewallctl apply
	VARIANT=legacy
	refute grep -q WAYMARK <<<"$(rules_now -t mangle)"
	refute grep -q WAYMARK <<<"$(rules_now -t security)"
	use legacy
	firewallctl show 4 | ipt 4 -restore --noflush
	firewallctl remove
	refute grep -q WAYMARK <<<"$(rules_now -t mangle)"
	VARIANT=nft
	refute grep -q WAYMARK <<<"$(rules_now)"
}

@test "auto takes what iptables is here, unless only the other has rules" {
	ip netns add "$LAB_ID-auto"
	printf '' | lab_conf
	run -0 ip netns exec "$LAB_ID-auto" "$WAYMARK_BUILD/tests/tools/firewallctl" "$LAB_CONF" variant
	local plain=$output
	if iptables -V | grep -q nf_tables; then equal variant "$plain" nf_tables; else equal variant "$plain" legacy; fi
	local other=legacy
	[[ $plain == nf_tables ]] || other=nft
	ip netns exec "$LAB_ID-auto" iptables-$other -A FORWARD -j ACCEPT
	run -0 ip netns exec "$LAB_ID-auto" "$WAYMARK_BUILD/tests/tools/firewallctl" "$LAB_CONF" variant
	ip netns del "$LAB_ID-auto"
	[[ $output != "$plain" ]]
}

@test "nft: a change in our tables is told, others are not" {
	use nft
	firewallctl apply
	lab_spawn watch "$LAB_ROUTER" "$WAYMARK_BUILD/tests/tools/firewallctl" "$LAB_CONF" watch
	wait_until 5 grep -q '^ready events' "$LAB_DIR/log/watch.out"
	on_router iptables-nft -A FORWARD -j ACCEPT
	wait_until 5 grep -q '^other' "$LAB_DIR/log/watch.out"
	refute grep -q '^changed' "$LAB_DIR/log/watch.out"
	on_router ip6tables-nft -t security -F
	wait_until 5 grep -q '^changed' "$LAB_DIR/log/watch.out"
}

@test "without the right to change rules there is one clear line" {
	use nft
	run -1 on_router setpriv --bounding-set -net_admin --inh-caps -net_admin \
		"$WAYMARK_BUILD/tests/tools/firewallctl" "$LAB_CONF" apply
	[[ $output == *iptables-nft* ]]
	refute grep -q WAYMARK <<<"$(rules_now)"
}

# ---- traffic ----

a_final_flow_is_asked_about_once() {
	local address namespace
	use "$1"
	steer
	firewallctl apply
	answer 7001=1 7002=2 0=7f
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		for namespace in "$LAB_CLIENT" "$LAB_ROUTER"; do
			: >"$LAB_DIR/log/null.out"
			converse talk "$namespace" "$address" 7001 --interval 0 --count 2000
			wait_until 20 lab_pid_gone "$(lab_pid talk)"
			equal "echoes" "$(lab_talk_count talk)" 2000
			equal "uplink" "$(uplink_of "$address" 7001)" 1
			equal "connmark" "$(connmark_of "$address" 7001)" 1
			equal "packets asked about" "$(asked 7001)" 1
			equal "first mark" "$(asked_with 7001)" 0x0
			lab_stop talk

			converse talk "$namespace" "$address" 7001 --udp --interval 0 --count 200
			wait_until 20 lab_pid_gone "$(lab_pid talk)"
			equal "uplink of udp" "$(uplink_of "$address" 7001 udp)" 1
			equal "packets asked about" "$(asked 7001)" 2
			lab_stop talk
			on_net conntrack -F 2>/dev/null
			on_router conntrack -F 2>/dev/null
		done
	done
}
@test "nft: a final flow takes its uplink and is asked about once" { a_final_flow_is_asked_about_once nft; }
@test "legacy: a final flow takes its uplink and is asked about once" { a_final_flow_is_asked_about_once legacy; }

# CONNMARK writes on change alone: the events of a connection are those of its life.
saving_again_writes_nothing() {
	use "$1"
	steer
	firewallctl apply
	answer 7001=1 0=7f
	lab_spawn job-events "$LAB_ROUTER" conntrack -E -e UPDATES -p tcp --orig-port-dst 7001
	wait_until 5 on_router sh -c 'awk "\$2 == 12" /proc/net/netlink | grep -q .'
	converse talk "$LAB_CLIENT" $LAB_ECHO4 7001 --interval 0 --count 500
	wait_until 20 lab_pid_gone "$(lab_pid talk)"
	wait_until 5 grep -q FIN_WAIT "$LAB_DIR/log/job-events.out"
	lab_stop job-events
	(($(wc -l <"$LAB_DIR/log/job-events.out") < 12))
}
@test "nft: saving again writes nothing" { saving_again_writes_nothing nft; }
@test "legacy: saving again writes nothing" { saving_again_writes_nothing legacy; }

a_local_flow_is_steered_from_its_first_packet() {
	use "$1"
	steer
	firewallctl apply
	answer 7001=1 0=7f
	lab_capture_uplinks 'port 7001'
	converse talk4 "$LAB_ROUTER" $LAB_ECHO4 7001 --count 5
	converse talk6 "$LAB_ROUTER" $LAB_ECHO6 7001 --count 5
	wait_until 5 lab_pid_gone "$(lab_pid talk4)"
	wait_until 5 lab_pid_gone "$(lab_pid talk6)"
	lab_capture_uplinks_stop
	equal "uplinks of every packet" "$(lab_uplinks_of)" ppp0
	(($(lab_captured ppp0 'tcp[tcpflags] & tcp-syn != 0') == 2))
}
@test "nft: a local flow is steered from its first packet" { a_local_flow_is_steered_from_its_first_packet nft; }
@test "legacy: a local flow is steered from its first packet" { a_local_flow_is_steered_from_its_first_packet legacy; }

steered_flows_outlive_the_queues_owner() {
	local talk
	use "$1"
	steer
	firewallctl apply
	answer 7001=1 7002=81 0=7f
	converse talk-final4 "$LAB_CLIENT" $LAB_ECHO4 7001
	converse talk-open4 "$LAB_CLIENT" $LAB_ECHO4 7002
	converse talk-final6 "$LAB_CLIENT" $LAB_ECHO6 7001
	converse talk-open6 "$LAB_CLIENT" $LAB_ECHO6 7002
	converse talk-udp "$LAB_CLIENT" $LAB_ECHO4 7002 --udp --sport 7777
	lab_talk_end talk-udp
	equal "provisional connmark" "$(connmark_of $LAB_ECHO4 7002)" 129
	# the two directions of a provisional flow are asked about, with one address each
	wait_until 5 grep -q '^0 6 [0-9]* 7002 0x81' "$LAB_DIR/log/null.out"
	wait_until 5 grep -q '^4 6 7002 [0-9]* 0x81' "$LAB_DIR/log/null.out"
	lab_stop null KILL
	# a datagram that was queued dies with the owner: the flow, not the exchange, must live on
	converse talk-udp "$LAB_CLIENT" $LAB_ECHO4 7002 --udp --sport 7777
	equal "uplink of udp" "$(uplink_of $LAB_ECHO4 7002 udp)" 1
	for talk in talk-final4 talk-open4 talk-final6 talk-open6 talk-udp; do
		lab_talk_lives $talk
		lab_talk_end $talk
	done
	equal "uplink after" "$(uplink_of $LAB_ECHO4 7002)" 1
	equal "uplink after, ipv6" "$(uplink_of $LAB_ECHO6 7002)" 1
	# new ones go by main
	converse talk-new "$LAB_CLIENT" $LAB_WEB4 7001
	equal "uplink of a new flow" "$(uplink_of $LAB_WEB4 7001)" 2
	# it has been before the queue, and nobody decided
	equal "its connmark" "$(connmark_of $LAB_WEB4 7001)" $((0xfe))
	lab_talk_end talk-new
}

local_flows_outlive_the_queues_owner() {
	use "$1"
	steer
	firewallctl apply
	answer 7003=1 7004=81 0=7f
	converse talk-final4 "$LAB_ROUTER" $LAB_ECHO4 7003
	converse talk-open4 "$LAB_ROUTER" $LAB_ECHO4 7004
	converse talk-open6 "$LAB_ROUTER" $LAB_ECHO6 7004
	wait_until 5 grep -q '^3 6 [0-9]* 7004 0x81' "$LAB_DIR/log/null.out"
	wait_until 5 grep -q '^1 6 7004 [0-9]* 0x81' "$LAB_DIR/log/null.out"
	lab_stop null KILL
	local talk
	for talk in talk-final4 talk-open4 talk-open6; do
		lab_talk_lives $talk
		lab_talk_end $talk
	done
	equal "uplink after" "$(uplink_of $LAB_ECHO4 7004)" 1
	equal "uplink after, ipv6" "$(uplink_of $LAB_ECHO6 7004)" 1
}
@test "nft: forwarded flows outlive the queue's owner" { steered_flows_outlive_the_queues_owner nft; }
@test "legacy: forwarded flows outlive the queue's owner" { steered_flows_outlive_the_queues_owner legacy; }
@test "nft: local flows outlive the queue's owner" { local_flows_outlive_the_queues_owner nft; }
@test "legacy: local flows outlive the queue's owner" { local_flows_outlive_the_queues_owner legacy; }

# stays_at TALK PORT: no packet more is asked about while the conversation goes on.
stays_at() {
	local before
	before=$(asked "$2")
	lab_talk_lives "$1" 10
	equal "packets asked about" "$(asked "$2")" "$before"
}

a_provisional_flow_becomes_final() {
	local address namespace
	use "$1"
	steer
	firewallctl apply
	# the 9th packet ends it: on the same uplink; and as a class of its own, for port 7003
	answer 7002=81,9,1 7003=ff,9,7 0=7f
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		for namespace in "$LAB_CLIENT" "$LAB_ROUTER"; do
			lab_stop null
			answer 7002=81,9,1 7003=ff,9,7 0=7f
			converse talk-up "$namespace" "$address" 7002
			converse talk-class "$namespace" "$address" 7003
			wait_until 5 asked_at_least 7002 9
			lab_talk_lives talk-up 5
			lab_talk_lives talk-class 5
			stays_at talk-up 7002
			equal "final connmark" "$(connmark_of "$address" 7002)" 1
			equal "class" "$(connmark_of "$address" 7003)" 7
			equal "uplink" "$(uplink_of "$address" 7002)" 1
			equal "uplink of the class" "$(uplink_of "$address" 7003)" 2
			lab_talk_end talk-up
			lab_talk_end talk-class
			on_net conntrack -F 2>/dev/null
			on_router conntrack -F 2>/dev/null
		done
	done
}
@test "nft: a provisional flow becomes final" { a_provisional_flow_becomes_final nft; }
@test "legacy: a provisional flow becomes final" { a_provisional_flow_becomes_final legacy; }

what_comes_in_by_an_uplink_is_answered_by_it() {
	local up
	use "$1"
	steer
	firewallctl apply
	answer 0=7f
	lab_capture_uplinks 'port 7100 or port 7101'
	converse talk-fwd4 "$LAB_NET" "${LAB_UP4[ppp0]}" 7100 --source $LAB_OUTSIDE4
	converse talk-fwd6 "$LAB_NET" "${LAB_UP6[ppp0]}" 7100 --source $LAB_OUTSIDE6
	converse talk-svc4 "$LAB_NET" "${LAB_UP4[ppp0]}" 7101 --source $LAB_OUTSIDE4
	converse talk-svc6 "$LAB_NET" "${LAB_UP6[ppp0]}" 7101 --source $LAB_OUTSIDE6
	converse talk-udp4 "$LAB_NET" "${LAB_UP4[ppp0]}" 7101 --source $LAB_OUTSIDE4 --udp
	converse talk-udp6 "$LAB_NET" "${LAB_UP6[ppp0]}" 7101 --source $LAB_OUTSIDE6 --udp
	on_net ping -q -c 2 -i 0.2 -W 2 -I $LAB_OUTSIDE4 "${LAB_UP4[ppp0]}"
	on_net ping -q -c 2 -i 0.2 -W 2 -I $LAB_OUTSIDE6 "${LAB_UP6[ppp0]}"
	for up in fwd4 fwd6 svc4 svc6 udp4 udp6; do
		lab_talk_lives talk-$up
		lab_talk_end talk-$up
	done
	equal "connmark" "$(connmark_of "${LAB_UP4[ppp0]}" 7100)" 1
	lab_capture_uplinks_stop
	equal "uplinks of every packet" "$(lab_uplinks_of)" ppp0
	equal "asked about" "$(asked 7100) $(asked 7101)" "0 0"
}
@test "nft: what comes in by an uplink is answered by it" { what_comes_in_by_an_uplink_is_answered_by_it nft; }
@test "legacy: what comes in by an uplink is answered by it" { what_comes_in_by_an_uplink_is_answered_by_it legacy; }

foreign_bits_survive() {
	local family address
	use "$1"
	steer
	for family in 4 6; do
		ipt $family -t mangle -A PREROUTING -i lan -j MARK --set-xmark 0x500000/0xf00000
		ipt $family -t mangle -A PREROUTING -i lan -j CONNMARK --set-xmark 0x3000000/0xf000000
	done
	firewallctl apply
	for family in 4 6; do
		# filter comes after mangle: what the packet carries there
		ipt $family -A FORWARD -i lan -p tcp --dport 7001 -m mark ! --mark 0x500001
		ipt $family -A FORWARD -i lan -p tcp --dport 7001 -m mark --mark 0x500001
	done
	answer 7001=1 0=7f
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		converse talk "$LAB_CLIENT" "$address" 7001
		lab_talk_lives talk
		equal "connmark" "$(connmark_of "$address" 7001)" $((0x3000001))
		lab_talk_end talk
		family=4
		[[ $address != *:* ]] || family=6
		ipt $family -nvxL FORWARD | awk '/! 0x500001|!0x500001|! match 0x500001/ { if ($1 > 0) bad = 1 }
			/match 0x500001/ && !/!/ { if ($1 > 3) good = 1 } END { exit !(good && !bad) }'
	done
}
@test "nft: foreign bits survive in packets and connections" { foreign_bits_survive nft; }
@test "legacy: foreign bits survive in packets and connections" { foreign_bits_survive legacy; }

local_foreign_marks_are_left() {
	use "$1"
	steer
	firewallctl apply
	answer 0=1
	# of a VPN: neither asked about nor steered
	converse talk "$LAB_ROUTER" $LAB_ECHO4 7001 --mark 0x100000
	equal "asked about" "$(asked 7001)" 0
	equal "uplink" "$(uplink_of $LAB_ECHO4 7001)" 2
	equal "connmark" "$(connmark_of $LAB_ECHO4 7001)" 0
	lab_talk_end talk
	# of somebody who knows our values: followed
	converse talk "$LAB_ROUTER" $LAB_ECHO4 7002 --mark 3
	equal "asked about" "$(asked 7002)" 0
	equal "uplink" "$(uplink_of $LAB_ECHO4 7002)" 3
	equal "connmark" "$(connmark_of $LAB_ECHO4 7002)" 3
	lab_talk_end talk
	FIREWALL_KEYS='foreign_marks = "steer";' use "$1"
	firewallctl apply
	converse talk "$LAB_ROUTER" $LAB_ECHO4 7003 --mark 0x100000
	equal "uplink" "$(uplink_of $LAB_ECHO4 7003)" 1
	lab_talk_end talk
}
@test "nft: local packets with foreign marks are left, or steered" { local_foreign_marks_are_left nft; }
@test "legacy: local packets with foreign marks are left, or steered" { local_foreign_marks_are_left legacy; }

a_flow_without_an_uplink_is_pinned() {
	local namespace
	use "$1"
	steer
	firewallctl apply
	answer 7004=ff,6,7f 0=7f
	converse talk-4 "$LAB_CLIENT" $LAB_ECHO4 7001
	converse talk-6 "$LAB_CLIENT" $LAB_ECHO6 7001
	converse talk-late "$LAB_CLIENT" $LAB_ECHO4 7004
	converse talk-local "$LAB_ROUTER" $LAB_ECHO4 7003
	lab_talk_lives talk-late 5
	equal "connmark" "$(connmark_of $LAB_ECHO4 7001)" 2
	equal "connmark, ipv6" "$(connmark_of $LAB_ECHO6 7001)" 2
	equal "connmark, after being provisional" "$(connmark_of $LAB_ECHO4 7004)" 2
	equal "connmark, local" "$(connmark_of $LAB_ECHO4 7003)" 2
	lab_main_default wan2
	for namespace in 4 6 late local; do
		lab_talk_lives talk-$namespace
		lab_talk_end talk-$namespace
	done
	equal "uplink" "$(uplink_of $LAB_ECHO4 7001)" 2
	equal "uplink, ipv6" "$(uplink_of $LAB_ECHO6 7001)" 2
	converse talk-new "$LAB_CLIENT" $LAB_WEB4 7001
	equal "a new one" "$(uplink_of $LAB_WEB4 7001)" 3
	lab_talk_end talk-new
}
@test "nft: a flow without an uplink is pinned where it is" { a_flow_without_an_uplink_is_pinned nft; }
@test "legacy: a flow without an uplink is pinned where it is" { a_flow_without_an_uplink_is_pinned legacy; }

# A server that sends alone would be queued for ever if its client had to speak first.
what_a_reply_decides_is_saved_at_once() {
	local address
	use "$1"
	steer
	firewallctl apply
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		answer 7006=81,2,1 0=7f
		converse talk-once "$LAB_CLIENT" "$address" 7006 --udp
		lab_talk_end talk-once
		equal "connmark" "$(connmark_of "$address" 7006 udp)" 1
		equal "asked about" "$(asked 7006)" 2
		equal "uplink" "$(uplink_of "$address" 7006 udp)" 1
		lab_stop null
	done
}
@test "nft: what a reply decides is saved at once" { what_a_reply_decides_is_saved_at_once nft; }
@test "legacy: what a reply decides is saved at once" { what_a_reply_decides_is_saved_at_once legacy; }

the_drop_value_drops() {
	local namespace
	use "$1"
	steer
	firewallctl apply
	answer 7005=7d 7006=81,6,7d 0=7f
	for namespace in "$LAB_CLIENT" "$LAB_ROUTER"; do
		refute ip netns exec "$namespace" socat -u OPEN:/dev/null \
			"TCP:$LAB_ECHO4:7005,connect-timeout=2"
		refute ip netns exec "$namespace" socat -u OPEN:/dev/null \
			"TCP:[$LAB_ECHO6]:7005,connect-timeout=2"
	done
	(($(asked 7005) >= 4))
	equal "seen outside" "$(uplink_of $LAB_ECHO4 7005)$(uplink_of $LAB_ECHO6 7005)" ""
	# in mid-flow
	lab_spawn talk "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/talk.status" \
		--timeout 1 $LAB_ECHO4 7006
	wait_until 5 lab_pid_gone "$(lab_pid talk)"
	refute lab_talk_end talk
	equal "connmark" "$(connmark_of $LAB_ECHO4 7006)" $((0x7d))
	# both sides went on trying, and nobody was asked any more
	equal "last mark asked with" "$(awk '$3 == 7006 || $4 == 7006 { mark = $6 } END { print mark }' "$LAB_DIR/log/null.out")" 0x7d
	equal "asked about" "$(asked 7006)" 6
}
@test "nft: the drop value drops, in the kernel" { the_drop_value_drops nft; }
@test "legacy: the drop value drops, in the kernel" { the_drop_value_drops legacy; }

older_flows_carry_the_hint() {
	use "$1"
	steer
	converse talk-4 "$LAB_CLIENT" $LAB_ECHO4 7001
	converse talk-6 "$LAB_CLIENT" $LAB_ECHO6 7002
	converse talk-local "$LAB_ROUTER" $LAB_ECHO4 7003
	firewallctl apply
	# nobody there: the hint itself is not saved
	lab_talk_lives talk-4
	lab_talk_lives talk-local
	equal "connmark" "$(connmark_of $LAB_ECHO4 7001) $(connmark_of $LAB_ECHO4 7003)" "$((0xfe)) $((0xfe))"
	answer 0=7f
	wait_until 5 grep -q ' 7001 ' "$LAB_DIR/log/null.out"
	wait_until 5 grep -q ' 7002 ' "$LAB_DIR/log/null.out"
	wait_until 5 grep -q ' 7003 ' "$LAB_DIR/log/null.out"
	equal "marks" "$(asked_with 7001) $(asked_with 7002) $(asked_with 7003)" "0x7e 0x7e 0x7e"
	lab_talk_lives talk-4
	equal "connmark" "$(connmark_of $LAB_ECHO4 7001)" 2
	lab_talk_end talk-4
	lab_talk_end talk-6
	lab_talk_end talk-local
}
@test "nft: flows older than our knowledge carry the hint" { older_flows_carry_the_hint nft; }
@test "legacy: flows older than our knowledge carry the hint" { older_flows_carry_the_hint legacy; }

what_holds_the_network_together_is_left() {
	use "$1"
	steer
	firewallctl apply
	answer 0=1
	# neighbours are asked for again, both families
	on_router ip neigh flush all
	on_client ip neigh flush all
	on_client ping -q -c 1 -W 2 $LAB_ROUTER4
	on_client ping -q -c 1 -W 2 $LAB_ROUTER6
	# DHCP, DHCPv6, multicast and broadcast
	on_client sh -c "echo x | socat -u - UDP:$LAB_ROUTER4:67,sourceport=68"
	on_client sh -c "echo x | socat -u - UDP:192.0.2.77:67,sourceport=68"
	on_router sh -c "echo x | socat -u - UDP:192.0.2.77:67,sourceport=68"
	on_client sh -c "echo x | socat -u - UDP:255.255.255.255:67,sourceport=68,broadcast"
	on_client sh -c "echo x | socat -u - UDP6:[2001:db8:ffff::77]:547,sourceport=546"
	on_client sh -c "echo x | socat -u - UDP6:[ff02::1:2%eth0]:547,sourceport=546"
	on_client sh -c "echo x | socat -u - UDP:10.10.0.255:9,broadcast"
	on_client sh -c "echo x | socat -u - UDP:224.0.0.251:5353"
	on_router sh -c "echo x | socat -u - UDP:239.1.2.3:9"
	# IGMP and MLD: joining a group
	on_router timeout 1 socat -u UDP-RECV:5999,ip-add-membership=239.9.9.9:lan /dev/null || true
	on_client timeout 1 socat -u UDP-RECV:5999,ip-add-membership=239.9.9.9:eth0 /dev/null || true
	# what is for the router itself
	on_client socat -u OPEN:/dev/null TCP:$LAB_ROUTER4:7101
	on_client socat -u OPEN:/dev/null "TCP:[$LAB_ROUTER6]:7101"
	equal "asked about" "$(grep -v '^ready' "$LAB_DIR/log/null.out")" ""
}
@test "nft: what holds the network together is left alone" { what_holds_the_network_together_is_left nft; }
@test "legacy: what holds the network together is left alone" { what_holds_the_network_together_is_left legacy; }

# ---- DNS ----

# A name server of the router's own, by the addresses that its clients know it by.
resolver() {
	lab_spawn resolver "$LAB_ROUTER" $LAB_PYTHON "$LAB_PROGRAMS" serve --udp $LAB_ROUTER4 \
		--udp $LAB_ROUTER6 --udp 127.0.0.1 53
	wait_until 5 on_router socat -u OPEN:/dev/null TCP:127.0.0.1:53
}

# looked_at HOOK PROTO SPORT DPORT MARK SRC DST: how many such packets were queued; "any" is any.
looked_at() {
	awk -v wanted="$*" 'BEGIN { n = split(wanted, want, " "); split("1 2 3 4 5 7 8", at, " ") }
		{ for (i = 1; i <= n; i++) if (want[i] != "any" && want[i] != $at[i]) next; count++ }
		END { print count + 0 }' "$LAB_DIR/log/null.out"
}

# exchanges COUNT NAMESPACE ADDRESS [OPTION...]: so many questions on port 53, each awaiting its answer.
exchanges() {
	local count=$1 namespace=$2 address=$3
	shift 3
	rm -f "$LAB_DIR/log/talk.status"
	lab_talk_spawn talk "$namespace" "$address" 53 --interval 0 --count "$count" "$@"
	wait_until 20 lab_pid_gone "$(lab_pid talk)"
	equal "answers" "$(lab_talk_count talk)" "$count"
	lab_stop talk
}

forget() {
	: >"$LAB_DIR/log/null.out"
	on_net conntrack -F 2>/dev/null
	on_router conntrack -F 2>/dev/null
}

dns_is_queued_though_final() {
	local address client namespace asks answers
	use "$1"
	steer
	firewallctl apply
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		[[ $address == *:* ]] && client=$LAB_CLIENT6 || client=$LAB_CLIENT4
		# what is forwarded keeps P
		answer 53=81 0=7f
		forget
		exchanges 20 "$LAB_CLIENT" "$address" --udp
		equal "uplink" "$(uplink_of "$address" 53 udp)" 1
		equal "connmark" "$(connmark_of "$address" 53 udp)" $((0x81))
		# before routing, and where both sides have the addresses that they know
		equal "before routing" "$(looked_at 0)" 20
		equal "questions" "$(looked_at 4 17 any 53 0x81 $client "$address")" 20
		equal "answers" "$(looked_at 4 17 53 any 0x81 "$address" $client)" 20
		exchanges 20 "$LAB_CLIENT" "$address"
		equal "uplink of tcp" "$(uplink_of "$address" 53)" 1
		(($(looked_at 4 6 any 53 0x81 $client "$address") >= 20))
		(($(looked_at 4 6 53 any 0x81 "$address" $client) >= 20))
		lab_stop null

		# the router's own questions
		answer 53=1 0=7f
		forget
		exchanges 20 "$LAB_ROUTER" "$address" --udp
		equal "uplink, local" "$(uplink_of "$address" 53 udp)" 1
		equal "asked for a decision, local" "$(looked_at 3 17 any 53 0x0)" 1
		equal "questions, local" "$(looked_at 3 17 any 53)" 20
		equal "answers, local" "$(looked_at 1 17 53 any 0x1 "$address")" 20
		# the very same addresses, so that they match
		asks=$(awk '$1 == 3 { print $7, $3 }' "$LAB_DIR/log/null.out" | sort -u)
		answers=$(awk '$1 == 1 { print $8, $4 }' "$LAB_DIR/log/null.out" | sort -u)
		equal "addresses and ports" "$asks" "$answers"
		exchanges 20 "$LAB_ROUTER" "$address"
		equal "uplink of tcp, local" "$(uplink_of "$address" 53)" 1
		(($(looked_at 3 6 any 53 0x1) >= 20))
		(($(looked_at 1 6 53 any 0x1 "$address") >= 20))
		lab_stop null
	done
}
@test "nft: DNS is queued though its flow is final, and keeps its uplink" { dns_is_queued_though_final nft; }
@test "legacy: DNS is queued though its flow is final, and keeps its uplink" { dns_is_queued_though_final legacy; }

open_dns_is_queued_as_others_and_once_more() {
	use "$1"
	steer
	firewallctl apply
	answer 53=81 0=7f
	exchanges 5 "$LAB_CLIENT" $LAB_ECHO4 --udp
	equal "before routing" "$(looked_at 0 17 any 53)" 5
	equal "on their way" "$(looked_at 4 17 any 53 0x81 $LAB_CLIENT4 $LAB_ECHO4)" 5
	equal "answers" "$(looked_at 4 17 53 any 0x81 $LAB_ECHO4 $LAB_CLIENT4)" 5
	forget
	exchanges 5 "$LAB_ROUTER" $LAB_ECHO6 --udp
	equal "local" "$(looked_at 3 17 any 53)" 5
	equal "answers, local" "$(looked_at 1 17 53 any 0x81 $LAB_ECHO6)" 5
	# a VPN's own: neither its questions nor a mark
	forget
	lab_stop null
	answer 9=1
	exchanges 5 "$LAB_ROUTER" $LAB_ECHO4 --udp --mark 0x100000
	equal "with a foreign mark" "$(looked_at 3)" 0
	equal "its connmark" "$(connmark_of $LAB_ECHO4 53 udp)" 0
	# questions of a flow that is older than our knowledge carry the hint, as all others do
	forget
	firewallctl apply-no-queues
	converse talk-old "$LAB_ROUTER" $LAB_ECHO4 53
	firewallctl apply
	wait_until 5 grep -q '^3 6 [0-9]* 53 0x7e' "$LAB_DIR/log/null.out"
	lab_talk_end talk-old
}
@test "nft: open DNS is queued as all others, and once more where it passes" { open_dns_is_queued_as_others_and_once_more nft; }
@test "legacy: open DNS is queued as all others, and once more where it passes" { open_dns_is_queued_as_others_and_once_more legacy; }

the_routers_own_resolver_is_watched() {
	local keys
	resolver
	for keys in '' 'hooks = ["forward"];' 'interfaces = ["nowhere"];'; do
		FIREWALL_KEYS=$keys use "$1"
		steer 2>/dev/null || true
		firewallctl apply
		answer 9=1
		forget
		exchanges 10 "$LAB_CLIENT" $LAB_ROUTER4 --udp
		equal "questions" "$(looked_at 1 17 any 53 0x0 $LAB_CLIENT4 $LAB_ROUTER4)" 10
		equal "answers" "$(looked_at 3 17 53 any 0x0 $LAB_ROUTER4 $LAB_CLIENT4)" 10
		equal "all" "$(looked_at any 17)" 20
		exchanges 10 "$LAB_CLIENT" $LAB_ROUTER6
		(($(looked_at 1 6 any 53 0x0 $LAB_CLIENT6 $LAB_ROUTER6) >= 10))
		(($(looked_at 3 6 53 any 0x0 $LAB_ROUTER6 $LAB_CLIENT6) >= 10))
		equal "connmarks" "$(connmark_of $LAB_ROUTER4 53 udp) $(connmark_of $LAB_ROUTER6 53)" "0 0"
		# what the router asks itself is nobody's business
		forget
		exchanges 5 "$LAB_ROUTER" 127.0.0.1 --udp
		exchanges 5 "$LAB_ROUTER" $LAB_ROUTER4 --udp
		equal "by loopback" "$(looked_at)" 0
		lab_stop null
	done
	lab_stop resolver
}
@test "nft: the router's own resolver is watched, not steered" { the_routers_own_resolver_is_watched nft; }
@test "legacy: the router's own resolver is watched, not steered" { the_routers_own_resolver_is_watched legacy; }

# What the next test's redirections, in a chain of their own, have left.
no_redirects() {
	local command
	for command in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
		on_router $command -w -t nat -F dns || continue
		on_router $command -w -t nat -D PREROUTING -i lan -j dns || true
		on_router $command -w -t nat -X dns
	done 2>/dev/null
}

redirected_dns_matches_its_answers() {
	local family address client router
	use "$1"
	steer
	firewallctl apply
	resolver
	for address in $LAB_ECHO4 $LAB_ECHO6; do
		family=4 client=$LAB_CLIENT4 router=$LAB_ROUTER4
		[[ $address != *:* ]] || family=6 client=$LAB_CLIENT6 router=$LAB_ROUTER6
		ipt $family -t nat -N dns
		ipt $family -t nat -A PREROUTING -i lan -j dns
		ipt $family -t nat -A dns -p udp --dport 53 -j REDIRECT
		ipt $family -t nat -A dns -p tcp --dport 53 -j REDIRECT
		answer 9=1
		forget
		exchanges 10 "$LAB_CLIENT" "$address" --udp
		equal "questions" "$(looked_at 1 17 any 53 any $client $router)" 10
		equal "answers" "$(looked_at 3 17 53 any 0xfe $router $client)" 10
		equal "connmark" "$(connmark_of "$address" 53 udp)" $((0xfe))
		lab_stop null
		# dropped is dropped, though it would be queued on its way
		answer 53=7d
		forget
		refute on_client socat -u OPEN:/dev/null "TCP:$(lab_literal "$address"):53,connect-timeout=1"
		(($(looked_at 0 6 any 53) >= 1))
		equal "dropped, and looked at" "$(looked_at 1)" 0
		lab_stop null
		ipt $family -t nat -F dns
		# to another name server, and masqueraded on the way there
		ipt $family -t nat -A dns -p udp --dport 53 -d "$address" \
			-j DNAT --to "$([[ $family == 4 ]] && echo $LAB_WEB4 || echo $LAB_WEB6)"
		answer 53=81
		forget
		exchanges 10 "$LAB_CLIENT" "$address" --udp
		equal "before routing" "$(looked_at 0 17 any 53 any $client "$address")" 10
		equal "questions, elsewhere" "$(looked_at 4 17 any 53 0x81 $client $LAB_WEB4)$(looked_at 4 17 any 53 0x81 $client $LAB_WEB6)" \
			"$([[ $family == 4 ]] && echo 100 || echo 010)"
		equal "answers, from there" "$(looked_at 4 17 53 any 0x81 $LAB_WEB4 $client)$(looked_at 4 17 53 any 0x81 $LAB_WEB6 $client)" \
			"$([[ $family == 4 ]] && echo 100 || echo 010)"
		no_redirects
		lab_stop null
	done
	lab_stop resolver
}
@test "nft: redirected DNS matches its answers, and drop is drop" { redirected_dns_matches_its_answers nft; }
@test "legacy: redirected DNS matches its answers, and drop is drop" { redirected_dns_matches_its_answers legacy; }

two_questions_at_once_are_both_answered() {
	use "$1"
	steer
	firewallctl apply
	answer 53=81 0=7f
	# as resolvers ask for IPv4 and IPv6 addresses, from one port that nothing has used before
	run -0 on_client $LAB_PYTHON - $LAB_ECHO4 <<-'END'
		import socket, sys
		for _ in range(200):
		    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		        s.settimeout(3)
		        s.connect((sys.argv[1], 53))
		        s.send(b"a"), s.send(b"aaaa")
		        assert {s.recv(9), s.recv(9)} == {b"a", b"aaaa"}
	END
	equal "questions" "$(looked_at 4 17 any 53)" 400
	equal "answers" "$(looked_at 4 17 53 any)" 400
}
@test "nft: two questions at once are both answered" { two_questions_at_once_are_both_answered nft; }
@test "legacy: two questions at once are both answered" { two_questions_at_once_are_both_answered legacy; }

icmp_errors_change_no_mark() {
	use "$1"
	steer
	firewallctl apply
	answer 7001=1 7002=81 0=3
	converse talk-udp "$LAB_CLIENT" $LAB_ECHO4 7002 --udp
	# the far side answers "port unreachable"; and the client does, to a reply nobody awaits
	on_client sh -c "echo x | socat -t 0.3 - UDP:$LAB_ECHO4:7009,sourceport=7777" || true
	on_client sh -c "echo x | socat -t 0.3 - UDP6:[$LAB_ECHO6]:7009,sourceport=7777" || true
	equal "connmark" "$(connmark_of $LAB_ECHO4 7009 udp) $(connmark_of $LAB_ECHO6 7009 udp)" "3 3"
	equal "icmp asked about" "$(awk '$2 == 1 || $2 == 58' "$LAB_DIR/log/null.out")" ""
	lab_talk_end talk-udp
}
@test "nft: icmp errors are not asked about and change no mark" { icmp_errors_change_no_mark nft; }
@test "legacy: icmp errors are not asked about and change no mark" { icmp_errors_change_no_mark legacy; }

observing_marks_nothing() {
	use "$1" 'mode = "observe";'
	steer
	firewallctl apply
	answer 9=1
	converse talk-4 "$LAB_CLIENT" $LAB_ECHO4 7001
	converse talk-local "$LAB_ROUTER" $LAB_ECHO6 7002
	lab_talk_lives talk-local
	equal "connmark" "$(connmark_of $LAB_ECHO4 7001) $(connmark_of $LAB_ECHO6 7002)" "0 0"
	equal "uplink" "$(uplink_of $LAB_ECHO4 7001)" 2
	# every packet, both directions, unmarked
	for line in '^0 6 [0-9]* 7001 0x0 0x0' '^4 6 7001 [0-9]* 0x0 0x0' '^3 6 [0-9]* 7002 0x0 0x0' '^1 6 7002 [0-9]* 0x0 0x0'; do
		(($(grep -c "$line" "$LAB_DIR/log/null.out") > 2))
	done
	lab_talk_end talk-4
	lab_talk_end talk-local
	# DNS: before routing as all others, and where it passes
	resolver
	forget
	exchanges 5 "$LAB_CLIENT" $LAB_ECHO4 --udp
	exchanges 5 "$LAB_CLIENT" $LAB_ROUTER6 --udp
	exchanges 5 "$LAB_ROUTER" 127.0.0.1 --udp
	equal "forwarded" "$(looked_at 0) $(looked_at 4 17 any 53 0x0) $(looked_at 4 17 53 any 0x0)" "5 5 5"
	equal "of the router" "$(looked_at 1 17 any 53 0x0) $(looked_at 3 17 53 any 0x0)" "5 5"
	equal "all" "$(looked_at)" 25
	lab_stop resolver
}
@test "nft: observing sees both directions and marks nothing" { observing_marks_nothing nft; }
@test "legacy: observing sees both directions and marks nothing" { observing_marks_nothing legacy; }

without_main_first_replies_come_in() {
	use "$1" 'routing = { main_first = false; };'
	MAIN_FIRST=no steer
	firewallctl apply
	answer 7001=1 7002=81 53=ff 0=7f
	converse talk-4 "$LAB_CLIENT" $LAB_ECHO4 7001
	converse talk-6 "$LAB_CLIENT" $LAB_ECHO6 7002
	converse talk-fwd "$LAB_NET" "${LAB_UP4[ppp0]}" 7100 --source $LAB_OUTSIDE4
	converse talk-svc "$LAB_NET" "${LAB_UP4[ppp0]}" 7101 --source $LAB_OUTSIDE4
	wait_until 5 grep -q '^4 6 7002 [0-9]* 0x81' "$LAB_DIR/log/null.out"
	equal "asked about once" "$(asked 7001)" 1
	equal "uplinks" "$(uplink_of $LAB_ECHO4 7001) $(uplink_of $LAB_ECHO6 7002)" "1 1"
	# answers are queued with the mark of their flow, which is pinned
	exchanges 5 "$LAB_CLIENT" $LAB_ECHO4 --udp
	equal "answers of DNS" "$(looked_at 4 17 53 any 0x82)" 5
	for talk in talk-4 talk-6 talk-fwd talk-svc; do
		lab_talk_lives $talk
		lab_talk_end $talk
	done
}
@test "nft: without main first replies still come in" { without_main_first_replies_come_in nft; }
@test "legacy: without main first replies still come in" { without_main_first_replies_come_in legacy; }

flows_begin_on_the_interfaces_given() {
	FIREWALL_KEYS='interfaces = ["wan2", "eth+"];' use "$1" 'routing = { return_path = false; };'
	steer
	firewallctl apply
	answer 0=81
	converse talk "$LAB_CLIENT" $LAB_ECHO4 7001
	lab_talk_lives talk
	equal "asked about" "$(asked 7001)" 0
	lab_talk_end talk
	# but for DNS: it is looked at, and not judged
	exchanges 5 "$LAB_CLIENT" $LAB_ECHO4 --udp
	exchanges 5 "$LAB_CLIENT" $LAB_ECHO6
	equal "before routing" "$(looked_at 0 any any 53)" 0
	equal "questions" "$(looked_at 4 17 any 53)" 5
	equal "answers" "$(looked_at 4 17 53 any)" 5
	(($(looked_at 4 6 any 53) >= 5 && $(looked_at 4 6 53 any) >= 5))
	equal "uplinks" "$(uplink_of $LAB_ECHO4 53 udp) $(uplink_of $LAB_ECHO6 53)" "2 2"
	converse talk-in "$LAB_NET" "${LAB_UP4[wan2]}" 7100 --source $LAB_OUTSIDE4
	lab_talk_end talk-in
	FIREWALL_KEYS='interfaces = ["la+"];' use "$1" 'routing = { return_path = false; };'
	firewallctl apply
	converse talk "$LAB_CLIENT" $LAB_ECHO4 7002
	(($(asked 7002) > 0))
	lab_talk_end talk
}
@test "nft: flows begin on the interfaces given" { flows_begin_on_the_interfaces_given nft; }
@test "legacy: flows begin on the interfaces given" { flows_begin_on_the_interfaces_given legacy; }
