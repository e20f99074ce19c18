# SPDX-License-Identifier: GPL-2.0-or-later
# FIX and FIXT (FIX Trading Community, "FIX TagValue encoding"): every message begins with its version
# (field 8), its length (9) and its kind (35), each field ended by a byte of 1.
fix
waymark strict=yes proto=tcp bytes=raw first=64
^8=fixt?\.[0-9]{1,2}\.[0-9]{1,2}(sp[0-9])?\x019=[0-9]{1,9}\x0135=[!-~]{1,8}\x01
