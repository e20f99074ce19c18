# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-cassandra; no server is: a listener that does not answer
record() {
	is cassandra tcp 9042
	serve /usr/bin/python3 -c 'import socket, time
l = socket.create_server(("192.0.2.9", 9042))
c = l.accept()[0]
c.recv(100)
c.sendall(bytes.fromhex("840000000600000034") + b"\0\2\0\x0bCOMPRESSION\0\1\0\3lz4\0\x0bCQL_VERSION\0\1\0\x053.4.5")
time.sleep(60)'
	until_true listens tcp 9042
	on_client timeout 4 /usr/bin/python3 -c 'from cassandra.cluster import Cluster
Cluster(["192.0.2.9"], protocol_version=4, connect_timeout=2).connect()' >/dev/null 2>&1 || true
}
