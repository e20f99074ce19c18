# SPDX-License-Identifier: GPL-2.0-or-later
# Golden captures and the end-to-end tests in network namespaces.
PLAIN_TESTS += tests/pcap/instructions.sh
EXTRA_DIST += tests/pcap/instructions.tsv
record-instructions: waymark
	WAYMARK_SRC='$(abs_top_srcdir)' WAYMARK_BUILD='$(abs_top_builddir)' $(srcdir)/tests/pcap/instructions.sh --record
.PHONY: record-instructions
REPLAY_TESTS += tests/pcap/golden.sh tests/pcap/apps.sh tests/pcap/together.sh tests/pcap/noise.sh
UNIT_TESTS += tests/unit/test_invariance
tests_unit_test_invariance_SOURCES = tests/unit/test_invariance.c tests/unit/invariance.h
tests_unit_test_invariance_LDADD = $(UNIT_LDADD)

NETNS_TESTS += \
	tests/netns/classic.bats \
	tests/netns/classic-gateway.bats \
	tests/netns/ipv6.bats \
	tests/netns/names.bats \
	tests/netns/quic.bats \
	tests/netns/carriers.bats \
	tests/netns/failover.bats \
	tests/netns/first-packet.bats \
	tests/netns/groups.bats \
	tests/netns/local.bats \
	tests/netns/coexist.bats \
	tests/netns/firewall-coexist.bats \
	tests/netns/bypass.bats \
	tests/netns/repair.bats \
	tests/netns/gateways.bats \
	tests/netns/gateways-main.bats \
	tests/netns/table-names.bats \
	tests/netns/return-path.bats \
	tests/netns/lifecycle.bats \
	tests/netns/reload-rules.bats \
	tests/netns/reload-sets.bats \
	tests/netns/flood.bats \
	tests/netns/badinput.bats \
	tests/netns/complaints.bats \
	tests/netns/complaints-names.bats \
	tests/netns/complaints-failover.bats \
	tests/netns/replay-live.bats \
	tests/netns/together.bats \
	tests/netns/memory.bats \
	tests/netns/adversary.bats \
	tests/netns/apps.bats

EXTRA_DIST += tests/disputes.tsv tests/stand-in.bash tests/netns/lab.bash tests/netns/lab.py tests/netns/classic.bash tests/netns/gateways.bash tests/netns/quic.bash \
	tests/netns/carriers.bash tests/netns/postgresql.py tests/netns/hello.py tests/pcap

# The only thing that writes a golden answer: make bless CASE=smtp, after a look at the difference.
bless: $(bin_PROGRAMS)
	@test -n '$(CASE)' && test -d '$(srcdir)/tests/pcap/$(CASE)' || { \
		echo 'usage: make bless CASE=name, a directory of tests/pcap' >&2; exit 2; }
	@cd '$(srcdir)/tests/pcap/$(CASE)' && \
		'$(abs_top_builddir)/waymark' replay -c conf --json in.pcap >expected.new && \
		{ diff -u expected expected.new 2>/dev/null || :; } && mv expected.new expected
.PHONY: bless

# what runs have left beside the captures in a build directory
dist-hook:
	rm -f "$(distdir)"/tests/pcap/*.log "$(distdir)"/tests/pcap/*.trs
