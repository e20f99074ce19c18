# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: samba, smbclient
record() {
	is dcerpc tcp 135
	mkdir -p "$work"/{private,lock,state,cache,pid,ncalrpc}
	cat >"$work/smb.conf" <<-END
		[global]
		server role = standalone server
		interfaces = 192.0.2.9
		bind interfaces only = yes
		private dir = $work/private
		lock directory = $work/lock
		state directory = $work/state
		cache directory = $work/cache
		pid directory = $work/pid
		ncalrpc dir = $work/ncalrpc
		rpc start on demand helpers = false
		log file = $work/log
		rpc_server:epmapper = external
		rpc_server:tcpip = yes
	END
	serve /usr/libexec/samba/samba-dcerpcd --foreground --no-process-group -s "$work/smb.conf" --libexec-rpcds
	until_true listens tcp 135
	on_client rpcclient -s "$work/smb.conf" -N -U% 'ncacn_ip_tcp:192.0.2.9' -c 'epmmap' >/dev/null 2>&1 || true
}
