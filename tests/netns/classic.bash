# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What classic.bats, classic-gateway.bats and ipv6.bats have in common. $FAMILY is 4 unless set to 6.

CLASSIC_EXCEPTED4=10.10.0.66 CLASSIC_EXCEPTED6=2001:db8:10::66

classic_lab() {
	lab_nat $LAB_UPLINKS
	ip -n "$LAB_CLIENT" addr add $CLASSIC_EXCEPTED4/24 dev eth0
	# never chosen by itself as a source
	ip -n "$LAB_CLIENT" addr add $CLASSIC_EXCEPTED6/64 dev eth0 nodad preferred_lft 0
	lab_server_smtp 25
	lab_server_web www.example.net
	lab_server_dns
	lab_server_ssh
	lab_server_echo 7 7777
}

classic_daemon() {
	lab_conf nat <<-END
		rules = (
		  { name = "excepted"; match = { src = ["$CLASSIC_EXCEPTED4", "$CLASSIC_EXCEPTED6"]; }; uplink = "main"; },
		  { name = "outgoing-mail"; match = { proto = "tcp"; dport = 25; }; uplink = "mail.out"; },
		  { name = "interactive"; match = { tos = "lowdelay"; }; uplink = "isdn"; }
		);
	END
	lab_waymarkd
}

classic_address() { # SMTP | WEB | ...: the server's address in the family of the test
	local name=LAB_$1${FAMILY:-4}
	printf '%s\n' "${!name}"
}

classic_excepted() {
	local name=CLASSIC_EXCEPTED${FAMILY:-4}
	printf '%s\n' "${!name}"
}

classic_swaks() { # [option...]
	on_client swaks --silent 2 --timeout 10 --helo client.example.org --server "$(classic_address SMTP)" \
		--to a@example.org --from b@example.org "$@"
}

classic_curl() {
	on_client curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" \
		--resolve "www.example.net:443:$(lab_literal "$(classic_address WEB)")" https://www.example.net/
}

classic_mail() {
	lab_capture_uplinks
	classic_swaks
	lab_capture_uplinks_stop
	lab_left_by ppp0 tcp port 25
	lab_flow '.dport == 25' | jq -e '.rule == "outgoing-mail" and .uplink == "mail.out" and .mark == "0x1"'
}

classic_rest() {
	lab_capture_uplinks
	classic_curl
	lab_talk talk "$LAB_CLIENT" "$(classic_address ECHO)" 7
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp port 443 or tcp port 7
	lab_flow '.dport == 443' | jq -e '.rule == null and .uplink == null'
}

classic_exception() {
	lab_capture_uplinks
	classic_swaks --local-interface "$(classic_excepted)"
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp port 25
	lab_flow ".src == \"$(classic_excepted)\"" | jq -e '.rule == "excepted" and .uplink == "main"'
}

classic_tos() {
	lab_capture_uplinks
	on_client ping -q -c 2 -i 0.2 -W 3 -Q 0x10 "$(classic_address ECHO)"
	lab_talk talk "$LAB_CLIENT" "$(classic_address ECHO)" 7777 --udp --tos 0x10
	lab_talk_lives talk
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan2 "dst host $(classic_address ECHO)"
	lab_flow '.dport == 7777' | jq -e '.rule == "interactive" and .uplink == "isdn" and .mark == "0x3"'
}

classic_all_complete() {
	classic_swaks
	classic_curl
	lab_ssh "$(classic_address SSH)" true
	[[ $(on_client dig +time=3 +tries=1 +short "@$(classic_address DNS)" www.example.net) == "$LAB_WEB4" ]]
	on_client ping -q -c 1 -W 3 "$(classic_address ECHO)"
	on_client ping -q -c 1 -W 3 -Q 0x10 "$(classic_address ECHO)"
	lab_talk talk1 "$LAB_CLIENT" "$(classic_address ECHO)" 7 --tos 0x10
	lab_talk talk2 "$LAB_CLIENT" "$(classic_address ECHO)" 7 --udp
	lab_talk_lives talk1
	lab_talk_lives talk2
	lab_talk_end talk1
	lab_talk_end talk2
}

# Counted by a rule of the user's own; both uplinks, so that a packet gone astray counts too.
classic_every_packet() {
	on_router iptables -w -t mangle -I POSTROUTING -o wan+ -p tcp --dport 25
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 25 -m mark ! --mark 0x1/0x7f
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 25 -m mark --mark 0x1/0xff
	classic_swaks
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:25/ { print $1 }' | xargs)
	echo "marked, not marked, by another line: $counts"
	[[ $counts =~ ^[1-9][0-9]*" 0 0"$ ]]
}
