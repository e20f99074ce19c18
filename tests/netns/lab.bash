# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lab - a small internet in network namespaces, for quickstart and the end-to-end tests.
#
#   client ── lan ── router ──┬── ppp0 ── isp1 ──┐
#    10.10.0.2               ├── wan1 ── isp2 ──┼── net: every server, 192.0.2.0/24
#    2001:db8:10::2          └── wan2 ── isp3 ──┘        and 2001:db8:ffff::/64
#
# One "net" namespace stands behind all uplinks, with the same servers reachable by
# each: so the uplink that a connection takes shows only in captures, and nothing
# but the mark decides it. net answers by the uplink that the flow's last packet
# came from (connmark), as the real internet does for a NATed or routed address.
# ppp0 is a point-to-point tun by default, or an ordinary link with a gateway.
#
# Names carry the pid of whoever made the lab, so that several may run side by side,
# and a lab whose maker has died is swept away by the next one. Everything that
# lab_up makes, lab_down takes away: processes by pid, namespaces, the directory.
# No fixed sleeps: what must have happened is awaited, with a deadline.

: "${WAYMARK_SRC:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
# A build with sanitizers is several times slower: every deadline is multiplied by this.
: "${WAYMARK_TEST_SLOW:=1}"
export WAYMARK_SRC WAYMARK_BUILD WAYMARK_TEST_SLOW

LAB_PYTHON=/usr/bin/python3 # Debian's own: aiosmtpd is one of its packages
LAB_PROGRAMS=$(dirname "${BASH_SOURCE[0]}")/lab.py

LAB_CLIENT4=10.10.0.2 LAB_CLIENT6=2001:db8:10::2
LAB_ROUTER4=10.10.0.1 LAB_ROUTER6=2001:db8:10::1
# the uplinks, by interface: the router's address and the far end
declare -gA LAB_UP4=([ppp0]=195.96.98.254 [wan1]=198.51.100.2 [wan2]=203.0.113.2 [wan0]=100.64.0.2)
declare -gA LAB_GW4=([ppp0]=195.96.98.253 [wan1]=198.51.100.1 [wan2]=203.0.113.1 [wan0]=100.64.0.1)
declare -gA LAB_UP6=([ppp0]=2001:db8:1::2 [wan1]=2001:db8:2::2 [wan2]=2001:db8:3::2 [wan0]=2001:db8:4::2)
declare -gA LAB_GW6=([ppp0]=2001:db8:1::1 [wan1]=2001:db8:2::1 [wan2]=2001:db8:3::1 [wan0]=2001:db8:4::1)
declare -gA LAB_LENGTH4=([ppp0]=30 [wan1]=24 [wan2]=24 [wan0]=24)
declare -gA LAB_ISP=([ppp0]=isp1 [wan1]=isp2 [wan2]=isp3 [wan0]=isp4)
# wan0 is a fourth line that only quickstart asks for
: "${LAB_UPLINKS:=ppp0 wan1 wan2}"

# the servers, all in net; any other address of the prefix answers too
LAB_WEB4=192.0.2.10 LAB_WEB6=2001:db8:ffff::10
LAB_SMTP4=192.0.2.25 LAB_SMTP6=2001:db8:ffff::25
LAB_SSH4=192.0.2.22 LAB_SSH6=2001:db8:ffff::22
LAB_DNS4=192.0.2.53 LAB_DNS6=2001:db8:ffff::53
LAB_ECHO4=192.0.2.7 LAB_ECHO6=2001:db8:ffff::7
LAB_OUTSIDE4=192.0.2.50 LAB_OUTSIDE6=2001:db8:ffff::50 # a client on the outside
LAB_SERVER_ADDRESSES="$LAB_WEB4 $LAB_SMTP4 $LAB_SSH4 $LAB_DNS4 $LAB_ECHO4 $LAB_OUTSIDE4
	$LAB_WEB6 $LAB_SMTP6 $LAB_SSH6 $LAB_DNS6 $LAB_ECHO6 $LAB_OUTSIDE6"

# ---- small helpers ----

lab_fail() {
	printf 'lab: %s\n' "$*" >&2
	return 1
}

# Milliseconds, without a process.
lab_now() {
	REPLY=$((${EPOCHREALTIME/[.,]/} / 1000))
}

# A short sleep without a process: nothing ever comes down this pipe.
exec {LAB_NAP}<> <(:)
lab_nap() {
	read -rt 0.02 -u "$LAB_NAP" || true
}

# wait_until SECONDS COMMAND...: as soon as the command succeeds; fails at the deadline.
wait_until() {
	local REPLY deadline
	lab_now
	deadline=$((REPLY + $1 * 1000 * WAYMARK_TEST_SLOW))
	shift
	until "$@" >/dev/null 2>&1; do
		lab_now
		if ((REPLY > deadline)); then
			lab_fail "gave up waiting for: $*"
			return 1
		fi
		lab_nap
	done
}

