/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks that other software is known to use, against our mask.
 *
 * Two kinds. Tailscale, mwan3 and kube-proxy use bits under a mask of their own:
 * one bit in common is enough, since each would read what the other wrote.
 * wg-quick marks its tunnel's own packets with the whole value 0xca6c, and sends
 * into the tunnel whatever does not carry exactly that. Half of all masks have a
 * bit in common with it, the default one too, and most are harmless: packets
 * with foreign bits are left alone, and those whose bits fall into our mask are
 * taken for decided. So for it we work out what our chains would make of such a
 * packet, and warn only if that breaks something; else it is a note.
 */
#include <waymark/config.h>

#include <stdio.h>

#define WG_QUICK_MARK 0xca6cu

struct habit {
	const char *name;
	uint32_t mask;
	const char *breaks;
};

static const struct habit habits[] = {
	{"Tailscale", 0xff0000,
	 "its own packets could enter its tunnel, and its subnet routes lose their NAT"},
	{"mwan3", 0x3f00, "each would route by the other's marks"},
	{"kube-proxy", 0xc000,
	 "packets of ours could be masqueraded or dropped by it, and its own be taken for decided"},
};

static void check_wg_quick(const struct conf *conf, struct diag_list *diags)
{
	const struct mark_layout *layout = &conf->mark;
	uint32_t value = mark_value(layout, WG_QUICK_MARK);
	const struct conf_uplink *uplink = conf_uplink_by_mark(conf, value);
	char breaks[256];

	if (value == layout->drop && !mark_is_provisional(layout, WG_QUICK_MARK))
		snprintf(breaks, sizeof(breaks),
			 "it reads as \"drop\", so the tunnel's own packets would be lost");
	else if (mark_is_provisional(layout, WG_QUICK_MARK) && conf->firewall.hook_output)
		snprintf(breaks, sizeof(breaks),
			 "it reads as a provisional mark, so the tunnel's own packets would be "
			 "marked anew and sent into the tunnel");
	else if (value == layout->hint && conf->firewall.hook_output)
		snprintf(breaks, sizeof(breaks),
			 "it reads as \"older than our knowledge\", so the tunnel's own packets "
			 "would be marked anew and sent into the tunnel");
	else if (value && uplink)
		snprintf(breaks, sizeof(breaks),
			 "it reads as mark %u, so the tunnel's own packets would leave by uplink "
			 "'%.63s'",
			 value, uplink->name);
	else if (!value && conf->firewall.foreign_marks == CONF_FOREIGN_STEER &&
		 conf->firewall.hook_output)
		snprintf(breaks, sizeof(breaks),
			 "foreign_marks is \"steer\", so the tunnel's own packets would be marked "
			 "anew and sent into the tunnel");
	else if (value) {
		/* nothing breaks, but the name should be known when both are on one machine */
		diag_note(
			diags, conf->path, 0,
			"mark mask 0x%x and wg-quick's fwmark 0xca6c overlap: its packets read as "
			"decided with mark %u and are left alone, so keep mark %u free",
			layout->mask, value, value);
		return;
	} else {
		return;
	}
	diag_warning(diags, conf->path, 0, "mark mask 0x%x and wg-quick's fwmark 0xca6c: %s",
		     layout->mask, breaks);
}

void conf_check_mark_habits(const struct conf *conf, struct diag_list *diags)
{
	check_wg_quick(conf, diags);
	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++)
		if (conf->mark.mask & habits[i].mask)
			diag_warning(diags, conf->path, 0,
				     "mark mask 0x%x overlaps the bits 0x%x of %s: where both run, "
				     "%s",
				     conf->mark.mask, habits[i].mask, habits[i].name,
				     habits[i].breaks);
}
