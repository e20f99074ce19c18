# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: strongswan-charon, strongswan-starter
record() {
	local ns in_place
	is ipsec udp 500
	is ipsec udp 4500
	is ipsec esp -
	for ns in "$server" "$client"; do
		local here=192.0.2.9 there=10.0.0.2
		[ "$ns" = "$client" ] && here=10.0.0.2 there=192.0.2.9
		mkdir -p "$work/$ns/ipsec.d" "$work/$ns/run"
		printf '%s %s : PSK "secret of the two"\n' $here $there >"$work/$ns/ipsec.secrets"
		cat >"$work/$ns/ipsec.conf" <<-END
			conn %default
			  left=$here
			  right=$there
			  authby=secret
			  auto=add
			conn two
			  keyexchange=ikev2
			conn one
			  keyexchange=ikev1
		END
	done
	# shellcheck disable=SC2016 # the inner shell's own
	in_place='mount --bind "$0/ipsec.conf" /etc/ipsec.conf; mount --bind "$0/ipsec.secrets" /etc/ipsec.secrets
		mount --bind "$0/run" /var/run; exec "$@"'
	strongswan() { # NAMESPACE ARGUMENT...
		ip netns exec "$1" unshare -m sh -c "$in_place" "$work/$1" ipsec "${@:2}"
	}
	for ns in "$server" "$client"; do # not by the function: what is ended must be the daemon itself
		ip netns exec "$ns" unshare -m sh -c "$in_place" "$work/$ns" ipsec start --nofork >"$work/$ns/log" 2>&1 &
		pids+=($!)
	done
	until_true listens udp 500
	until_true strongswan "$client" status
	strongswan "$client" up two >"$work/up" 2>&1 || true
	strongswan "$client" up one >>"$work/up" 2>&1 || true
}