# A zombie does not count: who started it may be gone and nobody reap it.
lab_pid_alive() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	stat=${stat##*) }
	[[ $stat != [ZX]* ]]
}

lab_pid_gone() {
	! lab_pid_alive "$1"
}

# nsenter, since `ip netns exec` mounts a /sys of its own each time, which costs 10 ms.
on_client() { nsenter --net="/run/netns/$LAB_CLIENT" "$@"; }
on_router() { nsenter --net="/run/netns/$LAB_ROUTER" "$@"; }
on_net() { nsenter --net="/run/netns/$LAB_NET" "$@"; }

# lab_spawn NAME NAMESPACE COMMAND...: in the background; NAME is how lab_stop finds it.
# Descriptors 3 and up belong to bats, which waits until nobody holds them.
lab_spawn() {
	local name=$1 namespace=$2
	shift 2
	# emptied here: who waits for a line in them must not find an earlier run's
	: >"$LAB_DIR/log/$name.out"
	: >"$LAB_DIR/log/$name.err"
	nsenter --net="/run/netns/$namespace" "$@" >>"$LAB_DIR/log/$name.out" 2>>"$LAB_DIR/log/$name.err" \
		</dev/null 3>&- 4>&- 5>&- &
	printf '%s\n' "$!" >"$LAB_DIR/pid/$name"
}

lab_pid() {
	cat "$LAB_DIR/pid/$1"
}

lab_alive() {
	local pid
	[[ -s $LAB_DIR/pid/$1 ]] && read -r pid <"$LAB_DIR/pid/$1" && lab_pid_alive "$pid"
}

# lab_stop NAME [SIGNAL]: and wait until it is gone.
lab_stop() {
	local pid
	[[ -s $LAB_DIR/pid/$1 ]] || return 0
	pid=$(lab_pid "$1")
	kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
	if ! wait_until 10 lab_pid_gone "$pid"; then
		kill -KILL "$pid" 2>/dev/null || true
		return 1
	fi
	rm -f "$LAB_DIR/pid/$1"
}

# ---- the network ----

# lab_sysctl NAMESPACE KEY=VALUE...
lab_sysctl() {
	local namespace=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's own
	nsenter --net="/run/netns/$namespace" sh -c '
		for pair; do
			file=/proc/sys/${pair%%=*}
			[ ! -e "$file" ] || echo "${pair#*=}" >"$file"
		done' sh "$@"
}

lab_link_veth() { # uplink interface
	local interface=$1 isp=${LAB_ISP[$1]}
	ip link add "$interface" netns "$LAB_ROUTER" type veth peer name "$isp" netns "$LAB_NET"
	ip -n "$LAB_ROUTER" addr add "${LAB_UP4[$interface]}/${LAB_LENGTH4[$interface]}" dev "$interface"
	ip -n "$LAB_NET" addr add "${LAB_GW4[$interface]}/${LAB_LENGTH4[$interface]}" dev "$isp"
}

lab_link_tun() { # uplink interface: two tun devices, with a socket of packets between
	local interface=$1 isp=${LAB_ISP[$1]} socket=$LAB_DIR/$1.sock
	lab_spawn "tun-$isp" "$LAB_NET" socat -b 65535 \
		"TUN,tun-name=$isp,iff-no-pi,tun-type=tun,iff-up" "UNIX-LISTEN:$socket,type=5"
	wait_until 5 test -S "$socket"
	lab_spawn "tun-$interface" "$LAB_ROUTER" socat -b 65535 \
		"TUN,tun-name=$interface,iff-no-pi,tun-type=tun,iff-up" "UNIX-CONNECT:$socket,type=5"
	wait_until 5 ip -n "$LAB_NET" link show "$isp"
	wait_until 5 ip -n "$LAB_ROUTER" link show "$interface"
	ip -n "$LAB_ROUTER" addr add "${LAB_UP4[$interface]}" peer "${LAB_GW4[$interface]}/32" dev "$interface"
	ip -n "$LAB_NET" addr add "${LAB_GW4[$interface]}" peer "${LAB_UP4[$interface]}/32" dev "$isp"
}

