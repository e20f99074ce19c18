# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # LAB_* are lab.bash's
#
# quic - a real browser and a real HTTP/3 server in the lab; loaded after lab.bash.
#
# The browser knows the server by --host-resolver-rules, so no name server is asked: what
# waymark learns comes from the connection alone. Everything that Chromium and Caddy
# write stays in the lab's directory.

quic_programs() {
	command -v chromium && command -v caddy
} >/dev/null

# lab_server_http3 NAME...: HTTP/1, 2 and 3 on the web addresses, one certificate for all names.
# Every page says by which protocol it was fetched, and from whom.
lab_server_http3() {
	local directory=$LAB_DIR/caddy
	lab_certificates "$@"
	mkdir -p "$directory"
	cat >"$directory/Caddyfile" <<-END
		{
			admin off
			auto_https off
			servers {
				protocols h1 h2 h3
			}
		}
		https:// {
			bind $LAB_WEB4 $LAB_WEB6
			tls $LAB_DIR/tls/server.pem $LAB_DIR/tls/server.key
			header Content-Type text/html
			respond "<title>x</title>{http.request.proto} {http.request.host} from {http.request.remote.host}"
		}
	END
	lab_spawn caddy "$LAB_NET" env HOME="$directory" XDG_DATA_HOME="$directory" XDG_CONFIG_HOME="$directory" \
		caddy run --adapter caddyfile --config "$directory/Caddyfile"
	wait_until 20 lab_port_open "$LAB_WEB4" 443
}

# The lab's own certificate, as Chromium wants it named: the hash of its public key.
quic_key_hash() {
	openssl x509 -in "$LAB_DIR/tls/server.pem" -pubkey -noout | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | openssl base64
}

# browse h3|h2 NAME ADDRESS [OPTION...]: the page's text, by QUIC from the first packet on, or never.
browse() {
	local protocol=$1 name=$2 address=$3 own
	shift 3
	own=$(mktemp -d "$LAB_DIR/browser-XXXXXX")
	case $protocol in
	h3) set -- --enable-quic --origin-to-force-quic-on="$name:443" "$@" ;;
	h2) set -- --disable-quic "$@" ;;
	esac
	on_client env HOME="$own" XDG_CONFIG_HOME="$own" XDG_CACHE_HOME="$own" \
		timeout --kill-after=5 $((40 * WAYMARK_TEST_SLOW)) chromium --headless=new --no-sandbox \
		--user-data-dir="$own/data" --disable-gpu --disable-dev-shm-usage --disable-extensions \
		--disable-background-networking --disable-component-update --disable-sync --no-first-run \
		--no-default-browser-check --no-proxy-server \
		--host-resolver-rules="MAP $name $(lab_literal "$address"), MAP * ~NOTFOUND" \
		--ignore-certificate-errors-spki-list="$(quic_key_hash)" \
		"$@" --dump-dom "https://$name/" 2>"$LAB_DIR/log/browser.err" </dev/null 3>&- 4>&- 5>&- |
		sed 's/<[^>]*>//g; s/^x//'
	rm -rf "$own"
}
