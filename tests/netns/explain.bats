#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `waymark explain` on a real router: what it says of the kernel is what `ip route get` says, what it
# says of names is what the daemon does with the next connection.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_web video.example.net news.example.net
	lab_server_dns
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	[[ -n ${LAB_ID:-} ]] || return 0
	local family
	for family in -4 -6; do
		on_router ip $family rule flush protocol 99 2>/dev/null || true
		on_router ip $family route flush table 300 2>/dev/null || true
	done
	on_router iptables -w -t nat -F
	on_router ip6tables -w -t nat -F
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/rp_filter=2 net/ipv4/conf/lan/rp_filter=2
	on_router ip link set ppp0 up
	on_router ip route replace default via "${LAB_GW4[wan1]}" dev wan1
}

# explain on the router, of a connection from the client to the web server unless told otherwise.
explain() { # [option...]
	on_router "$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --json "$@"
}

lines() { # [more of waymark.conf]
	lab_conf "${@:2}" <<-END
		${1:-}
		rules = (
		  { name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; },
		  { name = "isdn"; match = { proto = "tcp"; dport = 22; }; uplink = "isdn"; },
		  { name = "class"; match = { proto = "tcp"; dport = 7; }; mark = 7; },
		  { name = "gone"; match = { proto = "tcp"; dport = 9; }; drop = true; }
		);
	END
}

