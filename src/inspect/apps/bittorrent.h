/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bittorrent - what its inspector's two files share. */
#ifndef INSPECT_APPS_BITTORRENT_H
#define INSPECT_APPS_BITTORRENT_H

#include "../inspector.h"

/* Whether the flow's datagrams are uTP's: DONE, MORE, NO. */
enum inspect_status bittorrent_utp(const struct inspect_datagram *datagram);

#endif
