# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: xrdp, freerdp2-x11, tigervnc-standalone-server
record() {
	is 'rdp|tls' tcp 3389 # seen from the middle it is TLS
	serve xrdp --nodaemon
	until_true listens tcp 3389
	ip netns exec "$client" Xvnc :19 -rfbport 5919 >"$work/screen.log" 2>&1 &
	pids+=($!)
	until_true test -S /tmp/.X11-unix/X19
	export DISPLAY=:19
	on_client timeout 5 xfreerdp /v:192.0.2.9 /u:user /p:secret /cert:ignore +auth-only >/dev/null 2>&1 || true
	on_client timeout 5 xfreerdp /v:192.0.2.9 /u:user /p:secret /sec:rdp +auth-only >/dev/null 2>&1 || true
}
