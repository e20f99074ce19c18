#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Table names: what the daemon reads of iproute2's files, and the one file that it writes beside them.
# Daemon, commands and ip run in mount namespaces whose /etc/iproute2 is the directory $TABLES.

load lab.bash

setup_file() { lab_file veth || return 0; }
teardown_file() { lab_down; }

setup() {
	lab_test
	TABLES=$LAB_DIR/iproute2
	OWN=$TABLES/rt_tables.d/waymark.conf
	rm -rf "$TABLES"
	mkdir -p "$TABLES/rt_tables.d"
	printf '%s\t%s\n' 255 local 254 main 253 default 0 unspec >"$TABLES/rt_tables"
	printf '300 office # a comment\n' >>"$TABLES/rt_tables"
	printf '310 lab\n' >"$TABLES/rt_tables.d/lab.conf"
	checksums >"$LAB_DIR/users"
	names_conf
}

teardown() {
	[[ -n ${LAB_ID:-} ]] || return 0
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n +1 "$TABLES"/rt_tables.d/*
	lab_test_end
}

# Every file but ours.
checksums() {
	(cd "$TABLES" && find . -type f ! -path ./rt_tables.d/waymark.conf -exec sha256sum {} + | sort)
}

users_files_are_whole() {
	checksums | diff "$LAB_DIR/users" -
}

# in_etc COMMAND...: with this /etc/iproute2.
in_etc() {
	# shellcheck disable=SC2016 # the inner shell's own
	unshare --mount --propagation private sh -c 'mount --bind "$0" /etc/iproute2 && exec "$@"' "$TABLES" "$@"
}

waymark() { in_etc "$WAYMARK_BUILD/waymark" "$@"; }
ip_named() { on_router unshare --mount --propagation private sh -c 'mount --bind "$0" /etc/iproute2 && exec ip "$@"' "$TABLES" "$@"; }

# shellcheck disable=SC2016 # the inner shell's own
start() { lab_waymarkd unshare --mount --propagation private sh -c 'mount --bind "$0" /etc/iproute2 && exec "$@"' "$TABLES"; }

# names_conf [ROUTING KEYS [FIRST NAME [SECOND UPLINK'S KEYS]]]
names_conf() {
	cat >"$LAB_CONF" <<-END
		rules_dir = "$LAB_DIR/rules.d";
		control = { socket = "$LAB_SOCKET"; };
		routing = { ${1-register_table_names = true;} };
		uplinks = (
		  { name = "${2-mail.out}"; interface = "ppp0"; gateway = "${LAB_GW4[ppp0]}"; table = 201; mark = 1; },
		  { name = "cable"; interface = "wan1"; gateway = "${LAB_GW4[wan1]}"; ${3-table = 202;} mark = 2; }
		);
	END
}

# own_is "NUMBER NAME"...: our file has these lines behind its first.
own_is() {
	diff <((($# == 0)) || printf '%s\n' "$@") <(tail -n +2 "$OWN")
	[[ $(head -n 1 "$OWN") == '# written by waymark'* ]]
}

@test "names stand in a file of our own while the daemon runs, and ip shows them" {
	start
	own_is "201 mail.out" "202 cable"
	[[ $(stat -c %a "$OWN") == 644 ]]
	users_files_are_whole
	ip_named rule show | grep -q 'fwmark 0x1/0x7f lookup mail.out'
	ip_named -6 rule show | grep -q 'fwmark 0x2/0x7f lookup cable'
	[[ $(ip_named route show table mail.out) == "default via ${LAB_GW4[ppp0]} dev ppp0"* ]]
	# numbers are what counts, with names or without
	[[ $(on_router ip route show table 201) == "default via ${LAB_GW4[ppp0]} dev ppp0"* ]]
	lab_waymarkd_stop
	[[ ! -e $OWN && -d $TABLES/rt_tables.d ]]
	users_files_are_whole
	[[ -z $(on_router ip rule show | grep 'proto 87') ]]
}

@test "without the key nothing is written, nor in mode observe" {
	names_conf ''
	start
	[[ ! -e $OWN ]]
	users_files_are_whole
	lab_waymarkd_stop
	names_conf
	echo 'mode = "observe";' >>"$LAB_CONF"
	start
	[[ ! -e $OWN ]]
	users_files_are_whole
}

@test "a file of our name that is not ours is left, and the daemon says so once" {
	local i
	printf '201 mine\n' >"$OWN"
	start
	[[ $(<"$OWN") == "201 mine" ]]
	for i in {1..3}; do
		on_router ip rule del fwmark 0x1/0x7f
		wait_until 3 grep_rule 'fwmark 0x1/'
	done
	[[ $(lab_lines "$LAB_DIR/log/waymarkd.err" 'rt_tables.d/waymark.conf is not ours') == 1 ]]
	ip_named rule show | grep -q 'fwmark 0x1/0x7f lookup mine'
	lab_waymarkd_stop
	[[ $(<"$OWN") == "201 mine" ]]
	users_files_are_whole
}

grep_rule() {
	on_router ip rule show | grep -q "$1"
}

@test "names follow a reload: renamed, disabled, switched off and on" {
	start
	names_conf 'register_table_names = true;' post
	waymark reload -c "$LAB_CONF"
	own_is "201 post" "202 cable"
	ip_named rule show | grep -q 'fwmark 0x1/0x7f lookup post'
	names_conf 'register_table_names = true;' post 'table = 222; enabled = false;'
	waymark reload -c "$LAB_CONF"
	own_is "201 post"
	names_conf ''
	waymark reload -c "$LAB_CONF"
	[[ ! -e $OWN ]]
	names_conf
	waymark reload -c "$LAB_CONF"
	own_is "201 mail.out" "202 cable"
	# a refused reload changes nothing
	names_conf 'register_table_names = true;' post 'table = 0;'
	refute waymark reload -c "$LAB_CONF"
	own_is "201 mail.out" "202 cable"
	users_files_are_whole
}

@test "after a kill the next start puts the names right, or takes them away" {
	start
	lab_waymarkd_stop KILL
	own_is "201 mail.out" "202 cable"
	names_conf 'register_table_names = true;' post
	start
	own_is "201 post" "202 cable"
	lab_waymarkd_stop KILL
	names_conf ''
	start
	[[ ! -e $OWN ]]
	users_files_are_whole
}

# The rules that it names stay as well.
@test "with keep_on_exit the names stay behind with the rules, until a stop that takes both" {
	names_conf 'register_table_names = true; keep_on_exit = true;'
	start
	lab_waymarkd_stop
	own_is "201 mail.out" "202 cable"
	ip_named rule show | grep -q 'fwmark 0x1/0x7f lookup mail.out'
	names_conf
	start
	own_is "201 mail.out" "202 cable"
	lab_waymarkd_stop
	[[ ! -e $OWN ]]
	users_files_are_whole
}

@test "a table is given by a name of rt_tables or rt_tables.d, and keeps it" {
	local name
	for name in office:300 lab:310; do
		names_conf 'register_table_names = true;' mail.out "table = \"${name%:*}\";"
		start
		own_is "201 mail.out"
		ip_named rule show | grep -q "fwmark 0x2/0x7f lookup ${name%:*}"
		[[ $(on_router ip route show table "${name#*:}") == "default via ${LAB_GW4[wan1]} dev wan1"* ]]
		lab_waymarkd_stop
	done
	users_files_are_whole
	names_conf '' mail.out 'table = "offfice";'
	run -1 waymark check -c "$LAB_CONF"
	[[ $output == *"table 'offfice' is not in rt_tables, did you mean 'office'?"* ]]
}

@test "the names that the user's files have are never taken" {
	printf '44 cable\n' >"$TABLES/rt_tables.d/home.conf"
	printf '201 upstream\n' >>"$TABLES/rt_tables"
	checksums >"$LAB_DIR/users"
	on_router ip route add 198.18.44.0/24 dev lan table 44
	start
	own_is
	ip_named rule show | grep -q 'fwmark 0x1/0x7f lookup upstream'
	ip_named rule show | grep -q 'fwmark 0x2/0x7f lookup 202'
	[[ $(ip_named route show table cable) == "198.18.44.0/24 dev lan"* ]]
	[[ $(lab_lines "$LAB_DIR/log/waymarkd.err" "uplink 'cable': table 202 gets no name: table 44 has it") == 1 ]]
	on_router ip route flush table 44
	# once the user lets go of the name, it is the uplink's
	rm "$TABLES/rt_tables.d/home.conf"
	waymark reload -c "$LAB_CONF"
	own_is "202 cable"
}

@test "no uplink's name makes a number or a word of ip's mean another table" {
	local name
	on_router ip route add 198.18.100.0/24 dev lan table 100
	for name in 100 0x64 all cache local default; do
		names_conf 'register_table_names = true;' "$name"
		start
		own_is "202 cable"
		[[ $(ip_named route show table 100) == "198.18.100.0/24 dev lan"* ]]
		[[ $(ip_named route show table all) == *"table local"* ]]
		lab_waymarkd_stop
	done
	on_router ip route flush table 100
}

# Complaint 25: rt_tables corrupted or edited by tools.
@test "complaint 25: broken lines in rt_tables do no harm" {
	{
		printf 'garbage\n201\n\n99999999999999999999 huge\n-4 minus\n0x zero\n12x3 mixed\n\t \t\n'
		printf '\377\376\0\001\r 7 %.0s' {1..300}
		printf '\n%04000d long\n0320 vpn\n' 7
		printf '330 last'
	} >>"$TABLES/rt_tables"
	mkdir "$TABLES/rt_tables.d/directory.conf"
	ln -s /nonexistent "$TABLES/rt_tables.d/dangling.conf"
	mkfifo "$TABLES/rt_tables.d/pipe.conf"
	checksums >"$LAB_DIR/users"
	names_conf 'register_table_names = true;' mail.out 'table = "vpn";'
	run -0 waymark check -c "$LAB_CONF"
	start
	own_is "201 mail.out"
	grep_rule 'fwmark 0x2/0x7f lookup 320'
	lab_waymarkd_stop
	[[ ! -e $OWN ]]
	names_conf 'register_table_names = true;' mail.out 'table = "last";'
	start
	grep_rule 'fwmark 0x2/0x7f lookup 330'
	lab_waymarkd_stop
	users_files_are_whole
}

@test "complaint 25: numbers work without any of the files, and our directory is made for everybody to read" {
	rm -r "$TABLES/rt_tables" "$TABLES/rt_tables.d"
	checksums >"$LAB_DIR/users"
	(umask 077 && start)
	own_is "201 mail.out" "202 cable"
	[[ $(stat -c %a "$TABLES/rt_tables.d") == 755 ]]
	[[ $(stat -c %a "$OWN") == 644 ]]
	grep_rule 'fwmark 0x1/0x7f lookup 201'
	lab_waymarkd_stop
	[[ ! -e $OWN ]]
	users_files_are_whole
}

@test "a directory that cannot be written is a warning, and everything else works" {
	rmdir "$TABLES/rt_tables.d" 2>/dev/null || rm -r "$TABLES/rt_tables.d"
	: >"$TABLES/rt_tables.d"
	start
	grep_rule 'fwmark 0x1/0x7f lookup 201'
	[[ $(lab_lines "$LAB_DIR/log/waymarkd.err" 'cannot write .*waymark.conf: Not a directory') == 1 ]]
	lab_waymarkd_stop
	[[ ! -s $TABLES/rt_tables.d ]]
}

# A table that only our own last run named would be gone with it.
@test "a name that only our own file gives is none to the configuration" {
	start
	lab_waymarkd_stop KILL
	own_is "201 mail.out" "202 cable"
	names_conf 'register_table_names = true;' mail.out 'table = "cable";'
	run -1 waymark check -c "$LAB_CONF"
	[[ $output == *"table 'cable' is not in rt_tables"* ]]
}

@test "our file comes back when another hand removed or edited it" {
	start
	rm "$OWN"
	on_router ip rule del fwmark 0x1/0x7f
	wait_until 3 test -e "$OWN"
	own_is "201 mail.out" "202 cable"
	echo '999 more' >>"$OWN"
	on_router ip rule del fwmark 0x1/0x7f
	wait_until 3 own_is "201 mail.out" "202 cable"
}
