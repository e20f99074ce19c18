#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One prober alone (tests/tools/probectl) on the router of the lab: against a real ping target, nginx
# and dnsmasq, over IPv4 and IPv6, with the rules and routes that routectl makes.

load lab.bash
bats_require_minimum_version 1.5.0
: "${WAYMARK_PROBECTL:=$WAYMARK_BUILD/tests/tools/probectl}"
: "${WAYMARK_ROUTECTL:=$WAYMARK_BUILD/tests/tools/routectl}"
declare -gA MARKS=([ppp0]=1 [wan1]=2 [wan2]=3)

setup_file() {
	lab_file tun || return 0
	lab_server_web probe.example.net
	lab_server_dns
	# errors as often as there are probes
	lab_sysctl "$LAB_NET" net/ipv4/icmp_ratelimit=0 net/ipv6/icmp/ratelimit=0
}

teardown_file() { lab_down; }

setup() {
	lab_test
	lab_conf </dev/null
	on_router "$WAYMARK_ROUTECTL" "$LAB_CONF" sync
}

teardown() {
	[[ -n ${LAB_ID:-} ]] || return 0
	local file
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		tail -n 20 "$LAB_DIR"/log/job-*.out "$LAB_DIR"/log/job-*.err || true
	fi
	[[ ! -s $LAB_DIR/pid/tun-isp1 ]] || kill -CONT "$(lab_pid tun-isp1)"
	for file in iptables ip6tables; do
		on_net "$file" -w -t raw -F PREROUTING
		on_net "$file" -w -F INPUT
		on_router "$file" -w -F OUTPUT
	done
	for file in "$LAB_DIR"/log/job-*.err; do
		[[ ! -e $file ]] || refute grep -A 30 -e 'Sanitizer:' -e 'runtime error:' "$file"
	done
	lab_test_end
	rm -f "$LAB_DIR"/log/job-*
}

# probe NAME INTERFACE TYPE TARGET... [KEY=VALUE...]: a prober as the daemon would have it for this
# uplink. The timeout is one that a busy machine keeps; where it is measured a test says another.
probe() {
	local name=$1 interface=$2
	shift
	lab_spawn "job-$name" "$LAB_ROUTER" "${WRAPPER[@]}" "$WAYMARK_PROBECTL" "$@" mark="${MARKS[$interface]:-0}" \
		"${SOURCES[@]-source4=${LAB_UP4[$interface]:-any}}" "${SOURCES[@]-source6=${LAB_UP6[$interface]:-any}}"
	wait_until 5 grep -q waiting "$LAB_DIR/log/job-$name.out"
}
WRAPPER=()
unset SOURCES
PATIENT=(interval_ms=100 "timeout_ms=$((400 * WAYMARK_TEST_SLOW))")

# Its last line.
said() { tail -n 1 "$LAB_DIR/log/job-$1.out"; }

# becomes NAME STATE [REASON]: the last change was to this, and so it becomes within a time.
becomes() { wait_until "${PATIENCE:-10}" is "$@"; }

is() {
	local line
	line=$(said "$1")
	[[ $line == *" $2 rounds "* && $line == *"reason '${3:-}"* ]]
}

# status NAME: its line, asked for now; in REPLY.
status() {
	local lines
	lines=$(lab_lines "$LAB_DIR/log/job-$1.out" '')
	kill -HUP "$(lab_pid "job-$1")"
	wait_until 5 lab_lines_above "$LAB_DIR/log/job-$1.out" '' "$lines"
	REPLY=$(said "$1")
}

# rounds NAME N: until N more rounds are decided.
rounds() {
	status "$1"
	local from
	from=$(field rounds "$REPLY")
	wait_until 20 rounds_are "$1" $((from + $2))
}

rounds_are() {
	status "$1"
	(($(field rounds "$REPLY") >= $2))
}

field() { sed "s/.* $1 \([^ ]*\).*/\1/" <<<"$2"; } # KEY LINE

# Nothing of this ever failed.
never_failed() { # NAME
	status "$1"
	[[ $(field failed "$REPLY") == 0 ]] || lab_fail "$1: $REPLY"
}

drop() { # iptables|ip6tables ARGUMENT...: what comes to net
	local command=$1
	shift
	on_net "$command" -w -t raw -A PREROUTING "$@" -j DROP
}

