#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The route module alone (tests/tools/routectl) on the real kernel: what it puts there, what it
# leaves alone, and how fast it puts back what another hand takes away.

bats_require_minimum_version 1.5.0
: "${WAYMARK_SRC:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
: "${WAYMARK_ROUTECTL:=$WAYMARK_BUILD/tests/tools/routectl}"
: "${WAYMARK_TEST_SLOW:=1}"

setup() {
	((EUID == 0)) || skip "needs root"
	NS=wmr-$$-$BATS_TEST_NUMBER
	PEER=$NS-peer
	DIR=$(mktemp -d)
	SPAWNED=()
	ip netns add "$NS"
	ip netns add "$PEER"
	ip -n "$NS" link set lo up
	# tentative addresses would come and go while states are compared
	ip netns exec "$NS" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	cable eth1 10.1.0.2/24
	cable eth2 10.2.0.2/24
	ip -n "$NS" route add default via 10.2.0.1 metric 100
	conf
}

teardown() {
	local pid
	for pid in "${SPAWNED[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	ip netns del "$NS" 2>/dev/null || true
	ip netns del "$PEER" 2>/dev/null || true
	[[ -z $DIR ]] || rm -rf "$DIR"
}

# cable IF [ADDRESS...]: a veth with its other end in the peer's namespace.
cable() {
	local interface=$1 address
	shift
	ip -n "$NS" link add "$interface" type veth peer name "p-$interface" netns "$PEER"
	ip -n "$PEER" link set "p-$interface" up
	ip -n "$NS" link set "$interface" up
	for address in "$@"; do
		ip -n "$NS" addr add "$address" dev "$interface" $([[ $address == *:* ]] && echo nodad)
	done
	wait_for "carrier $interface" carrier "$interface"
}

carrier() { [[ $(ip -n "$NS" link show "$1") == *"state UP"* ]]; }

# A point-to-point link, alive as long as its socat is.
tun() {
	spawn tun ip netns exec "$NS" \
		socat "TUN,tun-name=$1,iff-no-pi,tun-type=tun,iff-up" "UNIX-LISTEN:$DIR/tun"
	wait_for "tun $1" tun_is_up "$1"
}

tun_is_up() { ip -n "$NS" link show "$1" 2>/dev/null | grep -q LOWER_UP; }

spawn() {
	local name=$1
	shift
	"$@" >"$DIR/$name.out" 2>"$DIR/$name.err" 3>&- &
	SPAWNED+=($!)
}

# wait_for WHAT COMMAND...: up to three seconds, awake every few milliseconds.
wait_for() {
	local what=$1 end=$((${EPOCHREALTIME/./} + 3000000 * WAYMARK_TEST_SLOW))
	shift
	until "$@"; do
		if ((${EPOCHREALTIME/./} > end)); then
			echo "not in time: $what" >&2
			[[ ! -e $DIR/watch.out ]] || cat "$DIR/watch.out" "$DIR/watch.err" >&2
			return 1
		fi
		read -rt 0.002 <> <(:) || true
	done
}

