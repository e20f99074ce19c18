# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: bird2
record() {
	is babel udp 6696
	printf 'router id 10.0.0.2;\nprotocol device {}\nprotocol static { ipv4; route 203.0.113.0/24 blackhole; }\nprotocol babel { ipv4 { import all; export all; }; ipv6 { import all; export all; }; interface "eth0" { type wired; hello interval 1s; update interval 2s; }; }\n' >"$work/conf"
	on_client timeout 5 bird -f -c "$work/conf" -s "$work/ctl" -P "$work/pid" || true
}
