/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What steer.c takes from a state beside what the public header offers.
 */
#ifndef WAYMARK_STEER_STATE_H
#define WAYMARK_STEER_STATE_H

#include <waymark/steer.h>

#include "sticky.h"

/* The next turn of the group with this index. Never waits. */
uint32_t steer_state_turn(struct steer_state *state, uint32_t group);
struct sticky_memory *steer_state_memory(struct steer_state *state);

#endif
