# SPDX-License-Identifier: GPL-2.0-or-later
# VNC, RFC 6143: the server begins with its version, twelve bytes.
vnc
^rfb 00[1-9]\.00[0-9]\x0a
