# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: sip-tester
record() {
	is sip udp 5060
	is sip tcp 5060
	serve sipp -sn uas -i 192.0.2.9 -p 5060 -nostdin
	until_true listens udp 5060
	on_client timeout 20 sipp -sn uac -i 10.0.0.2 -p 5061 -m 2 -nostdin 192.0.2.9:5060 >/dev/null || true
	kill -KILL "${pids[-1]}"
	serve sipp -sn uas -t t1 -i 192.0.2.9 -p 5060 -nostdin
	until_true listens tcp 5060
	on_client timeout 20 sipp -sn uac -t t1 -i 10.0.0.2 -m 2 -nostdin 192.0.2.9:5060 >/dev/null || true
	kill -KILL "${pids[-1]}"
}
