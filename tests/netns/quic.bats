#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names in QUIC, and in a ClientHello of today's size: a real browser (Chromium, headless) fetches
# pages from a real HTTP/3 server (Caddy), and a rule by name moves the connection (no NAT here
# unless a test asks for it). Nobody asks a name server, so the connection alone tells its name.

load lab.bash
load quic.bash

setup_file() {
	quic_programs || return 0
	lab_file veth || return 0
	lab_server_http3 video.example.net news.example.net www.example.org
	# a segment that the client sends is a packet: no large ones that are cut later
	on_client ethtool -K eth0 tso off gso off
}

teardown_file() { lab_down; }

setup() {
	quic_programs || skip "chromium and caddy are not there"
	lab_test
}

teardown() {
	if [[ -n ${LAB_ID:-} && -z ${BATS_TEST_COMPLETED:-} ]]; then
		echo "--- the browser said:"
		grep -v dbus "$LAB_DIR/log/browser.err" 2>/dev/null | tail -n 5 || true
	fi
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		on_router iptables -w -t nat -F
		on_router ip6tables -w -t nat -F
	fi
}

names() {
	lab_conf <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; late = "move"; },
		  { name = "news"; match = { host = "news.example.net"; }; uplink = "isdn"; late = "move"; }
		);
	END
}

# sent UPLINK PROTO: packets of the client to the web server that left by it.
sent() {
	lab_captured "$1" "(dst host $LAB_WEB4 or dst host $LAB_WEB6) and $2 dst port 443"
}

# What the daemon says of the last flow to this name.
flow_of() {
	lab_flow ".host == \"$1\" and .proto == \"$2\""
}

@test "also: QUIC CRYPTO frames split and shuffled: a browser's HTTP/3 page takes the uplink of its name" {
	names
	lab_waymarkd
	lab_capture_uplinks
	[[ $(browse h3 video.example.net $LAB_WEB4) == "HTTP/3.0 video.example.net from $LAB_CLIENT4" ]]
	flow_of video.example.net udp |
		jq -e '.app == "quic" and .rule == "video" and .uplink == "mail.out" and .mark == "0x1"'
	[[ $(browse h3 news.example.net $LAB_WEB4) == "HTTP/3.0 news.example.net from $LAB_CLIENT4" ]]
	flow_of news.example.net udp |
		jq -e '.app == "quic" and .rule == "news" and .uplink == "isdn" and .mark == "0x3"'
	lab_capture_uplinks_stop
	# nothing but what came before the last piece of the name's ClientHello went by main's
	(($(sent ppp0 udp) > 5 && $(sent wan2 udp) > 5 && $(sent wan1 udp) <= 6))
	(($(sent ppp0 tcp) + $(sent wan1 tcp) + $(sent wan2 tcp) == 0))
}

@test "so does HTTP/3 over IPv6" {
	names
	lab_waymarkd
	lab_capture_uplinks
	[[ $(browse h3 news.example.net $LAB_WEB6) == "HTTP/3.0 news.example.net from $LAB_CLIENT6" ]]
	flow_of news.example.net udp |
		jq -e '.app == "quic" and .rule == "news" and .uplink == "isdn" and .dst == "'$LAB_WEB6'"'
	lab_capture_uplinks_stop
	(($(sent wan2 udp) > 5 && $(sent wan1 udp) <= 3 && $(sent ppp0 udp) == 0))
}

@test "a page that no rule names stays on main, and its name is known" {
	names
	lab_waymarkd
	lab_capture_uplinks
	[[ $(browse h3 www.example.org $LAB_WEB4) == "HTTP/3.0 www.example.org from $LAB_CLIENT4" ]]
	flow_of www.example.org udp | jq -e '.app == "quic" and .rule == null and .mark == "0x7f"'
	lab_capture_uplinks_stop
	lab_left_by wan1 udp port 443
}

@test "with NAT and late = learn the QUIC connection stays whole on its uplink" {
	lab_nat $LAB_UPLINKS
	lab_conf nat <<-END
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	[[ $(browse h3 video.example.net $LAB_WEB4) == "HTTP/3.0 video.example.net from ${LAB_UP4[wan1]}" ]]
	flow_of video.example.net udp | jq -e '.app == "quic" and .rule == "video" and .uplink != "mail.out"'
	lab_capture_uplinks_stop
	lab_left_by wan1 udp port 443
}

@test "a rule for the app quic steers it whatever its name is, and TCP not" {
	lab_conf <<-END
		rules = ( { name = "http3"; match = { app = "quic"; }; uplink = "isdn"; late = "move"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	[[ $(browse h3 www.example.org $LAB_WEB4) == HTTP/3.0* ]]
	[[ $(browse h2 www.example.org $LAB_WEB4) == HTTP/2.0* ]]
	lab_capture_uplinks_stop
	lab_flow '.proto == "udp"' | jq -e '.rule == "http3" and .uplink == "isdn"'
	lab_flow '.proto == "tcp"' | jq -e '.rule == null'
	(($(sent wan2 udp) > 5 && $(sent wan2 tcp) == 0 && $(sent wan1 tcp) > 5))
}

@test "also: a ClientHello larger than a segment: a browser's over TCP takes the uplink of its name" {
	names
	lab_waymarkd
	lab_capture hello "$LAB_CLIENT" eth0 "src host $LAB_CLIENT4 and tcp dst port 443"
	lab_capture_uplinks
	[[ $(browse h2 video.example.net $LAB_WEB4) == "HTTP/2.0 video.example.net from $LAB_CLIENT4" ]]
	flow_of video.example.net tcp | jq -e '.app == "tls" and .rule == "video" and .uplink == "mail.out"'
	lab_capture_stop hello
	lab_capture_uplinks_stop
	# a full segment that is not the whole: the key share of X25519MLKEM768 is why
	(($(lab_captured hello 'ip[2:2] > 1400') >= 1))
	(($(sent ppp0 tcp) > 5 && $(sent wan2 tcp) == 0))
}

@test "a name at the end of a post-quantum ClientHello is found, in how many segments it may come" {
	local address segment padding size
	names
	lab_waymarkd
	lab_capture_uplinks
	for address in $LAB_WEB4 $LAB_WEB6; do
		for segment in 0 536 88; do
			for padding in 0 1200 8000; do
				size=$(on_client $LAB_PYTHON "$(dirname "$LAB_PROGRAMS")/hello.py" --segment $segment \
					--padding $padding "$address" 443 news.example.net)
				((size > 1400 + padding))
				flow_of news.example.net tcp |
					jq -e --arg to "$address" '.dst == $to and .rule == "news" and .uplink == "isdn"'
			done
		done
	done
	lab_capture_uplinks_stop
	(($(sent wan2 tcp) >= 18 && $(sent ppp0 tcp) == 0))
	# in one piece too, where the kernel cuts it only on the wire
	on_client ethtool -K eth0 tso on gso on
	on_client $LAB_PYTHON "$(dirname "$LAB_PROGRAMS")/hello.py" --padding 8000 $LAB_WEB4 443 video.example.net
	on_client ethtool -K eth0 tso off gso off
	flow_of video.example.net tcp | jq -e '.rule == "video" and .uplink == "mail.out"'
}
