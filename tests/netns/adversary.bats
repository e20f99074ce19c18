#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Set-ups that are legal and rare, and hands that do what no test expects: a queue rule of the
# user's own, values that change their meaning under traffic, a daemon that was killed and comes
# back with another policy, a stream of rule changes, a hostile client of the control socket.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7 7777 7778
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() {
	lab_test_end
	[[ -z ${LAB_ID:-} ]] || lab_main_default wan1
}

policy() { # [sed expression over the configuration]
	lab_conf nat <<-END
		rules = (
		  { name = "steered"; match = { dport = 7777; }; uplink = "mail.out"; },
		  { name = "other"; match = { dport = 7778; }; uplink = "isdn"; },
		  { name = "open"; match = { dport = 7; payload = "no such thing as this"; }; uplink = "isdn"; },
		  { name = "provisional"; match = { dport = 7; }; uplink = "mail.out"; }
		);
	END
	[[ -z ${1:-} ]] || sed -i "$1" "$LAB_CONF"
}

# mail.out and cable exchange their lines; their marks stay.
swap_lines() {
	sed -i -e "s/\"ppp0\"/\"wan1\"/; t gateway; s/\"wan1\"/\"ppp0\"/; :gateway" \
		-e "s/\"${LAB_GW4[ppp0]}\"; gateway6 = \"${LAB_GW6[ppp0]}\"/\"A\"/; s/\"${LAB_GW4[wan1]}\"; gateway6 = \"${LAB_GW6[wan1]}\"/\"B\"/" \
		-e "s/\"A\"/\"${LAB_GW4[wan1]}\"; gateway6 = \"${LAB_GW6[wan1]}\"/; s/\"B\"/\"${LAB_GW4[ppp0]}\"; gateway6 = \"${LAB_GW6[ppp0]}\"/" "$LAB_CONF"
}

mark_of() { # PROTOCOL DPORT
	lab_conntrack -p "$1" --dport "$2" | sed -n 's/.* mark=\([0-9]*\) .*/\1/p' | head -n 1
}

# The lines say nat, so that nothing is moved late, but nothing is translated here: a connection
# that is moved lives to tell. With main's default on wan2, what loses its mark goes there.
talk_three() { # [option]
	lab_main_default wan2
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777 "$@"
	lab_talk talk-other "$LAB_CLIENT" $LAB_ECHO4 7778 "$@"
	lab_talk talk-open "$LAB_CLIENT" $LAB_ECHO4 7 --interval 0.3 "$@"
}

# The value 1 leads elsewhere now: its flows are not carried along. Those of value 3 stay.
lost_its_value() { # PROTOCOL DPORT
	local value
	value=$(mark_of "$@")
	[[ -n $value && $((value & 0x7f)) != 1 ]]
}

only_changed_values_are_lost() { # PROTOCOL
	wait_until 3 lost_its_value "$1" 7777
	wait_until 3 lost_its_value "$1" 7
	[[ $(mark_of "$1" 7778) == 3 ]]
	lab_talk_lives talk-other 10
	lost_its_value "$1" 7777 # and does not come back
	lost_its_value "$1" 7
	lab_talk_end talk-other
}

@test "a reload that gives a value to another line takes it from its flows, and from no others" {
	local protocol
	for protocol in tcp udp; do
		policy
		lab_waymarkd
		talk_three $([[ $protocol == tcp ]] || echo --udp)
		[[ $(mark_of $protocol 7777) == 1 ]]
		swap_lines
		waymark reload -c "$LAB_CONF"
		only_changed_values_are_lost $protocol
		lab_stop talk-steered || true
		lab_stop talk-open || true
		lab_reset
	done
}

@test "a reload that renames an uplink moves nothing" {
	policy
	lab_waymarkd
	lab_talk talk-steered "$LAB_CLIENT" $LAB_ECHO4 7777
	sed -i 's/mail\.out/post/' "$LAB_CONF"
	waymark reload -c "$LAB_CONF"
	lab_talk_lives talk-steered 10
	lab_talk_end talk-steered
	[[ $(mark_of tcp 7777) == 1 ]]
}

@test "killed, and started with a policy in which a value means another line" {
	policy
	lab_waymarkd
	talk_three
	lab_waymarkd_stop KILL
	swap_lines
	lab_waymarkd
	only_changed_values_are_lost tcp
	lab_stop talk-steered || true
	lab_stop talk-open || true
}