# Writes the configuration; stdin is added to the uplinks, arguments are top-level settings.
conf() {
	{
		printf '%s\n' "$@"
		cat <<-'END'
			uplinks = (
			  { name = "mail.out"; interface = "eth1"; gateway = "10.1.0.1"; table = 201; mark = 1; },
			  { name = "cable"; interface = "eth2"; gateway = "auto"; table = 202; mark = 2; }
		END
		[[ -t 0 ]] || cat
		echo ");"
	} <"${EXTRA:-/dev/null}" >"$DIR/waymark.conf"
}

# uplink TEXT...: one more uplink in the configuration.
uplink() {
	printf ', { %s }\n' "$@" >"$DIR/extra"
	EXTRA=$DIR/extra conf "${SETTINGS[@]}"
}

routectl() { ip netns exec "$NS" "$WAYMARK_ROUTECTL" "$DIR/waymark.conf" "$@"; }

start_watch() {
	spawn watch ip netns exec "$NS" "$WAYMARK_ROUTECTL" "$DIR/waymark.conf" watch
	wait_for "ready" grep -qs ready "$DIR/watch.out"
}

rules() { ip -n "$NS" "-$1" -d rule show | sed 's/[[:space:]]*$//'; }
routes() { ip -n "$NS" "-$1" route show table "$2" 2>/dev/null | sed 's/[[:space:]]*$//'; }
everything() {
	local family
	for family in 4 6; do
		rules "$family"
		ip -n "$NS" "-$family" -d route show table all
	done
}
is() { diff <(printf '%s\n' "$2") <(printf '%s\n' "$1") >&2; }

# Rules and routes of ours, in a comparable form; `same_as_wanted` has what watch or sync made.
ours() {
	local family
	for family in 4 6; do
		printf '%s\n' "rule show" "route show table 201" "route show table 202" "route show table 203" |
			ip -n "$NS" "-$family" -d -force -batch - 2>/dev/null |
			awk -v family="$family" '{ sub(/[[:space:]]*$/, ""); print family, $0 }'
	done
}
same_as_wanted() { [[ $(ours) == "$WANTED" ]]; }

# repaired WHAT COMMAND...: the command's damage is undone within 100 ms, counted from before the
# command starts to the kernel's last acknowledgement. The best of three counts: other tests run.
repaired() {
	local what=$1 begin runs took try
	shift
	for try in 1 2 3; do
		runs=$(grep -c '^event' "$DIR/watch.out" || true)
		begin=${EPOCHREALTIME/./}
		"$@"
		wait_for "run after $what" ran_since "$runs"
		wait_for "repair of $what" same_as_wanted
		took=$(awk -v begin="$((begin / 1000))" -v runs="$runs" '
			/^event/ && ++n > runs && $6 > 0 { done = $4 }
			END { printf "%d", done - begin }' "$DIR/watch.out")
		echo "# $what: repaired within $took ms" >&3
		[[ -z $(ours | sort | uniq -d) ]] || return 1
		((took >= 0 && took < 100 * WAYMARK_TEST_SLOW)) && return 0
	done
	return 1
}

ran_since() { (($(grep -c '^event.*changes [1-9]' "$DIR/watch.out") > 0 && $(grep -c '^event' "$DIR/watch.out") > $1)); }

@test "classic policy: rules and tables are exactly the wanted ones, and a second run sends nothing" {
	tun ppp0
	ip -n "$NS" addr add 195.96.98.254 peer 195.96.98.253 dev ppp0
	uplink 'name = "isdn"; interface = "ppp0"; gateway = "195.96.98.253"; table = 203; mark = 3;'
	run -0 routectl sync
	is "$(rules 4)" "0:	from all lookup local proto kernel
20000:	not from all fwmark 0/0x7f lookup main suppress_prefixlength 1 proto 87
20001:	from all fwmark 0x1/0x7f lookup 201 proto 87
20002:	from all fwmark 0x2/0x7f lookup 202 proto 87
20003:	from all fwmark 0x3/0x7f lookup 203 proto 87
20200:	from 10.1.0.2 lookup main suppress_prefixlength 1 proto 87
20201:	from 10.1.0.2 lookup 201 proto 87
20202:	from 10.2.0.2 lookup main suppress_prefixlength 1 proto 87
20203:	from 10.2.0.2 lookup 202 proto 87
20204:	from 195.96.98.254 lookup main suppress_prefixlength 1 proto 87
20205:	from 195.96.98.254 lookup 203 proto 87
32766:	from all lookup main proto kernel
32767:	from all lookup default proto kernel"
	is "$(routes 4 201)" "default via 10.1.0.1 dev eth1 proto 87"
	is "$(routes 4 202)" "default via 10.2.0.1 dev eth2 proto 87"
	is "$(routes 4 203)" "default via 195.96.98.253 dev ppp0 proto 87"
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
	# and the kernel does with it what is meant
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x1) == *"dev eth1 table 201"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x83) == *"dev ppp0 table 203"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x1200) == *"dev eth2 src"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 from 10.1.0.2) == *"dev eth1 table 201"* ]]
	[[ $(ip -n "$NS" route get 10.2.0.9 mark 0x1) == *"dev eth2 src"* ]]
}

