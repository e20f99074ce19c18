#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Beside the user's own firewall: their rules stay byte-identical and keep working, and mark bits
# that are not waymark's survive.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; } );
	END
}
teardown() {
	lab_test_end
	if [[ -n ${LAB_ID:-} ]]; then
		lab_remove_namespaces "$LAB_ID-box1" "$LAB_ID-box2"
		on_router ip link del docker0 2>/dev/null || true
		forget_legacy
		on_router iptables-restore -w <<<$'*nat\nCOMMIT'
		on_router ip6tables-restore -w <<<$'*nat\nCOMMIT'
	fi
}

# What a test has put into iptables-legacy's tables, whatever iptables is here.
forget_legacy() {
	local table
	for table in filter nat mangle raw; do
		! on_router iptables-legacy-save -t $table 2>/dev/null | grep -q '^-' ||
			on_router iptables-legacy-restore -w <<<"*$table"$'\nCOMMIT'
	done
	on_router iptables -w -P FORWARD ACCEPT
	on_router iptables-legacy -w -P FORWARD ACCEPT
}

# Rules of somebody's own in every table, with comments, counters and chains.
users_rules() {
	local command
	for command in iptables ip6tables; do
		on_router "$command-restore" -w <<-END
			*raw
			:PREROUTING ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			-A PREROUTING -p udp --dport 4789 -j CT --notrack
			COMMIT
			*mangle
			:PREROUTING ACCEPT [0:0]
			:INPUT ACCEPT [0:0]
			:FORWARD ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			:POSTROUTING ACCEPT [0:0]
			:mine - [0:0]
			-A PREROUTING -p tcp -m tcp --dport 7 -m comment --comment "mine, before" -j mine
			-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
			-A mine -j MARK --set-xmark 0x100000/0x100000
			COMMIT
			*nat
			:PREROUTING ACCEPT [0:0]
			:INPUT ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			:POSTROUTING ACCEPT [0:0]
			-A POSTROUTING -o ppp9 -j MASQUERADE
			COMMIT
			*filter
			:INPUT ACCEPT [0:0]
			:FORWARD ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			-A FORWARD -p tcp -m tcp --dport 7778 -j REJECT
			COMMIT
		END
	done
}

saved() {
	local command
	for command in iptables-save ip6tables-save; do
		on_router $command | sed '/^#/d; s/^\(:.*\) \[[0-9]*:[0-9]*\]$/\1/'
	done
}

# Without what is waymark's own; an empty base table may remain.
saved_users() {
	saved | grep -v WAYMARK
}

@test "the user's rules are byte-identical while it runs and after it" {
	users_rules
	saved >"$LAB_DIR/before"
	lab_waymarkd
	saved | grep WAYMARK >/dev/null
	diff <(grep '^-A' "$LAB_DIR/before") <(saved_users | grep '^-A')
	lab_waymarkd_stop
	[[ -z $(saved | grep WAYMARK) ]]
	diff <(grep '^-A' "$LAB_DIR/before") <(saved | grep '^-A')
	# chains too; an empty base chain of a table that was not there may remain
	[[ -z $(comm -3 <(grep '^:' "$LAB_DIR/before" | sort -u) <(saved | grep '^:' | sort -u) |
		grep -v ':\(PREROUTING\|INPUT\|FORWARD\|OUTPUT\|POSTROUTING\) ACCEPT$') ]]
}

@test "what the user's filter rules refuse is refused, for steered traffic too" {
	users_rules
	lab_waymarkd
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7778,connect-timeout=3
	[[ $output == *refused* ]]
	on_router iptables -w -A FORWARD -p tcp --dport 7777 -j REJECT --reject-with tcp-reset
	run -1 on_client socat -u OPEN:/dev/null TCP:$LAB_ECHO4:7777,connect-timeout=3
	[[ $output == *refused* ]]
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk
}

@test "mark bits of the user's own survive, set before and set after" {
	users_rules # sets 0x100000 in PREROUTING, before ours
	on_router iptables -w -t mangle -A FORWARD -p tcp --dport 7 -j MARK --set-xmark 0x200000/0x200000
	# the user's own counter sees all three together, in the packets of both kinds
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark --mark 0x300003/0xf000ff
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark ! --mark 0x300003/0xf000ff
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	lab_talk_end talk
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:7/ { print $1 }' | xargs)
	echo "without, with: $counts"
	[[ $counts =~ ^"0 "[1-9] ]]
}

