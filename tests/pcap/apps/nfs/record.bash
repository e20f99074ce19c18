# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: nfs-ganesha, nfs-ganesha-vfs, rpcbind, libnfs-utils
record() {
	is nfs tcp 2049
	is rpc tcp 111
	is rpc tcp 20048
	mkdir "$work/export"
	echo hello >"$work/export/a"
	cat >"$work/ganesha.conf" <<-END
		NFS_CORE_PARAM { Bind_addr = 192.0.2.9; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false; }
		NFSv4 { RecoveryRoot = "$work"; Grace_Period = 5; }
		EXPORT { Export_Id = 1; Path = "$work/export"; Pseudo = "/export"; Access_Type = RW; Squash = None; SecType = sys;
			Transports = TCP; FSAL { Name = VFS; } }
	END
	serve rpcbind -f -w -h 192.0.2.9
	until_true listens tcp 111
	serve timeout -k 1 60 ganesha.nfsd -F -f "$work/ganesha.conf" -L "$work/ganesha.log" -p "$work/ganesha.pid"
	until_true listens tcp 2049
	on_client timeout 5 nfs-ls "nfs://192.0.2.9$work/export" >/dev/null 2>&1 || true
	on_client timeout 5 nfs-ls "nfs://192.0.2.9/export?version=4" >/dev/null 2>&1 || true
}
