# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-libtorrent (for /usr/bin/python3), opentracker
#
# A seed and two peers, one over TCP and one over uTP, with a tracker over UDP and the hash table.
record() {
	is bittorrent tcp 6881
	is bittorrent udp 6881
	is bittorrent udp 6969
	cat >"$work/peer.py" <<-'END'
		import libtorrent, os, sys, time
		role, address, port, directory, transport = sys.argv[1:6]
		session = libtorrent.session({
		    "listen_interfaces": f"{address}:{port}", "enable_dht": True, "dht_bootstrap_nodes": "192.0.2.9:6881",
		    "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
		    "enable_incoming_utp": True, "enable_outgoing_utp": transport == "utp",
		    "enable_outgoing_tcp": transport == "tcp", "out_enc_policy": 2, "in_enc_policy": 2, "alert_mask": 0})
		info = libtorrent.torrent_info(os.path.join(os.environ["WORK"], "a.torrent"))
		torrent = session.add_torrent({"ti": info, "save_path": directory})
		if role == "peer":
		    torrent.connect_peer(("192.0.2.9", 6881))
		end = time.monotonic() + 20
		while time.monotonic() < end:
		    if role == "peer" and torrent.status().is_seeding:
		        sys.exit(0)
		    time.sleep(0.1)
		sys.exit(role == "peer")
	END
	mkdir -p "$work/seed" "$work/tcp" "$work/utp"
	chmod -R 755 "$work"
	head -c 12000 /dev/zero >"$work/seed/a"
	export WORK=$work
	/usr/bin/python3 - "$work" <<-'END'
		import libtorrent, sys
		files = libtorrent.file_storage()
		libtorrent.add_files(files, sys.argv[1] + "/seed/a")
		torrent = libtorrent.create_torrent(files, flags=libtorrent.create_torrent.v1_only)
		torrent.add_tracker("udp://192.0.2.9:6969/announce")
		libtorrent.set_piece_hashes(torrent, sys.argv[1] + "/seed")
		open(sys.argv[1] + "/a.torrent", "wb").write(libtorrent.bencode(torrent.generate()))
	END
	serve opentracker -i 192.0.2.9 -p 6969 -P 6969
	serve /usr/bin/python3 "$work/peer.py" seed 192.0.2.9 6881 "$work/seed" tcp
	until_true listens tcp 6881
	on_client /usr/bin/python3 "$work/peer.py" peer 10.0.0.2 7001 "$work/tcp" tcp
	on_client /usr/bin/python3 "$work/peer.py" peer 10.0.0.2 7002 "$work/utp" utp
}
