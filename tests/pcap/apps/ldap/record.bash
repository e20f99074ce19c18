# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: slapd, ldap-utils
record() {
	is ldap tcp 389
	mkdir "$work/db"
	cat >"$work/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		pidfile $work/slapd.pid
		modulepath /usr/lib/ldap
		moduleload back_mdb
		database mdb
		suffix dc=example,dc=org
		rootdn cn=admin,dc=example,dc=org
		rootpw secret
		directory $work/db
	END
	serve slapd -d 0 -h ldap://192.0.2.9 -f "$work/slapd.conf"
	until_true listens tcp 389
	on_client ldapadd -x -H ldap://192.0.2.9 -D cn=admin,dc=example,dc=org -w secret <<-END >/dev/null
		dn: dc=example,dc=org
		objectClass: dcObject
		objectClass: organization
		o: example
		dc: example
	END
	on_client ldapsearch -x -H ldap://192.0.2.9 -b dc=example,dc=org >/dev/null
	on_client ldapwhoami -x -H ldap://192.0.2.9 -Z >/dev/null 2>&1 || true
}
