# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: snmpd, snmp
record() {
	is snmp udp 161
	is snmp tcp 161
	is snmp udp 162
	cat >"$work/snmpd.conf" <<-'END'
		rocommunity public
		createUser reader SHA "long enough 1" AES "long enough 2"
		rouser reader
	END
	SNMP_PERSISTENT_DIR="$work" serve snmpd -f -Lo -C -c "$work/snmpd.conf" udp:161 tcp:161
	until_true listens udp 161
	on_client snmpget -v1 -c public 192.0.2.9 1.3.6.1.2.1.1.3.0
	on_client snmpbulkget -v2c -c public 192.0.2.9 1.3.6.1.2.1.1
	on_client snmpget -v2c -c public tcp:192.0.2.9:161 1.3.6.1.2.1.1.3.0
	on_client snmpget -v3 -u reader -l authPriv -a SHA -A 'long enough 1' -x AES -X 'long enough 2' 192.0.2.9 1.3.6.1.2.1.1.3.0
	on_client snmptrap -v1 -c public 192.0.2.9 1.3.6.1.4.1.8072 10.0.0.2 6 17 ''
	on_client snmptrap -v2c -c public 192.0.2.9 '' 1.3.6.1.6.3.1.1.5.1
}
