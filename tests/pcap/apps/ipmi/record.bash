# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: openipmi, ipmitool
record() {
	is ipmi udp 623
	cat >"$work/lan.conf" <<-END
		name "bmc"
		set_working_mc 0x20
		startlan 1
		  addr 0.0.0.0 623
		  priv_limit admin
		  allowed_auths_callback none md2 md5 straight
		  allowed_auths_user none md2 md5 straight
		  allowed_auths_operator none md2 md5 straight
		  allowed_auths_admin none md2 md5 straight
		  guid a123456789abcdefa123456789abcdef
		endlan
		user 1 true "" "test" user 10 none md2 md5 straight
		user 2 true "ipmiusr" "test" admin 10 none md2 md5 straight
	END
	printf 'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n' >"$work/bmc.emu"
	serve ipmi_sim -n -c "$work/lan.conf" -f "$work/bmc.emu" -s "$work"
	until_true listens udp 623
	on_client timeout 8 ipmitool -I lan -H 192.0.2.9 -U ipmiusr -P test mc info || true
	on_client timeout 8 ipmitool -I lanplus -H 192.0.2.9 -U ipmiusr -P test mc info || true
}
