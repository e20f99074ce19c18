#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ten thousand header rules and a list of a million names are reloaded under new connections. The first that
# applies to them stands last, behind all others, so a connection that met half a policy would leave
# by another line. Each connection arrives once, by the line that the old or the new rules give it; the queue drops
# nothing.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7777
	export RULES=10000 NAMES=1000000 RELOADS=2
	if nm "$WAYMARK_BUILD/.libs/waymarkd" 2>/dev/null | grep -q -e __asan -e __tsan; then
		RULES=2000 NAMES=50000 RELOADS=2
	fi
	awk -v n=$NAMES 'BEGIN { for (i = 0; i < n; i++) printf "name-%x.example%d.com\n",
		i * 2654435761 % 4294967296, i % 1000 }' >"$LAB_DIR/names"
	# none of them is an address of the lab
	awk -v n=$RULES 'BEGIN { for (i = 0; i < n; i++) printf "  { name = \"r%d\"; match = " \
		"{ dst = \"16.%d.%d.%d/32\"; proto = \"%s\"; dport = %d; }; uplink = \"cable\"; },\n",
		i, i / 65536, i / 256 % 256, i % 256, i % 2 ? "tcp" : "udp", 1 + i % 9000 }' >"$LAB_DIR/bulk"
	cat >"$LAB_DIR/opener.py" <<-'END'
		import os, signal, socket, struct, sys

		stop, count = [], 0
		signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
		while not stop:
		    with socket.socket() as line:
		        line.settimeout(30)
		        line.connect((sys.argv[1], 7777))
		        line.sendall(b"x")
		        if line.recv(1) != b"x":
		            sys.exit("closed by the other side")
		        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    count += 1
		    with open(sys.argv[2] + ".new", "w") as status:
		        print(count, file=status)
		    os.replace(sys.argv[2] + ".new", sys.argv[2])
		print(count)
	END
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

# The rule for our server, last of all, and the one by name before it.
rules() { # UPLINK
	{
		echo 'rules = ('
		cat "$LAB_DIR/bulk"
		cat <<-END
			  { name = "names"; match = { proto = "udp"; host = "@names"; }; uplink = "cable"; },
			  { name = "ours"; match = { dst = "$LAB_ECHO4"; proto = "tcp"; dport = 7777; }; uplink = "$1"; },
			  { name = "rest"; match = { }; uplink = "cable"; }
			);
		END
	} | lab_conf
}

opened() { cat "$LAB_DIR/opened"; }
opened_above() { (($(opened) > $1)); }

count_arrivals() {
	local isp
	for isp in isp1 isp2 isp3; do
		on_net iptables -w -t raw -A PREROUTING -i $isp -d $LAB_ECHO4 -p tcp --syn
	done
}

arrivals() { # INTERFACE
	on_net iptables -w -t raw -v -x -n -L PREROUTING | awk -v i="$1" '$5 == i || $6 == i { n += $1 } END { print n + 0 }'
}

arrived_above() { (($(arrivals "$1") > $2)); }

queue_drops() {
	on_router awk '{ n += $6 + $7 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue
}

@test "ten thousand rules and a million names are reloaded under traffic, and no connection meets less than all of them" {
	rules mail.out
	lab_waymarkd_spawn
	wait_until 60 lab_waymarkd_answers_or_dead
	lab_waymarkd_answers >/dev/null
	count_arrivals
	echo 0 >"$LAB_DIR/opened"
	lab_spawn opener "$LAB_CLIENT" $LAB_PYTHON -I "$LAB_DIR/opener.py" $LAB_ECHO4 "$LAB_DIR/opened"
	wait_until 20 opened_above 10
	local reload before REPLY start took count
	for ((reload = 0; reload < RELOADS; reload++)); do
		if ((reload % 2)); then rules mail.out; else rules isdn; fi
		before=$(opened)
		lab_now && start=$REPLY
		waymark reload -c "$LAB_CONF"
		lab_now && took=$((REPLY - start))
		echo "reload $reload: $took ms, $(($(opened) - before)) connections meanwhile"
		# what begins now is under the new rules
		if ((reload % 2)); then before=$(arrivals isp1); else before=$(arrivals isp3); fi
		if ((reload % 2)); then wait_until 10 arrived_above isp1 "$before"; else wait_until 10 arrived_above isp3 "$before"; fi
	done
	local pid
	pid=$(lab_pid opener)
	kill -TERM "$pid"
	wait "$pid" || { cat "$LAB_DIR/log/opener.err"; false; }
	read -r count <"$LAB_DIR/log/opener.out"
	echo "$count connections: $(arrivals isp1) by ppp0, $(arrivals isp2) by wan1, $(arrivals isp3) by wan2"
	# a SYN that was lost would have come again; one that met no rules went by main, one that met a part by wan1
	(($(arrivals isp2) == 0))
	(($(arrivals isp1) + $(arrivals isp3) == count))
	(($(queue_drops) == 0))
	lab_alive waymarkd
	refute grep -q -e stalled -e 'error:' "$LAB_DIR/log/waymarkd.err"
}