# kernel.{interface,gateway,table} of explain against `ip route get` with the same mark.
same_as_ip() { # FAMILY MARK IP-ARGUMENTS...; explain's document on stdin
	local family=$1 mark=$2 wanted document
	shift 2
	document=$(cat)
	wanted=$(on_router ip "$family" -json route get "$@" mark "$mark" ipproto tcp sport 40000 dport 25)
	jq -e --argjson ip "$wanted" --arg mark "$mark" '.route.kernel | .type == "unicast" and .mark == $mark and
		.interface == $ip[0].dev and .gateway == $ip[0].gateway and
		(.table | tostring) == ($ip[0].table // "254")' <<<"$document"
}

@test "a forwarded connection's kernel route is its uplink's, as ip route get has it" {
	lines
	lab_waymarkd
	local port
	for port in 25:0x1:ppp0 22:0x3:wan2; do
		IFS=: read -r port mark interface <<<"$port"
		run -0 explain --sport 40000 --dport "$port" --iface-in lan
		jq -e --arg i "$interface" --arg m "$mark" '.mark == $m and .route.kernel.interface == $i and
			.route.interface == $i and .route.warning == null and .route.kernel.table == .route.table' <<<"$output"
		same_as_ip -4 "$mark" $LAB_WEB4 from $LAB_CLIENT4 iif lan <<<"$output"
		run -0 explain --src $LAB_CLIENT6 --dst $LAB_WEB6 --sport 40000 --dport "$port" --iface-in lan
		jq -e --arg i "$interface" '.route.kernel.interface == $i and .route.warning == null' <<<"$output"
		same_as_ip -6 "$mark" $LAB_WEB6 from $LAB_CLIENT6 iif lan <<<"$output"
	done
	# nothing matched: main's default
	run -0 explain --sport 40000 --dport 443
	jq -e '.uplink == null and .route.table == "main" and .route.kernel.interface == "wan1" and
		.route.kernel.table == 254' <<<"$output"
}

@test "the interface that a packet came in by is found when it is not given" {
	lines
	lab_waymarkd
	run -0 explain --sport 40000 --dport 25
	jq -e '.route.kernel.iface_in == "lan" and .route.kernel.interface == "ppp0"' <<<"$output"
	# a source behind nothing that is known still gets an answer
	lab_main_default wan1
	run -0 explain --src 203.0.113.77 --dport 25
	jq -e '.route.kernel.iface_in == "wan2" and .route.kernel.interface == "ppp0"' <<<"$output"
}

@test "a connection of the router's own is asked as such" {
	lines
	lab_waymarkd
	run -0 explain --hook output --src "${LAB_UP4[wan1]}" --sport 40000 --dport 25
	jq -e '.route.kernel.iface_in == null and .route.kernel.interface == "ppp0"' <<<"$output"
	same_as_ip -4 0x1 $LAB_WEB4 from "${LAB_UP4[wan1]}" <<<"$output"
}

@test "a line that is down and blocked is unreachable, and explain still succeeds" {
	LAB_MAIL_OUT_KEYS='on_down = "block";' lines
	lab_waymarkd
	on_router ip link set ppp0 down
	wait_until 10 bash -c "ip -n $LAB_ROUTER route show table 201 | grep -q unreachable"
	run -0 explain --dport 25 --iface-in lan
	jq -e '.uplink == "mail.out" and .route.kernel.error == "unreachable" and .route.kernel.interface == null and
		(.route.warning | contains("mail.out") and contains("unreachable"))' <<<"$output"
}

@test "refusals are named: blackhole, prohibit, and a source that rp_filter refuses" {
	lines
	lab_waymarkd
	on_router ip route add blackhole default table 300
	on_router ip rule add priority 100 fwmark 7/0x7f lookup 300 protocol 99
	run -0 explain --dport 7 --iface-in lan
	jq -e '.mark == "0x7" and .route.table == "main" and .route.kernel.error == "blackhole"' <<<"$output"
	on_router ip route flush table 300
	on_router ip route add prohibit default table 300
	run -0 explain --dport 7 --iface-in lan
	jq -e '.route.kernel.error == "prohibit"' <<<"$output"
	lab_sysctl "$LAB_ROUTER" net/ipv4/conf/all/rp_filter=1 net/ipv4/conf/lan/rp_filter=1
	run -0 explain --src 203.0.113.77 --dport 25 --iface-in lan
	jq -e '.route.kernel.error | contains("203.0.113.77") and contains("rp_filter")' <<<"$output"
}

@test "an interface that is not there is a reason, not a failure" {
	lines
	run -0 explain --dport 25 --iface-in nowhere
	jq -e '.uplink == "mail.out" and .route.kernel == null and
		(.route.reason | contains("nowhere"))' <<<"$output"
	run -0 on_router "$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 \
		--dport 25 --iface-in nowhere
	[[ $output == *$'\n'"kernel   not asked: interface 'nowhere' does not exist"* ]]
}

@test "another's rule that wins is a warning, and so is a daemon that does not run" {
	lines
	run -0 explain --dport 25 --iface-in lan
	jq -e '.route.kernel.interface == "wan1" and (.route.warning | contains("wan1") and contains("ppp0"))' <<<"$output"
	lab_waymarkd
	run -0 explain --dport 25 --iface-in lan
	jq -e '.route.warning == null' <<<"$output"
	on_router ip route add default via "${LAB_GW4[wan2]}" dev wan2 table 300
	on_router ip rule add priority 100 lookup 300 protocol 99
	run -0 explain --dport 25 --iface-in lan
	jq -e '.uplink == "mail.out" and .route.kernel.interface == "wan2" and .route.kernel.table == 300 and
		(.route.warning | contains("wan2") and contains("300"))' <<<"$output"
}

@test "a destination that is the router's own is said so" {
	lines
	lab_waymarkd
	run -0 explain --dst $LAB_ROUTER4 --dport 25 --iface-in lan
	jq -e '.uplink == "mail.out" and .route.kernel.type == "local" and
		(.route.warning | contains("address of this machine"))' <<<"$output"
}

@test "what is dropped has no route" {
	lines
	run -0 explain --dport 9
	jq -e '.rule == "gone" and .mark == "0x7d" and .route == null' <<<"$output"
}

@test "the kernel answers without any privilege" {
	lines
	lab_waymarkd
	run -0 on_router setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
		"$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --dport 25 --json
	jq -e '.route.kernel.interface == "ppp0" and .names == null' <<<"$output"
}

# ---- names ----

video() {
	lab_nat $LAB_UPLINKS
	lab_conf nat <<-END
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
}

fetch() { # NAME
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "$1:443:$LAB_WEB4" "https://$1/"
}

decided() {
	lab_flow '.dport == 443 and .rule == "video"' | grep -q final
}

@test "what the daemon knows from DNS decides on the first packet, as it will" {
	video
	run -0 explain --dport 443 --host video.example.net
	jq -e '.names == null and .first.uplink == null and .late == "learn" and .mark == "0x7f" and
		.next.uplink == "mail.out" and (.why | any(contains("known from DNS before the connection")))' <<<"$output"
	[[ $(on_client dig +short +time=5 +tries=1 @$LAB_DNS4 video.example.net) == *"$LAB_WEB4"* ]]
	run -0 explain --dport 443
	jq -e '.names.host == "video.example.net" and .names.origin == "client-answer" and
		.rule == "video" and .uplink == "mail.out" and .final == false and .open_rules == ["video"] and
		.route.kernel.interface == "ppp0" and .route.warning == null' <<<"$output"
	run -0 explain --dport 443 --host video.example.net
	jq -e '.first.uplink == "mail.out" and .uplink == "mail.out" and .final and .moved == false' <<<"$output"
	# the same without the daemon's memory
	run -0 explain --dport 443 --host video.example.net --no-daemon
	jq -e '.names == null and .first.uplink == null and .mark == "0x7f" and .late == "learn"' <<<"$output"
	# and so it goes
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
}

@test "what one connection showed decides for the next, and explain says so before and after" {
	video
	run -0 explain --dport 443 --host video.example.net
	jq -e '.first.uplink == null and .next == { "rule": "video", "uplink": "mail.out", "mark": "0x1" }' <<<"$output"
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[wan1]}" ]]
	wait_until 5 decided
	run -0 explain --dport 443
	jq -e '.names.origin == "client-seen" and .uplink == "mail.out"' <<<"$output"
	run -0 on_router "$WAYMARK_BUILD/waymark" explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --dport 443
	[[ $output == *"waymarkd knows $LAB_WEB4 as video.example.net (an earlier connection of this client)"* ]]
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	# an address that several names share: another name than the expected one keeps its line under NAT
	run -0 explain --dport 443 --host news.example.net
	jq -e '.first.uplink == "mail.out" and .rule == null and .moved == false and .mark == "0x1"' <<<"$output"
}