# All types and both families, on one line; each asks another address, so that a capture tells them.
probe_all() { # INTERFACE KEY=VALUE...
	local interface=$1
	shift
	probe icmp4 "$interface" icmp 192.0.2.101 192.0.2.102 need=2 "$@"
	probe icmp6 "$interface" icmp 2001:db8:ffff::101 2001:db8:ffff::102 need=2 "$@"
	probe tcp4 "$interface" tcp $LAB_WEB4 port=443 "$@"
	probe tcp6 "$interface" tcp $LAB_WEB6 port=443 "$@"
	probe http4 "$interface" http $LAB_WEB4 path=/status "$@"
	probe http6 "$interface" http $LAB_WEB6 path=/status "$@"
	probe dns4 "$interface" dns $LAB_DNS4 query=www.example.org "$@"
	probe dns6 "$interface" dns $LAB_DNS6 query=www.example.org "$@"
}
ALL="icmp4 icmp6 tcp4 tcp6 http4 http6 dns4 dns6"
# what they send and get
PROBES="host 192.0.2.101 or host 192.0.2.102 or host $LAB_WEB4 or host $LAB_DNS4 or net 2001:db8:ffff::/64"

@test "icmp, tcp, http and dns find a line good, over IPv4 and IPv6, and leave by it alone" {
	local name interface
	# main leads by wan1
	for interface in ppp0 wan2; do
		on_router iptables -w -A OUTPUT -d 192.0.2.0/24 -m mark ! --mark "${MARKS[$interface]}" -j REJECT
		# out: who was asked by the line before may still be sending there
		lab_capture_uplinks -Q out
		probe_all "$interface" "${PATIENT[@]}"
		for name in $ALL; do
			becomes "$name" good
			rounds "$name" 3
			never_failed "$name"
			lab_stop "job-$name"
		done
		lab_capture_uplinks_stop
		lab_left_by "$interface" "$PROBES"
		(($(lab_captured "$interface" "icmp[icmptype] == icmp-echo and src host ${LAB_UP4[$interface]}") >= 12))
		(($(lab_captured "$interface" "icmp6[icmp6type] == icmp6-echo and src host ${LAB_UP6[$interface]}") >= 12))
		on_router iptables -w -F OUTPUT
	done
}

# What a test before has closed may still be answered with a reset; a probe is more than that.
refute_captured() { # NAME: what it holds is shown
	(($(lab_captured "$1" 'not (tcp[tcpflags] & tcp-rst != 0)') == 0)) || lab_fail "$(tcpdump -nr "$LAB_DIR/pcap/$1.pcap" 2>&1 | head -n 20)"
}

@test "complaint 20: the backup's probe leaves by no other line, though main and its own table lead there" {
	local name
	# as while wan1 stands in for wan2
	on_router ip route replace default via "${LAB_GW4[wan1]}" dev wan1 table 203 proto 87
	on_router ip -6 route replace default via "${LAB_GW6[wan1]}" dev wan1 table 203 proto 87
	# and nothing comes back from its own
	drop iptables -i isp3
	drop ip6tables -i isp3
	lab_capture_uplinks -Q out "$PROBES"
	probe_all wan2 "${PATIENT[@]}"
	for name in $ALL; do
		becomes "$name" failed
		rounds "$name" 3
	done
	lab_capture_uplinks_stop
	(($(lab_captured wan2) >= 12))
	refute_captured wan1
	refute_captured ppp0
}

@test "complaint 21: a target that answers though the line is dead does not hide it from a quorum" {
	# the provider's own router answers always
	probe lied-to wan2 icmp "${LAB_GW4[wan2]}" 192.0.2.1 192.0.2.2 need=1 "${PATIENT[@]}"
	probe quorum wan2 icmp "${LAB_GW4[wan2]}" 192.0.2.1 192.0.2.2 need=2 "${PATIENT[@]}"
	becomes lied-to good
	becomes quorum good
	drop iptables -i isp3 -d 192.0.2.0/24
	becomes quorum failed "no answer from 192.0.2.1, 192.0.2.2"
	never_failed lied-to
}

