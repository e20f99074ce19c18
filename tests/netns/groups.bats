#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Groups with live traffic: real connections share the members by weight and stay whole, a source
# stays on its member where the group says so, and a disabled member is left out.

load lab.bash

setup_file() {
	lab_file tun || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

groups_daemon() { # GROUP: with one group "any", which all connections to port 7 take
	lab_conf nat <<-END
		groups = ( { name = "any"; $1 } );
		rules = ( { name = "shared"; match = { proto = "tcp"; dport = 7; }; uplink = "any"; } );
	END
	lab_waymarkd
}

# As many connections, one after another; each gets back what it says. ADDRESS: the client's.
connections() { # COUNT ADDRESS
	on_client $LAB_PYTHON -I -c '
import socket, sys
for i in range(int(sys.argv[1])):
    with socket.create_connection((sys.argv[3], 7), 10, (sys.argv[2], 0)) as s:
        s.sendall(b"hello\n")
        assert s.recv(6, socket.MSG_WAITALL) == b"hello\n"
' "$1" "$2" "$LAB_ECHO4"
}

shares() { # of the connections that the daemon knows, by uplink
	waymark flows -c "$LAB_CONF" --json |
		jq -c 'map(select(.rule == "shared")) | group_by(.uplink) | map({(.[0].uplink): length}) | add'
}

@test "connections share a weighted group, and each is whole" {
	groups_daemon 'members = ( { uplink = "cable"; weight = 3; }, { uplink = "mail.out"; weight = 1; } );'
	lab_capture_uplinks
	connections 200 "$LAB_CLIENT4"
	lab_capture_uplinks_stop
	shares | jq -e '(.cable - 150 | fabs) <= 4 and (.["mail.out"] - 50 | fabs) <= 4'
	lab_left_by "ppp0 wan1" tcp port 7
}

@test "a sticky group keeps each source on one member" {
	groups_daemon 'sticky = "source"; members = ( { uplink = "cable"; }, { uplink = "isdn"; } );'
	connections 20 "$LAB_CLIENT4"
	shares | jq -e 'length == 1 and (.cable // .isdn) == 20'
}

@test "of a failover group the first member takes all, and none that is disabled" {
	groups_daemon 'policy = "failover"; members = ( { uplink = "isdn"; }, { uplink = "cable"; } );'
	connections 10 "$LAB_CLIENT4"
	shares | jq -e '. == {isdn: 10}'
	sed -i '/name = "isdn"/s/interface/enabled = false; interface/' "$LAB_CONF"
	waymark reload -c "$LAB_CONF"
	connections 10 "$LAB_CLIENT4"
	shares | jq -e '.cable == 10'
}
