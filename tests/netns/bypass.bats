#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Decided flows bypass the queue, and what is queued may be large: jumbo frames, GSO packets.
# (An older tool marked only packets with payload, and hung on more than 4096 bytes.)

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_web www.example.net
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

bulk() { # BYTES
	on_client curl --silent --show-error --max-time 30 --range "0-$(($1 - 1))" --output /dev/null \
		--write-out '%{size_download} bytes at %{speed_download} B/s\n' http://$LAB_WEB4/bulk
}

@test "also: one host pair pins one queue: its packet count stays flat while a bulk transfer runs" {
	lab_conf <<-END
		rules = ( { name = "web"; match = { proto = "tcp"; dport = 80; }; uplink = "isdn"; } );
	END
	lab_waymarkd
	local before after
	before=$(lab_queued)
	bulk 300000000
	after=$(lab_queued)
	echo "queued: $before before, $after after"
	((after - before == 1))
}

@test "a flow decided by name is queued until its name shows, and never again" {
	lab_conf <<-END
		rules = ( { name = "site"; match = { host = "$LAB_WEB4"; }; uplink = "isdn"; late = "move"; } );
	END
	lab_waymarkd
	local before after
	before=$(lab_queued)
	bulk 300000000
	after=$(lab_queued)
	echo "queued: $before before, $after after"
	((after - before >= 3 && after - before <= 12))
}

@test "every packet of a flow decided by name carries its mark from then on, ACKs too" {
	lab_conf <<-END
		rules = ( { name = "acme"; match = { payload = "^ACME/[0-9]"; }; uplink = "isdn"; late = "move"; } );
	END
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'ACME/1\n'
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7777 -m mark --mark 0x3/0xff
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7777 -m mark ! --mark 0x3/0xff
	lab_talk_lives talk 20
	lab_talk_end talk
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:7777/ { print $1 }' | xargs)
	echo "without, with: $counts"
	[[ $counts =~ ^"0 "[1-9][0-9] ]]
}

# A pattern that stays open for as long as it may: so data is queued.
open_policy() {
	lab_conf <<-END
		rules = (
		  { name = "never"; match = { payload = "no such thing as this in the stream"; }; uplink = "isdn"; },
		  { name = "rest"; match = { }; uplink = "mail.out"; }
		);
	END
	lab_waymarkd
}

@test "packets of MTU 9000 pass the queue" {
	ip -n "$LAB_CLIENT" link set eth0 mtu 9000
	local interface
	for interface in lan ppp0 wan1 wan2; do
		ip -n "$LAB_ROUTER" link set $interface mtu 9000
	done
	for interface in isp1 isp2 isp3; do
		ip -n "$LAB_NET" link set $interface mtu 9000
	done
	on_client ethtool -K eth0 tso off gso off >/dev/null
	open_policy
	lab_capture_uplinks
	on_client ping -q -c 3 -i 0.2 -W 3 -M do -s 8972 $LAB_ECHO4
	on_client ping -q -c 3 -i 0.2 -W 3 -M do -s 8952 $LAB_ECHO6
	on_client $LAB_PYTHON "$LAB_PROGRAMS" blob $LAB_ECHO4 7 1000000
	lab_capture_uplinks_stop
	on_client ethtool -K eth0 tso on gso on >/dev/null
	lab_left_by ppp0 greater 8900
	(($(lab_queued) > 4))
	lab_alive waymarkd
}

@test "GSO packets of up to 64 KiB pass the queue, whole" {
	open_policy
	lab_capture lan "$LAB_ROUTER" lan "tcp and greater 20000"
	on_client $LAB_PYTHON "$LAB_PROGRAMS" blob $LAB_ECHO4 7 4000000
	on_client $LAB_PYTHON "$LAB_PROGRAMS" blob $LAB_ECHO6 7 4000000
	lab_capture_stop lan
	(($(lab_captured lan) > 10))
	lab_alive waymarkd
	waymark status -c "$LAB_CONF" --json | jq -e '[.queues[].dropped] | add == 0'
}

@test "fragments pass, and are steered by address and protocol" {
	lab_conf <<-END
		rules = ( { name = "dst"; match = { dst = "$LAB_ECHO4"; }; uplink = "isdn"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	on_client ping -q -c 2 -i 0.2 -W 3 -s 20000 $LAB_ECHO4
	lab_capture_uplinks_stop
	lab_left_by wan2 "dst host $LAB_ECHO4"
}
