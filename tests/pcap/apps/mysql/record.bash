# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: mariadb-server, mariadb-client
record() {
	is mysql tcp 3306
	chmod 755 "$work"
	mkdir "$work/data"
	chown mysql "$work/data"
	mariadb-install-db --no-defaults --user=mysql --datadir="$work/data" --skip-test-db >"$work/install.log" 2>&1
	serve mariadbd --no-defaults --user=mysql --datadir="$work/data" --socket="$work/data/s" --bind-address=192.0.2.9 \
		--port=3306 --skip-grant-tables --skip-networking=0
	until_true listens tcp 3306
	on_client mariadb --no-defaults -h 192.0.2.9 -u root --skip-ssl -e 'SELECT 1' >/dev/null
}
