# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: miniupnpd, natpmpc. The router's inner side is the client's; its outer side is a second link.
record() {
	is pcp udp 5350 # announcements
	is nat-pmp udp 5351
	ip -n "$server" link add out type veth peer name out2
	ip -n "$server" addr add 198.51.100.9/24 dev out
	ip -n "$server" link set out up
	ip -n "$server" link set out2 up
	ip -n "$server" addr flush dev eth0 scope global # it serves the first address only
	ip -n "$server" addr add 10.0.0.1/24 dev eth0
	printf 'ext_ifname=out\next_ip=9.9.9.9\nlistening_ip=eth0\nenable_natpmp=yes\nenable_upnp=no\nport=0\nuuid=00000000-0000-0000-0000-000000000000\nallow 1024-65535 0.0.0.0/0 1024-65535\n' >"$work/conf"
	serve miniupnpd -d -f "$work/conf" -P "$work/pid"
	until_true listens udp 5351
	on_client timeout 8 natpmpc -g 10.0.0.1 || true
	on_client timeout 8 natpmpc -g 10.0.0.1 -a 40123 40123 udp 3600 || true
}
