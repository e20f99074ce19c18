# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: git
record() {
	is git tcp 9418
	git init -q "$work/project"
	git -C "$work/project" -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m first
	serve git daemon --reuseaddr --export-all --base-path="$work" --listen=192.0.2.9
	until_true listens tcp 9418
	on_client git clone -q git://192.0.2.9/project "$work/one"
	on_client git -c protocol.version=0 clone -q git://192.0.2.9/project "$work/two"
}
