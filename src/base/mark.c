/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout follows from the mask alone: the top bit is P, the rest is V, and
 * V's three highest values are ours. With four bits that leaves 1 to 4 to users.
 */
#include <waymark/mark.h>

bool mark_layout_init(struct mark_layout *layout, uint32_t mask)
{
	unsigned shift, bits;
	uint32_t run;

	if (!mask)
		return false;
	shift = (unsigned)__builtin_ctz(mask);
	run = mask >> shift;
	bits = (unsigned)__builtin_popcount(mask);
	if (bits < 4 || (run & (run + 1)) != 0)
		return false;
	*layout = (struct mark_layout){
		.mask = mask,
		.provisional = 1U << (shift + bits - 1),
		.shift = shift,
		.main = (1U << (bits - 1)) - 1,
	};
	layout->value_mask = mask & ~layout->provisional;
	layout->hint = layout->main - 1;
	layout->drop = layout->main - 2;
	layout->user_max = layout->main - 3;
	if (layout->user_max > MARK_USER_MAX)
		layout->user_max = MARK_USER_MAX;
	return true;
}
