#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Complaints about steering by name: what ECH hides, and what a reload forgets. Those about late
# evidence (14) and shared addresses (15) are in first-packet, the lists' reload (22) in reload-sets.

load lab.bash

SYN='tcp[13] == 2'

setup_file() {
	lab_file veth || return 0
	lab_server_web public.example.net secret.example.net video.example.net
	# nginx as Debian sets it up does not speak TLS 1.3
	lab_spawn tls13 "$LAB_NET" openssl s_server -quiet -www -accept "$LAB_WEB4:8443" \
		-cert "$LAB_DIR/tls/server.pem" -key "$LAB_DIR/tls/server.key"
	wait_until 10 lab_port_open $LAB_WEB4 8443
	lab_server_dns
	# secret offers ECH behind the name public.example.net, as a content network's domain does
	lab_stop dnsmasq
	echo "dns-rr=secret.example.net,65,$(https_record public.example.net)" >>"$LAB_DIR/dns/dnsmasq.conf"
	lab_spawn dnsmasq "$LAB_NET" dnsmasq -C "$LAB_DIR/dns/dnsmasq.conf"
	wait_until 10 lab_port_open $LAB_DNS4 53
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		on_router iptables -w -t nat -F
		on_router ip6tables -w -t nat -F
	fi
}

# An HTTPS record's data in hex: priority 1, the name itself, alpn h2, and ech with one configuration
# (version 0xfe0d, X25519, HKDF-SHA256, AES-128-GCM) of this public name.
https_record() {
	local name contents config
	name=$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')
	contents="110020""0020$(printf '5a%.0s' {1..32})""000400010001""40$(printf '%02x' ${#1})$name""0000"
	config=$(printf 'fe0d%04x%s' $((${#contents} / 2)) "$contents")
	printf '000100''0001000302''6832''0005%04x%04x%s\n' $((${#config} / 2 + 2)) $((${#config} / 2)) "$config"
}

# What a browser asks before it connects.
asked() { # NAME
	on_client dig +time=5 +tries=1 +short "@$LAB_DNS4" "$1" A
	on_client dig +time=5 +tries=1 +short "@$LAB_DNS4" "$1" HTTPS
}

hello() { # NAME [OPTION...]: the name in the outer ClientHello
	local name=$1
	shift
	on_client $LAB_PYTHON "$(dirname "$LAB_PROGRAMS")/hello.py" "$@" $LAB_WEB4 8443 "$name"
}

@test "complaint 16: ECH shows only the public name: it is labelled outer, and DNS tells the rest" {
	local nat
	for nat in '' nat; do
		[[ -z $nat ]] || lab_nat $LAB_UPLINKS
		lab_conf $nat <<-END
			rules = ( { name = "secret"; match = { host = "secret.example.net"; }; uplink = "mail.out"; } );
		END
		lab_waymarkd
		lab_capture_uplinks
		asked secret.example.net
		hello public.example.net --ech
		lab_flow '.dport == 8443' | jq -e '.host == "public.example.net" and .host_source == "tls-ech-outer" and
			.rule == "secret" and .uplink == "mail.out" and .moved == false'
		# the outer name is the name of many: the next one behind it is known by DNS too
		hello public.example.net --ech
		lab_capture_uplinks_stop
		lab_left_by ppp0 "dst host $LAB_WEB4 and tcp dst port 8443"
		lab_waymarkd_stop
	done
}

@test "complaint 16: GREASE alone proves nothing: where DNS offers no ECH the name is the name" {
	lab_conf <<-END
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; late = "move"; } );
	END
	lab_waymarkd
	lab_capture_uplinks
	asked video.example.net
	hello video.example.net --ech
	lab_flow '.dport == 8443' | jq -e '.host == "video.example.net" and .rule == "video" and .uplink == "mail.out"'
	# another name behind the same address: what the client looked up last is not taken for it
	hello public.example.net --ech
	lab_flow '.host == "public.example.net"' | jq -e '.rule == null and .uplink == null'
	lab_capture_uplinks_stop
	(($(lab_captured ppp0 "dst host $LAB_WEB4 and tcp dst port 8443 and $SYN") == 2))
}

@test "complaint 22: a reload empties the name sets for a second: each SYN leaves by its name's uplink" {
	local i pid
	lab_nat $LAB_UPLINKS
	lab_conf nat <<-END
		rules = ( { name = "video"; match = { host = "video.example.net"; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	asked video.example.net
	lab_capture_uplinks
	# connections one after the other; no name is looked up again
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn job-fetch "$LAB_CLIENT" bash -c 'while [[ ! -e $1 ]]; do
		curl --silent --show-error --max-time 10 --cacert "$2" --resolve "$3:443:$4" "https://$3/" || exit 1
	done' bash "$LAB_DIR/enough" "$LAB_DIR/tls/ca.pem" video.example.net $LAB_WEB4
	for i in {1..20}; do
		waymark reload -c "$LAB_CONF"
	done
	fetched() { lab_lines_above "$LAB_DIR/log/job-fetch.out" video.example.net 30; }
	wait_until 30 fetched
	pid=$(lab_pid job-fetch)
	touch "$LAB_DIR/enough"
	wait_until 10 lab_pid_gone "$pid"
	lab_capture_uplinks_stop
	[[ ! -s $LAB_DIR/log/job-fetch.err ]]
	[[ -z $(grep -v "^https://video.example.net from ${LAB_UP4[ppp0]}$" "$LAB_DIR/log/job-fetch.out") ]]
	lab_left_by ppp0 "dst host $LAB_WEB4 and tcp dst port 443"
}
