/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answer.c and server.c share. */
#ifndef WAYMARK_CONTROL_PRIVATE_H
#define WAYMARK_CONTROL_PRIVATE_H

#include <waymark/control.h>

/* The member of an answer by which a handler's wish for a follower reaches the server. */
#define CONTROL_FOLLOW "follow"

#endif
