# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: freetds-bin; no server is: a listener that does not answer
record() {
	is mssql tcp 1433
	is mssql tcp 4100
	serve /usr/bin/python3 -c 'import socket, time
l = [socket.create_server(("192.0.2.9", port)) for port in (1433, 4100)]
time.sleep(60)'
	until_true listens tcp 4100
	echo | on_client timeout 2 env TDSVER=7.4 tsql -H 192.0.2.9 -p 1433 -U sa -P secret >/dev/null 2>&1 || true
	echo | on_client timeout 2 env TDSVER=5.0 tsql -H 192.0.2.9 -p 4100 -U sa -P secret >/dev/null 2>&1 || true
}
