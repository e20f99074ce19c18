#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The golden captures of protocols (apps/README); `apps.sh NAME...` checks those alone. TAP.
exec python3 "${WAYMARK_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/pcap/talk.py" check "$@"
