/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor_files - what `waymark doctor` reads from files: sysctls, processes, settings of others.
 */
#ifndef WAYMARK_CLI_DOCTOR_FILES_H
#define WAYMARK_CLI_DOCTOR_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor.h"

struct dirent;
struct policy;

/* For scandir(): "*.conf". */
int doctor_is_conf(const struct dirent *entry);

/* Of a path below /proc/sys, in the reader's network namespace; DOCTOR_UNKNOWN: not there, or no
 * number. */
int64_t doctor_sysctl_read(const char *path);
void doctor_sysctls_gather(struct doctor_sysctls *sysctls);
/* The owners of all queues. False: hidden, or the kernel has none. */
bool doctor_queues_gather(struct doctor_facts *facts);
void doctor_others_gather(struct doctor_others *others);
/* One file of networkd's: true if it sets the key, to *keeps. */
bool doctor_networkd_read(const char *path, bool *keeps);
/* What the text of the rules says: ipsets, rules of IPv4 alone. */
void doctor_rule_files_gather(const struct policy *policy, struct doctor_facts *facts);

#endif