@test "names lists what the daemon knows, for people and for programs, and filters it" {
	video
	# one name an address: of several the newest counts
	[[ $(on_client dig +short +time=5 +tries=1 @$LAB_DNS4 video.example.net A) == *"$LAB_WEB4"* ]]
	[[ $(on_client dig +short +time=5 +tries=1 @$LAB_DNS4 news.example.net AAAA) == *"$LAB_WEB6"* ]]
	run -0 waymark names -c "$LAB_CONF" --json
	jq -e --arg c $LAB_CLIENT4 --arg four $LAB_WEB4 --arg six $LAB_WEB6 '
		map(select(.client == $c and .source == "dns" and .ttl_s > 0) | {name, addresses}) | sort_by(.name) ==
		[{name: "news.example.net", addresses: [$six]}, {name: "video.example.net", addresses: [$four]}]' <<<"$output"
	run -0 waymark names -c "$LAB_CONF" --name video.example.net
	[[ ${lines[0]} == NAME* ]]
	[[ ${lines[1]} =~ ^video\.example\.net\ +$LAB_CLIENT4\ +dns\ .*$LAB_WEB4 ]]
	[[ $output != *news* ]]
	run -0 waymark names -c "$LAB_CONF" --address $LAB_WEB6 --client $LAB_CLIENT4 --json
	jq -e 'map(.name) == ["news.example.net"]' <<<"$output"
	run -0 waymark names -c "$LAB_CONF" --address 192.0.2.99 --json
	jq -e '. == []' <<<"$output"
}
