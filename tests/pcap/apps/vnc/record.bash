# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: tigervnc-standalone-server, socat
record() {
	is vnc tcp 5907
	serve Xvnc :7 -rfbport 5907 -SecurityTypes None -geometry 64x64 -localhost no
	until_true listens tcp 5907
	(printf 'RFB 003.008\n'; sleep 0.3; printf '\1'; sleep 0.3; printf '\1'; sleep 0.3) | on_client timeout 5 socat - tcp:192.0.2.9:5907 >/dev/null || true
}
