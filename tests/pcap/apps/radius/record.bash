# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: freeradius, freeradius-utils
record() {
	is radius udp 1812
	is radius udp 1813
	cp -r /etc/freeradius/3.0 "$work/raddb"
	sed -i '/^[[:space:]]*\(user\|group\) = /d' "$work/raddb/radiusd.conf" # stay root: the copy is root's
	printf 'client all {\n ipaddr = 0.0.0.0/0\n secret = testing123\n}\n' >"$work/raddb/clients.conf"
	printf 'bob Cleartext-Password := "hello"\n\tReply-Message := "Hello"\n' >"$work/raddb/mods-config/files/authorize"
	serve freeradius -f -l stdout -d "$work/raddb" -X
	until_true listens udp 1812
	echo 'User-Name=bob,User-Password=hello,NAS-IP-Address=10.0.0.2,NAS-Port=1' | on_client radclient 192.0.2.9 auth testing123 || true
	echo 'User-Name=bob,User-Password=wrong' | on_client radclient 192.0.2.9 auth testing123 || true
	echo 'User-Name=bob,Acct-Status-Type=Start,Acct-Session-Id=1,NAS-IP-Address=10.0.0.2' | on_client radclient 192.0.2.9 acct testing123 || true
}
