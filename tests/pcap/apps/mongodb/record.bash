# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-pymongo; no server is: a listener that does not answer
record() {
	is mongodb tcp 27017
	serve /usr/bin/python3 -c 'import socket, time
l = socket.create_server(("192.0.2.9", 27017))
time.sleep(60)'
	until_true listens tcp 27017
	on_client timeout 5 /usr/bin/python3 -c 'import pymongo
pymongo.MongoClient("192.0.2.9", serverSelectionTimeoutMS=1500).admin.command("ping")' >/dev/null 2>&1 || true
}
