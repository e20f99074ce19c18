# SPDX-License-Identifier: GPL-2.0-or-later
# Tank gauges (Veeder-Root, "Serial Interface Manual" for the TLS-350): start of header, a function
# to inquire or set, its three digits and the tank's two, and the end of a line or an answer which
# repeats it and a date.
atg
^(\x01[is][0-9]{5}(\x0d?\x0a|\x03)|[\x01\x0a\x0d]{1,3}[is][0-9]{5}[\x0a\x0d]+[0-9 a-z])
waymark strict=yes proto=tcp bytes=raw
