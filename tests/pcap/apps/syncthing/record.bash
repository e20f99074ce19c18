# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: syncthing
#
# What a device announces on the LAN; what two devices say to each other is TLS.
record() {
	is syncthing udp 21027
	mkdir -p "$work/home"
	on_client env HOME="$work/home" syncthing generate --home "$work/home" --no-default-folder >/dev/null
	sed -i 's/<globalAnnounceEnabled>true/<globalAnnounceEnabled>false/; s/<relaysEnabled>true/<relaysEnabled>false/; s/<natEnabled>true/<natEnabled>false/; s/<urAccepted>0/<urAccepted>-1/' "$work/home/config.xml"
	on_client env HOME="$work/home" STNOUPGRADE=1 timeout 30 syncthing serve --home "$work/home" --no-browser >"$work/client.log" 2>&1 &
	pids+=($!)
	until_true anything_captured
}