@test "a point-to-point uplink without a gateway has its device as default, and no IPv6 it does not have" {
	tun ppp0
	ip -n "$NS" addr add 10.9.0.1 peer 10.9.0.2 dev ppp0
	uplink 'name = "isdn"; interface = "ppp0"; table = 203; mark = 3;'
	run -0 routectl sync
	is "$(routes 4 203)" "default dev ppp0 scope link"$' proto 87' || is "$(routes 4 203)" "default dev ppp0 proto 87 scope link"
	is "$(routes 6 203)" ""
	ip -n "$NS" addr add 2001:db8:9::1/64 dev ppp0 nodad
	run -0 routectl sync
	[[ $(routes 6 203) == "default dev ppp0 proto 87 metric 1024 pref medium" ]]
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
}

@test "IPv6: given, link-local and advertised-like gateways; rules for global addresses only" {
	ip -n "$NS" addr add 2001:db8:1::2/64 dev eth1 nodad
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	ip -n "$NS" -6 route add default via fe80::1 dev eth2 metric 1024 proto ra
	cable eth3 2001:db8:3::2/64
	uplink 'name = "isdn"; interface = "eth3"; gateway6 = "2001:db8:3::1"; table = 203; mark = 3;'
	run -0 routectl sync
	is "$(rules 6)" "0:	from all lookup local proto kernel
20000:	not from all fwmark 0/0x7f lookup main suppress_prefixlength 1 proto 87
20001:	from all fwmark 0x1/0x7f lookup 201 proto 87
20002:	from all fwmark 0x2/0x7f lookup 202 proto 87
20003:	from all fwmark 0x3/0x7f lookup 203 proto 87
20200:	from 2001:db8:1::2 lookup main suppress_prefixlength 1 proto 87
20201:	from 2001:db8:1::2 lookup 201 proto 87
20202:	from 2001:db8:2::2 lookup main suppress_prefixlength 1 proto 87
20203:	from 2001:db8:2::2 lookup 202 proto 87
20204:	from 2001:db8:3::2 lookup main suppress_prefixlength 1 proto 87
20205:	from 2001:db8:3::2 lookup 203 proto 87
32766:	from all lookup main proto kernel"
	is "$(routes 6 201)" ""
	is "$(routes 6 202)" "default via fe80::1 dev eth2 proto 87 metric 1024 pref medium"
	is "$(routes 6 203)" "default via 2001:db8:3::1 dev eth3 proto 87 metric 1024 pref medium"
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
	[[ $(ip -n "$NS" -6 route get 2001:db8:ff::1 mark 0x3) == *"dev eth3 table 203"* ]]
	[[ $(ip -n "$NS" -6 route get 2001:db8:ff::1 mark 0x1) == *"dev eth2 proto ra"* ]]
	run -0 routectl remove
	is "$(rules 6)" "0:	from all lookup local proto kernel
32766:	from all lookup main proto kernel"
}

@test "an interface without IPv6 is no error" {
	ip netns exec "$NS" sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1
	uplink 'name = "isdn"; interface = "eth1"; gateway = "10.1.0.1"; gateway6 = "2001:db8::1"; table = 203; mark = 3;'
	run -0 --separate-stderr routectl sync
	[[ -z $stderr ]]
	is "$(routes 6 203)" ""
}

@test "what the plan prints can be typed, and is then what a run wants" {
	local family kind rest
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	ip -n "$NS" -6 route add default via fe80::1 dev eth2
	uplink 'name = "isdn"; interface = "eth1"; gateway = "192.0.2.1"; gateway6 = "none"; table = 70000; mark = 3; on_down = "block";'
	routectl plan >"$DIR/plan"
	grep -qx "route 4 default via 192.0.2.1 dev eth1 table 70000 proto 87 onlink" "$DIR/plan"
	while read -r kind family rest; do
		ip -n "$NS" "-$family" "$kind" add $rest
	done <"$DIR/plan"
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
}

@test "the plan needs no privilege, and a run without it says so in one line and changes nothing" {
	local before
	before=$(everything)
	run -0 ip netns exec "$NS" setpriv --bounding-set=-all --inh-caps=-all "$WAYMARK_ROUTECTL" "$DIR/waymark.conf" plan
	[[ $output == *"fwmark 0x1/0x7f lookup 201"* ]]
	run -1 --separate-stderr ip netns exec "$NS" setpriv --bounding-set=-all --inh-caps=-all "$WAYMARK_ROUTECTL" "$DIR/waymark.conf" sync
	[[ $stderr == "cannot change policy rules and routes: Operation not permitted (CAP_NET_ADMIN is needed)" ]]
	[[ $(everything) == "$before" ]]
}

