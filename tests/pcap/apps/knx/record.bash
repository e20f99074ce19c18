# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: knxd
record() {
	is knx udp 3671
	serve knxd -e 1.0.1 -E 1.0.2:4 -u "$work/s" -D -T -R -S -b dummy:
	until_true listens udp 3671
	on_client /usr/bin/python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("192.0.2.9", 3671))
		s.settimeout(3)
		here = b"\x08\x01" + socket.inet_aton("10.0.0.2") + s.getsockname()[1].to_bytes(2, "big")
		s.send(b"\x06\x10\x02\x03\x00\x0e" + here)
		s.recv(1000)
		s.send(b"\x06\x10\x02\x05\x00\x1a" + here + here + b"\x04\x04\x02\x00")
		s.recv(1000)
	END
}
