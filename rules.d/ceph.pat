# SPDX-License-Identifier: GPL-2.0-or-later
# Ceph's messenger: both sides begin with a banner, "ceph v027" in its first version, "ceph v2" and a
# line end in its second, which the sizes of two sets of features follow.
ceph
^ceph v(0[0-9][0-9]|2\x0a\x10\x00)
waymark strict=yes proto=tcp bytes=raw