@test "connmark bits of the user's own survive" {
	on_router iptables -w -t mangle -A PREROUTING -p tcp --dport 7 -j CONNMARK --set-xmark 0xab0000/0xff0000
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	[[ $(lab_conntrack -p tcp --dport 7) == *"mark=$((0xab0003))"* ]]
	lab_talk_end talk
}

@test "complaint 11: fixed marks collide with others': with a mask of one's choice nothing outside it changes" {
	lab_conf <<-END
		mark = { mask = 0xff000; };
		rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; } );
	END
	on_router iptables -w -t mangle -A PREROUTING -p tcp --dport 7 -j MARK --set-mark 0x70000005
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark --mark 0x70003005
	on_router iptables -w -t mangle -I POSTROUTING -p tcp --dport 7 -m mark ! --mark 0x70003005
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_lives talk 5
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan2 tcp dst port 7
	local counts
	counts=$(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:7/ { print $1 }' | xargs)
	echo "without, with: $counts"
	[[ $counts =~ ^"0 "[1-9] ]]
}

@test "complaint 9: our rules swallow another tool's rules: theirs stay, and those before ours win" {
	on_router ip rule add priority 30000 fwmark 0x400000/0x400000 lookup main
	on_router ip rule add priority 500 to $LAB_ECHO4 ipproto tcp dport 7 lookup main
	lab_waymarkd
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp dst port 7
	lab_waymarkd_stop
	on_router ip rule show | grep '^30000:'
	on_router ip rule show | grep '^500:'
	on_router ip rule del priority 30000
	on_router ip rule del priority 500
}

@test "untracked packets pass untouched" {
	users_rules
	on_router iptables -w -t mangle -I POSTROUTING -p udp --dport 4789 -m mark ! --mark 0
	on_router iptables -w -t mangle -I POSTROUTING -p udp --dport 4789
	lab_conf <<-END
		rules = ( { name = "all"; match = { }; uplink = "isdn"; } );
	END
	lab_waymarkd
	on_client bash -c "echo x >/dev/udp/$LAB_ECHO4/4789"
	counted() {
		[[ $(on_router iptables -w -t mangle -vnxL POSTROUTING | awk '/dpt:4789/ { print $1 }' | xargs) == "1 0" ]]
	}
	wait_until 3 counted
}

# A container: NUMBER and its address 172.17.0.(NUMBER + 1) on docker0.
container() {
	ip netns add "$LAB_ID-box$1"
	ip link add "veth$1" netns "$LAB_ROUTER" type veth peer name eth0 netns "$LAB_ID-box$1"
	ip -n "$LAB_ROUTER" link set "veth$1" master docker0 up
	ip -n "$LAB_ID-box$1" link set lo up
	ip -n "$LAB_ID-box$1" addr add "172.17.0.$(($1 + 1))/16" dev eth0
	ip -n "$LAB_ID-box$1" link set eth0 up
	ip -n "$LAB_ID-box$1" route add default via 172.17.0.1
	lab_spawn "job-box$1" "$LAB_ID-box$1" $LAB_PYTHON "$LAB_PROGRAMS" serve \
		--udp "172.17.0.$(($1 + 1))" 80
	wait_until 5 nsenter --net="/run/netns/$LAB_ID-box$1" socat -u OPEN:/dev/null TCP:127.0.0.1:80
}

# Two containers, port 8080 of the host published as port 80 of the first, and what dockerd 20.10
# was seen to write for that. DOCKER-USER lets the LAN through, as its manual says.
docker_rules() { # iptables variant
	on_router ip link add docker0 type bridge
	on_router ip addr add 172.17.0.1/16 dev docker0
	on_router ip link set docker0 up
	container 1
	container 2
	on_router "$1-restore" --noflush -w <<-END
		*nat
		:DOCKER - [0:0]
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
		-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
		-A DOCKER -i docker0 -j RETURN
		-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
		COMMIT
		*filter
		:FORWARD DROP [0:0]
		:DOCKER - [0:0]
		:DOCKER-ISOLATION-STAGE-1 - [0:0]
		:DOCKER-ISOLATION-STAGE-2 - [0:0]
		:DOCKER-USER - [0:0]
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-ISOLATION-STAGE-1
		-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A FORWARD -o docker0 -j DOCKER
		-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
		-A FORWARD -i docker0 -o docker0 -j ACCEPT
		-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
		-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
		-A DOCKER-ISOLATION-STAGE-1 -j RETURN
		-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
		-A DOCKER-ISOLATION-STAGE-2 -j RETURN
		-A DOCKER-USER -i lan -j ACCEPT
		-A DOCKER-USER -o lan -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A DOCKER-USER -j RETURN
		COMMIT
	END
}

