# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: nats-server
record() {
	is nats tcp 4222
	serve nats-server -a 192.0.2.9 -p 4222
	until_true listens tcp 4222
	on_client /usr/bin/python3 - <<-'END'
		import socket
		s = socket.create_connection(("192.0.2.9", 4222))
		s.recv(4096)
		s.sendall(b'CONNECT {"verbose":false,"pedantic":false,"lang":"python3","version":"2.2.0"}\r\nSUB a 1\r\nPUB a 5\r\nhello\r\n')
		s.recv(4096)
	END
}
