# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A daemon that only answers, for tests of what the commands ask and show of an answer. Works in
# $DIR and at $SOCKET; stand_in_end belongs into the test's teardown.

DAEMON=

# Answers command NAME with $DIR/NAME.json and keeps the request in $DIR/request. Returns when it
# listens.
stand_in() {
	cat >"$DIR/answer" <<-EOF
		#!/bin/sh
		IFS= read -r request
		printf '%s\n' "\$request" >"$DIR/request"
		command=\$(printf '%s' "\$request" | sed 's/.*"command": *"\([a-z]*\)".*/\1/')
		cat "$DIR/\$command.json"
	EOF
	chmod +x "$DIR/answer"
	: >"$DIR/socat.log"
	socat -d -d "UNIX-LISTEN:$SOCKET,fork" "EXEC:$DIR/answer" 2>"$DIR/socat.log" 3>&- &
	DAEMON=$!
	# tail ends with socat, so whichever comes first, the line or its end, ends the wait
	grep -q -m 1 'listening on' < <(tail -n +1 -f --pid="$DAEMON" "$DIR/socat.log" 3>&-)
}

stand_in_end() {
	if [ -n "$DAEMON" ]; then
		kill "$DAEMON" || true
		wait "$DAEMON" || true
	fi
}
