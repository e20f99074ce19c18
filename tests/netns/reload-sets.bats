#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A list of a million names and one of a million prefixes are reloaded under new connections: none
# meets a time without a policy. Each connection leaves by the line that the old or the new lists
# give it, and never by main; no packet is lost, or passes by the queue. What the old lists took in
# memory is given back.

load lab.bash

setup_file() {
	lab_file veth || return 0
	lab_server_echo 7777 8080
	export ENTRIES=1000000 SANITIZED=
	if nm "$WAYMARK_BUILD/.libs/waymarkd" 2>/dev/null | grep -q -e __asan -e __tsan; then
		ENTRIES=50000 SANITIZED=1
	fi
	# none of them is an address or a name of the lab
	awk -v n=$ENTRIES 'BEGIN { for (i = 0; i < n; i++) printf "%d.%d.%d.%d/29\n",
		16 + i * 7 % 90, i / 65536, i / 256 % 256, i * 8 % 256 }' >"$LAB_DIR/prefixes.bulk"
	awk -v n=$ENTRIES 'BEGIN { for (i = 0; i < n; i++) printf "%sname-%x.example%d.com\n",
		i % 5 ? "" : "=", i * 2654435761 % 4294967296, i % 1000 }' >"$LAB_DIR/names.bulk"
	cat >"$LAB_DIR/opener.py" <<-'END'
		import os, signal, socket, struct, sys, time

		stop, slowest, count = [], 0.0, 0
		signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
		hello = b"GET / HTTP/1.1\r\nHost: www.listed.example\r\n\r\n"

		def talk(kind, port, said):
		    with socket.socket(socket.AF_INET, kind) as line:
		        line.settimeout(30)
		        line.connect((sys.argv[1], port))
		        line.sendall(said)
		        got = b""
		        while len(got) < len(said):
		            more = line.recv(4096)
		            if not more:
		                sys.exit("closed by the other side")
		            got += more
		        if kind == socket.SOCK_STREAM:  # no TIME_WAIT: ports are few
		            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

		while not stop:
		    for kind, port, said in ((socket.SOCK_STREAM, 7777, b"x"), (socket.SOCK_DGRAM, 7777, b"x"),
		                             (socket.SOCK_STREAM, 8080, hello)):
		        begin = time.monotonic()
		        talk(kind, port, said)
		        slowest = max(slowest, time.monotonic() - begin)
		        count += 1
		        with open(sys.argv[2] + ".new", "w") as status:
		            print(count, file=status)
		        os.replace(sys.argv[2] + ".new", sys.argv[2])
		print(count, round(slowest * 1000))
	END
}

teardown_file() { lab_down; }
setup() { lab_test; }
teardown() { lab_test_end; }

# Odd versions list our server and our name, even ones do not. Lists are replaced as a whole.
lists() { # VERSION
	local file
	for file in prefixes names; do
		cp "$LAB_DIR/$file.bulk" "$LAB_DIR/$file.new"
	done
	if (($1 % 2)); then
		echo $LAB_ECHO4 >>"$LAB_DIR/prefixes.new"
		echo listed.example >>"$LAB_DIR/names.new"
	fi
	for file in prefixes names; do
		mv "$LAB_DIR/$file.new" "$LAB_DIR/$file"
	done
}

opened() { cat "$LAB_DIR/opened"; }
opened_above() { (($(opened) > $1)); }

rss() { awk -v k="$1:" '$1 == k { print $2 }' "/proc/$(lab_pid waymarkd)/status"; }

# First packets of the opener's connections, where they arrive; a capture may miss some under load.
count_arrivals() {
	local isp
	for isp in isp1 isp2 isp3; do
		on_net iptables -w -t raw -A PREROUTING -i $isp -d $LAB_ECHO4 -p tcp --syn --sport 50000:60999
		on_net iptables -w -t raw -A PREROUTING -i $isp -d $LAB_ECHO4 -p udp --sport 50000:60999
	done
	# by main not any packet
	on_net iptables -w -t raw -A PREROUTING -i isp2 -d $LAB_ECHO4 -p tcp ! --syn
}

arrivals() { # INTERFACE
	on_net iptables -w -t raw -v -x -n -L PREROUTING | awk -v i="$1" '$5 == i || $6 == i { n += $1 } END { print n + 0 }'
}

# The connections that are looked at one by one
PROBES='src portrange 41000-49999'

queue_drops() {
	on_router awk '{ n += $6 + $7 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue
}

