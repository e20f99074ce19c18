# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: wireguard-go, wireguard-tools
record() {
	local ns key
	is wireguard udp 51820
	for ns in "$server" "$client"; do
		wg genkey | tee "$work/$ns.key" | wg pubkey >"$work/$ns.pub"
		ip netns exec "$ns" env WG_PROCESS_FOREGROUND=1 wireguard-go "wg$((${#pids[@]}))" >"$work/$ns.log" 2>&1 &
		pids+=($!)
	done
	until_true on_server wg show wg1
	until_true on_client wg show wg2
	on_server wg set wg1 listen-port 51820 private-key "$work/$server.key" peer "$(cat "$work/$client.pub")" allowed-ips 10.7.0.2/32
	on_client wg set wg2 private-key "$work/$client.key" peer "$(cat "$work/$server.pub")" allowed-ips 10.7.0.1/32 \
		endpoint 192.0.2.9:51820
	ip -n "$server" addr add 10.7.0.1/24 dev wg1
	ip -n "$client" addr add 10.7.0.2/24 dev wg2
	ip -n "$server" link set wg1 up
	ip -n "$client" link set wg2 up
	on_client ping -q -c 3 -i 0.2 10.7.0.1 >/dev/null
}
