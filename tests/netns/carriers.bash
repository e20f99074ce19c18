# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # LAB_* are lab.bash's
#
# carriers - real servers whose protocols carry a name or another protocol: mail, FTP, chat and a
# database that turn into TLS, proxies, HTTP/2 in the clear, DTLS; loaded after lab.bash.
#
# All run in net, and each returns when it answers. What one of them writes stays in the lab's
# directory. A proxy looks names up in a hosts file of its own.

LAB_IMAP4=192.0.2.26 LAB_FTP4=192.0.2.21 LAB_CHAT4=192.0.2.52 LAB_SQL4=192.0.2.54
LAB_PROXY4=192.0.2.80 LAB_DTLS4=192.0.2.44

carriers_address() {
	ip -n "$LAB_NET" addr replace "$1" dev lo
}

# carriers_hosts NAME...: all at the web server's address, for what carriers_spawn runs.
carriers_hosts() {
	printf '127.0.0.1 localhost\n%s %s\n' "$LAB_WEB4" "$*" >"$LAB_DIR/hosts"
}

# carriers_spawn NAME COMMAND...: in net, with the lab's hosts file, in a mount namespace.
carriers_spawn() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn "$name" "$LAB_NET" unshare --mount --propagation private sh -c \
		'mount --bind "$0" /etc/hosts && exec "$@"' "$LAB_DIR/hosts" "$@"
}

# lab_server_smtp_tls PORT: STARTTLS is asked for before any mail.
lab_server_smtp_tls() {
	# it would look up this machine's name, and a name server is not there to ask
	lab_spawn smtp-tls "$LAB_NET" $LAB_PYTHON -c \
		'import socket; socket.getfqdn = lambda name="": "mail.example.org"
from aiosmtpd.main import main; main()' -n -l "$LAB_SMTP4:$1" \
		--tlscert "$LAB_DIR/tls/server.pem" --tlskey "$LAB_DIR/tls/server.key"
	wait_until 15 lab_port_open $LAB_SMTP4 "$1"
}

# Dovecot: IMAP and POP3, no login without TLS; anybody with the password "secret".
lab_server_imap() {
	local directory=$LAB_DIR/dovecot
	carriers_address $LAB_IMAP4
	mkdir -p "$directory/mail"
	chown nobody "$directory/mail"
	cat >"$directory/dovecot.conf" <<-END
		protocols = imap pop3
		listen = $LAB_IMAP4
		base_dir = $directory/run
		state_dir = $directory/state
		log_path = /dev/stderr
		ssl = required
		ssl_cert = <$LAB_DIR/tls/server.pem
		ssl_key = <$LAB_DIR/tls/server.key
		service imap-login {
		  inet_listener imaps {
		    port = 0
		  }
		}
		service pop3-login {
		  inet_listener pop3s {
		    port = 0
		  }
		}
		passdb {
		  driver = static
		  args = password=secret
		}
		userdb {
		  driver = static
		  args = uid=nobody gid=nogroup home=$directory/mail
		}
		mail_location = maildir:$directory/mail
		first_valid_gid = 0
	END
	lab_spawn dovecot "$LAB_NET" dovecot -F -c "$directory/dovecot.conf"
	wait_until 15 lab_port_open $LAB_IMAP4 143
	wait_until 15 lab_port_open $LAB_IMAP4 110
}

# vsftpd: anonymous, with TLS on both connections; /hello is there to be fetched.
lab_server_ftp() {
	local directory=$LAB_DIR/ftp
	carriers_address $LAB_FTP4
	mkdir -p "$directory/root" "$directory/empty"
	echo "hello from ftp" >"$directory/root/hello"
	cat >"$directory/vsftpd.conf" <<-END
		listen=YES
		listen_address=$LAB_FTP4
		background=NO
		anonymous_enable=YES
		local_enable=NO
		anon_root=$directory/root
		secure_chroot_dir=$directory/empty
		seccomp_sandbox=NO
		ssl_enable=YES
		allow_anon_ssl=YES
		require_ssl_reuse=NO
		ssl_ciphers=HIGH
		rsa_cert_file=$LAB_DIR/tls/server.pem
		rsa_private_key_file=$LAB_DIR/tls/server.key
	END
	lab_spawn vsftpd "$LAB_NET" vsftpd "$directory/vsftpd.conf"
	wait_until 10 lab_port_open $LAB_FTP4 21
}

