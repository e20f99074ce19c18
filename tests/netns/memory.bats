#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# valgrind shows no leak and no bad access over start, traffic, ten reloads and stop.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_web www.example.net
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

@test "valgrind: no leak over start, ten reloads, stop" {
	command -v valgrind >/dev/null || skip "no valgrind"
	local program=$WAYMARK_BUILD/.libs/waymarkd
	[[ -x $program ]] || program=$WAYMARK_BUILD/waymarkd
	[[ -z $(nm -D "$program" | grep -e __asan -e __tsan) ]] || skip "built with a sanitizer"
	lab_conf <<-END
		rules = (
		  { name = "site"; match = { host = ["www.example.net", "example.org"]; }; uplink = "isdn"; late = "move"; },
		  { name = "acme"; match = { payload = "^ACME/[0-9]"; }; mark = 7; },
		  { name = "seven"; match = { dport = 7; }; uplink = "mail.out"; }
		);
		flows = { max = 4096; };
	END
	WAYMARK_TEST_SLOW=5 lab_spawn waymarkd "$LAB_ROUTER" env LD_LIBRARY_PATH="$WAYMARK_BUILD/.libs" \
		valgrind --leak-check=full --show-leak-kinds=definite,indirect,possible \
		--errors-for-leak-kinds=definite,indirect --error-exitcode=99 --log-file="$LAB_DIR/log/valgrind" \
		"$program" -c "$LAB_CONF" --foreground
	wait_until 60 lab_waymarkd_answers
	local i
	for i in {1..10}; do
		on_client curl --silent --show-error --max-time 20 --cacert "$LAB_DIR/tls/ca.pem" \
			--resolve www.example.net:443:$LAB_WEB4 https://www.example.net/ >/dev/null
		lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'ACME/1\n' --timeout 20
		lab_talk_end talk
		waymark reload -c "$LAB_CONF"
	done
	waymark flows -c "$LAB_CONF" --json >/dev/null
	local pid status=0
	pid=$(lab_pid waymarkd)
	kill -TERM "$pid"
	wait "$pid" || status=$?
	cat "$LAB_DIR/log/valgrind"
	((status == 0))
	grep -q 'definitely lost: 0 bytes\|no leaks are possible' "$LAB_DIR/log/valgrind"
	grep -q 'ERROR SUMMARY: 0 errors' "$LAB_DIR/log/valgrind"
}