@test "what another hand takes away is back within 100 ms, and then there is silence" {
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	ip -n "$NS" -6 route add default via fe80::1 dev eth2
	start_watch
	WANTED=$(ours)
	repaired "a fwmark rule" ip -n "$NS" rule del pref 20001 fwmark 0x1/0x7f lookup 201
	repaired "the first rule" ip -n "$NS" rule del pref 20000
	repaired "an IPv6 rule" ip -n "$NS" -6 rule del pref 20002 fwmark 0x2/0x7f lookup 202
	repaired "the rules of an address" ip -n "$NS" rule flush from 10.1.0.2
	repaired "a flushed table" ip -n "$NS" route flush table 201
	repaired "a flushed IPv6 table" ip -n "$NS" -6 route flush table 202
	repaired "a replaced default" ip -n "$NS" route replace default via 10.1.0.77 dev eth1 table 201 proto 87
	repaired "a doubled rule" ip -n "$NS" rule add pref 20001 fwmark 0x1/0x7f lookup 203 proto 87
	# one run may follow ours; it must find nothing, and nothing may follow that
	local events
	settled() { [[ $(grep -c '^event' "$DIR/watch.out") == "$events" ]]; }
	quiet() { [[ $(grep '^event' "$DIR/watch.out" | tail -1) == *"changes 0" ]]; }
	wait_for "a run that finds nothing" quiet
	events=$(grep -c '^event' "$DIR/watch.out")
	sleep 1
	settled
}

@test "also: ENOBUFS ends the loop: events that were lost are made up for" {
	local watcher
	start_watch
	WANTED=$(ours)
	watcher=${SPAWNED[-1]}
	kill -STOP "$watcher"
	seq 0 65535 | awk '{ printf "route add blackhole 100.64.%d.%d/32 table 4000\n", $1 / 256, $1 % 256 }' >"$DIR/many"
	ip -n "$NS" -batch "$DIR/many"
	ip -n "$NS" rule flush pref 20001
	ip -n "$NS" route flush table 201
	drops() { ip netns exec "$NS" awk '$2 == 0 { n += $9 } END { print n + 0 }' /proc/net/netlink; }
	(($(drops) > 0))
	kill -CONT "$watcher"
	wait_for "repair" same_as_wanted
}

@test "link down and up by another hand: the routes come back within 100 ms of up" {
	start_watch
	WANTED=$(ours)
	down_seen() { grep -q "^uplink mail.out down .*interface 'eth1' is down" "$DIR/watch.out"; }
	ip -n "$NS" link set eth1 down
	printf 'link set eth1 down\nlink set eth1 up\n' >"$DIR/flap"
	wait_for "down" down_seen
	[[ -z $(routes 4 201) ]]
	repaired "link up" ip -n "$NS" link set eth1 up
	repaired "down and up at once" ip -n "$NS" -batch "$DIR/flap"
}

@test "without carrier an uplink is down, and its traffic goes by main" {
	start_watch
	ip -n "$PEER" link set p-eth1 down
	wait_for "carrier loss" grep -q "^uplink mail.out down .*'no carrier'" "$DIR/watch.out"
	[[ -z $(routes 4 201) ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x1) == *"dev eth2 src"* ]]
	ip -n "$PEER" link set p-eth1 up
	back() { [[ $(routes 4 201) == "default via 10.1.0.1 dev eth1 proto 87" ]]; }
	wait_for "carrier" back
}

@test "somebody's IPv6 default before main, by the same line, does not keep ours out" {
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	ip -n "$NS" -6 route add default via 2001:db8:2::1 dev eth2 table 299
	ip -n "$NS" -6 rule add priority 31999 lookup 299
	uplink 'name = "isdn"; interface = "eth2"; gateway6 = "2001:db8:2::1"; table = 203; mark = 3;'
	run -0 routectl sync
	[[ $(routes 6 203) == "default via 2001:db8:2::1 dev eth2 proto 87 metric 1024 onlink"* ]]
	# who has been refused once sends nothing twice
	start_watch
	ip -n "$NS" -6 rule del fwmark 0x3/0x7f
	back() { rules 6 | grep -q 'fwmark 0x3/0x7f lookup 203'; }
	wait_for "the rule" back
	ip -n "$NS" -6 rule del fwmark 0x3/0x7f
	wait_for "the rule once more" back
	[[ $(routes 6 203) == "default via 2001:db8:2::1 dev eth2 proto 87 metric 1024 onlink"* ]]
}

