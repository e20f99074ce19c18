#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The classic fwmark policy, literally: mail leaves by "mail.out" (table 201, mark 1), here a
# point-to-point line; an excepted host goes by main; TOS low delay takes the third uplink;
# MASQUERADE on every uplink. classic-gateway.bats says the same of a line with a gateway.

load lab.bash
load classic.bash

setup_file() {
	lab_file tun || return 0
	classic_lab
}

teardown_file() { lab_down; }
setup() {
	lab_test
	classic_daemon
}
teardown() { lab_test_end; }

@test "the uplink is a point-to-point interface without a gateway" {
	on_router ip link show ppp0 | grep POINTOPOINT
	[[ $(on_router ip route show table 201) == "default dev ppp0 proto 87"* ]]
	waymark uplinks -c "$LAB_CONF" --json | jq -e '.[] | select(.name == "mail.out") |
		.table == 201 and .mark == "0x1" and .state == "up" and .gateway == null'
}

@test "fwmark 1 leads to table 201, with a mask" {
	on_router ip rule show | grep -E 'from all fwmark 0x1/0x7f lookup (201|mail.out) proto 87'
}

@test "TCP port 25 leaves by mail.out" { classic_mail; }
@test "everything else leaves by main" { classic_rest; }
@test "an excepted host goes by main" { classic_exception; }
@test "packets with TOS low delay take the third uplink" { classic_tos; }
@test "with MASQUERADE on every uplink each connection completes" { classic_all_complete; }
@test "every packet of a decided flow carries its mark, those without payload too" { classic_every_packet; }
