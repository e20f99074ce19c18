# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: kcat; no server is: a listener that does not answer
record() {
	is kafka tcp 9092
	serve /usr/bin/python3 -c 'import socket, time
l = socket.create_server(("192.0.2.9", 9092))
time.sleep(60)'
	until_true listens tcp 9092
	on_client timeout 3 kcat -b 192.0.2.9:9092 -L -m 2 >/dev/null 2>&1 || true
}
