# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# row - a router for each kind, side by side between the same two ends; sourced. What is measured goes through all of
# them in turns of milliseconds: the machine may be a fifth faster or slower from one second to the next.
#
#	              ┌ lan ROUTER fast ┐
#	$clients ─ lanN                fastN ─ $servers      N: the kind's place in ${kinds[@]}
#	                    wan ─────── wanN
#
# The router's default leads to wan, and bench/split.bash's rules to fast. The Nth kind's client and server have
# addresses of their own: row_client N and row_server N.
# shellcheck disable=SC2154,SC2034 # lab.bash sets them, and reads them

# the first ones; what sends counts upwards from them
row_client4=10.9.1.100 row_server4=192.0.2.100

row_begin() {
	bench_namespace clients a
	bench_namespace servers b
	routers=()
}

# The routers and all in them, processes apart.
row_end() {
	local namespace
	for namespace in "${bench_namespaces[@]}"; do ip netns del "$namespace"; done
	bench_namespaces=()
}

row_nth() { REPLY=${1%.*}.$((${1##*.} + $2)); } # ADDRESS N
row_client() { row_nth $row_client4 "$1"; }
row_server() { row_nth $row_server4 "$1"; }
row_mac() { REPLY=$(printf '02:00:00:00:%02x:%02x' "$1" "$2"); }

# row_wire NAMESPACE DEVICE ROUTER-DEVICE ROUTER-ADDRESS SIDE N: addresses and neighbours are fixed, so that nobody asks.
row_wire() {
	ip link add "$2" netns "$1" type veth peer name "$3" netns "$router"
	row_mac "$5" "$6"
	ip -n "$1" link set dev "$2" address "$REPLY" up
	row_mac $(($5 + 16)) "$6"
	ip -n "$router" link set dev "$3" address "$REPLY" up
	ip -n "$router" addr add "$4" dev "$3"
	ip -n "$1" neigh add "${4%/*}" lladdr "$REPLY" dev "$2"
}

# row_router N: the Nth kind's, without any rules yet: $router, and kept in routers[N].
row_router() {
	local client server
	bench_namespace router "r$1"
	routers[$1]=$router
	row_client "$1" && client=$REPLY
	row_server "$1" && server=$REPLY
	row_wire "$clients" "lan$1" lan 10.9.1.1/24 1 "$1"
	row_wire "$servers" "fast$1" fast 10.9.3.1/24 2 "$1"
	row_wire "$servers" "wan$1" wan 10.9.2.1/24 3 "$1"
	ip -n "$clients" addr add "$client/32" dev "lan$1"
	ip -n "$clients" route add "$server/32" via 10.9.1.1 dev "lan$1" onlink src "$client"
	ip -n "$servers" addr add "$server/32" dev lo
	ip -n "$servers" route add "$client/32" via 10.9.3.1 dev "fast$1" onlink
	row_mac 1 "$1" && ip -n "$router" neigh add "$client" lladdr "$REPLY" dev lan
	row_mac 2 "$1" && ip -n "$router" neigh add 10.9.3.2 lladdr "$REPLY" dev fast
	row_mac 3 "$1" && ip -n "$router" neigh add "$BENCH_SERVER4" lladdr "$REPLY" dev wan
	ip -n "$router" route add default via "$BENCH_SERVER4"
	on_router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	bench_lax "$router"
}

# row_sent N DEVICE: what the Nth router has sent by it: REPLY, in bytes.
row_sent() { REPLY=$(ip -n "${routers[$1]}" -j -s link show dev "$2" | jq '.[0].stats64.tx.bytes'); }

# row_queued N: how many packets the Nth router has queued: REPLY
row_queued() {
	local router=${routers[$1]}
	bench_queue 0
	REPLY=${REPLY##* }
	REPLY=${REPLY:-0}
}
