# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: dnsmasq-base, udhcpc
record() {
	is dhcp udp 67
	is dhcp udp 68
	ip -n "$server" addr add 10.0.0.1/24 dev eth0
	serve dnsmasq -k -C /dev/null -i eth0 -p 0 --dhcp-range=10.0.0.50,10.0.0.99 --dhcp-leasefile="$work/leases" --pid-file --no-ping
	until_true listens udp 67
	on_client timeout 10 udhcpc -i eth0 -n -q -f -s /bin/true
}
