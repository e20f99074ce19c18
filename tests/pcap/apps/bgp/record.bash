# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: bird2
record() {
	is bgp tcp 179
	printf 'router id 10.0.0.2;\nprotocol device {}\nprotocol bgp { local 10.0.0.2 as 65001; neighbor 192.0.2.9 as 65002; multihop; ipv4 { import all; export none; }; connect delay time 1; }\n' >"$work/c.conf"
	printf 'router id 192.0.2.9;\nprotocol device {}\nprotocol bgp { local 192.0.2.9 as 65002; neighbor 10.0.0.2 as 65001; multihop; passive; ipv4 { import all; export none; }; }\n' >"$work/s.conf"
	serve bird -f -c "$work/s.conf" -s "$work/s.ctl" -P "$work/s.pid"
	until_true listens tcp 179
	on_client timeout 6 bird -f -c "$work/c.conf" -s "$work/c.ctl" -P "$work/c.pid" || true
}
