#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shipped_patterns.sh FILE.pat ... - the files as C text, in the order given, on stdout.
# Each line becomes a string of its own, so that the compiler joins them.
set -eu
LC_ALL=C
export LC_ALL

cat <<'END'
/* Made by src/rules/shipped_patterns.sh of rules.d. Do not edit. */
#include "src/rules/private.h"

const struct shipped_pattern rules_shipped[] = {
END
for file; do
	printf '\t{"rules.d/%s", ""\n' "${file##*/}"
	sed -e 's/[\\"]/\\&/g' -e 's/^/\t "/' -e 's/$/\\n"/' "$file"
	printf '\t},\n'
done
cat <<'END'
	{NULL, NULL},
};
const size_t rules_shipped_count = sizeof(rules_shipped) / sizeof(rules_shipped[0]) - 1;
END
