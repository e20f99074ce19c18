# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: openssh-server, openssh-client
record() {
	is ssh tcp 22
	ssh-keygen -q -t ed25519 -N '' -f "$work/host"
	mkdir -p /run/sshd
	serve /usr/sbin/sshd -D -e -f /dev/null -h "$work/host" -o PidFile=none
	until_true listens tcp 22
	on_client ssh -n -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null nobody@192.0.2.9 true || true
}
