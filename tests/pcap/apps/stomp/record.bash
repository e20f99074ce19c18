# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-stomp; a few lines that confirm stand for the server
record() {
	is stomp tcp 61613
	serve /usr/bin/python3 -c 'import socket, time
c = socket.create_server(("192.0.2.9", 61613)).accept()[0]
c.recv(1000)
c.sendall(b"CONNECTED\nversion:1.1\n\n\0")
c.recv(1000)
time.sleep(60)'
	until_true listens tcp 61613
	on_client timeout 5 /usr/bin/python3 -c 'import stomp
c = stomp.Connection([("192.0.2.9", 61613)])
c.connect("a", "b", wait=True)
c.send(body="hello", destination="/queue/a")'
}
