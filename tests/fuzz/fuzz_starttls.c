/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dialogues that may turn into TLS, each through one inspector.
 * Covers: src/inspect/starttls.c src/inspect/xmpp.c src/inspect/postgresql.c
 */
#include "fuzz_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const apps[] = {"smtp", "imap", "pop3", "ftp", "xmpp", "postgresql"};
	const size_t count = sizeof(apps) / sizeof(apps[0]);

	if (size)
		fuzz_dialogue(inspect_table[app_find(apps[data[0] / 8 % count]) - 1], data, size);
	return 0;
}
