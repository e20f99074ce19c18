# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: chrony, busybox
record() {
	is ntp udp 123
	printf 'local stratum 8\nallow all\ncmdport 0\nport 123\n' >"$work/server.conf"
	serve chronyd -n -x -u root -f "$work/server.conf"
	until_true listens udp 123
	on_client chronyd -Q -u root -t 5 'server 192.0.2.9 iburst' "pidfile $work/c.pid" 'cmdport 0' || true
	on_client timeout 5 busybox ntpd -n -q -w -p 192.0.2.9 || true
}
