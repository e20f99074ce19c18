# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: ffmpeg
record() {
	is sap udp 9875
	on_client ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=duration=6 -c:a pcm_alaw -ar 8000 -f sap \
		'sap://192.0.2.9:5004?announce_addr=224.2.127.254' >/dev/null
}
