#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input: one clear line for each thing that is wrong, the documented exit code, and nothing
# changed in the kernel.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7777
}

teardown_file() { lab_down; }
setup() {
	lab_test
	lab_conf <<-END
		rules = ( { name = "all"; match = { dport = 7777; }; uplink = "isdn"; } );
	END
	lab_kernel_state >"$LAB_DIR/before"
}
teardown() { lab_test_end; }

kernel_unchanged() {
	lab_kernel_state | diff "$LAB_DIR/before" -
}

waymarkd_once() {
	on_router timeout 20 "$@" "$WAYMARK_BUILD/waymarkd" -c "$LAB_CONF" --foreground
}

# The daemon's own words are one line; the sanitizers' and the loader's are not ours to count.
one_line() {
	((${#lines[@]} == 1)) || {
		echo "not one line: $output"
		return 1
	}
}

@test "a syntax error: its file and line, exit 1, kernel unchanged" {
	echo 'rules = ( { name "x"; } );' >"$LAB_CONF"
	run -1 waymark check -c "$LAB_CONF"
	one_line
	[[ $output == *waymark.conf:1:* ]]
	run -1 waymarkd_once
	[[ $output == *waymark.conf:1:* ]]
	kernel_unchanged
}

@test "every semantic error of all files in one run" {
	cat >>"$LAB_CONF" <<-END
		queu = { first = 0; };
		mode = "enforced";
	END
	cat >"$LAB_DIR/rules.d/10-bad.conf" <<-END
		rules = (
		  { name = "a"; match = { dports = 5; }; uplink = "isdn"; },
		  { name = "b"; match = { dport = 70000; }; uplink = "isdn"; },
		  { name = "c"; match = { dport = 7; }; uplink = "nowhere"; }
		);
	END
	run -1 --separate-stderr waymark check -c "$LAB_CONF"
	rm "$LAB_DIR/rules.d/10-bad.conf"
	[[ -z $output ]]
	echo "$stderr"
	[[ $stderr == *waymark.conf:*queu*queue* ]]
	[[ $stderr == *waymark.conf:*enforced* ]]
	[[ $stderr == *10-bad.conf:2:*dports*dport* ]]
	[[ $stderr == *10-bad.conf:3:*70000* ]]
	[[ $stderr == *10-bad.conf:4:*nowhere* ]]
	((${#stderr_lines[@]} == 5))
}

@test "a good configuration: one line on stdout, exit 0" {
	# a mask that nobody else is known to use, so that there is nothing to note
	echo 'mark = { mask = 0x7f000000; };' >>"$LAB_CONF"
	run -0 --separate-stderr waymark check -c "$LAB_CONF"
	one_line
	[[ -z $stderr ]]
	kernel_unchanged
}

@test "a rule of another's that looks at our mark bits: named by check, exit 0" {
	on_router ip -6 rule add pref 500 fwmark 0x10/0xf0 lookup 77
	run -0 --separate-stderr on_router "$WAYMARK_BUILD/waymark" check -c "$LAB_CONF"
	on_router ip -6 rule del pref 500
	[[ $stderr == *"mark mask 0xff overlaps a rule of another's: ip -6 rule 'pref 500 fwmark 0x10/0xf0 lookup 77"* ]]
	kernel_unchanged
}

@test "a configuration that is not there: one line, exit 1" {
	run -1 waymark check -c "$LAB_DIR/nowhere.conf"
	one_line
	[[ $output == *nowhere.conf* ]]
	LAB_CONF=$LAB_DIR/nowhere.conf run -1 waymarkd_once
	[[ $output == *nowhere.conf* ]]
	kernel_unchanged
}

@test "wrong usage: exit 2" {
	run -2 waymark
	run -2 waymark no-such-command
	run -2 waymark check --no-such-option
	run -2 waymark replay -c "$LAB_CONF"
	run -2 "$WAYMARK_BUILD/waymarkd" --no-such-option
	kernel_unchanged
}

@test "no daemon: commands that need one say so in one line, exit 1" {
	local command
	for command in status flows stats reload; do
		run -1 waymark $command -c "$LAB_CONF"
		one_line
		[[ $output == *control.sock* ]]
	done
}

@test "without CAP_NET_ADMIN: one line, exit 1, kernel unchanged" {
	run -1 waymarkd_once setpriv --bounding-set=-net_admin --inh-caps=-net_admin
	one_line
	[[ $output == *CAP_NET_ADMIN* ]]
	kernel_unchanged
}

@test "a queue number in use: one line that names it, exit 1, kernel unchanged" {
	local mine=$LAB_CONF
	LAB_CONF=$LAB_DIR/other.conf
	cat >"$LAB_CONF" <<-END
		queue = { first = 0; count = 1; };
		firewall = { manage = false; };
		routing = { manage = false; };
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_DIR/other.sock"; };
	END
	lab_waymarkd
	LAB_CONF=$mine
	lab_kernel_state >"$LAB_DIR/before"
	run -1 waymarkd_once
	one_line
	[[ $output == *"queue 0"*use* ]]
	kernel_unchanged
	LAB_CONF=$LAB_DIR/other.conf lab_waymarkd_answers
}

@test "a missing interface: the daemon runs, says which in one line, and traffic goes by main" {
	sed -i 's/interface = "wan2"/interface = "wan7"/' "$LAB_CONF"
	lab_waymarkd
	(($(lab_lines "$LAB_DIR/log/waymarkd.err" wan7) == 1))
	waymark uplinks -c "$LAB_CONF" --json |
		jq -e '.[] | select(.name == "isdn") | .state == "down" and (.reason | contains("wan7"))'
	lab_capture_uplinks
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_end talk
	lab_capture_uplinks_stop
	lab_left_by wan1 tcp dst port 7777
}

# ---- captures ----

capture_of_a_talk() {
	lab_capture lan "$LAB_ROUTER" lan tcp
	lab_talk talk "$LAB_CLIENT" $LAB_ECHO4 7777
	lab_talk_lives talk 10
	lab_talk_end talk
	lab_capture_stop lan
}

@test "a capture cut mid-packet: what came before, one line, exit 1" {
	capture_of_a_talk
	local size
	size=$(stat -c %s "$LAB_DIR/pcap/lan.pcap")
	head -c $((size - 20)) "$LAB_DIR/pcap/lan.pcap" >"$LAB_DIR/cut.pcap"
	run -1 --separate-stderr waymark replay -c "$LAB_CONF" --json "$LAB_DIR/cut.pcap"
	jq -e '.dport == 7777 and .rule == "all"' <<<"$output"
	((${#stderr_lines[@]} == 1))
	[[ $stderr == *cut.pcap* ]]
}

@test "what is no capture: one line, exit 1, nothing on stdout" {
	local file
	echo "this is not a capture at all, but a line of text" >"$LAB_DIR/text.pcap"
	: >"$LAB_DIR/empty.pcap"
	for file in text.pcap empty.pcap none.pcap; do
		run -1 --separate-stderr waymark replay -c "$LAB_CONF" --json "$LAB_DIR/$file"
		[[ -z $output ]]
		((${#stderr_lines[@]} == 1))
		[[ $stderr == *$file* ]]
	done
}

@test "a capture whose name is no UTF-8: every object names it all the same" {
	capture_of_a_talk
	local file=$LAB_DIR/$'b\xff.pcap'
	cp "$LAB_DIR/pcap/lan.pcap" "$file"
	waymark replay -c "$LAB_CONF" --json "$file" | jq -es 'length > 0 and all(.[]; .file | endswith("b\ufffd.pcap"))'
	waymark replay -c "$LAB_CONF" --packets "$file" | jq -es 'length > 9 and all(.[]; .file | endswith("b\ufffd.pcap"))'
}

@test "one bad capture among good ones: the good ones are told, exit 1" {
	capture_of_a_talk
	run -1 --separate-stderr waymark replay -c "$LAB_CONF" --json "$LAB_DIR/none.pcap" "$LAB_DIR/pcap/lan.pcap"
	jq -e '.dport == 7777' <<<"$output"
	[[ $stderr == *none.pcap* ]]
}
