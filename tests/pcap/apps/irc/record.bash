# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: ngircd, sic
record() {
	is irc tcp 6667
	printf '[Global]\nName=irc.example.org\nInfo=test\nListen=192.0.2.9\n[Options]\nPAM=no\nIdent=no\nDNS=no\n' >"$work/ngircd.conf"
	chmod 755 "$work"
	serve ngircd --nodaemon --config "$work/ngircd.conf"
	until_true listens tcp 6667
	(
		until_true grep -q Welcome "$work/sic.log"
		echo ":j #test"
		echo "hello"
		until_true grep -q '#test' "$work/sic.log"
		echo ":quit"
	) | on_client timeout 10 sic -h 192.0.2.9 -n nobody >"$work/sic.log" 2>&1 || true
}