containers_work() {
	local interface
	lab_capture_uplinks
	# out: steered, and masqueraded as docker's rule says
	lab_talk talk-out "$LAB_ID-box1" $LAB_ECHO4 7777
	lab_talk_end talk-out
	lab_talk talk-main "$LAB_ID-box1" $LAB_ECHO4 7778
	lab_talk_end talk-main
	# in: what is published is answered by the line that it was asked on
	for interface in $LAB_UPLINKS; do
		lab_talk talk-in "$LAB_NET" "${LAB_UP4[$interface]}" 8080 --source $LAB_OUTSIDE4
		lab_talk_end talk-in
	done
	# between containers on one bridge, whose packets come through our chains as well (bridge-nf)
	lab_talk talk-bridged "$LAB_ID-box2" 172.17.0.2 80
	lab_talk_end talk-bridged
	lab_talk talk-bridged "$LAB_ID-box2" 172.17.0.2 80 --udp
	lab_talk_end talk-bridged
	# and the LAN passes
	lab_talk talk-lan "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk-lan
	lab_capture_uplinks_stop
	lab_left_by wan2 "src host ${LAB_UP4[wan2]} and tcp dst port 7777"
	lab_left_by wan2 tcp dst port 7777
	lab_left_by wan1 tcp dst port 7778
	for interface in $LAB_UPLINKS; do
		lab_left_by "$interface" "src host ${LAB_UP4[$interface]} and tcp src port 8080"
	done
}

# Its rules, and its chains with their policies.
saved_in() { # iptables variant
	on_router "$1-save" 2>/dev/null |
		sed -n '/WAYMARK/d; /^-A/p; /^:DOCKER/{ s/ .*//p }; /^:FORWARD DROP/{ s/ \[.*//p }'
}

beside_docker() { # iptables variant
	docker_rules "$1"
	lab_sysctl "$LAB_ROUTER" net/bridge/bridge-nf-call-iptables=1
	saved_in "$1" >"$LAB_DIR/before"
	lab_conf <<-END
		rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; },
		          { name = "bridged"; match = { dport = 80; }; uplink = "mail.out"; } );
	END
	lab_waymarkd
	containers_work
	waymark reload -c "$LAB_CONF"
	saved_in "$1" | diff "$LAB_DIR/before" -
	lab_waymarkd_stop
	saved_in "$1" | diff "$LAB_DIR/before" -
}

@test "docker's chains and containers, iptables-nft" { beside_docker iptables-nft; }
@test "docker's chains and containers, iptables-legacy beside ours of nft" { beside_docker iptables-legacy; }

# kube-proxy, a CNI's port mapping and Calico, each by its marks; what they mark they masquerade.
kubernetes() {
	local command
	for command in iptables ip6tables; do
		on_router $command-restore --noflush -w <<-END
			*mangle
			:cali-PREROUTING - [0:0]
			-A PREROUTING -j cali-PREROUTING
			-A cali-PREROUTING -p tcp -m tcp --dport 7 -j MARK --set-xmark 0x10000/0x10000
			-A cali-PREROUTING -p tcp -m tcp --dport 7 -j CONNMARK --set-xmark 0x6400000/0x6400000
			COMMIT
			*nat
			:KUBE-SERVICES - [0:0]
			:KUBE-MARK-MASQ - [0:0]
			:KUBE-POSTROUTING - [0:0]
			:CNI-HOSTPORT-MASQ - [0:0]
			-A PREROUTING -j KUBE-SERVICES
			-A KUBE-SERVICES -p tcp -m tcp --dport 7 -j KUBE-MARK-MASQ
			-A KUBE-SERVICES -p udp -m udp --dport 7 -j MARK --set-xmark 0x2000/0x2000
			-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
			-A POSTROUTING -j CNI-HOSTPORT-MASQ
			-A POSTROUTING -j KUBE-POSTROUTING
			-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
			-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
			-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
			-A KUBE-POSTROUTING -j MASQUERADE
			COMMIT
		END
	done
}

