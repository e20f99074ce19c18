# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# split - one split of traffic over the uplinks `up` (wan) and `fast`, as a policy and as iptables rules; sourced.
# What goes to $port by protocol $1 belongs to fast.
# shellcheck disable=SC2154 # lab.bash sets them

port=5201

# Open for a flow until its first bytes have shown that it is none of what stands before "bulk".
# Its control socket is named for it.
split_policy() { # PROTOCOL NAME FURTHER-KEYS
	mkdir -p "$work/none"
	cat <<-END
		control = { socket = "$work/$2.socket"; };
		rules_dir = "$work/none";
		queue = { count = 1; };
		$3
		uplinks = (
		  { name = "up"; interface = "wan"; gateway = "$BENCH_SERVER4"; table = 201; mark = 1; },
		  { name = "fast"; interface = "fast"; gateway = "10.9.3.2"; table = 202; mark = 2; } );
		rules = (
		  { name = "guests"; match = { src = "10.10.66.0/24"; }; uplink = "main"; },
		  { name = "ssh"; match = { proto = "tcp"; app = "ssh"; }; uplink = "up"; },
		  { name = "meetings"; match = { host = ["meet.example", "=call.example.net"]; }; uplink = "up"; },
		  { name = "video"; match = { host = ["video.example", "stream.example"]; }; uplink = "fast"; },
		  { name = "torrent"; match = { app = "bittorrent"; }; uplink = "fast"; },
		  { name = "voip"; match = { app = ["sip", "rtp"]; }; uplink = "up"; },
		  { name = "acme-sync"; match = { proto = "tcp"; payload = "^ACME/[0-9]"; }; uplink = "up"; },
		  { name = "mail"; match = { proto = "tcp"; dport = [25, 465, 587]; }; uplink = "up"; },
		  { name = "interactive"; match = { tos = "lowdelay"; }; uplink = "up"; },
		  { name = "voice"; match = { dscp = ["ef", "cs5"]; }; mark = 7; },
		  { name = "bulk"; match = { proto = "$1"; dport = $port; }; uplink = "fast"; } );
	END
}

# On the router, whose default leads to wan: as somebody writes it by hand, marks saved and restored.
split_by_hand() { # PROTOCOL
	on_router iptables-restore <<-END
		*mangle
		-A PREROUTING -i lan -j CONNMARK --restore-mark
		-A PREROUTING -i lan -m mark ! --mark 0 -j ACCEPT
		-A PREROUTING -i lan -s 10.10.66.0/24 -j ACCEPT
		-A PREROUTING -i lan -p tcp -m multiport --dports 22,25,465,587 -j MARK --set-mark 1
		-A PREROUTING -i lan -m mark --mark 0 -m tos --tos 0x10 -j MARK --set-mark 1
		-A PREROUTING -i lan -m mark --mark 0 -m dscp --dscp-class ef -j MARK --set-mark 7
		-A PREROUTING -i lan -m mark --mark 0 -m dscp --dscp-class cs5 -j MARK --set-mark 7
		-A PREROUTING -i lan -m mark --mark 0 -p $1 --dport $port -j MARK --set-mark 2
		-A PREROUTING -i lan -j CONNMARK --save-mark
		COMMIT
	END
	ip -n "$router" rule add pref 20001 fwmark 1 lookup 201
	ip -n "$router" rule add pref 20002 fwmark 2 lookup 202
	ip -n "$router" route add default via "$BENCH_SERVER4" table 201
	ip -n "$router" route add default via 10.9.3.2 table 202
}

# On the router, whose default leads to wan: nothing split, all by `fast` (kernel), or one of the two ways above.
split_as() { # kernel|static...|full PROTOCOL
	case $1 in
	kernel) ip -n "$router" route replace default via 10.9.3.2 ;;
	static*) split_by_hand "$2" ;;
	full)
		split_policy "$2" full '' >"$work/full.conf"
		bench_waymarkd "$work/full.conf" full
		;;
	esac
}
