#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Start, stop, death, take-over, reload and a stalled worker, all under traffic on NATed lines,
# where a connection that is moved is a connection that breaks.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_nat $LAB_UPLINKS
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

# 7777 is steered by header; 7778 is provisional on isdn, since the pattern before it stays open.
policy() { # [UPLINK of 7777 [routing keys]]
	lab_conf nat <<-END
		rules = (
		  { name = "steered"; match = { dport = 7777; }; uplink = "${1:-mail.out}"; },
		  { name = "open"; match = { proto = "tcp"; dport = 7778; payload = "no such thing as this"; }; uplink = "mail.out"; },
		  { name = "provisional"; match = { dport = 7778; }; uplink = "isdn"; }
		);
		routing = { ${2:-} };
	END
}

# All three kinds, forwarded and local; each must stay on its line. The provisional ones say little,
# since they would be decided with the twelfth packet.
TALKS="talk-main talk-main6 talk-steered talk-steered6 talk-udp talk-local"
SHORT_TALKS="talk-open talk-openlocal"

talk_all() {
	lab_talk_spawn talk-main "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk_spawn talk-main6 "$LAB_CLIENT" $LAB_ECHO6 7
	lab_talk_spawn talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_spawn talk-steered6 "$LAB_CLIENT" $LAB_ECHO6 7777
	lab_talk_spawn talk-udp "$LAB_CLIENT" $LAB_ECHO4 7777 --udp
	lab_talk_spawn talk-local "$LAB_ROUTER" $LAB_ECHO4 7777
	lab_talk_spawn talk-open "$LAB_CLIENT" $LAB_ECHO4 7778 --interval 0.7
	lab_talk_spawn talk-openlocal "$LAB_ROUTER" $LAB_ECHO4 7778 --interval 0.7
	lab_talks_live 0 $TALKS $SHORT_TALKS
}

all_live() {
	lab_talks_live 5 $TALKS
	lab_talks_live 0 $SHORT_TALKS
}

all_end() {
	local name
	for name in $TALKS $SHORT_TALKS; do
		lab_talk_end "$name"
	done
}

# Every capture has been stopped; no connection was seen on another line than its own.
each_on_its_own() {
	lab_left_by wan1 tcp dst port 7
	lab_left_by ppp0 dst port 7777
	lab_left_by wan2 dst port 7778
}

marks_of() { # DPORT
	lab_conntrack -p tcp --dport "$1" | sed -n 's/.* mark=\([0-9]*\) .*/\1/p' | sort -u | xargs
}

steered_now_by() { # INTERFACE: where a new connection to 7777 goes
	local REPLY
	lab_port
	lab_capture_uplinks
	lab_talk talk-new "$LAB_CLIENT" $LAB_ECHO4 7777 --sport "$REPLY"
	lab_talk_end talk-new
	lab_capture_uplinks_stop
	lab_left_by "$1" "tcp src port $REPLY"
}

@test "SIGTERM under load: what goes by main's default does not break, and all of ours is gone" {
	on_router iptables -w -t mangle -A FORWARD -p tcp --dport 7777 -j MARK --set-xmark 0x100000/0x100000
	on_router iptables -w -A FORWARD -p tcp --dport 7779 -j REJECT
	on_router ip rule add priority 30000 fwmark 0x400000/0x400000 lookup main
	lab_kernel_state | grep -v -e '^:' -e '^\*' -e '^COMMIT' >"$LAB_DIR/before"
	policy
	lab_waymarkd
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO6 7
	lab_talk talk3 "$LAB_ROUTER" $LAB_ECHO4 7
	lab_talk talk4 "$LAB_CLIENT" $LAB_ECHO4 7 --udp
	lab_spawn job-bulk "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" blob $LAB_ECHO4 7 60000000
	local pid status=0
	pid=$(lab_pid waymarkd)
	kill -TERM "$pid"
	wait "$pid" || status=$?
	((status == 0))
	local name
	for name in talk1 talk2 talk3 talk4; do
		lab_talk_lives $name 20
		lab_talk_end $name
	done
	wait "$(lab_pid job-bulk)"
	lab_kernel_state | grep -v -e '^:' -e '^\*' -e '^COMMIT' | diff "$LAB_DIR/before" -
	[[ -z $(on_router iptables-save | grep WAYMARK) ]]
	[[ -z $(on_router ip6tables-save | grep WAYMARK) ]]
	on_router ip rule del priority 30000
}

@test "with keep_on_exit no connection breaks over stop and start" {
	policy mail.out "keep_on_exit = true;"
	lab_waymarkd
	lab_capture_uplinks
	talk_all
	lab_waymarkd_stop
	[[ -z $(on_router iptables-save | grep NFQUEUE) ]]
	on_router iptables-save | grep -q WAYMARK
	on_router ip rule show | grep -q 'fwmark 0x1/0x7f'
	all_live
	lab_waymarkd
	all_live
	all_end
	lab_capture_uplinks_stop
	each_on_its_own
}

@test "also: a restart loses queued packets: five in a row with keep_on_exit break nothing and leave no duplicate" {
	policy mail.out "keep_on_exit = true;"
	lab_waymarkd
	talk_all
	local i
	for i in 1 2 3 4 5; do
		lab_waymarkd_stop
		lab_waymarkd
	done
	all_live
	all_end
	[[ -z $(on_router ip rule show | sort | uniq -d) ]]
	[[ -z $(on_router iptables-save -t mangle | grep '^-A' | sort | uniq -d) ]]
}

