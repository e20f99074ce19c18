# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzing. Modules add their targets to FUZZ_TARGETS in their own local.mk.
#   make fuzz FUZZ_SECONDS=600           each target that long; configure --enable-fuzzing CC=clang
#   make fuzz-coverage                   what the seeds reach of each parser, in any build directory
#   make fuzz-merge                      the seeds grow by what a run of `make fuzz` found
# FUZZ_TARGETS="tests/fuzz/fuzz_tls ..." narrows each; tests/fuzz/fuzz.sh tells more.
FUZZ_TARGETS += tests/fuzz/fuzz_ssh tests/fuzz/fuzz_protocols
tests_fuzz_fuzz_protocols_SOURCES = tests/fuzz/fuzz_protocols.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_ssh_SOURCES = tests/fuzz/fuzz_ssh.c tests/fuzz/fuzz_inspect.h

if FUZZING
noinst_PROGRAMS += $(FUZZ_TARGETS)
endif
FUZZ_SECONDS = 60
FUZZ = WAYMARK_SRC='$(abs_top_srcdir)' $(SHELL) $(top_srcdir)/tests/fuzz/fuzz.sh
fuzz: $(FUZZ_TARGETS)
	@$(FUZZ) run $(FUZZ_SECONDS) $(FUZZ_TARGETS)
fuzz-merge: $(FUZZ_TARGETS)
	@$(FUZZ) merge $(FUZZ_TARGETS)
fuzz-coverage:
	@$(FUZZ) coverage $(FUZZ_TARGETS)
.PHONY: fuzz fuzz-merge fuzz-coverage
EXTRA_DIST += tests/fuzz/fuzz.sh tests/fuzz/seeds.py tests/fuzz/captures.py tests/fuzz/corpus
