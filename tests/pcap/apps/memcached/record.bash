# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: memcached, python3-pymemcache
record() {
	is memcached tcp 11211
	is memcached udp 11211
	serve memcached -u nobody -l 192.0.2.9 -p 11211 -U 11211
	until_true listens tcp 11211
	on_client /usr/bin/python3 - <<-'END'
		import socket
		from pymemcache.client.base import Client
		c = Client(("192.0.2.9", 11211))
		c.set("key", "value")
		c.get("key")
		c.close()
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.sendto(b"\0\1\0\0\0\1\0\0stats\r\n", ("192.0.2.9", 11211))
		s.settimeout(5)
		s.recv(2000)
	END
}