# marked_and_steered MASK...: theirs is done to the packets, and ours too.
marked_and_steered() {
	local mask
	kubernetes
	saved >"$LAB_DIR/before"
	for mask in "$@"; do
		lab_conf <<-END
			mark = { mask = $mask; };
			rules = ( { name = "seven"; match = { dport = [7, 7777]; }; uplink = "isdn"; } );
		END
		lab_waymarkd
		lab_capture_uplinks
		lab_talk talk-tcp "$LAB_CLIENT" $LAB_ECHO4 7
		[[ $(lab_conntrack -p tcp --dport 7) == *"mark=$((0x6400000 | 3 * (mask & -mask)))"* ]]
		lab_talk talk-tcp6 "$LAB_CLIENT" $LAB_ECHO6 7
		lab_talk talk-udp "$LAB_CLIENT" $LAB_ECHO4 7 --udp
		lab_talk talk-plain "$LAB_CLIENT" $LAB_ECHO4 7777
		lab_talk_end talk-tcp
		lab_talk_end talk-tcp6
		lab_talk_end talk-udp
		lab_talk_end talk-plain
		lab_capture_uplinks_stop
		# theirs: masqueraded; not theirs: not; ours: all of them on one line
		lab_left_by wan2 "src host ${LAB_UP4[wan2]} and tcp dst port 7"
		lab_left_by wan2 "src host ${LAB_UP6[wan2]} and tcp dst port 7"
		lab_left_by wan2 "src host ${LAB_UP4[wan2]} and udp dst port 7"
		lab_left_by wan2 "src host $LAB_CLIENT4 and tcp dst port 7777"
		lab_left_by wan2 dst port 7 or dst port 7777
		lab_waymarkd_stop
		on_router conntrack -F
		diff <(grep '^-A' "$LAB_DIR/before") <(saved | grep '^-A')
	done
}

@test "complaint 11: fixed marks collide with Kubernetes, Tailscale, CNI: ours are where they are not" {
	marked_and_steered 0xff 0x78000000 0x1f00
	# and where they are, check says whose
	lab_conf <<-END
		mark = { mask = 0xf000; };
	END
	run -0 waymark check -c "$LAB_CONF"
	[[ $output == *kube-proxy* ]]
	lab_conf <<-END
		mark = { mask = 0xff0000; };
	END
	run -0 waymark check -c "$LAB_CONF"
	[[ $output == *Tailscale* ]]
}

# As Debian's nftables.service does at a reload: `flush ruleset` takes every table, ours too, with
# its base chains, and so empties the queues. Until ours are back what is steered goes by main: so a
# line that NATs and is not main's default would lose what is sent meanwhile, and its connection.
@test "also: a firewall reload flushes queues: nft flush ruleset, and all works on" {
	lab_conf <<-END
		rules = ( { name = "open"; match = { proto = "tcp"; dport = 7778; payload = "no such thing as this"; }; uplink = "mail.out"; },
		          { name = "seven"; match = { dport = 7777; }; uplink = "isdn"; } );
	END
	cat >"$LAB_DIR/nftables.conf" <<-END
		flush ruleset
		table inet fw {
			chain post { type nat hook postrouting priority 100; oifname "wan1" masquerade; }
		}
	END
	on_router nft -f "$LAB_DIR/nftables.conf"
	lab_waymarkd
	lab_talk talk-main "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk talk-open "$LAB_CLIENT" $LAB_ECHO6 7778 --interval 0.3
	local i REPLY begin
	for i in 1 2 3; do
		on_router nft -f "$LAB_DIR/nftables.conf"
		lab_now
		begin=$REPLY
		wait_until 3 queues_are_back
		lab_now
		echo "back after $((REPLY - begin)) ms"
		lab_talks_live 5 talk-main talk-steered
		lab_talks_live 1 talk-open
	done
	lab_capture_uplinks
	lab_talk talk-new "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talks_live 5 talk-main talk-steered
	lab_capture_uplinks_stop
	lab_left_by wan2 tcp dst port 7777
	lab_left_by wan1 tcp dst port 7
	for i in main steered open new; do
		lab_talk_end talk-$i
	done
	lab_waymarkd_stop
	on_router nft list tables | grep -q 'inet fw'
	on_router nft flush ruleset
}

queues_are_back() {
	on_router iptables-save -t mangle | grep -q -e '-j NFQUEUE' &&
		on_router iptables-save -t security | grep -q -e '-j NFQUEUE'
}
