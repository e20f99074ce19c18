# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: bird2
record() {
	is bfd udp 4784
	printf 'router id 10.0.0.2;\nprotocol device {}\nprotocol bfd { neighbor 192.0.2.9 local 10.0.0.2 multihop; }\n' >"$work/c.conf"
	printf 'router id 192.0.2.9;\nprotocol device {}\nprotocol bfd { neighbor 10.0.0.2 local 192.0.2.9 multihop; }\n' >"$work/s.conf"
	serve bird -f -c "$work/s.conf" -s "$work/s.ctl" -P "$work/s.pid"
	until_true listens udp 4784
	on_client timeout 5 bird -f -c "$work/c.conf" -s "$work/c.ctl" -P "$work/c.pid" || true
}
