#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All golden captures as one (tests/pcap/together.py), live through real queues: with one worker and
# with two, each flow is recognised, named and marked as in a replay.
#
# The queue is a plain rule in PREROUTING, which sees both directions of every flow, and nothing
# goes on from there. --queue-balance puts each flow into one queue, in order. What live cannot
# have: a flow that is still open is not finished as at the end of a capture, and a decided one is
# not looked at any more. So app and host are compared where live looked as long as replay.

load lab.bash

TOGETHER="$BATS_TEST_DIRNAME/../pcap/together.py"

setup_file() {
	lab_file veth || return 0
	ip -n "$LAB_ROUTER" link set lan mtu 65535
	ip -n "$LAB_CLIENT" link set eth0 mtu 65535
	$LAB_PYTHON -I "$TOGETHER" write "$LAB_DIR/pcap/all.pcap" --live
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

# queue_all WORKERS
queue_all() {
	local command queues="--queue-num 0"
	(($1 == 1)) || queues="--queue-balance 0:$(($1 - 1))"
	for command in iptables ip6tables; do
		# shellcheck disable=SC2086 # two words
		on_router $command -w -t mangle -A PREROUTING -i lan -j NFQUEUE $queues
		on_router $command -w -t mangle -A FORWARD -j DROP
	done
}

all_judged() { # PACKETS
	waymark status -c "$LAB_CONF" --json |
		jq -e --argjson sent "$1" '[.queues[].packets] | add >= $sent'
}

# run_live NAME WORKERS RULES DECIDE-PACKETS: the daemon's flows in $LAB_DIR/NAME.json, one a line, sorted
run_live() {
	local name=$1 workers=$2 sent
	lab_conf <<-END
		firewall = { manage = false; };
		routing = { manage = false; };
		queue = { first = 0; count = $workers; };
		flows = { decide_packets = $4; };
		rules = ( $3 );
	END
	lab_waymarkd
	queue_all "$workers"
	sent=$(on_client $LAB_PYTHON -I "$TOGETHER" send "$LAB_DIR/pcap/all.pcap" eth0 \
		"$(ip -n "$LAB_ROUTER" -j link show lan | jq -r '.[0].address')")
	((sent > 1000))
	wait_until 20 all_judged "$sent"
	waymark status -c "$LAB_CONF" --json | jq -c .queues
	waymark status -c "$LAB_CONF" --json | jq -e 'all(.queues[]; .dropped == 0 and .packets > 0)'
	waymark flows -c "$LAB_CONF" --limit 100000 --json |
		# what the kernel says of itself on the link (MLD) is in no capture
		jq -c '.[] | select(.proto != "icmpv6" or (.src | startswith("fe80:") | not)) |
			if .host_source == "dns-cache" then .host = null | .host_source = null else . end' |
		sort >"$LAB_DIR/$name.json"
	lab_waymarkd_stop
	lab_reset
}

run_replay() { # NAME
	waymark replay -c "$LAB_CONF" --json "$LAB_DIR/pcap/all.pcap" >"$LAB_DIR/$1.json"
}

# Both as seen by live, one line for each flow that differs. Of a 5-tuple that was used twice, the
# daemon still has the last.
differences() { # REPLAY LIVE FIELDS
	jq -rn --slurpfile replay "$LAB_DIR/$1.json" --slurpfile live "$LAB_DIR/$2.json" "
		def who: \"\(.proto) \(.src) \(.sport) \(.dst) \(.dport)\";
		(\$replay | map({(who): .}) | add) as \$of |
		\$live[] | . as \$l | \$of[who] as \$r |
		if \$r == null then \"\(who): not in the replay\" else
			(($3) | . as \$field | select(\$l[\$field] != \$r[\$field]) |
				\"\(\$l | who): \(\$field) \(\$l[\$field]) live (\(\$l.state)), \(\$r[\$field]) in the replay\")
		end"
}

CLASSES='
	{ name = "web"; match = { app = ["tls", "http", "http2", "quic"]; }; mark = 11; },
	{ name = "names"; match = { app = ["dns", "mdns", "llmnr"]; }; mark = 12; },
	{ name = "mail"; match = { app = ["smtp"]; }; mark = 13; },
	{ name = "voice"; match = { app = ["sip", "xmpp", "irc"]; }; mark = 14; },
	{ name = "shell"; match = { app = ["ssh", "vnc", "ftp"]; }; mark = 15; }'
# a rule that stays open until the limits, so that live looks as long as replay; with low ones most
# flows come so far
OPEN='{ name = "never"; match = { payload = "\\xfe\\xfd this is never said"; }; mark = 9; },'

@test "each flow has the app, the name and the mark of the replay, with one worker and with two" {
	run_live one 1 "$OPEN $CLASSES" 4
	run_live two 2 "$OPEN $CLASSES" 4
	diff "$LAB_DIR/one.json" "$LAB_DIR/two.json"
	run_replay replay
	jq -s 'length as $all | map(select(.state == "final")) | {all: $all, final: length, known: map(select(.app)) | length,
		by_rule: group_by(.rule) | map({(.[0].rule // "none"): length}) | add}' "$LAB_DIR/one.json"
	# every 5-tuple of the replay, and no other
	diff <(jq -r '[.proto, .src, .sport, .dst, .dport] | tostring' "$LAB_DIR/one.json" | sort -u) \
		<(jq -r '[.proto, .src, .sport, .dst, .dport] | tostring' "$LAB_DIR/replay.json" | sort -u)
	differences replay one '"packets", "bytes", "rule", "mark"' >"$LAB_DIR/differences"
	# a final flow was looked at until the limits, as in the replay
	jq -c 'select(.state == "final")' "$LAB_DIR/one.json" >"$LAB_DIR/final.json"
	differences replay final '"app", "host", "host_source"' >>"$LAB_DIR/differences"
	# an open one may yet become known, but not something else
	jq -c 'select(.state != "final" and .app)' "$LAB_DIR/one.json" >"$LAB_DIR/known.json"
	differences replay known '"app"' >>"$LAB_DIR/differences"
	jq -c 'select(.state != "final" and .host)' "$LAB_DIR/one.json" >"$LAB_DIR/named.json"
	differences replay named '"host", "host_source"' >>"$LAB_DIR/differences"
	cat "$LAB_DIR/differences"
	[[ ! -s $LAB_DIR/differences ]]
	(($(wc -l <"$LAB_DIR/known.json") + $(wc -l <"$LAB_DIR/final.json") > 50))
}

@test "a flow that is decided as soon as its app is known has the mark of the replay, with one worker and with two" {
	run_live one 1 "$CLASSES" 12
	run_live two 2 "$CLASSES" 12
	diff "$LAB_DIR/one.json" "$LAB_DIR/two.json"
	run_replay replay
	differences replay one '"rule", "mark", "late", "moved"' >"$LAB_DIR/differences"
	cat "$LAB_DIR/differences"
	[[ ! -s $LAB_DIR/differences ]]
	(($(jq -c 'select(.rule == "web" and .mark == "0xb")' "$LAB_DIR/one.json" | wc -l) > 20))
}
