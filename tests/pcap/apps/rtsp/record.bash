# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: ffmpeg, whose receiver can be an RTSP server
record() {
	is rtsp tcp 8554
	serve ffmpeg -nostdin -loglevel error -rtsp_flags listen -i rtsp://192.0.2.9:8554/live -f null -
	until_true listens tcp 8554
	on_client timeout 20 ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=duration=1 -c:a aac -f rtsp -rtsp_transport tcp \
		rtsp://192.0.2.9:8554/live >/dev/null || true
}
