# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: libfcgi-bin, fcgiwrap
record() {
	is fastcgi tcp 9000
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\nhello"\n' >"$work/hello"
	chmod 755 "$work" "$work/hello"
	serve fcgiwrap -s tcp:192.0.2.9:9000
	until_true listens tcp 9000
	on_client env REQUEST_METHOD=GET SCRIPT_FILENAME="$work/hello" timeout 5 cgi-fcgi -bind -connect 192.0.2.9:9000 >/dev/null
}
