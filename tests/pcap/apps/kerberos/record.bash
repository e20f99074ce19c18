# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: krb5-kdc, krb5-admin-server, krb5-user
record() {
	is kerberos udp 88
	is kerberos tcp 88
	cat >"$work/krb5.conf" <<-END
		[libdefaults]
			default_realm = EXAMPLE.ORG
			dns_lookup_kdc = false
			udp_preference_limit = 1400
		[realms]
			EXAMPLE.ORG = {
				kdc = 192.0.2.9
			}
	END
	cat >"$work/kdc.conf" <<-END
		[realms]
			EXAMPLE.ORG = {
				database_name = $work/principal
				key_stash_file = $work/stash
				kdc_ports = 88
				kdc_tcp_ports = 88
			}
	END
	export KRB5_CONFIG=$work/krb5.conf KRB5_KDC_PROFILE=$work/kdc.conf KRB5CCNAME=$work/cache
	kdb5_util create -s -r EXAMPLE.ORG -P master >/dev/null 2>&1
	kadmin.local -r EXAMPLE.ORG -q 'addprinc -pw secret user' >/dev/null 2>&1
	kadmin.local -r EXAMPLE.ORG -q 'addprinc -randkey host/a.example.org' >/dev/null 2>&1
	serve krb5kdc -n
	until_true listens tcp 88
	echo secret | on_client kinit user >/dev/null
	on_client kvno host/a.example.org >/dev/null
	sed -i 's/udp_preference_limit = 1400/udp_preference_limit = 1/' "$work/krb5.conf"
	echo secret | on_client kinit user >/dev/null
}