@test "a target that is dead does not fail a line whose quorum answers" {
	drop iptables -i isp3 -d 192.0.2.2
	probe quorum wan2 icmp 192.0.2.1 192.0.2.2 192.0.2.3 need=2 max_loss_percent=10 "${PATIENT[@]}"
	becomes quorum good
	rounds quorum 25
	is quorum good
	status quorum
	[[ $(field loss "$REPLY") == 0.0 ]]
}

# Ends ppp0 between two packets, and says in REPLY when.
end_ppp0() {
	lab_now
	kill -STOP "$(lab_pid tun-isp1)"
}

failed_since() { # NAME MS: in REPLY, when it said that
	REPLY=$(awk -v since="$2" '$1 >= since && $2 == "failed" { print $1; exit }' "$LAB_DIR/log/job-$1.out")
	[[ -n $REPLY ]]
}

@test "a dead line is reported within down x interval_ms + timeout_ms + 50 ms" {
	local REPLY ended type took
	# each starts a little later, so that the end falls into another part of its interval
	for type in icmp tcp http dns; do
		local target=$LAB_WEB4
		[[ $type != dns ]] || target=$LAB_DNS4
		probe "fast-$type" ppp0 "$type" "$target" query=www.example.org interval_ms=100 timeout_ms=$((80 * WAYMARK_TEST_SLOW))
	done
	probe default ppp0 icmp 192.0.2.1 interval_ms=1000 timeout_ms=500 up=1
	for type in icmp tcp http dns; do
		becomes "fast-$type" good
	done
	becomes default good
	end_ppp0
	ended=$REPLY
	for type in fast-icmp fast-tcp fast-http fast-dns; do
		PATIENCE=10 becomes $type failed "no answer from 192.0.2."
		failed_since $type "$ended"
		took=$((REPLY - ended))
		echo "# ${type#fast-} probes, interval 100 ms, timeout 80 ms, down 3: failed after $took ms" >&3
		((took <= (3 * 100 + 80 + 50) * WAYMARK_TEST_SLOW))
	done
	becomes default failed "no answer from 192.0.2.1'"
	failed_since default "$ended"
	echo "# with the defaults (1000 ms, 500 ms, 3): failed after $((REPLY - ended)) ms" >&3
	((REPLY - ended <= (3 * 1000 + 500 + 50) * WAYMARK_TEST_SLOW))
	kill -CONT "$(lab_pid tun-isp1)"
	for type in icmp tcp http dns; do
		becomes "fast-$type" good
	done
}

@test "loss above max_loss_percent fails a line whose rounds never fail in a row" {
	drop iptables -i isp3 -d 192.0.2.61 -m statistic --mode nth --every 2 --packet 0
	drop iptables -i isp3 -d 192.0.2.62 -m statistic --mode nth --every 2 --packet 0
	# rounds that do not overlap: else the window would show what is lost later than what is answered
	local keys=(interval_ms=$((100 * WAYMARK_TEST_SLOW)) timeout_ms=$((90 * WAYMARK_TEST_SLOW)) up=1)
	probe judged wan2 icmp 192.0.2.61 max_loss_percent=30 "${keys[@]}"
	probe shown wan2 icmp 192.0.2.62 "${keys[@]}"
	becomes shown good
	PATIENCE=30 becomes judged failed "loss 50 %'"
	status judged
	(($(field rounds "$REPLY") >= 20))
	rounds shown 20
	is shown good
	status shown
	[[ $(field loss "$REPLY") == [45]?.0 ]]
	# and is good again once the window is
	on_net iptables -w -t raw -F PREROUTING
	PATIENCE=30 becomes judged good
}

