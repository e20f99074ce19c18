# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: coturn
record() {
	is stun udp 3478
	is stun tcp 3478
	serve turnserver -n --listening-ip 192.0.2.9 --relay-ip 192.0.2.9 --no-tls --no-dtls --lt-cred-mech \
		--user me:secret --realm example.org --no-cli --log-file stdout --pidfile "$work/turn.pid" --userdb "$work/turn.db"
	until_true listens tcp 3478
	on_client turnutils_stunclient 192.0.2.9 >/dev/null
	on_client timeout 20 turnutils_uclient -n 4 -m 1 -y -u me -w secret 192.0.2.9 >/dev/null || true
	on_client timeout 20 turnutils_uclient -t -n 4 -m 1 -y -u me -w secret 192.0.2.9 >/dev/null || true
	kill -KILL "${pids[-1]}" # it takes its time otherwise
}
