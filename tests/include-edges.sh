#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Which module may include which: HACKING has the picture, this is the law. Any other edge fails.
# One TAP case a module. A header's own includes count for the module that it belongs to.
set -u
top=${WAYMARK_SRC:-$(cd "$(dirname "$0")/.." && pwd)}

# module: what it may include beside itself
edges='
base:
settings: base
packet: base
flow: base packet
inspect: base packet flow
names: base
steer: base
rules: base settings packet flow inspect
classify: base packet flow inspect rules names steer
source: base packet
config: base settings
policy: base settings packet flow inspect rules names steer classify config
route: base config
firewall: base config
control: base
daemon: *
cli: *
'
# public header -> module, where the names differ
module_of() {
	case $1 in
	log|diag|arena|hash|ip|mark|counter|pages|pool) echo base ;;
	route_plan|route_look|probe) echo route ;;
	firewall_look) echo firewall ;;
	table_names) echo config ;;
	dns) echo inspect ;;
	dns_watch|doubt) echo classify ;;
	*) echo "$1" ;;
	esac
}

# the files of a module: its directory, and its public headers
files_of() {
	find "$top/src/$1" -name '*.[ch]' 2>/dev/null
	for header in "$top"/include/waymark/*.h; do
		name=$(basename "$header" .h)
		[ "$(module_of "$name")" = "$1" ] && echo "$header"
	done
}

modules=$(for d in "$top"/src/*/; do basename "$d"; done)
count=0
for module in $modules; do
	[ -n "$(find "$top/src/$module" -name '*.[ch]')" ] && count=$((count + 1))
done
echo "1..$count"
n=0
failed=0
for module in $modules; do
	files=$(files_of "$module")
	[ -n "$(find "$top/src/$module" -name '*.[ch]')" ] || continue
	n=$((n + 1))
	allowed=$(printf '%s\n' "$edges" | sed -n "s/^$module://p")
	bad=
	if ! printf '%s\n' "$edges" | grep -q "^$module:"; then
		bad="module $module is not in the list of edges"
	fi
	for file in $files; do
		for header in $(sed -n 's|^#include [<"]waymark/\([a-z_0-9]*\)\.h[>"].*|\1|p' "$file"); do
			target=$(module_of "$header")
			case " $module $allowed " in
			*" $target "*|*' * '*) ;;
			*) bad="$bad${bad:+; }${file#"$top"/} includes $header.h of $target" ;;
			esac
		done
		# another module's private header, reached by a path; inside the module a path is its own
		for path in $(sed -n 's|^#include "\([^"]*/[^"]*\)".*|\1|p' "$file" | grep -v '^waymark/'); do
			case $(realpath -m --relative-to="$top/src/$module" "$(dirname "$file")/$path") in
			../*) ;;
			*) continue ;;
			esac
			bad="$bad${bad:+; }${file#"$top"/} includes \"$path\""
		done
	done
	if [ -n "$bad" ]; then
		echo "not ok $n - $module includes only what it may"
		echo "# $bad"
		failed=1
	else
		echo "ok $n - $module includes only what it may"
	fi
done
exit $failed