# A connection begun now, after the reload was answered, leaves by the line that the new lists say.
leaves_by() { # INTERFACE PORT [OPTION...]
	local interface=$1 port=$2 REPLY
	shift 2
	lab_port
	on_client $LAB_PYTHON "$LAB_PROGRAMS" talk --status "$LAB_DIR/log/x" --timeout 20 --count 1 \
		--sport "$REPLY" "$@" $LAB_ECHO4 "$port"
	seen_on() { (($(lab_captured "$interface" "src port $1 and tcp[tcpflags] & tcp-push != 0") > 0)); }
	wait_until 5 seen_on "$REPLY"
}

@test "complaint 22: a reload empties the name sets for a second: lists of a million change without a gap, memory comes back" {
	lists 1
	lab_conf <<-END
		rules = (
		  { name = "by-name"; match = { proto = "tcp"; dport = 8080; host = "@names"; }; uplink = "mail.out"; late = "move"; },
		  { name = "named"; match = { dport = 8080; }; uplink = "isdn"; },
		  { name = "by-prefix"; match = { dst = "@prefixes"; }; uplink = "mail.out"; },
		  { name = "rest"; match = { }; uplink = "isdn"; }
		);
	END
	lab_waymarkd_spawn
	wait_until 60 lab_waymarkd_answers_or_dead
	lab_waymarkd_answers >/dev/null
	lab_capture_uplinks "$PROBES"
	count_arrivals
	echo 0 >"$LAB_DIR/opened"
	lab_spawn opener "$LAB_CLIENT" $LAB_PYTHON -I "$LAB_DIR/opener.py" $LAB_ECHO4 "$LAB_DIR/opened"
	wait_until 20 opened_above 10
	local version before milliseconds=() REPLY start first_rss
	for version in 2 3 4 5 6 7 8 9; do
		lists $version
		before=$(opened)
		lab_now && start=$REPLY
		waymark reload -c "$LAB_CONF"
		lab_now && milliseconds+=($((REPLY - start)))
		echo "reload $version: ${milliseconds[-1]} ms, $(($(opened) - before)) connections meanwhile, RSS $(rss VmRSS) KiB, peak $(rss VmHWM) KiB"
		# workers went on while the control thread read the lists
		((milliseconds[-1] < 200 || $(opened) > before))
		if ((version % 2)); then
			leaves_by ppp0 7777
			leaves_by ppp0 8080 --first 'GET / HTTP/1.1\r\nHost: www.listed.example\r\n\r\n'
		else
			leaves_by wan2 7777
			leaves_by wan2 8080 --first 'GET / HTTP/1.1\r\nHost: www.listed.example\r\n\r\n'
		fi
		((version != 3)) || first_rss=$(rss VmRSS)
	done
	local pid
	pid=$(lab_pid opener)
	kill -TERM "$pid"
	wait "$pid" || { cat "$LAB_DIR/log/opener.err"; false; }
	lab_capture_uplinks_stop
	local count slowest
	read -r count slowest <"$LAB_DIR/log/opener.out"
	echo "$count connections, the slowest $slowest ms"
	# each once by one of the two lines; a packet lost would be sent again, or arrive never
	(($(arrivals isp2) == 0))
	(($(arrivals isp1) > 0 && $(arrivals isp3) > 0))
	(($(arrivals isp1) + $(arrivals isp3) == count))
	(($(queue_drops) == 0))
	lab_alive waymarkd
	refute grep -q -e stalled -e 'error:' "$LAB_DIR/log/waymarkd.err"
	[[ -n $SANITIZED ]] || (($(rss VmRSS) < first_rss * 5 / 4))
}

@test "a list with an error, or none, leaves the old lists in force" {
	lists 1
	lab_conf <<-END
		rules = (
		  { name = "by-prefix"; match = { dst = "@prefixes"; }; uplink = "mail.out"; },
		  { name = "rest"; match = { }; uplink = "isdn"; }
		);
	END
	lab_waymarkd_spawn
	wait_until 60 lab_waymarkd_answers_or_dead
	lab_capture_uplinks "$PROBES"
	echo 192.0.2.300 >>"$LAB_DIR/prefixes"
	run -1 waymark reload -c "$LAB_CONF"
	[[ $output == *"prefixes:$((ENTRIES + 2)): '192.0.2.300': not an address"* ]]
	leaves_by ppp0 7777
	rm "$LAB_DIR/prefixes"
	run -1 waymark reload -c "$LAB_CONF"
	[[ $output == *"cannot read the list"* ]]
	leaves_by ppp0 7777
	lists 2
	waymark reload -c "$LAB_CONF"
	leaves_by wan2 7777
	lab_capture_uplinks_stop
}