@test "latency above max_latency_ms fails a line, and loses nothing" {
	cat >"$LAB_DIR/slow" <<-'END'
		#!/bin/sh
		read -r request
		sleep 0.4
		printf 'HTTP/1.1 204 No Content\r\n\r\n'
	END
	chmod 755 "$LAB_DIR/slow"
	lab_spawn job-slow "$LAB_NET" socat "TCP4-LISTEN:8080,bind=192.0.2.80,fork,reuseaddr" "EXEC:$LAB_DIR/slow"
	wait_until 5 lab_port_open 192.0.2.80 8080
	probe judged wan2 http 192.0.2.80 port=8080 interval_ms=200 timeout_ms=$((2000 * WAYMARK_TEST_SLOW)) \
		max_latency_ms=100 down=5
	probe shown wan2 http 192.0.2.80 port=8080 interval_ms=200 timeout_ms=$((2000 * WAYMARK_TEST_SLOW))
	becomes judged failed "latency "
	becomes shown good
	rounds shown 3
	never_failed shown
	(($(field latency "$REPLY" | cut -d. -f1) >= 390))
	status judged
	[[ $REPLY =~ reason\ \'latency\ [0-9]+\ ms\' && $(field loss "$REPLY") == 0.0 ]]
}

@test "an error that comes back ends a probe at once, whatever the timeout" {
	on_net iptables -w -A INPUT -d 192.0.2.71 -j REJECT --reject-with icmp-net-unreachable
	on_net iptables -w -A INPUT -d 192.0.2.72 -j REJECT --reject-with icmp-host-prohibited
	on_net iptables -w -A INPUT -d 192.0.2.73 -p tcp -j REJECT --reject-with tcp-reset
	on_net ip6tables -w -A INPUT -d 2001:db8:ffff::71 -j REJECT --reject-with icmp6-no-route
	on_net ip6tables -w -A INPUT -d 2001:db8:ffff::72 -j REJECT --reject-with icmp6-adm-prohibited
	local keys=(interval_ms=100 timeout_ms=60000)
	probe icmp wan2 icmp 192.0.2.71 "${keys[@]}"
	probe icmp6 wan2 icmp 2001:db8:ffff::71 "${keys[@]}"
	probe tcp wan2 tcp 192.0.2.71 port=80 "${keys[@]}"
	probe http wan2 http 192.0.2.72 "${keys[@]}"
	probe dns wan2 dns 192.0.2.72 "${keys[@]}"
	probe dns6 wan2 dns 2001:db8:ffff::72 "${keys[@]}"
	probe reset wan2 tcp 192.0.2.73 port=80 "${keys[@]}"
	becomes icmp failed "network is unreachable (192.0.2.71)'"
	becomes icmp6 failed "network is unreachable (2001:db8:ffff::71)'"
	becomes tcp failed "network is unreachable (192.0.2.71)'"
	becomes http failed "no route to host (192.0.2.72)'"
	becomes dns failed "no route to host (192.0.2.72)'"
	becomes dns6 failed "permission denied (2001:db8:ffff::72)'"
	becomes reset failed "connection refused (192.0.2.73)'"
}

@test "another's ping is not taken for ours" {
	# ours alone is lost: 20 bytes of IP, 8 of ICMP and the cookie
	drop iptables -i isp3 -d 192.0.2.1 -p icmp -m length --length 36
	lab_spawn job-ping "$LAB_ROUTER" ping -n -i 0.02 -I "${LAB_UP4[wan2]}" 192.0.2.1
	wait_until 5 grep -q 'bytes from' "$LAB_DIR/log/job-ping.out"
	probe ours wan2 icmp 192.0.2.1 "${PATIENT[@]}"
	becomes ours failed "no answer from 192.0.2.1'"
	lab_alive job-ping
}

@test "what this machine's firewall refuses is a reason" {
	on_router iptables -w -A OUTPUT -d 192.0.2.1 -j DROP
	probe refused wan2 icmp 192.0.2.1 interval_ms=100 timeout_ms=60000
	becomes refused failed "operation not permitted (192.0.2.1)'"
}

cable_wan9() {
	ip link add wan9 netns "$LAB_ROUTER" type veth peer name isp9 netns "$LAB_NET"
	ip -n "$LAB_ROUTER" addr add 198.18.9.2/24 dev wan9
	ip -n "$LAB_NET" addr add 198.18.9.1/24 dev isp9
	ip -n "$LAB_NET" link set isp9 up
	ip -n "$LAB_ROUTER" link set wan9 up
}

@test "an interface that is not there is a reason; one that comes, goes and comes again is used" {
	SOURCES=(source4=198.18.9.2)
	probe late wan9 icmp 198.18.9.1 "${PATIENT[@]}"
	becomes late failed "no such device (198.18.9.1)'"
	cable_wan9
	becomes late good
	ip -n "$LAB_ROUTER" addr del 198.18.9.2/24 dev wan9
	becomes late failed "cannot assign requested address (198.18.9.1)'"
	ip -n "$LAB_ROUTER" addr add 198.18.9.2/24 dev wan9
	PATIENCE=20 becomes late good
	ip -n "$LAB_ROUTER" link set wan9 down
	becomes late failed "network is unreachable (198.18.9.1)'"
	ip -n "$LAB_ROUTER" link del wan9
	becomes late failed
	cable_wan9
	PATIENCE=30 becomes late good
	ip -n "$LAB_ROUTER" link del wan9
}

@test "a line without an address of its own is probed from what the kernel chooses" {
	SOURCES=(source4=any source6=any)
	probe chosen wan2 icmp 192.0.2.1 2001:db8:ffff::1 need=2 "${PATIENT[@]}"
	becomes chosen good
	unset SOURCES
	SOURCES=(source4=any)
	probe only4 wan2 icmp 192.0.2.1 2001:db8:ffff::1 need=2 "${PATIENT[@]}"
	becomes only4 failed "no usable address (2001:db8:ffff::1)'"
}

# In a mount namespace with this name server, for probe.
resolved_by() {
	printf 'nameserver %s\n' "$1" >"$LAB_DIR/resolv.conf"
	# shellcheck disable=SC2016 # the inner shell's own
	WRAPPER=(unshare --mount --propagation private sh -c
		'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$LAB_DIR/resolv.conf")
}

@test "targets may be names: the system asks for them, the line alone is probed" {
	resolved_by $LAB_DNS4
	lab_capture_uplinks
	probe http ppp0 http probe.example.net need=1 interval_ms=100 timeout_ms=$((2000 * WAYMARK_TEST_SLOW))
	SOURCES=(source6="${LAB_UP6[ppp0]}")
	probe http6 ppp0 http probe.example.net interval_ms=100 timeout_ms=$((2000 * WAYMARK_TEST_SLOW))
	becomes http good
	becomes http6 good
	never_failed http
	never_failed http6
	lab_capture_uplinks_stop
	lab_left_by ppp0 "port 80"
	lab_left_by wan1 "port 53" # main's
	(($(lab_captured ppp0 "host $LAB_WEB4 and tcp port 80") > 0))
	(($(lab_captured ppp0 "host $LAB_WEB6 and tcp port 80") > 0))
}

@test "a name that cannot be looked up does not answer, until it can" {
	resolved_by 192.0.2.54
	probe named ppp0 icmp probe.example.net "${PATIENT[@]}"
	becomes named failed "no usable address (probe.example.net)'"
	on_net iptables -w -t nat -A PREROUTING -d 192.0.2.54 -p udp --dport 53 -j DNAT --to $LAB_DNS4
	PATIENCE=30 becomes named good
	on_net iptables -w -t nat -F PREROUTING
}

sockets_of_probes() {
	on_router cat /proc/net/raw /proc/net/raw6 | grep -c '^ *[0-9]*:' || true
}

switches() { # NAME: how often it has gone to sleep
	awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$(lab_pid "job-$1")/status"
}

@test "a stopped prober has no socket and never wakes up; a running one wakes for its probes alone" {
	local before from woken
	before=$(sockets_of_probes)
	drop iptables -i isp3 -d 192.0.2.1
	probe silent wan2 icmp 192.0.2.1 192.0.2.2 2001:db8:ffff::1 interval_ms=100 timeout_ms=5000
	has_sockets() { (($(sockets_of_probes) > before + 3)); }
	wait_until 5 has_sockets
	kill -USR1 "$(lab_pid job-silent)"
	becomes silent stopped
	(($(sockets_of_probes) == before))
	probe other wan2 icmp 192.0.2.3 "${PATIENT[@]}"
	becomes other good
	woken=$(switches silent)
	from=$(switches other)
	rounds other 20
	(($(switches silent) == woken))
	# a round: its time, its answer, and what asks for the status here
	status other
	(($(switches other) - from <= 20 * 4 + 2 * $(lab_lines "$LAB_DIR/log/job-other.out" '')))
	kill -USR2 "$(lab_pid job-silent)"
	becomes silent good
}
