# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: rsync
record() {
	is rsync tcp 873
	mkdir "$work/files" "$work/copy"
	echo hello >"$work/files/a"
	printf 'use chroot = false\n[files]\npath = %s\n' "$work/files" >"$work/rsyncd.conf"
	chmod -R a+rX "$work"
	serve rsync --daemon --no-detach --config="$work/rsyncd.conf"
	until_true listens tcp 873
	on_client rsync -a rsync://192.0.2.9/files/ "$work/copy/"
	on_client rsync rsync://192.0.2.9/ >/dev/null
}
