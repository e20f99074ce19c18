# SPDX-License-Identifier: GPL-2.0-or-later
# MQTT 3.1, 3.1.1 and 5.0 (OASIS): a CONNECT packet, its remaining length in one or two
# bytes, then the protocol's name; the NUL bytes of its length are not seen by a pattern.
mqtt
^\x10[\x01-\xff]{1,2}(\x04mqtt[\x04\x05]|\x06mqisdp\x03)