@test "killed, and started in observe mode: nothing but the queue rules is left" {
	policy
	lab_waymarkd
	lab_waymarkd_stop KILL
	sed -i '1i mode = "observe";' "$LAB_CONF"
	lab_waymarkd
	[[ -z $(on_router ip rule show | grep 'proto 87') ]]
	[[ -z $(on_router ip -6 rule show | grep 'proto 87') ]]
	[[ -z $(on_router ip route show table all proto 87) ]]
	[[ -z $(on_router iptables-save | grep WAYMARK | grep -e CONNMARK -e 'j MARK' -e DROP) ]]
	on_router iptables-save | grep -q 'WAYMARK.*NFQUEUE'
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp dst port 7777
	lab_flow '.dport == 7777' | jq -e '.rule == "steered" and .uplink == "mail.out"'
	lab_waymarkd_stop
	[[ -z $(on_router iptables-save | grep WAYMARK) ]]
}

# What firewall.manage = false promises: the daemon answers its queue, whoever fills it. Without
# translation: in PREROUTING the two directions of a translated flow do not meet.
bare_rule() { # HOOK
	lab_conf <<-END
		firewall = { manage = false; };
		queue = { first = 10; count = 1; };
		rules = (
		  { name = "no"; match = { proto = "udp"; dport = 7778; }; drop = true; },
		  { name = "acme"; match = { proto = "tcp"; dport = 7; payload = "^ACME"; }; drop = true; },
		  { name = "steered"; match = { dport = 7777; }; uplink = "mail.out"; }
		);
	END
	lab_waymarkd
	on_router iptables -w -t mangle -A "$1" -j NFQUEUE --queue-num 10 --queue-bypass
	# security comes after mangle in the same hook
	on_router iptables -w -t security -A FORWARD -p tcp -m multiport --ports 7777 -m mark --mark 0x1/0xff
	on_router iptables -w -t security -A FORWARD -p tcp -m multiport --ports 7777 -m mark ! --mark 0x1/0xff
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_lives talk 10
	lab_talk_end talk
	local counts
	counts=$(on_router iptables -w -t security -vnxL FORWARD | awk '/7777/ { print $1 }' | xargs)
	echo "$1: marked, not marked: $counts"
	[[ $counts =~ ^[1-9][0-9]*" 0"$ ]]
	[[ -z $(on_client socat -T 0.5 - "UDP:$LAB_ECHO4:7778" <<<x) ]]
	[[ -z $(on_client timeout 1 bash -c "exec 3<>/dev/tcp/$LAB_ECHO4/7; echo ACME >&3; head -n 1 <&3") ]]
	[[ -z $(on_router iptables-save | grep WAYMARK) ]]
	lab_reset
}

@test "a queue rule of the user's own, in PREROUTING or FORWARD: every packet marked, drops dropped" {
	bare_rule PREROUTING
	bare_rule FORWARD
}

@test "iptables-legacy with a mask of upper bits: foreign bits are left, and it is repaired" {
	policy '1i mark = { mask = 0xff00; }; firewall = { command = "iptables-legacy"; };'
	on_router iptables-legacy -w -t mangle -A PREROUTING -i lan -j MARK --set-xmark 0x5/0xff
	on_router iptables-legacy -w -t mangle -A POSTROUTING -p tcp --dport 7777 -m mark --mark 0x105
	on_router iptables-legacy -w -t mangle -A POSTROUTING -p tcp --dport 7777 -m mark ! --mark 0x105
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_lives talk
	lab_talk_end talk
	local counts
	counts=$(on_router iptables-legacy -w -t mangle -vnxL POSTROUTING | awk '/dpt:7777/ { print $1 }' | xargs)
	echo "both marks, not both: $counts"
	[[ $counts =~ ^[1-9][0-9]*" 0"$ ]]
	[[ $(mark_of tcp 7777) == 256 ]]
	on_router iptables-legacy -w -t mangle -F WAYMARK-PRE
	whole() { on_router "$WAYMARK_BUILD/waymark" firewall check -c "$LAB_CONF"; }
	wait_until 4 whole
	lab_waymarkd_stop
	[[ -z $(on_router iptables-legacy-save | grep WAYMARK) ]]
	on_router iptables-legacy -w -t mangle -F
	on_router iptables-legacy -w -t security -F
}

