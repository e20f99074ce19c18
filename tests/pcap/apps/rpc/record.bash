# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: rpcbind
record() {
	is rpc udp 111
	is rpc tcp 111
	serve rpcbind -f -w -h 192.0.2.9
	until_true listens tcp 111
	on_client rpcinfo -p 192.0.2.9 >/dev/null
	on_client rpcinfo -T udp 192.0.2.9 100000 >/dev/null
	on_client rpcinfo -T tcp 192.0.2.9 100000 >/dev/null
}
