#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Rules by name and by pattern: what shows only after the handshake. Without NAT a connection
# moves when its name is known (late = "move"); with NAT it stays whole where it is ("learn").

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_web video.example.net news.example.net
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || on_router iptables -w -t nat -F
}

fetch() { # NAME [option...]
	local name=$1
	shift
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "$name:443:$LAB_WEB4" --resolve "$name:80:$LAB_WEB4" "$@"
}

# The client's packets with payload, as a capture filter.
payload_of() {
	echo "dst host $LAB_WEB4 and tcp dst port $1 and
		(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) != 0"
}

names_move() {
	lab_conf <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; late = "move"; },
		  { name = "news"; match = { host = "news.example.net"; }; uplink = "isdn"; late = "move"; }
		);
	END
}

@test "of two HTTPS names on one address and port each takes its uplink" {
	names_move
	lab_waymarkd
	lab_capture_uplinks
	[[ $(fetch video.example.net https://video.example.net/) == "https://video.example.net from $LAB_CLIENT4" ]]
	lab_flow '.host == "video.example.net"' |
		jq -e '.rule == "video" and .uplink == "mail.out" and .mark == "0x1"'
	[[ $(fetch news.example.net https://news.example.net/) == "https://news.example.net from $LAB_CLIENT4" ]]
	lab_flow '.host == "news.example.net"' |
		jq -e '.rule == "news" and .uplink == "isdn" and .mark == "0x3"'
	lab_capture_uplinks_stop
	# all that has payload, the ClientHello too, leaves by the uplink of the name
	lab_left_by "ppp0 wan2" "$(payload_of 443)"
	(($(lab_captured ppp0 "dst host $LAB_WEB4 and tcp dst port 443") > 3))
	(($(lab_captured wan2 "dst host $LAB_WEB4 and tcp dst port 443") > 3))
}

@test "HTTP is told apart by its Host header" {
	names_move
	lab_waymarkd
	lab_capture_uplinks
	fetch video.example.net http://video.example.net/
	fetch news.example.net http://news.example.net/
	lab_capture_uplinks_stop
	lab_left_by "ppp0 wan2" "$(payload_of 80)"
	lab_flow '.host == "video.example.net"' | jq -e '.app == "http" and .uplink == "mail.out"'
	lab_flow '.host == "news.example.net"' | jq -e '.app == "http" and .uplink == "isdn"'
}

@test "with NAT and late = learn the connection stays whole on its uplink" {
	lab_nat $LAB_UPLINKS
	lab_conf nat <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; }
		);
	END
	lab_waymarkd
	lab_capture_uplinks
	[[ $(fetch video.example.net https://video.example.net/) == "https://video.example.net from 198.51.100.2" ]]
	lab_capture_uplinks_stop
	lab_left_by wan1 "tcp port 443"
	lab_flow '.dport == 443' | jq -e '.host == "video.example.net" and .app == "tls" and .uplink != "mail.out"'
}

@test "explain says why a connection with NAT stays where it is" {
	lab_conf nat <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; }
		);
	END
	run -0 waymark explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --proto tcp --sport 40000 \
		--dport 443 --host video.example.net --json
	jq -e '.rule == "video" and .late == "learn"' <<<"$output"
	run -0 waymark explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --proto tcp --sport 40000 \
		--dport 443 --host video.example.net
	[[ $output == *learn* && $output == *video* ]]
}

@test "a name rule that is still open is named by explain" {
	lab_conf nat <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; },
		  { name = "web"; match = { proto = "tcp"; dport = 443; }; uplink = "isdn"; }
		);
	END
	waymark explain -c "$LAB_CONF" --src $LAB_CLIENT4 --dst $LAB_WEB4 --proto tcp --sport 40000 --dport 443 \
		--json | jq -e '.rule == "web" and .uplink == "isdn" and (.open_rules | tostring | contains("video"))'
}

@test "a header rule behind an open name rule steers from the SYN on" {
	lab_nat $LAB_UPLINKS
	lab_conf nat <<-END
		rules = (
		  { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; },
		  { name = "web"; match = { proto = "tcp"; dport = 443; }; uplink = "isdn"; }
		);
	END
	lab_waymarkd
	lab_capture_uplinks
	[[ $(fetch news.example.net https://news.example.net/) == "https://news.example.net from 203.0.113.2" ]]
	lab_flow '.dport == 443' | jq -e '.rule == "web" and .uplink == "isdn" and .mark == "0x3"
		and .host == "news.example.net"'
	# and the name's own connection stays on the line that its SYN took
	[[ $(fetch video.example.net https://video.example.net/) == "https://video.example.net from 203.0.113.2" ]]
	lab_capture_uplinks_stop
	lab_left_by wan2 "tcp port 443"
}

@test "a payload pattern moves its connection" {
	lab_conf <<-END
		rules = (
		  { name = "acme"; match = { proto = "tcp"; payload = "^ACME/[0-9]"; }; uplink = "isdn"; late = "move"; }
		);
	END
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'ACME/1\n'
	lab_talk_lives talk 10
	lab_talk_end talk
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7 --first 'OTHER/1\n'
	lab_talk_lives talk 10
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_flow '.dport == 7777' | jq -e '.rule == "acme" and .mark == "0x3"'
	(($(lab_captured wan2 "dst port 7777") > 10))
	(($(lab_captured wan1 "dst port 7777") < 5))
	lab_left_by wan1 dst port 7
}

@test "a pattern file of l7-filter's names an app that a rule can steer" {
	printf '# a protocol of the lab\nacmesync\n^acme sync [0-9]+\n' >"$LAB_DIR/rules.d/acmesync.pat"
	lab_conf <<-END
		rules = (
		  { name = "sync"; match = { app = "acmesync"; }; uplink = "isdn"; late = "move"; }
		);
	END
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'ACME sync 17\n'
	lab_talk_lives talk
	rm "$LAB_DIR/rules.d/acmesync.pat"
	lab_flow '.dport == 7777' | jq -e '.rule == "sync" and .app == "acmesync" and .uplink == "isdn"'
	lab_talk_end talk
}

@test "drop takes effect when the payload shows, and the flow stays silent" {
	lab_conf <<-END
		rules = (
		  { name = "no-acme"; match = { proto = "tcp"; payload = "^ACME/[0-9]"; }; drop = true; }
		);
	END
	lab_waymarkd
	run -1 on_client $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/x" --timeout 1 \
		--first 'ACME/1\n' $LAB_ECHO4 7777
	[[ $output == *"timed out"* ]]
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777 --first 'OTHER\n'
	lab_talk_end talk
}

# The chains are as the configuration and the rules want them, with so many rules for DNS.
dns_rules() { # COUNT
	on_router "$WAYMARK_BUILD/waymark" firewall check -c "$LAB_CONF" || return 1
	(($(on_router iptables-save | grep -c -e '--[ds]port 53 .*-j NFQUEUE') == $1)) || return 1
	(($(waymark firewall show -6 -c "$LAB_CONF" | grep -c -e '--[ds]port 53 .*-j NFQUEUE') == $1))
}

@test "DNS is watched as long as a rule asks for a name, also over reloads" {
	local by_header='{ name = "mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; }'
	local by_name='{ name = "video"; match = { host = "video.example.net"; }; uplink = "isdn"; enabled = %s; }'
	# shellcheck disable=SC2059 # a format of ours
	rules() { printf "rules = ( $by_header, $by_name );\n" "$1" | lab_conf nat; }
	rules false
	lab_waymarkd
	dns_rules 0
	rules true
	waymark reload -c "$LAB_CONF"
	dns_rules 8
	rules false
	waymark reload -c "$LAB_CONF"
	dns_rules 0
}