@test "the same IPv6 gateway on two lines, with a host route to it by one of them" {
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	cable eth3 2001:db8:2::3/64
	ip -n "$NS" -6 route add 2001:db8:2::1/128 dev eth2
	uplink 'name = "one"; interface = "eth2"; gateway6 = "2001:db8:2::1"; table = 203; mark = 3;' \
		'name = "two"; interface = "eth3"; gateway6 = "2001:db8:2::1"; table = 204; mark = 4;'
	run -0 routectl sync
	[[ $(routes 6 203) == "default via 2001:db8:2::1 dev eth2 proto 87"* ]]
	[[ $(routes 6 204) == "default via 2001:db8:2::1 dev eth3 proto 87"* ]]
}

@test "on_down: block closes both families before the link is down, another uplink stands in" {
	cable eth3 10.3.0.2/24
	uplink 'name = "isdn"; interface = "eth3"; gateway = "10.3.0.1"; table = 203; mark = 3; on_down = "block";' \
		'name = "spare"; interface = "eth9"; gateway = "10.4.0.1"; table = 204; mark = 4; on_down = "mail.out";'
	run -0 routectl sync
	is "$(routes 4 203)" "default via 10.3.0.1 dev eth3 proto 87
unreachable default proto 87 metric 4278198272"
	is "$(routes 6 203)" "unreachable default dev lo proto 87 metric 4278198272 pref medium"
	is "$(routes 4 204)" "default via 10.1.0.1 dev eth1 proto 87"
	ip -n "$NS" link set eth3 down
	run ip -n "$NS" route get 198.51.100.1 mark 0x3
	[[ $output == *"No route to host"* ]]
	run -0 routectl sync
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
}

@test "an uplink that probes have failed keeps its line for them, and its mark goes where on_down says" {
	cable eth3 10.3.0.2/24
	uplink 'name = "isdn"; interface = "eth3"; gateway = "10.3.0.1"; table = 203; mark = 3; on_down = "block";' \
		'name = "spare"; interface = "eth3"; gateway = "10.3.0.5"; table = 204; mark = 4; on_down = "mail.out";'
	run -0 routectl sync mail.out isdn spare
	[[ $output == *"uplink isdn down gateway 10.3.0.1 "*"'probes have failed'"* ]]
	rules 4 | grep -q '^20499:.*from all fwmark 0x3/0x7f unreachable proto 87$'
	rules 6 | grep -q '^20499:.*from all fwmark 0x3/0x7f unreachable proto 87$'
	# of the marks whose uplinks go to main nothing is left but for who is bound to the device
	is "$(rules 4 | grep -e 'fwmark 0x1/' -e 'fwmark 0x4/')" "20001:	from all fwmark 0x1/0x7f oif eth1 lookup 201 proto 87
20004:	from all fwmark 0x4/0x7f oif eth3 lookup 204 proto 87"
	is "$(routes 4 201)" "default via 10.1.0.1 dev eth1 proto 87"
	is "$(routes 4 203)" "default via 10.3.0.1 dev eth3 proto 87
unreachable default proto 87 metric 4278198272"
	# traffic of the mark: to main, nowhere; from the line's own address it still leaves by it
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x1) == *"dev eth2 src"* ]]
	run ip -n "$NS" route get 198.51.100.1 mark 0x3
	[[ $output == *"No route to host"* || $output == *"unreachable"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 from 10.3.0.2 mark 0x3) == *"dev eth3 table 203"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 from 10.1.0.2 mark 0x1) == *"dev eth1 table 201"* ]]
	run -0 routectl sync mail.out isdn spare
	[[ ${lines[0]} == "changes 0" ]]
	# its probes, which are bound to the device, reach their own line whatever their address
	[[ $(ip -n "$NS" route get 198.51.100.1 oif eth3 mark 0x3) == *"dev eth3 table 203"* ]]
	# who stands in works: three messages a family, no route is touched
	run -0 routectl sync spare
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x4) == *"dev eth1 table 201"* ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x3) == *"dev eth3 table 203"* ]]
	run -0 routectl sync
	[[ ${lines[0]} == "changes 6" ]]
	[[ $(ip -n "$NS" route get 198.51.100.1 mark 0x4) == *"via 10.3.0.5 dev eth3 table 204"* ]]
	[[ -z $(rules 4 | grep '^20499:') ]]
}

