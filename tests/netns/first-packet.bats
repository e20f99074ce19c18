#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names known before the connection opens: a real client asks a real name server, and the very
# first SYN leaves by the uplink of the name, NATed. What was learned from a connection steers the
# next one; no established connection changes its uplink.

load lab.bash

SYN='tcp[13] == 2'
SYN6='ip6[53] == 2'

setup_file() {
	lab_file veth || return 0
	lab_server_web video.example.net news.example.net
	lab_server_dns
	lab_server_echo 7 7777
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_nat $LAB_UPLINKS
}
teardown() {
	[[ -z ${LAB_ID:-} ]] || lab_stop resolver || true
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		on_router iptables -w -t nat -F
		on_router ip6tables -w -t nat -F
	fi
}

# Main's default is by wan1 (cable); video belongs to mail.out, by ppp0.
video() { # [more of waymark.conf]
	lab_conf nat <<-END
		$*
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; } );
	END
}

# curl, told the address: no name server is asked.
fetch() { # NAME [option...]
	local name=$1
	shift
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "$name:443:$LAB_WEB4" "$@" "https://$name/"
}

dns_lookup() { # NAME [dig option...]
	local name=$1
	shift
	on_client dig +time=5 +tries=1 +short "$@" "@$LAB_DNS4" "$name"
}

# The router's own name server, which asks the one on the net.
resolver_on_router() {
	lab_spawn resolver "$LAB_ROUTER" dnsmasq --no-daemon --conf-file=/dev/null --no-hosts --no-resolv \
		--user=root --pid-file= --bind-interfaces --listen-address=$LAB_ROUTER4 --server=$LAB_DNS4
	wait_until 10 on_router socat -u OPEN:/dev/null "TCP:$LAB_ROUTER4:53,connect-timeout=1"
}

names_of() { # NAME: what the cache holds of it
	waymark names -c "$LAB_CONF" --json | jq -c --arg name "$1" '[.[] | select(.name == $name)]'
}

names_known() {
	[[ $(names_of "$1") != "[]" ]]
}

