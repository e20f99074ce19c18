#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 500 000 new UDP flows as fast as they can be sent. (An older tool died of 549 000 in five
# seconds, and took all traffic with it.) Memory stays within what the configuration allows,
# other connections live and new ones are made.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7777 7
	# the flood ends at the far side of the router
	on_net iptables -w -t raw -A PREROUTING -p udp --dport 20000:60000 -j DROP
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = (
		  { name = "steered"; match = { proto = "tcp"; dport = 7777; }; uplink = "mail.out"; },
		  { name = "open"; match = { payload = "no such thing as this"; }; uplink = "mail.out"; },
		  { name = "rest"; match = { proto = "udp"; }; uplink = "isdn"; }
		);
		flows = { max = 100000; };
	END
	lab_waymarkd
}
teardown() { lab_test_end; }

@test "also: ENOBUFS ends the loop: 500 000 new flows leave the daemon alive and bounded, and other traffic flowing" {
	lab_talk talk-before "$LAB_CLIENT" $LAB_ECHO4 7777 --timeout 10
	local begin=$SECONDS made=0
	lab_spawn job-flood "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" flood 192.0.2.0 500000
	# new connections of the ordinary kind, all the while
	while lab_alive job-flood; do
		on_client $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/x" --timeout 20 --count 3 $LAB_ECHO4 7777
		on_client $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/x" --timeout 20 --count 3 $LAB_ECHO4 7
		made=$((made + 2))
		((SECONDS - begin < 120))
	done
	cat "$LAB_DIR/log/job-flood.out"
	echo "$made other connections made meanwhile"
	grep -q '^500000 flows' "$LAB_DIR/log/job-flood.out"
	((made >= 2))
	lab_talk_lives talk-before
	lab_talk_end talk-before
	lab_alive waymarkd
	grep VmHWM "/proc/$(lab_pid waymarkd)/status"
	if ! nm "$WAYMARK_BUILD/.libs/waymarkd" 2>/dev/null | grep -q -e __asan -e __tsan; then
		(($(awk '/VmHWM/ { print $2 }' "/proc/$(lab_pid waymarkd)/status") < 300000))
	fi
	waymark status -c "$LAB_CONF" --json
	(($(waymark status -c "$LAB_CONF" --json | jq .flows) <= 100000 * $(nproc)))
	# and it still decides
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp dst port 7777
}
