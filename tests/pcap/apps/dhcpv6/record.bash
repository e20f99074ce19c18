# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: dnsmasq-base, isc-dhcp-client
record() {
	is dhcpv6 udp 547
	is dhcpv6 udp 546
	ip -n "$server" addr add 2001:db8::1/64 dev eth0
	serve dnsmasq -k -C /dev/null -i eth0 -p 0 --dhcp-range=2001:db8::50,2001:db8::99,64,1h --dhcp-leasefile="$work/leases" --pid-file
	until_true listens udp 547
	# it stays with its lease until it is ended
	on_client timeout 5 dhclient -6 -1 -d -sf /bin/true -lf "$work/lease" -pf "$work/pid" eth0 || true
}