@test "a name that was looked up gives the first SYN its uplink, NATed" {
	video
	lab_waymarkd
	lab_capture_uplinks
	[[ $(lab_browse $LAB_DNS4 video.example.net --ipv4) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	names_of video.example.net | jq -e --arg client $LAB_CLIENT4 --arg address $LAB_WEB4 \
		'any(.[]; .client == $client and (.addresses | index($address)) and .source == "dns" and
		.ttl_s > 200 and .ttl_s <= 300)'
	[[ $(lab_browse $LAB_DNS4 news.example.net --ipv4) == "https://news.example.net from ${LAB_UP4[wan1]}" ]]
	lab_capture_uplinks_stop
	# every packet, the SYN first of all: nothing of the one name was ever seen elsewhere
	(($(lab_captured ppp0 "dst host $LAB_WEB4 and $SYN") == 1))
	(($(lab_captured wan1 "dst host $LAB_WEB4 and $SYN") == 1))
	lab_flow '.host == "video.example.net" and .dport == 443' |
		jq -e '.rule == "video" and .uplink == "mail.out" and .mark == "0x1" and .moved == false and
			.host_source == "tls-sni"'
	lab_flow '.host == "news.example.net"' | jq -e '.uplink != "mail.out"'
}

@test "the same over IPv6" {
	video
	lab_waymarkd
	lab_capture_uplinks
	[[ $(lab_browse $LAB_DNS6 video.example.net --ipv6) == "https://video.example.net from ${LAB_UP6[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB6 and ip6 proto 6 and $SYN6"
}

@test "an answer over TCP counts as well" {
	video
	lab_waymarkd
	lab_capture_uplinks
	dns_lookup video.example.net +tcp A
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and $SYN"
}

@test "the answers of the router's own resolver count" {
	resolver_on_router
	video
	lab_waymarkd
	lab_capture_uplinks
	[[ $(lab_browse $LAB_ROUTER4 video.example.net --ipv4) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	# from its cache, without any packet upstream
	[[ $(lab_browse $LAB_ROUTER4 video.example.net --ipv4) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and $SYN"
	names_of video.example.net | jq -e --arg client $LAB_CLIENT4 'any(.[]; .client == $client)'
}

@test "DNS that is redirected to the router's resolver counts" {
	resolver_on_router
	on_router iptables -w -t nat -A PREROUTING -i lan -p udp --dport 53 -j DNAT --to "$LAB_ROUTER4:53"
	video
	lab_waymarkd
	lab_capture_uplinks
	[[ $(lab_browse 192.0.2.253 video.example.net --ipv4) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and $SYN"
}

@test "complaint 14: marking after inspection breaks established connections: each stays whole, the next begins right" {
	video
	lab_waymarkd
	lab_capture_uplinks
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[wan1]}" ]]
	lab_flow '.host == "video.example.net"' |
		jq -e '.rule == "video" and .uplink != "mail.out" and .late == "learn" and .moved == false'
	lab_capture_uplinks_stop
	lab_left_by wan1 "dst host $LAB_WEB4 and tcp"
	names_of video.example.net | jq -e 'any(.[]; .source == "tls-sni" and .port == 443)'

	lab_capture_uplinks
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and tcp"
}

@test "complaint 15: a CDN address hides which site it is: the client's last answer tells, and what shows corrects it" {
	video
	lab_waymarkd
	lab_capture_uplinks
	dns_lookup video.example.net A
	dns_lookup news.example.net A
	# expected is news: this one begins on main, and stays there
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[wan1]}" ]]
	# its SNI is the newest that is known of the address
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	# a wrong guess stays whole too
	[[ $(fetch news.example.net) == "https://news.example.net from ${LAB_UP4[ppp0]}" ]]
	[[ $(fetch news.example.net) == "https://news.example.net from ${LAB_UP4[wan1]}" ]]
	lab_capture_uplinks_stop
	(($(lab_captured ppp0 "dst host $LAB_WEB4 and $SYN") == 2))
	(($(lab_captured wan1 "dst host $LAB_WEB4 and $SYN") == 2))
	# each from one source address from its first packet to its last
	(($(lab_captured ppp0 "tcp port 443 and tcp[13] & 4 != 0") == 0))
	(($(lab_captured wan1 "tcp port 443 and tcp[13] & 4 != 0") == 0))
}

@test "a connection that stays open keeps its uplink while answers come and go" {
	video
	lab_waymarkd
	dns_lookup news.example.net A
	lab_talk talk "$LAB_CLIENT" $LAB_WEB4 7 --first 'GET / HTTP/1.1\r\nHost: news.example.net\r\n\r\n'
	lab_capture_uplinks
	dns_lookup video.example.net A
	lab_talk_lives talk 20
	lab_capture_uplinks_stop
	lab_left_by wan1 "dst host $LAB_WEB4 and tcp port 7"
	lab_talk_end talk
}

@test "a connection without any name of its own has the name that was looked up" {
	video
	lab_waymarkd
	lab_capture_uplinks
	dns_lookup video.example.net A
	lab_talk talk "$LAB_CLIENT" $LAB_WEB4 7777 --udp
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and udp port 7777"
	lab_flow '.dport == 7777' |
		jq -e '.host == "video.example.net" and .host_source == "dns-cache" and .rule == "video" and
			.late == null'
}

@test "a local connection of the router profits as well" {
	video
	lab_waymarkd
	lab_capture_uplinks
	on_router dig +time=5 +tries=1 +short "@$LAB_DNS4" video.example.net A
	on_router curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "video.example.net:443:$LAB_WEB4" https://video.example.net/
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and $SYN"
}

@test "forged answers change nothing: wrong id, wrong server, wrong port, wrong name, late" {
	lab_spawn resolver "$LAB_NET" $LAB_PYTHON -I "$LAB_PROGRAMS" lie 192.0.2.54 192.0.2.55 \
		video.example.net $LAB_WEB4
	wait_until 5 grep -q listening "$LAB_DIR/log/resolver.out"
	video
	on_router iptables -w -t nat -F # so that the forgeries reach the client
	on_router ip6tables -w -t nat -F
	lab_waymarkd
	lab_capture lan "$LAB_CLIENT" any "udp src port 53"
	on_client dig +time=5 +tries=1 @192.0.2.54 video.example.net A | grep NXDOMAIN
	lab_capture_stop lan
	(($(lab_captured lan "src host 192.0.2.54") >= 4))
	(($(lab_captured lan "src host 192.0.2.55") >= 1))
	refute names_known video.example.net
	refute names_known other.video.example.net
	# the other two answer nothing that conntrack knows of: they are connections that come in by an uplink
	waymark stats -c "$LAB_CONF" --json | jq -e '.dns.queries >= 1 and .dns.addresses == 0 and
		.dns.refused_id == 1 and .dns.refused_name == 1 and .dns.refused_unasked == 1'
	lab_capture_uplinks
	fetch news.example.net
	lab_capture_uplinks_stop
	lab_left_by wan1 "dst host $LAB_WEB4 and tcp"
}

@test "complaint 22: a reload empties the name sets: what was learnt survives it" {
	video
	lab_waymarkd
	dns_lookup video.example.net A
	waymark reload -c "$LAB_CONF"
	lab_capture_uplinks
	[[ $(fetch video.example.net) == "https://video.example.net from ${LAB_UP4[ppp0]}" ]]
	lab_capture_uplinks_stop
	lab_left_by ppp0 "dst host $LAB_WEB4 and $SYN"
}

@test "a query and its answer are counted once, whatever number of hooks shows them" {
	video
	lab_waymarkd
	dns_lookup news.example.net A
	lab_flow '.dport == 53' | jq -e '.packets == 2 and .app == "dns" and .host == "news.example.net"'
	waymark stats -c "$LAB_CONF" --json | jq -e '.dns.believed == 1 and .dns.addresses == 1'
}

@test "what a decided flow asks and is answered is read, however long it lives" {
	local name
	video
	lab_waymarkd
	for name in video news; do
		dns_lookup $name.example.net A -b "$LAB_CLIENT4#5353"
		wait_until 3 names_known $name.example.net
	done
	lab_flow '.dport == 53' | jq -e '.sport == 5353 and .packets == 4 and .state == "final"'
}

@test "without a rule by name DNS is not looked at beyond its first packet" {
	lab_conf nat <<-END
		rules = ( { name = "mail"; match = { dport = 25; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	dns_lookup video.example.net A
	(($(lab_queued) == 1))
	refute names_known video.example.net
}
