#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names inside what another protocol carries: TLS behind STARTTLS, what a proxy is asked for, HTTP/2
# in the clear, DTLS. Real clients talk to real servers (PostgreSQL's alone is a stand-in), and a
# rule by name moves the connection (no NAT). mDNS and LLMNR are multicast and never queued: their
# golden captures are in tests/pcap.

load lab.bash
load carriers.bash

VIDEO=video.example.net NEWS=news.example.net

# Where a TCP segment's payload begins, and what its first bytes are.
PAYLOAD='(tcp[12] & 0xf0) >> 2'
TLS="tcp[$PAYLOAD] >= 0x14 and tcp[$PAYLOAD] <= 0x17 and tcp[($PAYLOAD) + 1] = 3"
END='tcp[13] & 5 != 0' # FIN or RST

setup_file() {
	lab_file veth || return 0
	lab_server_web $VIDEO $NEWS
	carriers_hosts $VIDEO $NEWS
}

teardown_file() { lab_down; }
setup() {
	lab_test
	touch "$LAB_DIR/begun"
}

teardown() {
	if [[ -n ${LAB_ID:-} && -z ${BATS_TEST_COMPLETED:-} ]]; then
		find "$LAB_DIR/log" -name '*.err' ! -name 'capture-*' ! -name 'waymarkd*' -size +0 \
			-newer "$LAB_DIR/begun" -exec tail -v -n 8 {} +
	fi
	lab_test_end
}

# Skips unless the programs are there.
needs() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not there"
	done
}

# Video belongs to mail.out by ppp0, news to isdn by wan2; all else follows main by wan1.
begin() { # [rule...]
	lab_conf <<-END
		rules = (
		  { name = "video"; match = { host = "$VIDEO"; }; uplink = "mail.out"; late = "move"; },
		  { name = "news"; match = { host = "$NEWS"; }; uplink = "isdn"; late = "move"; }
		  $*
		);
	END
	lab_waymarkd
	lab_capture_uplinks
}

declare -gA UPLINK=([$VIDEO]=mail.out [$NEWS]=isdn) LINE=([$VIDEO]=ppp0 [$NEWS]=wan2)
declare -gA RULE=([$VIDEO]=video [$NEWS]=news) MARK=([$VIDEO]=0x1 [$NEWS]=0x3)

# carried PROTO ADDRESS PORT APP NAME: the last such flow is known by its name, and was sent there.
# Its client's port is in $PORTS[NAME] for what the captures hold.
declare -gA PORTS=()
carried() {
	local flow
	flow=$(lab_flow ".proto == \"$1\" and .dst == \"$2\" and .dport == $3 and .host == \"$5\"")
	jq -e --arg app "$4" --arg rule "${RULE[$5]}" --arg uplink "${UPLINK[$5]}" --arg mark "${MARK[$5]}" \
		'.app == $app and .rule == $rule and .uplink == $uplink and .mark == $mark' <<<"$flow" ||
		lab_fail "$flow"
	PORTS[$5]=$(jq .sport <<<"$flow")
}

# left NAME FILTER: of the client's packets on the connection to NAME, these left by its uplink alone.
left() {
	lab_left_by "${LINE[$1]}" "src host $LAB_CLIENT4 and src port ${PORTS[$1]} and $2"
}

curl_quiet() {
	on_client curl --silent --show-error --max-time $((10 * WAYMARK_TEST_SLOW)) \
		--cacert "$LAB_DIR/tls/ca.pem" "$@"
}

# s_client PORT-AND-OPTIONS...: shakes hands, and takes leave when the server has been heard.
s_client() {
	on_client timeout $((10 * WAYMARK_TEST_SLOW)) openssl s_client -CAfile "$LAB_DIR/tls/ca.pem" \
		-verify_return_error -brief "$@" </dev/null 2>&1
}

@test "SMTP with STARTTLS takes the uplink of the name in its ClientHello" {
	needs swaks
	perl -MNet::SSLeay -e 1 || skip "Net::SSLeay is not there"
	lab_server_smtp_tls 587
	begin
	local name
	for name in $VIDEO $NEWS; do
		on_client swaks --silent 2 --server $LAB_SMTP4 --port 587 --tls --tls-sni $name \
			--to a@example.org --from b@example.org
		carried tcp $LAB_SMTP4 587 tls $name
	done
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "$TLS"
	done
}

@test "so do IMAP and POP3" {
	needs dovecot
	lab_server_imap
	begin
	curl_quiet --ssl-reqd --user u:secret --resolve $VIDEO:143:$LAB_IMAP4 imap://$VIDEO/ | grep INBOX
	carried tcp $LAB_IMAP4 143 tls $VIDEO
	curl_quiet --ssl-reqd --user u:secret --resolve $NEWS:110:$LAB_IMAP4 pop3://$NEWS/
	carried tcp $LAB_IMAP4 110 tls $NEWS
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "$TLS"
	done
}