@test "gateway auto follows main" {
	start_watch
	ip -n "$NS" route add default via 10.2.0.9 metric 50
	by() { [[ $(routes 4 202) == "$1" ]]; }
	wait_for "the better default" by "default via 10.2.0.9 dev eth2 proto 87"
	ip -n "$NS" route del default via 10.2.0.9
	wait_for "the other again" by "default via 10.2.0.1 dev eth2 proto 87"
	ip -n "$NS" route replace default via 192.0.2.7 dev eth2 onlink metric 100
	wait_for "a gateway off the subnet" by "default via 192.0.2.7 dev eth2 proto 87 onlink"
	ip -n "$NS" route del default
	wait_for "none" by ""
	grep -q "^uplink cable down .*'no gateway'" "$DIR/watch.out"
}

@test "a missing interface is a state; created or renamed it comes up, renamed away it goes" {
	uplink 'name = "isdn"; interface = "eth3"; gateway = "10.3.0.1"; table = 203; mark = 3;'
	start_watch
	grep -q "^uplink isdn down .*interface 'eth3' does not exist" "$DIR/watch.out"
	[[ ! -s $DIR/watch.err ]]
	has() { [[ $(routes 4 203) == "$1" ]]; }
	cable eth3 10.3.0.2/24
	wait_for "creation" has "default via 10.3.0.1 dev eth3 proto 87"
	rules 4 | grep -q "from 10.3.0.2 lookup 203"
	ip -n "$NS" link property add dev eth3 altname other3 2>/dev/null || true
	ip -n "$NS" link set eth3 name wan3
	wait_for "rename away" has ""
	ip -n "$NS" link set wan3 name eth3
	wait_for "rename back" has "default via 10.3.0.1 dev eth3 proto 87"
	ip -n "$NS" link del eth3
	wait_for "deletion" has ""
	rules 4 | grep -q "fwmark 0x3/0x7f lookup 203"
	# an address that comes and goes brings its rules and takes them
	ip -n "$NS" addr add 10.1.0.3/24 dev eth1
	from() { [[ $(rules 4 | grep -c "from 10.1.0.3 ") == "$1" ]]; }
	wait_for "address" from 2
	ip -n "$NS" addr del 10.1.0.3/24 dev eth1
	wait_for "no address" from 0
}

@test "leftovers of an earlier run go, whatever they look like" {
	run -0 routectl sync
	WANTED=$(ours)
	run -0 routectl remove
	ip -n "$NS" rule add pref 20001 fwmark 0x1/0x7f lookup 201 proto 87
	ip -n "$NS" rule add pref 20001 fwmark 0xf1/0x7f lookup 201 proto 87 2>/dev/null || true
	ip -n "$NS" rule add pref 20007 iif eth2 tos 0x10 ipproto tcp dport 25 lookup 7 proto 87
	ip -n "$NS" rule add pref 20008 from 10.0.0.0/8 to 192.0.2.0/24 blackhole proto 87
	ip -n "$NS" rule add pref 100 fwmark 0x9 lookup 202 proto 87
	ip -n "$NS" -6 rule add pref 20001 fwmark 0x5/0x7f lookup 205 proto 87
	ip -n "$NS" route add default via 10.1.0.50 dev eth1 table 201 proto 87
	ip -n "$NS" route add 192.0.2.0/24 dev eth1 table 201 proto 87 mtu 1400
	ip -n "$NS" route add default table 202 proto 87 metric 5 nexthop via 10.1.0.1 nexthop via 10.2.0.1
	ip -n "$NS" route add blackhole 198.51.100.0/24 table 202 proto 87
	ip -n "$NS" -6 route add 2001:db8::/32 dev eth1 table 202 proto 87
	run -0 --separate-stderr routectl sync
	[[ -z $stderr ]]
	is "$(ours)" "$WANTED"
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
}

