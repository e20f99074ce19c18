#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing may be claimed of traffic of no protocol: see noise.py. TAP.
set -u
: "${WAYMARK_SRC:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${WAYMARK_BUILD:=$WAYMARK_SRC/build}"
export WAYMARK_BUILD
PYTHONDONTWRITEBYTECODE=1 exec python3 "$WAYMARK_SRC/tests/pcap/noise.py" check "$@"
