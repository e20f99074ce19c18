# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: ffmpeg
record() {
	is rtp udp 5004
	is rtcp udp 5005
	is rtp udp 5006
	is rtcp udp 5007
	on_client ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=duration=6 -c:a pcm_alaw -ar 8000 -f rtp rtp://192.0.2.9:5004 >/dev/null
	on_client ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=duration=1 -c:a mp2 -b:a 32k -f rtp_mpegts rtp://192.0.2.9:5006 >/dev/null
}
