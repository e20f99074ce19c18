# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: bird2
record() {
	is rip udp 520
	is rip udp 521
	printf 'router id 10.0.0.2;\nprotocol device {}\nprotocol static { ipv4; route 203.0.113.0/24 blackhole; }\nprotocol static { ipv6; route 2001:db8:77::/64 blackhole; }\nprotocol rip { ipv4 { import all; export all; }; interface "eth0" { update time 2; }; }\nprotocol rip ng { ipv6 { import all; export all; }; interface "eth0" { update time 2; }; }\n' >"$work/conf"
	on_client timeout 5 bird -f -c "$work/conf" -s "$work/ctl" -P "$work/pid" || true
}
