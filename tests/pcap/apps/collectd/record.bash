# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: collectd-core
record() {
	is collectd udp 25826
	is collectd udp 25827
	cat >"$work/conf" <<-END
		Hostname "router"
		FQDNLookup false
		Interval 1
		BaseDir "$work"
		PIDFile "$work/pid"
		LoadPlugin load
		LoadPlugin network
		<Plugin network>
			Server "192.0.2.9" "25826"
			<Server "192.0.2.9" "25827">
				SecurityLevel Encrypt
				Username "user"
				Password "secret"
			</Server>
		</Plugin>
	END
	on_client timeout 3 collectd -f -C "$work/conf" || true
}