@test "what is somebody else's is byte for byte the same, protocol 87 or not" {
	local before
	ip -n "$NS" addr add 2001:db8:2::2/64 dev eth2 nodad
	ip -n "$NS" rule add pref 19999 fwmark 0x5 lookup 205 proto 87
	ip -n "$NS" rule add pref 20500 fwmark 0x5 lookup 205 proto 87
	ip -n "$NS" rule add pref 20001 fwmark 0x1/0x7f lookup 201 proto static
	ip -n "$NS" rule add pref 20000 from 192.0.2.1 lookup 300
	ip -n "$NS" -6 rule add pref 30000 fwmark 0x5 lookup 205 proto 87
	ip -n "$NS" route add 192.0.2.0/24 via 10.1.0.9 proto 87
	ip -n "$NS" route add default via 10.1.0.9 table 205 proto 87
	ip -n "$NS" route add 192.0.2.0/24 via 10.1.0.9 table 201 proto static
	ip -n "$NS" -6 route add 2001:db8:7::/48 dev eth2 table 202 proto static
	before=$(everything)
	run -0 routectl sync
	[[ $(everything) != "$before" ]]
	run -0 routectl remove
	is "$(everything)" "$before"
}

@test "another's default in our table that already does it is left to do it; one that does not is told" {
	ip -n "$NS" route add default via 10.1.0.1 dev eth1 table 201 proto static
	run -0 --separate-stderr routectl sync
	[[ -z $stderr ]]
	is "$(routes 4 201)" "default via 10.1.0.1 dev eth1 proto static"
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" ]]
	ip -n "$NS" route replace default via 10.1.0.9 dev eth1 table 201 proto static
	run -1 --separate-stderr routectl sync
	[[ $stderr == "uplink 'mail.out': cannot add route default via 10.1.0.1 dev eth1 table 201 proto 87: File exists: the table has a default of another's" ]]
	is "$(routes 4 201)" "default via 10.1.0.9 dev eth1 proto static"
}

@test "what the kernel refuses is told in its own words, and the other uplinks work" {
	uplink 'name = "lte"; interface = "eth1"; gateway = "10.1.0.255"; table = 203; mark = 3;'
	run -1 --separate-stderr routectl sync
	[[ $stderr == "uplink 'lte': cannot add route default via 10.1.0.255 dev eth1 table 203 proto 87: Nexthop has invalid gateway ("*")" ]]
	[[ $output == *"uplink lte down "*"Nexthop has invalid gateway"* ]]
	is "$(routes 4 201)" "default via 10.1.0.1 dev eth1 proto 87"
	rules 4 | grep -q "fwmark 0x2/0x7f lookup 202"
}

@test "mode observe wants nothing, and takes what an earlier mode left; manage = false touches nothing" {
	local before after
	before=$(everything)
	run -0 routectl sync
	after=$(everything)
	conf 'routing = { manage = false; };'
	run -0 routectl sync
	[[ ${lines[0]} == "changes 0" && $(everything) == "$after" ]]
	conf 'mode = "observe";'
	run -0 routectl sync
	[[ $output == *"uplink mail.out up"* && $(everything) == "$before" ]]
}

@test "priority and protocol are the user's to choose" {
	conf 'routing = { priority = 5000; protocol = 199; main_first = false; };'
	run -0 routectl sync
	is "$(rules 4)" "0:	from all lookup local proto kernel
5001:	from all fwmark 0x1/0x7f lookup 201 proto 199
5002:	from all fwmark 0x2/0x7f lookup 202 proto 199
5200:	from 10.1.0.2 lookup main suppress_prefixlength 1 proto 199
5201:	from 10.1.0.2 lookup 201 proto 199
5202:	from 10.2.0.2 lookup main suppress_prefixlength 1 proto 199
5203:	from 10.2.0.2 lookup 202 proto 199
32766:	from all lookup main proto kernel
32767:	from all lookup default proto kernel"
}

@test "table names go to our own file, and it goes when we go" {
	conf 'routing = { register_table_names = true; };'
	run -0 ip netns exec "$NS" unshare -m bash -ec "
		mkdir -p /etc/iproute2/rt_tables.d
		mount -t tmpfs none /etc/iproute2/rt_tables.d
		$WAYMARK_ROUTECTL $DIR/waymark.conf sync
		ip rule
		$WAYMARK_ROUTECTL $DIR/waymark.conf remove
		ls /etc/iproute2/rt_tables.d"
	[[ $output == *"fwmark 0x1/0x7f lookup mail.out"* ]]
	[[ $output != *waymark.conf* ]]
}
