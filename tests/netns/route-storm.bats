#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A thousand random changes of links, addresses, routes and rules by another hand: afterwards the
# kernel has what `uplinks --plan` says, exactly, and what is others' is as it would be without
# us. That is told by a shadow: a second router without a waymarkd, to which the same is done.
#
# WAYMARK_TEST_SEED repeats a run.

load lab.bash

EVENTS=1000

setup_file() {
	lab_file veth || return 0
	lab_link_other
	shadow_up
}

teardown_file() {
	[[ -z ${LAB_ID:-} ]] || lab_remove_namespaces "$LAB_ID-shadow" "$LAB_ID-shadownet"
	lab_down
}

setup() {
	local place
	lab_test
	SEED=${WAYMARK_TEST_SEED:-$((10#${EPOCHREALTIME#*[.,]}))}
	SHADOW=$LAB_ID-shadow
	echo "# seed $SEED" >&3
	for place in "$LAB_ROUTER" "$SHADOW"; do
		calm "$place"
		foreign_clean "$place"
	done
	storm_conf
	lab_waymarkd
}

teardown() { lab_test_end; }

# A link that is no uplink's.
lab_link_other() {
	ip link add other netns "$LAB_ROUTER" type veth peer name far netns "$LAB_NET"
	ip -n "$LAB_ROUTER" addr add 172.31.0.2/24 dev other
	ip -n "$LAB_ROUTER" link set other up
	ip -n "$LAB_NET" link set far up
}

# The router once more, with the same links and addresses.
shadow_up() {
	local namespace
	for namespace in "$LAB_ID-shadow" "$LAB_ID-shadownet"; do
		ip netns add "$namespace"
		lab_sysctl "$namespace" net/ipv6/conf/all/accept_dad=0 net/ipv6/conf/default/accept_dad=0 \
			net/ipv6/conf/all/accept_ra=0 net/ipv6/conf/default/accept_ra=0 \
			net/ipv6/conf/default/keep_addr_on_down=1 net/ipv6/conf/all/keep_addr_on_down=1
		ip -n "$namespace" link set lo up
	done
	lab_sysctl "$LAB_ID-shadow" net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
	(
		LAB_ROUTER=$LAB_ID-shadow LAB_NET=$LAB_ID-shadownet
		ip link add lan netns "$LAB_ROUTER" type veth peer name eth0 netns "$LAB_NET"
		ip -n "$LAB_ROUTER" addr add $LAB_ROUTER4/24 dev lan
		ip -n "$LAB_ROUTER" addr add $LAB_ROUTER6/64 dev lan nodad
		ip -n "$LAB_ROUTER" link set lan up
		ip -n "$LAB_NET" link set eth0 up
		for interface in $LAB_UPLINKS; do
			lab_link_veth "$interface"
			ip -n "$LAB_ROUTER" link set "$interface" up
			ip -n "$LAB_NET" link set "${LAB_ISP[$interface]}" up
		done
		lab_link_other
	)
}

storm_conf() {
	cat >"$LAB_CONF" <<-END
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_SOCKET"; };
		uplinks = (
		  { name = "mail.out"; interface = "ppp0"; gateway = "${LAB_GW4[ppp0]}"; gateway6 = "${LAB_GW6[ppp0]}";
		    table = 201; mark = 1; on_down = "cable"; },
		  { name = "cable"; interface = "wan1"; table = 202; mark = 2; },
		  { name = "isdn"; interface = "wan2"; gateway = "${LAB_GW4[wan2]}"; gateway6 = "${LAB_GW6[wan2]}";
		    table = 203; mark = 3; on_down = "block"; }
		);
	END
}

# calm NAMESPACE: whatever the storm has left, links, addresses and main are as they were.
calm() {
	local interface
	{
		for interface in ppp0 wan1 wan2; do
			echo "link set ${interface}x name $interface"
			echo "link set $interface up"
			echo "addr flush dev $interface scope global"
			echo "addr add ${LAB_UP4[$interface]}/${LAB_LENGTH4[$interface]} dev $interface"
			echo "addr add ${LAB_UP6[$interface]}/64 dev $interface nodad"
		done
		echo "link set otherx name other"
		echo "addr replace 172.31.0.2/24 dev other"
		echo "link set other up"
		echo "link set lan up"
		echo "route flush proto 186"
		echo "route flush default"
	} | ip -n "$1" -force -batch - >/dev/null 2>&1 || true
	printf '%s\n' "route flush proto 186" "route flush default" |
		ip -n "$1" -6 -force -batch - >/dev/null 2>&1 || true
	(LAB_ROUTER=$1 && lab_main_default wan1)
	wait_until 5 up_and_running "$1" || { ip -n "$1" -o link >&2; return 1; }
}

up_and_running() {
	(($(ip -n "$1" -o link show up | grep -c -E ' (ppp0|wan1|wan2|other|lan)@.*LOWER_UP') == 5))
}

foreign_clean() {
	local family
	for family in -4 -6; do
		ip -n "$1" $family rule flush protocol 186 2>/dev/null || true
		ip -n "$1" $family rule flush protocol 87 2>/dev/null || true
		ip -n "$1" $family route flush table all proto 186 2>/dev/null || true
		ip -n "$1" $family route flush table all proto 87 2>/dev/null || true
	done
}

# storm_write SEED COUNT DIRECTORY: the changes, in files of a few, one a family. What is added
# has keys that nothing of ours shares, so that it fares alike with and without us.
storm_write() {
	rm -rf "$3"
	mkdir "$3"
	awk -v seed="$1" -v count="$2" -v directory="$3" \
		-v up4="${LAB_UP4[ppp0]}/30 ${LAB_UP4[wan1]}/24 ${LAB_UP4[wan2]}/24" \
		-v up6="${LAB_UP6[ppp0]} ${LAB_UP6[wan1]} ${LAB_UP6[wan2]}" \
		-v gw4="${LAB_GW4[ppp0]} ${LAB_GW4[wan1]} ${LAB_GW4[wan2]}" \
		-v gw6="${LAB_GW6[ppp0]} ${LAB_GW6[wan1]} ${LAB_GW6[wan2]}" '
	function below(n) { return int(rand() * n) }
	function any(list, parts, n) { n = split(list, parts, " "); return parts[1 + below(n)] }
	function one(text) { print text >file4 }
	function both(text) { print text >file4; print text >file6 }
	function to(family, text) { print text >(family == 4 ? file4 : file6) }
	function link_change() {
		link = any("ppp0 wan1 wan2 other")
		if (below(8) == 0) {
			one("link set " link " name " link "x")
			if (below(2)) one("link set " link "x name " link)
		} else if (below(3) == 0) {
			one("link set " link " down")
			one("link set " link " up")
		} else {
			one("link set " link " " any("up down up"))
		}
	}
	function address_change(i) {
		i = 1 + below(3)
		split(up4, a4, " "); split(up6, a6, " "); split("ppp0 wan1 wan2", dev, " ")
		action = any("add del add replace")
		if (below(2))
			one("addr " action " " (below(2) ? a4[i] : "100.127." i "." 1 + below(3) "/24") " dev " dev[i])
		else
			to(6, "addr " action " " (below(2) ? a6[i] : "2001:db8:70" i "::" 1 + below(3)) "/64 dev " dev[i] " nodad")
	}
	function main_change(i) {
		i = 1 + below(3)
		split(gw4, g4, " "); split(gw6, g6, " "); split("ppp0 wan1 wan2", dev, " ")
		action = any("add replace del replace append")
		metric = any("0 50 100 2000")
		gateway = below(4) ? 1 : 0
		if (below(2))
			one("route " action " default via " (gateway ? g4[i] : "192.0.2." 100 + below(3)) \
			    " dev " dev[i] " metric " metric " onlink proto 186")
		else if (action != "append") # which would join it to another as a second next hop
			to(6, "route " action " default via " (gateway ? g6[i] : "fe80::" 1 + below(3)) \
			   " dev " dev[i] " metric " metric + 10 + i " proto 186")
		if (below(3) == 0)
			one("route " any("add del replace") " " any("192.0.2.0/25 198.18.0.0/15 " g4[i] "/32") " dev " any("wan1 wan2 other") " proto 186")
	}
	function ours_taken(family) {
		family = any("4 6")
		n = below(6)
		# not by a flush: one that meets a rule which is gone already leaves the rest, of others too
		if (n == 0) {
			for (i = 0; i < 4; i++) to(family, "rule del pref " 20000 + i " protocol 87")
			for (i = 0; i < 6; i++) to(family, "rule del pref " 20200 + i " protocol 87")
		}
		else if (n == 1) to(family, "route flush table " 201 + below(3))
		else if (n == 2) to(family, "route del default table " 201 + below(3) " proto 87")
		else if (n == 3) to(family, "rule del pref 20000 protocol 87")
		else {
			i = 1 + below(3)
			to(family, "rule del pref " 20000 + i " fwmark 0x" i "/0x7f lookup " 200 + i " protocol 87")
		}
	}
	function like_ours(family) { # by protocol and place: it has to go
		family = any("4 6")
		n = below(4)
		if (n == 0) to(family, "rule add pref " 20000 + below(500) " fwmark 0x" 10 + below(9) "/0x7f lookup " 205 + below(3) " protocol 87")
		else if (n == 1) to(family, "rule add pref " below(2) * 30000 + 1 + below(9) " fwmark 0x55 lookup " 201 + below(3) " protocol 87")
		else if (n == 2) to(family, "route add blackhole " (family == 4 ? "198.19." below(9) ".0/24" : "2001:db8:80" below(9) "::/48") " table " 201 + below(3) " proto 87")
		else to(family, "rule add pref " 20499 - below(3) " from " (family == 4 ? "10.99.0.1" : "2001:db8:99::1") " unreachable protocol 87")
	}
	function others(family) { # by protocol or by place: it has to stay
		family = any("4 6")
		n = below(6)
		i = below(9)
		if (n == 0) to(family, "rule " any("add del") " pref " 19990 - i " fwmark 0x5 lookup 4000 protocol 87")
		else if (n == 1) to(family, "rule " any("add del") " pref " 20510 + i " fwmark 0x5 lookup 4000 protocol 87")
		else if (n == 2) to(family, "rule " any("add add del") " pref " 20150 + i " fwmark 0x5/0x7f lookup 201 protocol 186")
		else if (n == 3) to(family, "route " any("add del replace") " " (family == 4 ? "198.19.1" i ".0/24" : "2001:db8:81" i "::/48") " dev other table " 201 + below(3) " proto 186")
		else if (n == 4) to(family, "route " any("add del") " blackhole " (family == 4 ? "198.19.2" i ".0/24" : "2001:db8:82" i "::/48") " table 4000 proto 87")
		else to(family, "route " any("add del") " unreachable default metric " 7000 + i " table " 201 + below(3) " proto 186")
	}
	BEGIN {
		srand(seed)
		for (done = 0; done < count; ) {
			file4 = sprintf("%s/%04d.4", directory, done)
			file6 = sprintf("%s/%04d.6", directory, done)
			printf "" >file4
			printf "" >file6
			for (left = 1 + below(30); left > 0 && done < count; left--) {
				kind = below(12)
				if (kind < 2) link_change()
				else if (kind < 4) address_change()
				else if (kind < 6) main_change()
				else if (kind < 9) ours_taken()
				else if (kind < 10) like_ours()
				else others()
				done++
			}
			close(file4)
			close(file6)
		}
	}'
}

# storm NAMESPACE DIRECTORY: many of the changes are refused (what is there already, what is gone).
storm() {
	local file
	for file in "$2"/*.4; do
		ip -n "$1" -4 -force -batch "$file" >/dev/null 2>&1 || true
		ip -n "$1" -6 -force -batch "${file%.4}.6" >/dev/null 2>&1 || true
	done
}

# The rules and routes of ours, in the words of `uplinks --plan`.
present() {
	local family table
	for family in 4 6; do
		ip -n "$LAB_ROUTER" -N -$family rule show |
			awk '/ proto 87$/ && (($1 + 0 >= 20000 && $1 + 0 < 20500) || / lookup 20[123] /)' |
			sed -e "s/^\([0-9]*\):\t/rule $family pref \1 /" -e 's/ from all / /' -e 's/fwmark 0\//fwmark 0x0\//' \
				-e 's/lookup 254/lookup main/' -e 's/ proto / protocol /'
		for table in 201 202 203; do
			ip -n "$LAB_ROUTER" -N -$family route show table $table 2>/dev/null |
				sed -n -e "s/^/route $family /" -e 's/^\(route [46]\) 7 default\( dev lo\)\?/\1 unreachable default/' \
					-e 's/ pref [a-z0-9]*//' -e 's/ scope 253/ scope link/' -e 's/^\(route 6.*\) metric 1024/\1/' \
					-e "s/ proto 87/ table $table proto 87/" -e 's/ *$//' -e '/ proto 87/p'
		done
	done | sort
}

planned() { on_router "$WAYMARK_BUILD/waymark" uplinks -c "$LAB_CONF" --plan | sort; }
as_planned() { diff <(planned) <(present); }

# What is not ours: by protocol, or by place.
foreign() {
	local family table
	for family in 4 6; do
		ip -n "$1" -N -$family rule show |
			awk '!(/ proto 87$/ && (($1 + 0 >= 20000 && $1 + 0 < 20500) || / lookup 20[123] /))' |
			sed "s/^/$family /"
		for table in main 4000; do
			ip -n "$1" -N -$family route show table $table 2>/dev/null |
				grep -v ' proto 187' | sed "s/^/$family $table /; s/ *$//"
		done
		for table in 201 202 203; do
			ip -n "$1" -N -$family route show table $table 2>/dev/null | grep -v ' proto 87' |
				sed "s/^/$family $table /; s/ *$//"
		done
	done | sort
}

same_foreign() { diff <(foreign "$SHADOW") <(foreign "$LAB_ROUTER"); }

no_duplicates() { [[ -z $(present | uniq -d) ]]; }

# How many messages the daemon sends in this many seconds.
sent_in() {
	timeout "$1" strace -f -qq -e trace=sendto,sendmsg,sendmmsg -o "$LAB_DIR/sent" -p "$(lab_pid waymarkd)" || true
	grep -c 'send' "$LAB_DIR/sent" || true
}

silent() { (($(sent_in 2) == 0)); }

settled() {
	wait_until 10 as_planned || {
		as_planned >&2
		return 1
	}
	wait_until 30 silent
	as_planned >&2
	no_duplicates
	same_foreign >&2
	(($(sent_in 3) == 0))
}

# The storm, here and in the shadow; then the calm.
weather() {
	storm "$LAB_ROUTER" "$LAB_DIR/storm"
	storm "$SHADOW" "$LAB_DIR/storm"
	calm_after
}

calm_after() {
	settled
	calm "$LAB_ROUTER"
	calm "$SHADOW"
	settled
	present | grep -q 'route 4 default via 195.96.98.253 dev ppp0 table 201'
}

@test "1 000 random changes by another hand: rules and tables are the plan's, and nothing of others' differs" {
	storm_write "$SEED" $EVENTS "$LAB_DIR/storm"
	weather
}

@test "1 000 random changes beside a main table that takes too long to be read each time: the same" {
	storm_write "$((SEED + 1))" $EVENTS "$LAB_DIR/storm"
	seq 0 65535 | awk '{ printf "route add 20.0.%d.%d/32 via 10.10.0.9 proto 187\n", $1 / 256, $1 % 256 }' |
		on_router ip -batch -
	weather
	on_router ip route flush proto 187
}

drops() { on_router awk '$2 == 0 { n += $9 } END { print n + 0 }' /proc/net/netlink; }

@test "1 000 random changes while it is stopped, and events are lost: the same" {
	local pid
	pid=$(lab_pid waymarkd)
	storm_write "$((SEED + 2))" $EVENTS "$LAB_DIR/storm"
	seq 0 65535 | awk '{ printf "route add blackhole 100.64.%d.%d/32 table 4001\n", $1 / 256, $1 % 256 }' >"$LAB_DIR/many"
	kill -STOP "$pid"
	on_router ip -batch "$LAB_DIR/many"
	storm "$LAB_ROUTER" "$LAB_DIR/storm"
	on_router ip route flush table 4001
	(($(drops) > 0))
	kill -CONT "$pid"
	storm "$SHADOW" "$LAB_DIR/storm"
	calm_after
}
