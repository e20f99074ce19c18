# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: gearman-job-server, gearman-tools
record() {
	is gearman tcp 4730
	serve gearmand --listen=192.0.2.9 --port=4730 --log-file=stderr
	until_true listens tcp 4730
	on_client timeout 5 gearman -h 192.0.2.9 -w -f wc -c 1 -- wc -c >/dev/null 2>&1 &
	echo hello | on_client timeout 5 gearman -h 192.0.2.9 -f wc >/dev/null || true
	wait $!
}
