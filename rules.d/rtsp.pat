# SPDX-License-Identifier: GPL-2.0-or-later
# RTSP, RFC 2326 and 7826: a request line with its version (methods of both), whose URI some
# clients write without a scheme; or a status line.
rtsp
waymark strict=yes bytes=raw
^(\x0d?\x0a){0,4}((options|describe|announce|setup|play|pause|teardown|get_parameter|set_parameter|redirect|record|play_notify) (rtsp[su]?://[!-~]|[!-~]{1,2000} rtsp/[12]\.0\x0d?\x0a)|rtsp/[12]\.0 [1-5][0-9][0-9] )
