# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: zabbix-agent
record() {
	is zabbix tcp 10050
	printf 'Server=10.0.0.2\nListenIP=192.0.2.9\nHostname=a\nPidFile=%s/pid\nLogType=console\nAllowRoot=1\n' "$work" >"$work/agent.conf"
	serve zabbix_agentd -f -c "$work/agent.conf"
	until_true listens tcp 10050
	on_client /usr/bin/python3 - <<-'END'
		import socket, struct
		for ask in (b"agent.ping", b"agent.version"):
		    s = socket.create_connection(("192.0.2.9", 10050))
		    s.sendall(b"ZBXD\1" + struct.pack("<II", len(ask), 0) + ask)
		    while s.recv(4096):
		        pass
	END
}
