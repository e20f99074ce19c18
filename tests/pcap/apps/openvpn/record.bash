# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: openvpn, openssl
record() {
	local port=1194 proto options
	is openvpn udp -
	is openvpn tcp -
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/key" -out "$work/cert" \
		-subj /CN=vpn.example.org -days 3650 2>/dev/null
	openvpn --genkey secret "$work/static"
	openvpn --genkey tls-crypt-v2-server "$work/v2server"
	openvpn --tls-crypt-v2 "$work/v2server" --genkey tls-crypt-v2-client "$work/v2client"
	for proto in udp tcp; do
		for options in "" "--tls-auth $work/static" "--tls-auth $work/static --auth SHA512" "--tls-crypt $work/static" v2; do
			local server_options=$options client_options=$options
			if [ "$options" = v2 ]; then
				server_options="--tls-crypt-v2 $work/v2server"
				client_options="--tls-crypt-v2 $work/v2client"
			fi
			# shellcheck disable=SC2086
			serve openvpn --dev null --tls-server --proto ${proto/tcp/tcp-server} --port $port --dh none --ca "$work/cert" \
				--cert "$work/cert" --key "$work/key" --cipher AES-256-GCM $server_options
			until_true listens $proto $port
			# shellcheck disable=SC2086
			ip netns exec "$client" openvpn --dev null --tls-client --proto ${proto/tcp/tcp-client} --remote 192.0.2.9 $port --nobind \
				--ca "$work/cert" --cert "$work/cert" --key "$work/key" --cipher AES-256-GCM --connect-timeout 5 \
				$client_options >"$work/client.log" 2>&1 &
			local pid=$!
			until_true grep -q 'Initialization Sequence Completed' "$work/client.log"
			kill $pid
			port=$((port + 1))
		done
	done
}
