# SPDX-License-Identifier: GPL-2.0-or-later
# STOMP 1.0 to 1.2: a command in a line of its own, then headers. The client connects, the
# server confirms; from the middle on, what names a destination or a subscription.
stomp
^[\x0d\x0a]*((connect|stomp|connected)\x0d?\x0a((accept-version|version|host|login|passcode|heart-beat|session|server|client-id|user-name|content-length):[^\x0d\x0a]*\x0d?\x0a)+\x0d?\x0a|(send|subscribe|message|unsubscribe|receipt|ack|nack)\x0d?\x0a([a-z0-9-]{1,32}:[^\x0d\x0a]{0,255}\x0d?\x0a){0,8}(destination|subscription|message-id|receipt-id):[^\x0d\x0a]+\x0d?\x0a)
waymark strict=yes proto=tcp