@test "also: the daemon down blackholes traffic: killed, steered flows live on and new ones go by main" {
	policy
	lab_waymarkd
	lab_capture_uplinks
	talk_all
	[[ $(marks_of 7778) == 131 ]] # provisional on 3: 0x83
	lab_waymarkd_stop KILL
	all_live
	local REPLY
	lab_port
	lab_talk talk-new "$LAB_CLIENT" $LAB_ECHO4 7777 --sport "$REPLY"
	lab_talk_lives talk-new
	# the next start takes over, and moves none of them, the new one neither
	lab_waymarkd
	all_live
	lab_talk_lives talk-new
	lab_talk_end talk-new
	all_end
	lab_capture_uplinks_stop
	lab_left_by wan1 "tcp src port $REPLY"
	lab_left_by wan1 tcp dst port 7
	lab_left_by ppp0 "dst port 7777 and not src port $REPLY"
	lab_left_by wan2 dst port 7778
	steered_now_by ppp0
}

@test "also: a restart mid-connection: a flow older than the daemon is not moved" {
	policy
	lab_capture_uplinks
	lab_talk talk1 "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk talk2 "$LAB_CLIENT" $LAB_ECHO6 7777
	lab_talk talk3 "$LAB_ROUTER" $LAB_ECHO4 7777
	lab_talk talk4 "$LAB_CLIENT" $LAB_ECHO4 7777 --udp
	lab_waymarkd
	local name
	for name in talk1 talk2 talk3 talk4; do
		lab_talk_lives $name 10
		lab_talk_end $name
	done
	lab_capture_uplinks_stop
	lab_left_by wan1 dst port 7777
	steered_now_by ppp0
}

@test "the daemon works where nothing else uses connection tracking" {
	on_router iptables -w -t nat -F
	on_router ip6tables -w -t nat -F
	on_router iptables -w -t nat -X
	policy
	lab_waymarkd
	steered_now_by ppp0
	lab_nat $LAB_UPLINKS
}

@test "a good reload changes the policy of new flows and moves no old one" {
	policy
	lab_waymarkd
	local generation
	generation=$(waymark status -c "$LAB_CONF" --json | jq .generation)
	lab_capture_uplinks
	talk_all
	policy isdn
	waymark reload -c "$LAB_CONF"
	all_live
	all_end
	lab_capture_uplinks_stop
	each_on_its_own
	(($(waymark status -c "$LAB_CONF" --json | jq .generation) > generation))
	steered_now_by wan2
}

@test "SIGHUP reloads" {
	policy
	lab_waymarkd
	local generation
	generation=$(waymark status -c "$LAB_CONF" --json | jq .generation)
	policy isdn
	kill -HUP "$(lab_pid waymarkd)"
	reloaded() { (($(waymark status -c "$LAB_CONF" --json | jq .generation) > generation)); }
	wait_until 5 reloaded
	steered_now_by wan2
}

@test "a bad reload keeps the old policy and says why" {
	policy
	lab_waymarkd
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	local generation
	generation=$(waymark status -c "$LAB_CONF" --json | jq .generation)
	cp "$LAB_CONF" "$LAB_DIR/good"
	sed -i 's/uplink = "isdn"/uplink = "isdm"/' "$LAB_CONF"
	run -1 waymark reload -c "$LAB_CONF" --socket "$LAB_SOCKET"
	[[ $output == *waymark.conf:*isdm* ]]
	kill -HUP "$(lab_pid waymarkd)"
	said() { grep -q "waymark.conf:.*isdm" "$LAB_DIR/log/waymarkd.err"; }
	wait_until 5 said
	lab_talk_lives talk-steered
	lab_talk_end talk-steered
	cp "$LAB_DIR/good" "$LAB_CONF"
	(($(waymark status -c "$LAB_CONF" --json | jq .generation) == generation))
	steered_now_by ppp0
}

@test "twenty reloads under traffic break nothing" {
	policy
	lab_waymarkd
	talk_all
	local i
	for i in {1..10}; do
		policy isdn
		waymark reload -c "$LAB_CONF"
		policy
		waymark reload -c "$LAB_CONF"
	done
	all_live
	all_end
	steered_now_by ppp0
}

@test "also: a bound but hung queue drops: a stalled worker ends the daemon, and traffic flows on" {
	command -v strace >/dev/null || skip "no strace"
	policy
	lab_waymarkd
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	local pid task arguments=() count=0
	pid=$(lab_pid waymarkd)
	for task in "/proc/$pid/task"/*; do
		[[ ${task##*/} == "$pid" ]] || arguments+=(-p "${task##*/}")
	done
	lab_spawn job-strace "$LAB_ROUTER" strace -e trace=recvmmsg \
		-e inject=recvmmsg:delay_enter=60000000 "${arguments[@]}"
	attached() { (($(lab_lines "$LAB_DIR/log/job-strace.err" attached) >= ${#arguments[@]} / 2)); }
	wait_until 5 attached
	# new flows are queued, and a worker goes to fetch them
	lab_spawn talk-stuck "$LAB_CLIENT" $LAB_PYTHON "$LAB_PROGRAMS" talk --timeout 40 \
		--status "$LAB_DIR/log/talk-stuck.status" $LAB_ECHO4 7778
	wait_until 30 lab_pid_gone "$pid"
	lab_stop job-strace # it would hold the threads that are to die
	grep -i -e stall -e worker "$LAB_DIR/log/waymarkd.err"
	lab_talk talk-new "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk-new
	lab_talk_lives talk-steered
	lab_talk_end talk-steered
	wait_until 10 lab_talk_count_above talk-stuck 3
	lab_talk_end talk-stuck
}

@test "a second daemon on the same socket is refused and disturbs nothing" {
	policy
	lab_waymarkd
	lab_kernel_state >"$LAB_DIR/before"
	run -1 on_router "$WAYMARK_BUILD/waymarkd" -c "$LAB_CONF" --foreground
	lab_kernel_state | diff "$LAB_DIR/before" -
	lab_waymarkd_answers
	steered_now_by ppp0
}
