# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: samba, smbclient
record() {
	is netbios tcp 445
	is netbios tcp 139
	mkdir "$work/share"
	cat >"$work/smb.conf" <<-END
		[global]
		workgroup = GROUP
		map to guest = bad user
		server min protocol = NT1
		private dir = $work
		lock directory = $work
		state directory = $work
		cache directory = $work
		pid directory = $work
		log file = $work/log
		[share]
		path = $work/share
		guest ok = yes
	END
	serve smbd -F --no-process-group -s "$work/smb.conf"
	until_true listens tcp 445
	on_client smbclient -N -U% -m SMB3 //192.0.2.9/share -c 'ls' || true
	on_client smbclient -N -U% -m NT1 --option='client min protocol=NT1' -p 139 //192.0.2.9/share -c 'ls' || true
}
