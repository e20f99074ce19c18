# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: redis-server, redis-tools
record() {
	is redis tcp 6379
	serve redis-server --bind 192.0.2.9 --port 6379 --save '' --dir "$work" --protected-mode no
	until_true listens tcp 6379
	on_client redis-cli -h 192.0.2.9 set key value >/dev/null
	on_client redis-cli -3 -h 192.0.2.9 get key >/dev/null
}
