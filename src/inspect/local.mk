# SPDX-License-Identifier: GPL-2.0-or-later
libwaymark_la_SOURCES += \
	src/inspect/apps/bgp.c \
	src/inspect/apps/capwap.c \
	src/inspect/apps/coap.c \
	src/inspect/apps/collectd.c \
	src/inspect/apps/dhcp.c \
	src/inspect/apps/diameter.c \
	src/inspect/apps/dnscrypt.c \
	src/inspect/apps/ipmi.c \
	src/inspect/apps/ldp.c \
	src/inspect/apps/nat_pmp.c \
	src/inspect/apps/netbios.c \
	src/inspect/apps/netflow.c \
	src/inspect/apps/ntp.c \
	src/inspect/apps/openflow.c \
	src/inspect/apps/ptp.c \
	src/inspect/apps/radius.c \
	src/inspect/apps/routing.c \
	src/inspect/apps/rtps.c \
	src/inspect/apps/slp.c \
	src/inspect/apps/snmp.c \
	src/inspect/apps/syslog.c \
	src/inspect/apps/tacacs.c \
	src/inspect/apps/telnet.c \
	src/inspect/apps/rdp.c \
	src/inspect/apps/ldap.c \
	src/inspect/apps/kerberos.c \
	src/inspect/apps/dcerpc.c \
	src/inspect/apps/rpc.c \
	src/inspect/apps/openvpn.c \
	src/inspect/apps/tftp.c \
	src/inspect/apps/tunnels.c \
	src/inspect/apps/whois.c \
	src/inspect/apps/wireguard.c \
	src/inspect/apps/ipsec.c \
	src/inspect/apps/pptp.c \
	src/inspect/apps/l2tp.c \
	src/inspect/apps/ajp.c \
	src/inspect/apps/smpp.c \
	src/inspect/apps/citrix.c \
	src/inspect/apps/ber.h \
	src/inspect/apps.c \
	src/inspect/apps/ads.c \
	src/inspect/apps/amqp.c \
	src/inspect/apps/bacnet.c \
	src/inspect/apps/bitcoin.c \
	src/inspect/apps/bittorrent.c \
	src/inspect/apps/bittorrent.h \
	src/inspect/apps/bittorrent_utp.c \
	src/inspect/apps/c1222.c \
	src/inspect/apps/c37118.c \
	src/inspect/apps/cassandra.c \
	src/inspect/apps/discord.c \
	src/inspect/apps/dnp3.c \
	src/inspect/apps/drda.c \
	src/inspect/apps/dropbox.c \
	src/inspect/apps/edonkey.c \
	src/inspect/apps/egd.c \
	src/inspect/apps/elasticsearch.c \
	src/inspect/apps/ethereum.c \
	src/inspect/apps/ethernetip.c \
	src/inspect/apps/fastcgi.c \
	src/inspect/apps/fins.c \
	src/inspect/apps/gearman.c \
	src/inspect/apps/gnutella.c \
	src/inspect/apps/h323.c \
	src/inspect/apps/http_apps.c \
	src/inspect/apps/hart_ip.c \
	src/inspect/apps/iax.c \
	src/inspect/apps/iec104.c \
	src/inspect/apps/kafka.c \
	src/inspect/apps/knx.c \
	src/inspect/apps/memcached.c \
	src/inspect/apps/minecraft.c \
	src/inspect/apps/modbus.c \
	src/inspect/apps/mongodb.c \
	src/inspect/apps/mqtt.c \
	src/inspect/apps/mssql.c \
	src/inspect/apps/mumble.c \
	src/inspect/apps/mysql.c \
	src/inspect/apps/opcua.c \
	src/inspect/apps/oracle.c \
	src/inspect/apps/proxy_protocol.c \
	src/inspect/apps/raknet.c \
	src/inspect/apps/redis.c \
	src/inspect/apps/rmi.c \
	src/inspect/apps/rtmp.c \
	src/inspect/apps/rtp.c \
	src/inspect/apps/s7comm.c \
	src/inspect/apps/sap.c \
	src/inspect/apps/secp256k1.c \
	src/inspect/apps/secp256k1.h \
	src/inspect/apps/sides.h \
	src/inspect/apps/skinny.c \
	src/inspect/apps/soulseek.c \
	src/inspect/apps/spotify.c \
	src/inspect/apps/stun.c \
	src/inspect/apps/syncthing.c \
	src/inspect/apps/t38.c \
	src/inspect/apps/teamspeak.c \
	src/inspect/apps/teamviewer.c \
	src/inspect/apps/telegram.c \
	src/inspect/apps/thrift.c \
	src/inspect/apps/tls_apps.c \
	src/inspect/apps/valve.c \
	src/inspect/apps/viber.c \
	src/inspect/apps/whatsapp.c \
	src/inspect/apps/xdmcp.c \
	src/inspect/apps/zabbix.c \
	src/inspect/apps/zookeeper.c \
	src/inspect/dns.c \
	src/inspect/dns_message.c \
	src/inspect/dns_wire.c \
	src/inspect/dns_wire.h \
	src/inspect/dtls.c \
	src/inspect/evidence.c \
	src/inspect/hpack.c \
	src/inspect/hpack.h \
	src/inspect/http.c \
	src/inspect/http.h \
	src/inspect/http2.c \
	src/inspect/contest.c \
	src/inspect/inspection.c \
	src/inspect/kept.c \
	src/inspect/inspection.h \
	src/inspect/inspector.h \
	src/inspect/mdns.c \
	src/inspect/literals.c \
	src/inspect/pattern.c \
	src/inspect/pattern.h \
	src/inspect/pattern_private.h \
	src/inspect/pattern_set.c \
	src/inspect/pieces.c \
	src/inspect/prefilter.h \
	src/inspect/prefilter_hs.c \
	src/inspect/prefilter_literal.c \
	src/inspect/regex.c \
	src/inspect/regex.h \
	src/inspect/regex_facts.c \
	src/inspect/pattern_file.c \
	src/inspect/pattern_measure.c \
	src/inspect/pattern_translate.c \
	src/inspect/pattern_translate.h \
	src/inspect/postgresql.c \
	src/inspect/quic.c \
	src/inspect/quic_google.c \
	src/inspect/quic_google.h \
	src/inspect/quic_keys.c \
	src/inspect/quic_keys.h \
	src/inspect/scan.c \
	src/inspect/socks.c \
	src/inspect/ssh.c \
	src/inspect/starttls.c \
	src/inspect/tls.c \
	src/inspect/tls_hello.c \
	src/inspect/tls_hello.h \
	src/inspect/xmpp.c
