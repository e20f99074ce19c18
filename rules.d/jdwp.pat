# SPDX-License-Identifier: GPL-2.0-or-later
# The Java Debug Wire Protocol: both sides begin with the same fourteen characters.
jdwp
^jdwp-handshake
waymark strict=yes proto=tcp
