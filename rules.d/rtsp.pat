# SPDX-License-Identifier: GPL-2.0-or-later
# RTSP, RFC 2326 and 7826: a request line with its version; methods of both.
rtsp
^(options|describe|announce|setup|play|pause|teardown|get_parameter|set_parameter|redirect|record|play_notify) (rtsp[su]?://[^ ]+|\*) rtsp/[12]\.0\x0d?\x0a
