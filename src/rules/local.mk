# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/rules/build.c \
	src/rules/hosts.c \
	src/rules/idn.c \
	src/rules/index.c \
	src/rules/index.h \
	src/rules/index_build.h \
	src/rules/index_keys.c \
	src/rules/index_table.c \
	src/rules/index_tuples.c \
	src/rules/ipset.c \
	src/rules/judge.c \
	src/rules/judge.h \
	src/rules/keys.c \
	src/rules/keys.h \
	src/rules/lists.c \
	src/rules/match.c \
	src/rules/parse.c \
	src/rules/payloads.c \
	src/rules/private.h \
	src/rules/ruleset.c \
	src/rules/spans.c \
	src/rules/times.c \
	src/rules/words.c \
	src/rules/zone.c

# rules.d/*.pat as text in the library; a file that comes, goes or changes makes it anew
nodist_libwaymark_la_SOURCES = src/rules/shipped_patterns.c
shipped_patterns = $(sort $(wildcard $(top_srcdir)/rules.d/*.pat))
src/rules/shipped_patterns.c: src/rules/shipped_patterns.sh $(top_srcdir)/rules.d $(shipped_patterns)
	$(AM_V_GEN)$(MKDIR_P) src/rules && \
		$(SHELL) $(top_srcdir)/src/rules/shipped_patterns.sh $(shipped_patterns) >$@.new && mv $@.new $@
CLEANFILES += src/rules/shipped_patterns.c
EXTRA_DIST += src/rules/shipped_patterns.sh

UNIT_TESTS += tests/unit/test_rules tests/unit/test_rules_index tests/unit/test_rule_sets tests/unit/test_shipped_patterns
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_LDADD = $(UNIT_LDADD)
tests_unit_test_rules_index_SOURCES = tests/unit/test_rules_index.c
tests_unit_test_rules_index_LDADD = $(UNIT_LDADD)
tests_unit_test_rule_sets_SOURCES = tests/unit/test_rule_sets.c
tests_unit_test_rule_sets_LDADD = $(UNIT_LDADD)
tests_unit_test_shipped_patterns_SOURCES = tests/unit/test_shipped_patterns.c
tests_unit_test_shipped_patterns_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz_rules
tests_fuzz_fuzz_rules_SOURCES = tests/fuzz/fuzz_rules.c
EXTRA_DIST += tests/fuzz/corpus/fuzz_rules/every-key.conf
