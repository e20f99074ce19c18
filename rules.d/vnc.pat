# SPDX-License-Identifier: GPL-2.0-or-later
# VNC, RFC 6143, 7.1.1: the server begins with its version, twelve bytes, and the client answers with
# its own. Versions beyond the RFC's are in use: 3.889 (Apple), 4.1 and 5.0 (RealVNC), 0.0 (repeaters).
vnc
waymark strict=yes proto=tcp bytes=raw first=12
^rfb 00[0-9]\.[0-9]{3}\x0a
