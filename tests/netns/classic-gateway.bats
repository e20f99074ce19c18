#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The classic policy of classic.bats, where mail.out is a line with a gateway.

load lab.bash
load classic.bash

setup_file() {
	lab_file veth || return 0
	classic_lab
}

teardown_file() { lab_down; }
setup() {
	lab_test
	classic_daemon
}
teardown() { lab_test_end; }

@test "the uplink has the gateway that the configuration names" {
	[[ $(on_router ip route show table 201) == "default via 195.96.98.253 dev ppp0 proto 87"* ]]
	waymark uplinks -c "$LAB_CONF" --json | jq -e '.[] | select(.name == "mail.out") |
		.table == 201 and .mark == "0x1" and .state == "up" and .gateway == "195.96.98.253"'
}

@test "TCP port 25 leaves by mail.out, by gateway" { classic_mail; }
@test "everything else leaves by main, by gateway" { classic_rest; }
@test "an excepted host goes by main, by gateway" { classic_exception; }
@test "packets with TOS low delay take the third uplink, by gateway" { classic_tos; }
@test "with MASQUERADE on every uplink each connection completes, by gateway" { classic_all_complete; }