@test "every thread gives up the capabilities that it does not need, and the socket has its group" {
	policy
	sed -i 's|^control = .*|control = { socket = "'"$LAB_SOCKET"'"; group = "adm"; };|' "$LAB_CONF"
	lab_waymarkd
	local task pid
	pid=$(lab_pid waymarkd)
	for task in /proc/$pid/task/*; do
		# a race detector brings a thread of its own, which has nothing to give up
		[[ ${task##*/} == "$pid" || $(<"$task/comm") == wm-queue-* ]] || continue
		[[ $(sed -n 's/^CapEff:\t//p' "$task/status") == 0000000000003000 ]]
	done
	[[ $(stat -c '%G %a' "$LAB_SOCKET") == "adm 660" ]]
}

@test "a stream of rule changes does not put a repair off" {
	policy
	lab_waymarkd
	lab_spawn job-stream "$LAB_ROUTER" sh -c 'while :; do
		iptables -w -t mangle -A INPUT -p tcp --dport 1; iptables -w -t mangle -D INPUT -p tcp --dport 1; done'
	on_router iptables -w -t mangle -F WAYMARK-SAVE
	filled() { on_router iptables-save -t mangle | grep -q -e '-A WAYMARK-SAVE'; }
	wait_until 3 filled
	lab_stop job-stream
}

@test "thirty repairs leave no descriptor, child or memory behind" {
	policy
	lab_waymarkd
	local pid before i
	pid=$(lab_pid waymarkd)
	before=$(ls "/proc/$pid/fd" | wc -l)
	filled() { on_router iptables-save -t mangle | grep -q -e '-A WAYMARK-SAVE -j CONNMARK'; }
	for i in {1..30}; do
		on_router iptables -w -t mangle -F WAYMARK-SAVE
		wait_until 5 filled
	done
	(($(waymark stats -c "$LAB_CONF" --json | jq .firewall_repairs) >= 30))
	quiet() { [[ -z $(ps --ppid "$pid" -o pid=) ]] && (($(ls "/proc/$pid/fd" | wc -l) == before)); }
	wait_until 3 quiet
}

@test "an idle daemon sends no message and starts no program" {
	command -v strace >/dev/null || skip "no strace"
	policy
	lab_waymarkd
	lab_spawn job-strace "$LAB_ROUTER" strace -f -qq -p "$(lab_pid waymarkd)" \
		-e trace=sendto,sendmsg,sendmmsg,execve,clone,clone3,vfork
	attached() { grep -q 'TracerPid:[[:space:]]*[1-9]' "/proc/$(lab_pid waymarkd)/status"; }
	wait_until 3 attached
	sleep 2
	lab_stop job-strace
	grep -v -e '^strace:' -e '^$' "$LAB_DIR/log/job-strace.err" && return 1
	true
}

@test "hostile clients of the control socket disturb neither traffic nor honest ones" {
	policy
	lab_waymarkd
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	local i request
	for i in {1..40}; do
		lab_spawn "job-zero$i" "$LAB_CLIENT" socat -u OPEN:/dev/zero "UNIX-CONNECT:$LAB_SOCKET"
	done
	for request in '[[[[' '{"command":7}' '{"command":"nope"}' '{"command":"flows","limit":-5,"dport":99999999999}' ''; do
		socat -T 2 - "UNIX-CONNECT:$LAB_SOCKET" <<<"$request" | head -c 300
	done
	wait_until 5 lab_waymarkd_answers
	lab_talk_lives talk 10
	lab_talk_end talk
	(($(waymark stats -c "$LAB_CONF" --json | jq .control_refused) > 0))
}

@test "a storm of SIGHUP, and SIGTERM on top of a reload: nothing is left" {
	policy
	lab_waymarkd
	local pid i
	pid=$(lab_pid waymarkd)
	for i in {1..30}; do
		kill -HUP "$pid"
	done
	wait_until 10 lab_waymarkd_answers
	kill -HUP "$pid"
	kill -TERM "$pid"
	wait_until 10 lab_pid_gone "$pid"
	[[ -z $(on_router iptables-save | grep WAYMARK) ]]
	[[ -z $(on_router ip rule show | grep 'proto 87') ]]
}
