# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: softflowd, tcpdump. Each version exports what one small capture has.
record() {
	is netflow udp 2055
	chmod 755 "$work" # softflowd drops its rights
	local version tcpdump
	on_client timeout 8 tcpdump -i lo -U -c 3 -w "$work/some.pcap" udp 2>"$work/some.log" &
	tcpdump=$!
	until_true grep -q listening "$work/some.log"
	for version in 1 2 3; do on_client bash -c 'echo hello >/dev/udp/127.0.0.1/9999'; done
	wait "$tcpdump" || true
	echo '192.0.2.9 collector' >"$work/hosts" # it asks for the name, and nobody would answer
	for version in 1 5 9 10; do
		# shellcheck disable=SC2016
		on_client timeout 9 unshare -m bash -c 'mount --bind "$0/hosts" /etc/hosts && cd "$0" &&
			exec softflowd -r some.pcap -n 192.0.2.9:2055 -v "$1" -p pid -c ctl -d' "$work" "$version" || true
	done
}