# lab_server_xmpp DOMAIN: Prosody, clients' port alone.
lab_server_xmpp() {
	local directory=$LAB_DIR/prosody
	carriers_address $LAB_CHAT4
	mkdir -p "$directory/data"
	cat >"$directory/prosody.cfg.lua" <<-END
		daemonize = false
		run_as_root = true
		data_path = "$directory/data"
		certificates = "$LAB_DIR/tls"
		modules_enabled = { "tls", "saslauth" }
		modules_disabled = { "s2s", "posix" }
		interfaces = { "$LAB_CHAT4" }
		c2s_ports = { 5222 }
		s2s_ports = { }
		log = { info = "*console" }
		VirtualHost "$1"
		  ssl = { key = "$LAB_DIR/tls/server.key", certificate = "$LAB_DIR/tls/server.pem" }
	END
	lab_spawn prosody "$LAB_NET" prosody --config "$directory/prosody.cfg.lua" -F
	wait_until 20 lab_port_open $LAB_CHAT4 5222
}

# A server that speaks as much of PostgreSQL's protocol as a client needs to ask for TLS and to
# be refused: the server itself is too large to install for this.
lab_server_postgresql() {
	carriers_address $LAB_SQL4
	lab_spawn postgresql "$LAB_NET" $LAB_PYTHON -I "$(dirname "$LAB_PROGRAMS")/postgresql.py" \
		$LAB_SQL4 5432 "$LAB_DIR/tls/server.pem" "$LAB_DIR/tls/server.key"
	wait_until 10 lab_port_open $LAB_SQL4 5432
}

# SOCKS 5 at 1080.
lab_server_socks5() {
	carriers_address $LAB_PROXY4
	carriers_spawn microsocks microsocks -i $LAB_PROXY4 -p 1080
	wait_until 10 lab_port_open $LAB_PROXY4 1080
}

# SOCKS 4A at 1081: OpenSSH's own, where the SSH server looks the names up.
lab_server_socks4a() {
	carriers_address $LAB_PROXY4
	lab_server_ssh
	lab_stop sshd
	carriers_spawn sshd "$(command -v sshd)" -D -e -f "$LAB_DIR/ssh/sshd_config"
	wait_until 10 lab_port_open $LAB_SSH4 22
	lab_spawn ssh-proxy "$LAB_NET" ssh -F none -i "$LAB_DIR/ssh/user" -o BatchMode=yes \
		-o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR -N -D "$LAB_PROXY4:1081" "root@$LAB_SSH4"
	wait_until 10 lab_port_open $LAB_PROXY4 1081
}

# An HTTP proxy at 3128.
lab_server_http_proxy() {
	carriers_address $LAB_PROXY4
	cat >"$LAB_DIR/tinyproxy.conf" <<-END
		Port 3128
		Listen $LAB_PROXY4
		Timeout 30
		LogLevel Error
		LogFile "$LAB_DIR/log/tinyproxy.log"
		ConnectPort 443
	END
	carriers_spawn tinyproxy tinyproxy -d -c "$LAB_DIR/tinyproxy.conf"
	wait_until 10 lab_port_open $LAB_PROXY4 3128
}

# Caddy at 8080 of the web address: HTTP/1 and HTTP/2 without TLS, by prior knowledge and by Upgrade.
lab_server_h2c() {
	local directory=$LAB_DIR/h2c
	mkdir -p "$directory"
	cat >"$directory/Caddyfile" <<-END
		{
			admin off
			auto_https off
			servers {
				protocols h1 h2c
			}
		}
		http://:8080 {
			bind $LAB_WEB4 $LAB_WEB6
			respond "{http.request.proto} {http.request.host} from {http.request.remote.host}"
		}
	END
	lab_spawn h2c "$LAB_NET" env HOME="$directory" XDG_DATA_HOME="$directory" XDG_CONFIG_HOME="$directory" \
		caddy run --adapter caddyfile --config "$directory/Caddyfile"
	wait_until 20 lab_port_open $LAB_WEB4 8080
}

# OpenSSL's DTLS at 4433, one client after the other. It ends when its input does.
lab_server_dtls() {
	carriers_address $LAB_DTLS4
	mkfifo "$LAB_DIR/dtls.in"
	# shellcheck disable=SC2016 # the inner shell's own
	lab_spawn dtls "$LAB_NET" sh -c 'exec <>"$0" "$@"' "$LAB_DIR/dtls.in" \
		openssl s_server -dtls -quiet -accept $LAB_DTLS4:4433 \
		-cert "$LAB_DIR/tls/server.pem" -key "$LAB_DIR/tls/server.key"
	wait_until 5 carriers_udp_bound 4433
}

carriers_udp_bound() {
	on_net ss -Hlun "sport = :$1" | grep -q .
}