@test "so does FTP, and its data connections" {
	needs vsftpd
	lab_server_ftp
	begin
	local name
	for name in $VIDEO $NEWS; do
		[[ $(curl_quiet --ssl-reqd --resolve $name:21:$LAB_FTP4 ftp://$name/hello) == "hello from ftp" ]]
		carried tcp $LAB_FTP4 21 tls $name
	done
	waymark flows -c "$LAB_CONF" --json | jq -e --arg name $VIDEO \
		'[.[] | select(.host == $name and .dport != 21 and .app == "tls" and .uplink == "mail.out")] | length == 1'
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "$TLS"
	done
}

@test "so does XMPP, by the server's name and not the domain's" {
	needs prosody
	lab_server_xmpp chat.example.org
	begin
	local name
	for name in $VIDEO $NEWS; do
		s_client -starttls xmpp -xmpphost chat.example.org -servername $name -connect $LAB_CHAT4:5222 |
			grep 'CONNECTION ESTABLISHED'
		carried tcp $LAB_CHAT4 5222 tls $name
	done
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "$TLS"
	done
}

@test "so does PostgreSQL" {
	needs psql
	lab_server_postgresql
	begin
	local name
	for name in $VIDEO $NEWS; do
		run -2 on_client env PGCONNECT_TIMEOUT=10 psql \
			"host=$name hostaddr=$LAB_SQL4 user=u dbname=d sslmode=require gssencmode=disable"
		[[ $output == *"nobody logs in to $name"* ]]
		carried tcp $LAB_SQL4 5432 tls $name
	done
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "$TLS"
	done
}

@test "a rule for the carrier finds it below TLS" {
	needs swaks
	perl -MNet::SSLeay -e 1 || skip "Net::SSLeay is not there"
	lab_server_smtp_tls 2525
	begin ', { name = "mail"; match = { app = "smtp"; }; uplink = "isdn"; late = "move"; }'
	on_client swaks --silent 2 --server $LAB_SMTP4 --port 2525 --tls --tls-sni www.example.org \
		--to a@example.org --from b@example.org
	lab_capture_uplinks_stop
	lab_flow '.dport == 2525' | jq -e '.rule == "mail" and .uplink == "isdn"'
	lab_left_by wan2 "dst host $LAB_SMTP4 and tcp dst port 2525 and $TLS"
}

@test "what is asked of a SOCKS proxy takes the uplink of its destination's name" {
	needs microsocks
	lab_server_socks5
	begin
	# the proxy resolves: version 5, with TLS in it
	[[ $(curl_quiet --socks5-hostname $LAB_PROXY4:1080 https://$VIDEO/) == "https://$VIDEO from "* ]]
	carried tcp $LAB_PROXY4 1080 socks $VIDEO
	[[ $(curl_quiet --socks5-hostname $LAB_PROXY4:1080 http://$NEWS/) == "http://$NEWS from "* ]]
	carried tcp $LAB_PROXY4 1080 socks $NEWS
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "tcp[$PAYLOAD:4] = 0x05010003" # the request, by name
	done
	left $VIDEO "$TLS"
	left $NEWS "tcp[$PAYLOAD:4] = 0x47455420"
}

@test "so does version 4A, whose request is known by its answer" {
	lab_server_socks4a
	begin
	[[ $(curl_quiet --socks4a $LAB_PROXY4:1081 https://$VIDEO/) == "https://$VIDEO from "* ]]
	carried tcp $LAB_PROXY4 1081 socks $VIDEO
	[[ $(curl_quiet --socks4a $LAB_PROXY4:1081 http://$NEWS/) == "http://$NEWS from "* ]]
	carried tcp $LAB_PROXY4 1081 socks $NEWS
	lab_capture_uplinks_stop
	left $VIDEO "$TLS"
	left $NEWS "tcp[$PAYLOAD:4] = 0x47455420"
}

@test "so does HTTP's CONNECT" {
	needs tinyproxy
	lab_server_http_proxy
	begin
	local name
	for name in $VIDEO $NEWS; do
		[[ $(curl_quiet --proxytunnel --proxy http://$LAB_PROXY4:3128 https://$name/) == "https://$name from "* ]]
		carried tcp $LAB_PROXY4 3128 http $name
	done
	lab_capture_uplinks_stop
	for name in $VIDEO $NEWS; do
		left $name "tcp[$PAYLOAD:4] = 0x434f4e4e" # "CONN"
		left $name "$TLS"
	done
}

@test "HTTP/2 in the clear takes the uplink of its authority, by prior knowledge and by Upgrade" {
	needs caddy
	lab_server_h2c
	begin
	[[ $(curl_quiet --http2-prior-knowledge --resolve $VIDEO:8080:$LAB_WEB4 http://$VIDEO:8080/) == \
		"HTTP/2.0 $VIDEO from $LAB_CLIENT4" ]]
	carried tcp $LAB_WEB4 8080 http2 $VIDEO
	# Caddy calls the request that was upgraded 1.1; curl says what its answer came by
	[[ $(curl_quiet --http2 --write-out ' by %{http_version}' --resolve $NEWS:8080:$LAB_WEB4 \
		http://$NEWS:8080/) == "HTTP/1.1 $NEWS from $LAB_CLIENT4 by 2" ]]
	carried tcp $LAB_WEB4 8080 http $NEWS
	lab_capture_uplinks_stop
	left $NEWS "tcp[$PAYLOAD:4] = 0x47455420" # the request that offers the Upgrade
	for name in $VIDEO $NEWS; do
		left $name "$END"
	done
}

@test "DTLS takes the uplink of the name in its ClientHello" {
	local name
	lab_server_dtls
	begin
	for name in $VIDEO $NEWS; do
		s_client -dtls -servername $name -connect $LAB_DTLS4:4433 | grep 'CONNECTION ESTABLISHED'
		carried udp $LAB_DTLS4 4433 dtls $name
	done
	lab_capture_uplinks_stop
	# from the first packet on
	for name in $VIDEO $NEWS; do
		left $name udp
	done
}
