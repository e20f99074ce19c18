/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMB within NetBIOS sessions, and on its own port: both names hold, the framing's is on top. */
#include "layers_support.h"

#define NAME                               \
	"\x20"                             \
	"FDEFFCFGEFFCCACACACACACACACACACA" \
	"\0"
#define REQUEST "\x81\0\0\x44" NAME NAME
#define ACCEPTED "\x82\0\0\0"
#define REFUSED "\x83\0\0\1\x82"
#define ZEROS_28 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define SMB1 "\0\0\0\x20\xffSMB" ZEROS_28
#define SMB2 "\0\0\0\x20\xfeSMB" ZEROS_28

static void smb_is_matched_below_the_netbios_that_frames_it(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, SMB2)}, .apps = "smb netbios"},
		{.steps = {SAY(C, SMB1), SAY(S, SMB1)}, .apps = "smb netbios"},
		{.steps = {SAY(C, REQUEST), SAY(S, ACCEPTED), SAY(C, SMB1)}, .apps = "smb netbios"},
		{.steps = {SAY(C, REQUEST SMB1)}, .apps = "smb netbios"},
	};

	(void)state;
	HOLD(dialogues);
}

static void a_session_without_smb_is_netbios_alone(void **state)
{
	static const struct dialogue dialogues[] = {
		{.steps = {SAY(C, REQUEST), SAY(S, REFUSED)}, .apps = "netbios"},
		{.steps = {SAY(C, REQUEST), SAY(S, ACCEPTED), SAY(C, "\0\0\0\4data")},
		 .apps = "netbios"},
	};

	(void)state;
	HOLD(dialogues);
}

static void a_server_may_be_all_that_is_seen(void **state)
{
	struct talk talk;

	(void)state;
	begin(&talk, true);
	say(&talk, S, (const uint8_t *)SMB2, sizeof(SMB2) - 1);
	assert_true(evidence_has_app(talk.evidence, app_find("smb")));
	assert_int_equal(evidence_app(talk.evidence), app_find("netbios"));
	talk_end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smb_is_matched_below_the_netbios_that_frames_it),
		cmocka_unit_test(a_session_without_smb_is_netbios_alone),
		cmocka_unit_test(a_server_may_be_all_that_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