# net sends a flow's packets back by the link that the flow's last packet came by.
lab_net_returns() {
	local command interface isp number
	for command in iptables ip6tables; do
		{
			echo '*mangle'
			for number in 1 2 3 4; do
				echo "-A PREROUTING -i isp$number -j CONNMARK --set-mark $number"
			done
			echo '-A OUTPUT -j CONNMARK --restore-mark'
			echo COMMIT
		} | on_net "$command-restore" -w
	done
	for interface in $LAB_UPLINKS; do
		isp=${LAB_ISP[$interface]}
		number=${isp#isp}
		ip -n "$LAB_NET" rule add fwmark "$number" lookup "$number" priority 1000
		ip -n "$LAB_NET" -6 rule add fwmark "$number" lookup "$number" priority 1000
		ip -n "$LAB_NET" route add default via "${LAB_UP4[$interface]}" dev "$isp" table "$number"
		ip -n "$LAB_NET" -6 route add default via "${LAB_UP6[$interface]}" dev "$isp" table "$number"
	done
	# what is not a reply (an ICMP error about a packet that was never tracked)
	ip -n "$LAB_NET" route add default via "${LAB_UP4[wan1]}" dev isp2
	ip -n "$LAB_NET" -6 route add default via "${LAB_UP6[wan1]}" dev isp2
}

# lab_up [tun|veth]: what ppp0 is. Sets and exports LAB_*; fails with nothing left behind.
lab_up() {
	local kind=${1:-tun} namespace interface address
	((EUID == 0)) || {
		lab_fail "network namespaces need root"
		return 1
	}
	lab_sweep
	LAB_ID=wm$$
	LAB_CLIENT=$LAB_ID-client LAB_ROUTER=$LAB_ID-router LAB_NET=$LAB_ID-net
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$LAB_ID-XXXXXX")
	LAB_CONF=$LAB_DIR/waymark.conf LAB_SOCKET=$LAB_DIR/control.sock
	export LAB_ID LAB_CLIENT LAB_ROUTER LAB_NET LAB_DIR LAB_CONF LAB_SOCKET
	chmod 755 "$LAB_DIR"
	mkdir "$LAB_DIR/log" "$LAB_DIR/pid" "$LAB_DIR/pcap" "$LAB_DIR/rules.d"

	for namespace in "$LAB_CLIENT" "$LAB_ROUTER" "$LAB_NET"; do
		ip netns add "$namespace"
		# no duplicate address detection: an address is there at once
		lab_sysctl "$namespace" 'net/ipv4/ip_local_port_range=50000 60999' net/ipv6/conf/all/accept_dad=0 net/ipv6/conf/default/accept_dad=0 \
			net/ipv6/conf/all/accept_ra=0 net/ipv6/conf/default/accept_ra=0 \
			net/ipv4/conf/all/rp_filter=2 net/ipv4/conf/default/rp_filter=2 \
			net/ipv6/conf/default/keep_addr_on_down=1 net/ipv6/conf/all/keep_addr_on_down=1
		ip -n "$namespace" link set lo up
	done
	lab_sysctl "$LAB_ROUTER" net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1 \
		net/ipv4/conf/all/send_redirects=0 net/ipv4/conf/default/send_redirects=0

	ip link add lan netns "$LAB_ROUTER" type veth peer name eth0 netns "$LAB_CLIENT"
	ip -n "$LAB_ROUTER" addr add $LAB_ROUTER4/24 dev lan
	ip -n "$LAB_ROUTER" addr add $LAB_ROUTER6/64 dev lan nodad
	ip -n "$LAB_CLIENT" addr add $LAB_CLIENT4/24 dev eth0
	ip -n "$LAB_CLIENT" addr add $LAB_CLIENT6/64 dev eth0 nodad
	ip -n "$LAB_ROUTER" link set lan up
	ip -n "$LAB_CLIENT" link set eth0 up
	ip -n "$LAB_CLIENT" route add default via $LAB_ROUTER4
	ip -n "$LAB_CLIENT" -6 route add default via $LAB_ROUTER6

	for interface in $LAB_UPLINKS; do
		if [[ $interface == ppp0 && $kind == tun ]]; then
			lab_link_tun "$interface"
		else
			lab_link_veth "$interface"
		fi
		ip -n "$LAB_ROUTER" addr add "${LAB_UP6[$interface]}/64" dev "$interface" nodad
		ip -n "$LAB_NET" addr add "${LAB_GW6[$interface]}/64" dev "${LAB_ISP[$interface]}" nodad
		ip -n "$LAB_ROUTER" link set "$interface" up
		ip -n "$LAB_NET" link set "${LAB_ISP[$interface]}" up
	done
	lab_main_default wan1

	for address in $LAB_SERVER_ADDRESSES; do
		ip -n "$LAB_NET" addr add "$address" dev lo
	done
	ip -n "$LAB_NET" route add local 192.0.2.0/24 dev lo
	ip -n "$LAB_NET" -6 route add local 2001:db8:ffff::/64 dev lo
	lab_net_returns
}

# Main's default route, both families, by this uplink.
lab_main_default() {
	ip -n "$LAB_ROUTER" route replace default via "${LAB_GW4[$1]}" dev "$1"
	ip -n "$LAB_ROUTER" -6 route replace default via "${LAB_GW6[$1]}" dev "$1"
}

# lab_line_again INTERFACE...: up on both ends, with its IPv6 addresses and net's way back, which the
# kernel took away when it went down or was made anew.
lab_line_again() {
	local interface isp
	for interface in "$@"; do
		isp=${LAB_ISP[$interface]}
		ip -n "$LAB_ROUTER" addr replace "${LAB_UP6[$interface]}/64" dev "$interface" nodad
		ip -n "$LAB_NET" addr replace "${LAB_GW6[$interface]}/64" dev "$isp" nodad
		ip -n "$LAB_ROUTER" link set "$interface" up
		ip -n "$LAB_NET" link set "$isp" up
		ip -n "$LAB_NET" route replace default via "${LAB_UP4[$interface]}" dev "$isp" table "${isp#isp}"
		ip -n "$LAB_NET" -6 route replace default via "${LAB_UP6[$interface]}" dev "$isp" table "${isp#isp}"
	done
}

# lab_nat INTERFACE...: MASQUERADE, both families.
lab_nat() {
	local interface
	for interface in "$@"; do
		on_router iptables -w -t nat -A POSTROUTING -o "$interface" -j MASQUERADE
		on_router ip6tables -w -t nat -A POSTROUTING -o "$interface" -j MASQUERADE
	done
}

lab_remove_namespaces() {
	local namespace pids
	for namespace in "$@"; do
		[[ -e /run/netns/$namespace ]] || continue
		pids=$(ip netns pids "$namespace" 2>/dev/null) || true
		# shellcheck disable=SC2086 # a list
		[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
		ip netns del "$namespace" 2>/dev/null || true
	done
}

lab_down() {
	local file pid
	[[ -n ${LAB_ID:-} ]] || return 0
	if [[ -d ${LAB_DIR:-} ]]; then
		for file in "$LAB_DIR"/pid/*; do
			[[ -s $file ]] || continue
			pid=$(<"$file")
			kill -TERM "$pid" 2>/dev/null || true
			kill -CONT "$pid" 2>/dev/null || true
		done
	fi
	lab_remove_namespaces "$LAB_ID-client" "$LAB_ID-router" "$LAB_ID-net"
	[[ -n ${LAB_KEEP:-} || -z ${LAB_DIR:-} ]] || rm -rf "$LAB_DIR"
	LAB_ID=
}

# Takes away what labs left whose maker was killed before it could clean up.
lab_sweep() {
	local path name owner
	for path in /run/netns/wm[0-9]*-*; do
		name=${path##*/}
		owner=${name#wm}
		owner=${owner%%-*}
		[[ -e $path && $owner =~ ^[0-9]+$ ]] || continue
		lab_pid_alive "$owner" || lab_remove_namespaces "$name"
	done
	for path in "${TMPDIR:-/tmp}"/wm[0-9]*-??????; do
		name=${path##*/}
		owner=${name#wm}
		owner=${owner%%-*}
		[[ -d $path && $owner =~ ^[0-9]+$ ]] || continue
		lab_pid_alive "$owner" || rm -rf "$path"
	done
}

# ---- servers, all in net; each returns when it answers ----

lab_port_open() { # ADDRESS PORT
	on_net socat -u OPEN:/dev/null "TCP:$(lab_literal "$1"):$2,connect-timeout=1"
}

lab_literal() {
	if [[ $1 == *:* ]]; then printf '[%s]' "$1"; else printf '%s' "$1"; fi
}

lab_server_smtp() { # [PORT...]
	local port address
	for port in "${@:-25}"; do
		for address in $LAB_SMTP4 $LAB_SMTP6; do
			# it would look up this machine's name, and a name server is not there to ask
			lab_spawn "smtp-$address-$port" "$LAB_NET" $LAB_PYTHON -c \
				'import socket; socket.getfqdn = lambda name="": "mail.example.org"
from aiosmtpd.main import main; main()' -n -l "$address:$port"
		done
	done
	for port in "${@:-25}"; do
		wait_until 15 lab_port_open $LAB_SMTP4 "$port"
		wait_until 15 lab_port_open $LAB_SMTP6 "$port"
	done
}

# A certificate authority of the lab's own, and one certificate for these names.
lab_certificates() {
	local directory=$LAB_DIR/tls name list=
	mkdir -p "$directory"
	for name in "$@"; do
		list+=${list:+,}DNS:$name
	done
	{
		openssl ecparam -name prime256v1 -genkey -noout -out "$directory/ca.key"
		openssl req -x509 -new -key "$directory/ca.key" -sha256 -days 2 -subj "/CN=waymark lab" \
			-out "$directory/ca.pem"
		openssl ecparam -name prime256v1 -genkey -noout -out "$directory/server.key"
		openssl req -new -key "$directory/server.key" -subj "/CN=$1" -out "$directory/server.csr"
		printf 'subjectAltName=%s\n' "$list" >"$directory/server.ext"
		openssl x509 -req -in "$directory/server.csr" -CA "$directory/ca.pem" \
			-CAkey "$directory/ca.key" -CAcreateserial -days 2 -sha256 \
			-extfile "$directory/server.ext" -out "$directory/server.pem"
	} >"$LAB_DIR/log/openssl.out" 2>&1 || lab_fail "$(cat "$LAB_DIR/log/openssl.out")"
}

# lab_server_web NAME...: HTTP and HTTPS on the web addresses, one certificate for all names.
# /bulk is large, /slow comes at 200 kB/s, everything else says who was asked for.
lab_server_web() {
	local directory=$LAB_DIR/web
	lab_certificates "$@"
	mkdir -p "$directory/tmp"
	truncate -s 1G "$directory/bulk" "$directory/slow"
	cat >"$directory/nginx.conf" <<-END
		daemon off;
		master_process off;
		user root;
		pid $directory/nginx.pid;
		error_log $LAB_DIR/log/nginx.err;
		events { worker_connections 512; }
		http {
			access_log off;
			sendfile on;
			client_body_temp_path $directory/tmp;
			proxy_temp_path $directory/tmp;
			fastcgi_temp_path $directory/tmp;
			uwsgi_temp_path $directory/tmp;
			scgi_temp_path $directory/tmp;
			ssl_certificate $LAB_DIR/tls/server.pem;
			ssl_certificate_key $LAB_DIR/tls/server.key;
			server {
				listen $LAB_WEB4:80;
				listen [$LAB_WEB6]:80;
				listen $LAB_WEB4:443 ssl http2;
				listen [$LAB_WEB6]:443 ssl http2;
				root $directory;
				location = /bulk { }
				location = /slow { limit_rate 200k; }
				location / { default_type text/plain; return 200 "\$scheme://\$host from \$remote_addr\n"; }
			}
		}
	END
	lab_spawn nginx "$LAB_NET" nginx -c "$directory/nginx.conf" -p "$directory" -e "$LAB_DIR/log/nginx.err"
	wait_until 10 lab_port_open $LAB_WEB4 443
}

lab_server_ssh() {
	local directory=$LAB_DIR/ssh pam=no
	mkdir -p "$directory" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -C waymark-lab -f "$directory/host"
	ssh-keygen -q -t ed25519 -N '' -C waymark-lab -f "$directory/user"
	# a locked account may log in by key through PAM only
	! getent shadow root | cut -d: -f2 | grep -q '^!' || pam=yes
	cat >"$directory/sshd_config" <<-END
		ListenAddress $LAB_SSH4
		ListenAddress $LAB_SSH6
		Port 22
		HostKey $directory/host
		AuthorizedKeysFile $directory/user.pub
		StrictModes no
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		UsePAM $pam
		UseDNS no
		PidFile $directory/sshd.pid
	END
	lab_spawn sshd "$LAB_NET" "$(command -v sshd)" -D -e -f "$directory/sshd_config"
	wait_until 10 lab_port_open $LAB_SSH4 22
}

# lab_resolving ADDRESS COMMAND...: on the client, with this name server: a /etc/resolv.conf of its
# own, in a mount namespace.
lab_resolving() {
	printf 'nameserver %s\noptions timeout:2 attempts:2 single-request\n' "$1" >"$LAB_DIR/resolv.conf"
	shift
	# shellcheck disable=SC2016 # the inner shell's own
	on_client unshare --mount --propagation private sh -c \
		'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$LAB_DIR/resolv.conf" "$@"
}

# lab_browse RESOLVER NAME [curl option...]: curl, which looks the name up itself.
lab_browse() {
	local resolver=$1 name=$2
	shift 2
	lab_resolving "$resolver" curl --silent --show-error --max-time 10 --cacert "$LAB_DIR/tls/ca.pem" "$@" \
		"https://$name/"
}

# The client's ssh, with the throw-away key and no trace in anybody's home.
lab_ssh() { # ADDRESS [COMMAND...]
	local address=$1
	shift
	on_client ssh -F none -i "$LAB_DIR/ssh/user" -o BatchMode=yes -o ConnectTimeout=5 \
		-o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR "root@$address" "$@"
}

# Every name below example.test, example.org, ... is the web server.
lab_server_dns() {
	local directory=$LAB_DIR/dns
	mkdir -p "$directory"
	cat >"$directory/dnsmasq.conf" <<-END
		no-resolv
		no-hosts
		no-daemon
		user=root
		pid-file=$directory/dnsmasq.pid
		bind-interfaces
		listen-address=$LAB_DNS4,$LAB_DNS6
		address=/#/$LAB_WEB4
		address=/#/$LAB_WEB6
		local-ttl=300
	END
	lab_spawn dnsmasq "$LAB_NET" dnsmasq -C "$directory/dnsmasq.conf"
	wait_until 10 lab_port_open $LAB_DNS4 53
}

# Echo on these ports: TCP on every address of the servers' prefixes, UDP on the echo and web addresses.
lab_server_echo() { # PORT...
	local port
	lab_spawn echo "$LAB_NET" $LAB_PYTHON "$LAB_PROGRAMS" serve --udp $LAB_ECHO4 --udp $LAB_ECHO6 \
		--udp $LAB_WEB4 --udp $LAB_WEB6 "$@"
	for port in "$@"; do
		wait_until 10 lab_port_open $LAB_ECHO4 "$port"
	done
}

# ---- clients ----

# A source port that nothing has used yet, in REPLY: below those that the kernel gives.
lab_port() {
	REPLY=$(($(cat "$LAB_DIR/port" 2>/dev/null || echo 41000) + 1))
	echo "$REPLY" >"$LAB_DIR/port"
}

# lab_talk NAME NAMESPACE ADDRESS PORT [OPTION...]: a connection that says a line every 20 ms and
# waits for its echo, until lab_talk_end. Returns when the first echo is there.
lab_talk() {
	lab_talk_spawn "$@"
	wait_until 5 lab_talk_count_above "$1" 0 || {
		cat "$LAB_DIR/log/$1.err" >&2
		return 1
	}
}

lab_talk_spawn() {
	local name=$1 namespace=$2
	shift 2
	: >"$LAB_DIR/log/$name.status"
	lab_spawn "$name" "$namespace" $LAB_PYTHON -I "$LAB_PROGRAMS" talk \
		--status "$LAB_DIR/log/$name.status" "$@"
}

# How many echoes there were, also after its end.
lab_talk_count() { # NAME
	cat "$LAB_DIR/log/$1.status"
}

lab_talk_count_above() { # NAME COUNT
	local count=
	lab_alive "$1" && read -r count <"$LAB_DIR/log/$1.status"
	((${count:-0} > $2))
}

# Waits for N (default 3) more echoes: the connection lives.
lab_talk_lives() { # NAME [N]
	lab_talks_live "${2:-3}" "$1"
}

lab_talks_live() { # N NAME...
	local more=$1 name count
	local -A counts=()
	shift
	for name in "$@"; do
		count=
		read -r count <"$LAB_DIR/log/$name.status" || true
		counts[$name]=${count:-0}
	done
	for name in "$@"; do
		wait_until 5 lab_talk_count_above "$name" $((counts[$name] + more)) || {
			cat "$LAB_DIR/log/$name.err" >&2
			return 1
		}
	done
}

# Ends the conversation, and says whether it was whole.
lab_talk_end() {
	local alive=0
	lab_alive "$1" || alive=1
	lab_stop "$1" || return 1
	((alive == 0)) || lab_fail "$1: $(cat "$LAB_DIR/log/$1.err")"
}

# ---- captures ----

lab_capture_ready() {
	grep -q 'listening on' "$LAB_DIR/log/capture-$1.err"
}

lab_capture_spawn() { # NAME NAMESPACE INTERFACE [FILTER]
	local name=$1 namespace=$2 interface=$3
	shift 3
	# two of them would write over each other in the file
	! lab_alive "capture-$name" || lab_fail "there is a capture '$name' already"
	lab_spawn "capture-$name" "$namespace" tcpdump -i "$interface" -n -U --immediate-mode -s 0 \
		-Z root -w "$LAB_DIR/pcap/$name.pcap" "$@"
}

# lab_capture NAME NAMESPACE INTERFACE [FILTER]: returns when the capture runs.
lab_capture() {
	lab_capture_spawn "$@"
	wait_until 5 lab_capture_ready "$1"
}

# All that the filter let through has been written: tcpdump's own counts say so, on SIGUSR1.
lab_capture_idle() {
	local log=$LAB_DIR/log/capture-$1.err before captured received
	before=$(lab_lines "$log" 'received by filter')
	kill -USR1 "$(lab_pid "capture-$1")" || return 1
	wait_until 1 lab_lines_above "$log" 'received by filter' "$before" || return 1
	read -r captured received < <(tail -n 1 "$log" |
		sed 's/.* \([0-9]*\) packets\? captured, \([0-9]*\) .*/\1 \2/')
	[[ -n $captured && $captured == "$received" ]]
}

lab_lines() { # FILE PATTERN
	grep -c -- "$2" "$1" || true
}

lab_lines_above() {
	(($(lab_lines "$1" "$2") > $3))
}

lab_capture_stop() {
	local name
	for name in "$@"; do
		wait_until 5 lab_capture_idle "$name" || true
		lab_stop "capture-$name"
	done
}

# lab_captured NAME [FILTER]: how many packets of it the capture holds.
lab_captured() {
	local file=$LAB_DIR/pcap/$1.pcap
	shift
	tcpdump -n -r "$file" "$@" 2>/dev/null | wc -l
}

lab_capture_uplinks() {
	local interface
	for interface in $LAB_UPLINKS; do
		lab_capture_spawn "$interface" "$LAB_ROUTER" "$interface" "$@"
	done
	for interface in $LAB_UPLINKS; do
		wait_until 5 lab_capture_ready "$interface"
	done
}

lab_capture_uplinks_stop() {
	# shellcheck disable=SC2086 # a list
	lab_capture_stop $LAB_UPLINKS
}

# lab_uplinks_of FILTER: the uplinks whose capture holds such a packet, in a line.
lab_uplinks_of() {
	local interface seen=
	for interface in $LAB_UPLINKS; do
		(($(lab_captured "$interface" "$@") == 0)) || seen+=${seen:+ }$interface
	done
	printf '%s\n' "$seen"
}

# lab_left_by "UPLINK..." FILTER: the packets were seen on these uplinks, and on no other. Else a few are shown.
lab_left_by() {
	local wanted=$1 seen interface
	shift
	seen=$(lab_uplinks_of "$@")
	[[ $seen != "$wanted" ]] || return 0
	for interface in $seen; do
		echo "$interface:"
		tcpdump -n -c 5 -r "$LAB_DIR/pcap/$interface.pcap" "$@" 2>/dev/null
	done
	lab_fail "'$*' left by '$seen', not '$wanted'"
}

# ---- the kernel's events ----

# lab_watch WHAT... (rule, route, link): with their time, until lab_elapsed or lab_event_time.
lab_watch() {
	lab_spawn job-monitor "$LAB_ROUTER" stdbuf -oL ip -ts monitor "$@"
	wait_until 3 lab_watches
}

lab_watches() {
	[[ -n $(ls -l "/proc/$(lab_pid job-monitor)/fd" | grep socket) ]]
}

# lab_elapsed FROM TO: milliseconds between the last event like FROM before the first like TO
# behind it, and the last like TO.
lab_elapsed() {
	lab_stop job-monitor
	awk -v from="$1" -v to="$2" '
		function ms(stamp, part) {
			split(stamp, part, /[T:\]]/)
			return ((part[2] * 60 + part[3]) * 60 + part[4]) * 1000
		}
		$0 ~ from && !end { begin = ms($1); next }
		begin && $0 ~ to { end = ms($1) }
		END { if (!begin || !end) exit 1; printf "%.0f\n", end - begin }' "$LAB_DIR/log/job-monitor.out" || {
		cat "$LAB_DIR/log/job-monitor.out" >&2
		return 1
	}
}

# lab_event_time PATTERN: seconds since the epoch of the first event like it.
lab_event_time() {
	local stamp
	lab_stop job-monitor
	stamp=$(grep -m 1 -e "$1" "$LAB_DIR/log/job-monitor.out" | sed 's/^\[\([^]]*\)\].*/\1/')
	[[ -n $stamp ]] && date -d "$stamp" +%s.%6N
}

# ---- waymark ----

waymark() {
	"$WAYMARK_BUILD/waymark" "$@"
}

# lab_conf [nat]: writes $LAB_CONF with the three uplinks; the rest (rules, other keys) from stdin.
# LAB_UPLINK_KEYS adds keys to each uplink, LAB_MAIL_OUT_KEYS to mail.out alone.
lab_conf() {
	local nat=false gateway='gateway = "none"; gateway6 = "none";' keys
	[[ ${1:-} != nat ]] || nat=true
	on_router ip link show ppp0 | grep -q POINTOPOINT ||
		gateway="gateway = \"${LAB_GW4[ppp0]}\"; gateway6 = \"${LAB_GW6[ppp0]}\";"
	keys="nat = $nat; ${LAB_UPLINK_KEYS:-}"
	cat >"$LAB_CONF"
	cat >>"$LAB_CONF" <<-END
		uplinks = (
		  { name = "mail.out"; interface = "ppp0"; $gateway
		    table = 201; mark = 1; $keys ${LAB_MAIL_OUT_KEYS:-} },
		  { name = "cable"; interface = "wan1"; gateway = "${LAB_GW4[wan1]}"; gateway6 = "${LAB_GW6[wan1]}";
		    table = 202; mark = 2; $keys },
		  { name = "isdn"; interface = "wan2"; gateway = "${LAB_GW4[wan2]}"; gateway6 = "${LAB_GW6[wan2]}";
		    table = 203; mark = 3; $keys }
		);
	END
	grep -q '^rules_dir' "$LAB_CONF" || printf 'rules_dir = "%s";\n' "$LAB_DIR/rules.d" >>"$LAB_CONF"
	grep -q '^control' "$LAB_CONF" ||
		printf 'control = { socket = "%s"; };\n' "$LAB_SOCKET" >>"$LAB_CONF"
}

lab_waymarkd_answers() {
	waymark status -c "$LAB_CONF" --json
}

# Starts the daemon on the router; `lab_waymarkd WRAPPER...` under a wrapper (strace, setpriv).
lab_waymarkd_spawn() {
	cat "$LAB_DIR/log/waymarkd.err" >>"$LAB_DIR/log/waymarkd.past" 2>/dev/null || true
	lab_spawn waymarkd "$LAB_ROUTER" "$@" "$WAYMARK_BUILD/waymarkd" -c "$LAB_CONF" --foreground
}

# Starts it and returns when it answers.
lab_waymarkd() {
	lab_waymarkd_spawn "$@"
	wait_until 10 lab_waymarkd_answers_or_dead || true
	lab_waymarkd_answers >/dev/null || {
		lab_fail "waymarkd does not answer: $(cat "$LAB_DIR/log/waymarkd.err")"
		return 1
	}
}

lab_waymarkd_answers_or_dead() {
	lab_waymarkd_answers || ! lab_alive waymarkd
}

# lab_uplink_is NAME up|down
lab_uplink_is() {
	waymark uplinks -c "$LAB_CONF" --json | jq -e --arg name "$1" --arg state "$2" \
		'any(.[]; .name == $name and .state == $state)'
}

lab_waymarkd_stop() {
	lab_stop waymarkd "${1:-TERM}"
}

# How many packets the kernel has put into all queues so far.
lab_queued() {
	on_router awk '{ n += $8 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue
}

# lab_flow JQ-CONDITION: the flow as the daemon tells it, one JSON object. Where there is none it is
# a string, of which nothing can be asked: `jq -e` of 1.6 is content with no input at all.
lab_flow() {
	waymark flows -c "$LAB_CONF" --json | jq -c "[.[] | select($1)] | last // \"no such flow\""
}

# lab_connmarks [conntrack options]: mark of each entry, one a line.
lab_conntrack() {
	on_router conntrack -L "$@" 2>/dev/null
}

# Takes every trace of a waymarkd off the router, whatever became of it; for between two tests.
lab_reset() {
	local family
	lab_stop waymarkd || true
	# without --noflush: empties each table that is named, chains and all
	on_router iptables-restore -w <<<"$LAB_EMPTY_TABLES"
	on_router ip6tables-restore -w <<<"$LAB_EMPTY_TABLES"
	for family in -4 -6; do
		on_router ip $family rule flush protocol 87 2>/dev/null || true
		on_router ip $family route flush table all protocol 87 2>/dev/null || true
	done
	on_router conntrack -F >/dev/null 2>&1 || true
}

LAB_EMPTY_TABLES='*mangle
COMMIT
*security
COMMIT
*raw
COMMIT
*filter
COMMIT'

# What is in the kernel that could be waymark's: for "nothing changed" and "all gone".
lab_kernel_state() {
	local family table
	for family in -4 -6; do
		on_router ip "$family" rule show
		for table in main 201 202 203; do
			on_router ip "$family" route show table $table 2>/dev/null | sed "s/^/table $table: /"
		done
	done
	for table in raw mangle nat filter security; do
		on_router iptables-save -t $table | grep -v '^#' | sed 's/\[[0-9:]*\]//'
		on_router ip6tables-save -t $table | grep -v '^#' | sed 's/\[[0-9:]*\]//'
	done
}

# ---- for bats ----

[[ $(type -t bats_require_minimum_version) != function ]] || bats_require_minimum_version 1.5.0

# `! command` does not fail a test; this does.
refute() {
	if "$@"; then
		lab_fail "must fail: $*"
	fi
}

# In setup_file: `lab_file [tun|veth] || return 0`. Without root there is no lab, and each test skips.
lab_file() {
	((EUID == 0)) || return 1
	lab_up "$@"
}

# In setup of each test.
lab_test() {
	((EUID == 0)) || skip "network namespaces need root"
}

# In teardown of each test: what the daemon said, if the test failed; then a clean router. What a
# sanitizer has found fails the test.
lab_test_end() {
	[[ -n ${LAB_ID:-} ]] || return 0
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		echo "--- waymarkd said:"
		tail -n 40 "$LAB_DIR/log/waymarkd.err" 2>/dev/null || true
		echo "--- configuration:"
		cat "$LAB_CONF" 2>/dev/null || true
	fi
	local file name found=0
	for file in "$LAB_DIR"/pid/talk* "$LAB_DIR"/pid/capture-* "$LAB_DIR"/pid/job*; do
		name=${file##*/}
		[[ ! -s $file ]] || lab_stop "$name" || true
	done
	lab_reset
	for file in "$LAB_DIR/log/waymarkd.past" "$LAB_DIR/log/waymarkd.err"; do
		if [[ -s $file ]] && grep -q -e 'Sanitizer:' -e 'runtime error:' "$file"; then
			echo "--- a sanitizer said:"
			grep -A 30 -e 'Sanitizer:' -e 'runtime error:' "$file" | head -n 120
			found=1
		fi
		rm -f "$file"
	done
	return "$found"
}