UNIT_TESTS += \
	tests/unit/test_dns_message \
	tests/unit/test_dtls \
	tests/unit/test_mdns \
	tests/unit/test_inspect \
	tests/unit/test_inspect_dispatch \
	tests/unit/test_inspect_layers \
	tests/unit/test_inspect_patterns \
	tests/unit/test_pattern_limits \
	tests/unit/test_pattern_prefilter \
	tests/unit/test_regex \
	tests/unit/test_inspect_protocols \
	tests/unit/test_inspect_proxies \
	tests/unit/test_inspect_smb \
	tests/unit/test_pattern_file \
	tests/unit/test_quic \
	tests/unit/test_quic_claims
tests_unit_test_dns_message_SOURCES = tests/unit/test_dns_message.c tests/unit/dns_build.h
tests_unit_test_dns_message_LDADD = $(UNIT_LDADD)
tests_unit_test_dtls_SOURCES = tests/unit/test_dtls.c tests/unit/inspect_support.h
tests_unit_test_dtls_LDADD = $(UNIT_LDADD)
tests_unit_test_mdns_SOURCES = tests/unit/test_mdns.c tests/unit/dns_build.h tests/unit/inspect_support.h
tests_unit_test_mdns_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_SOURCES = tests/unit/test_inspect.c tests/unit/inspect_support.h
tests_unit_test_inspect_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_dispatch_SOURCES = tests/unit/test_inspect_dispatch.c
tests_unit_test_inspect_dispatch_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_layers_SOURCES = tests/unit/test_inspect_layers.c tests/unit/inspect_support.h tests/unit/layers_support.h
tests_unit_test_inspect_layers_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_patterns_SOURCES = tests/unit/test_inspect_patterns.c tests/unit/inspect_support.h
tests_unit_test_inspect_patterns_LDADD = $(UNIT_LDADD)
pattern_test_headers = tests/unit/inspect_support.h tests/unit/pattern_support.h
tests_unit_test_pattern_limits_SOURCES = tests/unit/test_pattern_limits.c $(pattern_test_headers)
tests_unit_test_pattern_limits_LDADD = $(UNIT_LDADD)
tests_unit_test_pattern_prefilter_SOURCES = tests/unit/test_pattern_prefilter.c $(pattern_test_headers)
tests_unit_test_pattern_prefilter_LDADD = $(UNIT_LDADD)
tests_unit_test_regex_SOURCES = tests/unit/test_regex.c
tests_unit_test_regex_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_protocols_SOURCES = tests/unit/test_inspect_protocols.c tests/unit/inspect_support.h
tests_unit_test_inspect_protocols_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_proxies_SOURCES = tests/unit/test_inspect_proxies.c tests/unit/inspect_support.h tests/unit/layers_support.h
tests_unit_test_inspect_proxies_LDADD = $(UNIT_LDADD)
tests_unit_test_inspect_smb_SOURCES = tests/unit/test_inspect_smb.c tests/unit/inspect_support.h tests/unit/layers_support.h
tests_unit_test_inspect_smb_LDADD = $(UNIT_LDADD)
tests_unit_test_pattern_file_SOURCES = tests/unit/test_pattern_file.c tests/unit/inspect_support.h
tests_unit_test_pattern_file_LDADD = $(UNIT_LDADD)
quic_test_headers = tests/unit/inspect_support.h tests/unit/quic_build.h tests/unit/quic_support.h tests/unit/quic_vectors.h
tests_unit_test_quic_SOURCES = tests/unit/test_quic.c $(quic_test_headers)
tests_unit_test_quic_LDADD = $(UNIT_LDADD)
tests_unit_test_quic_claims_SOURCES = tests/unit/test_quic_claims.c $(quic_test_headers)
tests_unit_test_quic_claims_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS += \
	tests/fuzz/fuzz_dns \
	tests/fuzz/fuzz_dns_message \
	tests/fuzz/fuzz_dtls \
	tests/fuzz/fuzz_http \
	tests/fuzz/fuzz_http2 \
	tests/fuzz/fuzz_inspection \
	tests/fuzz/fuzz_mdns \
	tests/fuzz/fuzz_patfile \
	tests/fuzz/fuzz_quic \
	tests/fuzz/fuzz_socks \
	tests/fuzz/fuzz_starttls \
	tests/fuzz/fuzz_tls
tests_fuzz_fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_dns_message_SOURCES = tests/fuzz/fuzz_dns_message.c
tests_fuzz_fuzz_dtls_SOURCES = tests/fuzz/fuzz_dtls.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_http2_SOURCES = tests/fuzz/fuzz_http2.c tests/fuzz/fuzz_dialogue.h tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_inspection_SOURCES = tests/fuzz/fuzz_inspection.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_mdns_SOURCES = tests/fuzz/fuzz_mdns.c tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_patfile_SOURCES = tests/fuzz/fuzz_patfile.c
tests_fuzz_fuzz_quic_SOURCES = tests/fuzz/fuzz_quic.c tests/fuzz/fuzz_inspect.h tests/unit/quic_build.h
tests_fuzz_fuzz_socks_SOURCES = tests/fuzz/fuzz_socks.c tests/fuzz/fuzz_dialogue.h tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_starttls_SOURCES = tests/fuzz/fuzz_starttls.c tests/fuzz/fuzz_dialogue.h tests/fuzz/fuzz_inspect.h
tests_fuzz_fuzz_tls_SOURCES = tests/fuzz/fuzz_tls.c tests/fuzz/fuzz_inspect.h
