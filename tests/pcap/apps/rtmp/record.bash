# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: ffmpeg, whose receiver can be an RTMP server
record() {
	is rtmp tcp 1935
	serve ffmpeg -nostdin -loglevel error -listen 1 -i rtmp://192.0.2.9:1935/app/live -f null -
	until_true listens tcp 1935
	on_client timeout 20 ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=duration=1 -c:a aac -f flv \
		rtmp://192.0.2.9:1935/app/live >/dev/null || true
}
