# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-kazoo; a listener that does not answer stands for the server
record() {
	is zookeeper tcp 2181
	serve /usr/bin/python3 -c 'import socket, time
l = socket.create_server(("192.0.2.9", 2181))
time.sleep(60)'
	until_true listens tcp 2181
	on_client timeout 4 /usr/bin/python3 -c 'from kazoo.client import KazooClient
KazooClient("192.0.2.9:2181").start(timeout=2)' >/dev/null 2>&1 || true
}
