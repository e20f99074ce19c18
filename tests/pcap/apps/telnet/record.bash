# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: inetutils-telnetd, telnet, socat
record() {
	is telnet tcp 23
	serve socat tcp-listen:23,reuseaddr,fork exec:/usr/sbin/telnetd
	until_true listens tcp 23
	(sleep 1; echo nobody; sleep 1) | on_client telnet 192.0.2.9 >/dev/null 2>&1 || true
}
