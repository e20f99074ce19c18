# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: bsdutils, socat
record() {
	is syslog udp 514
	is syslog tcp 601
	serve socat -u TCP-LISTEN:601,fork /dev/null
	until_true listens tcp 601
	on_client logger -n 192.0.2.9 -P 514 -d --rfc3164 -t router -i 'link eth0 is up'
	on_client logger -n 192.0.2.9 -P 514 -d --rfc5424 -t router 'link eth0 is down'
	on_client logger -n 192.0.2.9 -P 601 -T --octet-count --rfc5424 -t router 'counted'
}
