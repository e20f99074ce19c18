# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: postgresql, postgresql-client
record() {
	is postgresql tcp 5432
	local bin
	bin=$(echo /usr/lib/postgresql/*/bin)
	chmod 755 "$work"
	mkdir "$work/data" "$work/run"
	chown postgres "$work/data" "$work/run"
	runuser -u postgres -- "$bin/initdb" -A trust -D "$work/data" >"$work/install.log" 2>&1
	echo "host all all 0.0.0.0/0 trust" >>"$work/data/pg_hba.conf"
	serve setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$work/data" -h 192.0.2.9 -k "$work/run"
	until_true listens tcp 5432
	on_client psql "host=192.0.2.9 user=postgres dbname=postgres sslmode=disable" -c 'SELECT 1' >/dev/null
	on_client psql "host=192.0.2.9 user=postgres dbname=postgres sslmode=prefer" -c 'SELECT 2' >/dev/null
}
