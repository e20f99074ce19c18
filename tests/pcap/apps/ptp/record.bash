# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: linuxptp
record() {
	is ptp udp 319
	is ptp udp 320
	printf '[global]\nuds_address %s/s\nfree_running 1\n' "$work" >"$work/s.conf"
	printf '[global]\nuds_address %s/c\nfree_running 1\n' "$work" >"$work/c.conf"
	serve ptp4l -4 -S -i eth0 -f "$work/s.conf" -m
	until_true listens udp 319
	on_client timeout 9 ptp4l -4 -S -s -i eth0 -f "$work/c.conf" -m || true
}
