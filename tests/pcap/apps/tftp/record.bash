# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: dnsmasq-base, curl, tftp-hpa. The data's flow is between two free ports.
record() {
	is tftp udp -
	mkdir "$work/files"
	chmod 755 "$work" "$work/files"
	seq 500 >"$work/files/numbers"
	serve dnsmasq -k -C /dev/null -i eth0 -p 0 --enable-tftp --tftp-root="$work/files" --pid-file -u root
	until_true listens udp 69
	on_client curl -s -o /dev/null tftp://192.0.2.9/numbers
	on_client curl -s --tftp-no-options -o /dev/null tftp://192.0.2.9/numbers
	on_client curl -s -o /dev/null tftp://192.0.2.9/nothing || true
}
