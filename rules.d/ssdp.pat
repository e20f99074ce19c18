# SPDX-License-Identifier: GPL-2.0-or-later
# SSDP, UPnP Device Architecture 2.0, 1: a search or an announcement, which HTTP over UDP has
# for nothing else; or the answer to a search, which has the headers ST, USN or EXT.
ssdp
waymark strict=yes bytes=raw proto=udp
^(\x0d?\x0a){0,2}((m-search|notify|b-search) +\* +http/1\.[01]|http/1\.[01] 200 ok[\x09 ]{0,4}\x0d?\x0a([^\x0d\x0a]{1,512}\x0d?\x0a){0,24}(st|usn|ext) ?:)
