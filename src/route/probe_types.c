/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of one probe, for each type of probe.
 *
 * - Each probe has a socket of its own, connected to its target. So the kernel keeps away what
 *   others send us, what comes after the end wakes nobody, and an interface that went and came
 *   again, or another address, is no case of its own.
 * - All sockets are bound before they are connected: to the device (a route by another one is
 *   then no route), to the source address, with the mark. What the kernel refuses there is the
 *   fault of this probe (ENODEV, EADDRNOTAVAIL, ENETUNREACH, EPERM from a firewall, EMFILE, ...).
 * - ICMP errors come by IP_RECVERR, which also tells those that are not "hard" (RFC 1122, 4.2.3.9):
 *   a network that is unreachable now is the very thing that we ask about. For UDP and TCP the
 *   kernel has compared addresses and ports (random ones of ours), for raw sockets we compare what
 *   the error quotes.
 * - TCP connections end by a reset (SO_LINGER 0): no TIME_WAIT for each probe, and no FIN that is
 *   sent again and again into a dead line.
 * - Raw sockets are open before they are bound, so anything may be in their queue; the source of
 *   each packet is compared, though a connected one gets no other later.
 */
#include "probe_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <linux/errqueue.h>
#include <linux/icmp.h>

/* Packets read at once; more wake us again. */
#define READS_MAX 16
#define BUFFER_BYTES 2048u

struct probe_type {
	int kind; /* of socket */
	int protocol4, protocol6;
	short wait; /* for what, after begin() */
	/* Before it is bound and connected, and after. 0 or -errno. NULL: nothing to do. */
	int (*prepare)(int fd, uint8_t family);
	int (*begin)(struct probe *probe);
	/* Something came. LOST: the fault is set. */
	enum probe_outcome (*ready)(struct probe *probe);
};

int64_t probe_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum probe_outcome lose(struct probe *probe, enum probe_fault_kind kind, int number)
{
	probe->fault.kind = kind;
	probe->fault.number = number;
	return PROBE_LOST;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int want_errors(int fd, uint8_t family)
{
	return family == IP_V4 ? set_option(fd, IPPROTO_IP, IP_RECVERR, 1)
			       : set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

static int random_bytes(void *bytes, size_t length)
{
	return getrandom(bytes, length, 0) == (ssize_t)length ? 0 : -EIO;
}

static socklen_t to_sockaddr(const struct ip_addr *addr, uint16_t port,
			     struct sockaddr_storage *storage)
{
	struct sockaddr_in *v4 = (void *)storage;
	struct sockaddr_in6 *v6 = (void *)storage;

	memset(storage, 0, sizeof(*storage));
	if (addr->family == IP_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr->bytes, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, addr->bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static struct ip_addr from_sockaddr(const struct sockaddr_storage *storage)
{
	const struct sockaddr_in *v4 = (const void *)storage;
	const struct sockaddr_in6 *v6 = (const void *)storage;

	if (storage->ss_family == AF_INET)
		return ip_v4((const uint8_t *)&v4->sin_addr);
	if (storage->ss_family == AF_INET6)
		return ip_v6(v6->sin6_addr.s6_addr);
	return (struct ip_addr){.family = IP_NONE};
}

static int send_all(struct probe *probe, const void *bytes, size_t length)
{
	ssize_t sent = send(probe->fd, bytes, length, MSG_NOSIGNAL);

	return sent == (ssize_t)length ? 0 : sent < 0 ? -errno : -EMSGSIZE;
}

/* ---- icmp ---- */

static int icmp_prepare(int fd, uint8_t family)
{
	if (family == IP_V4) {
		struct icmp_filter filter = {.data = ~(1u << ICMP_ECHOREPLY)};
		if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)))
			return -errno;
	} else {
		struct icmp6_filter filter;
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)))
			return -errno;
	}
	return want_errors(fd, family);
}

static int icmp_begin(struct probe *probe)
{
	uint8_t bytes[PROBE_ECHO_SIZE];
	int result = random_bytes(probe->echo.cookie, PROBE_COOKIE_SIZE);

	probe->echo.family = probe->to.family;
	if (result)
		return result;
	probe_echo_write(&probe->echo, bytes);
	return send_all(probe, bytes, sizeof(bytes));
}

/* The errors in the socket's queue; all are taken from it, or it would wake us again and again. */
static enum probe_outcome icmp_read_errors(struct probe *probe)
{
	enum probe_outcome outcome = PROBE_OPEN;

	for (;;) {
		uint8_t bytes[PROBE_ECHO_SIZE];
		union {
			struct cmsghdr header;
			uint8_t room[256];
		} control;
		struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control)};
		ssize_t length = recvmsg(probe->fd, &message, MSG_ERRQUEUE);
		if (length < 0)
			return outcome;
		if (!probe_echo_is_quoted(&probe->echo, bytes, (size_t)length))
			continue;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
			struct sock_extended_err error;
			if ((c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) &&
			    (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR))
				continue;
			memcpy(&error, CMSG_DATA(c), sizeof(error));
			outcome = lose(probe, PROBE_ERROR, (int)error.ee_errno);
		}
	}
}

static enum probe_outcome icmp_ready(struct probe *probe)
{
	uint8_t bytes[BUFFER_BYTES];

	if (icmp_read_errors(probe) == PROBE_LOST)
		return PROBE_LOST;
	for (int i = 0; i < READS_MAX; i++) {
		struct sockaddr_storage from = {0};
		socklen_t size = sizeof(from);
		ssize_t length = recvfrom(probe->fd, bytes, sizeof(bytes), 0,
					  (struct sockaddr *)&from, &size);
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (length < 0) /* what icmp_read_errors() has seen */
			continue;
		struct ip_addr source = from_sockaddr(&from);
		if (ip_equal(&source, &probe->to) &&
		    probe_echo_is_reply(&probe->echo, bytes, (size_t)length))
			return PROBE_ANSWERED;
	}
	return PROBE_OPEN;
}

/* ---- tcp ---- */

static int tcp_prepare(int fd, uint8_t family)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	(void)family;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ? -errno : 0;
}

static enum probe_outcome tcp_ready(struct probe *probe)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	return error ? lose(probe, PROBE_ERROR, error) : PROBE_ANSWERED;
}

/* ---- http ---- */

static void on_ready(evutil_socket_t fd, short what, void *context);

/* Wait for something else from now on. */
static enum probe_outcome http_wait(struct probe *probe, short what)
{
	struct event_base *base = event_get_base(&probe->event);

	event_del(&probe->event);
	if (event_assign(&probe->event, base, probe->fd, (short)(what | EV_PERSIST), on_ready,
			 probe) ||
	    event_add(&probe->event, NULL))
		return lose(probe, PROBE_ERROR, ENOMEM);
	return PROBE_OPEN;
}

static enum probe_outcome http_send(struct probe *probe)
{
	const struct probe_target *target = probe->target;
	size_t left = target->request_length - probe->http.sent;
	ssize_t sent = send(probe->fd, target->request + probe->http.sent, left, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? PROBE_OPEN
							 : lose(probe, PROBE_ERROR, errno);
	probe->http.sent += (size_t)sent;
	return (size_t)sent == left ? http_wait(probe, EV_READ) : PROBE_OPEN;
}

static enum probe_outcome http_read(struct probe *probe)
{
	uint8_t bytes[BUFFER_BYTES];
	ssize_t length = recv(probe->fd, bytes, sizeof(bytes), 0);

	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? PROBE_OPEN
							 : lose(probe, PROBE_ERROR, errno);
	if (!length)
		return lose(probe, PROBE_CLOSED, 0);
	int status = probe_http_feed(&probe->http.answer, bytes, (size_t)length);
	if (!status)
		return PROBE_OPEN;
	if (status < 0)
		return lose(probe, PROBE_GARBAGE, 0);
	return status < 400 ? PROBE_ANSWERED : lose(probe, PROBE_HTTP_ERROR, status);
}

static enum probe_outcome http_ready(struct probe *probe)
{
	if (!probe->http.connected && tcp_ready(probe) == PROBE_LOST)
		return PROBE_LOST;
	probe->http.connected = true;
	return probe->http.sent < probe->target->request_length ? http_send(probe)
								: http_read(probe);
}

/* ---- dns ---- */

static int dns_begin(struct probe *probe)
{
	const struct probe_target *target = probe->target;
	uint8_t bytes[PROBE_DNS_SIZE];
	int result = random_bytes(&probe->dns_id, sizeof(probe->dns_id));

	if (result)
		return result;
	if (!target->request_length)
		return -EINVAL;
	memcpy(bytes, target->request, target->request_length);
	bytes[0] = (uint8_t)(probe->dns_id >> 8);
	bytes[1] = (uint8_t)probe->dns_id;
	return send_all(probe, bytes, target->request_length);
}

static enum probe_outcome dns_ready(struct probe *probe)
{
	const struct probe_target *target = probe->target;
	uint8_t bytes[BUFFER_BYTES];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t length = recv(probe->fd, bytes, sizeof(bytes), 0);
		if (length < 0)
			return errno == EAGAIN || errno == EINTR ? PROBE_OPEN
								 : lose(probe, PROBE_ERROR, errno);
		int rcode = probe_dns_rcode(target->request, target->request_length, probe->dns_id,
					    bytes, (size_t)length);
		if (rcode == 0 || rcode == 3) /* NOERROR, NXDOMAIN */
			return PROBE_ANSWERED;
		if (rcode > 0)
			return lose(probe, PROBE_DNS_ERROR, rcode);
	}
	return PROBE_OPEN;
}

/* ---- the table ---- */

static const struct probe_type probe_types[] = {
	[CONF_PROBE_ICMP] = {SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6, EV_READ, icmp_prepare,
			     icmp_begin, icmp_ready},
	[CONF_PROBE_TCP] = {SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP, EV_WRITE, tcp_prepare, NULL,
			    tcp_ready},
	[CONF_PROBE_HTTP] = {SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP, EV_WRITE, tcp_prepare, NULL,
			     http_ready},
	[CONF_PROBE_DNS] = {SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP, EV_READ, want_errors, dns_begin,
			    dns_ready},
};

static bool http_request(const struct conf_probe *options, struct probe_target *target)
{
	bool bare6 = target->address6.family == IP_V6 && !target->is_name;
	char port[8] = "";
	char *text = NULL;

	if (options->port != 80)
		snprintf(port, sizeof(port), ":%u", options->port);
	int length =
		asprintf(&text,
			 "GET %s HTTP/1.1\r\nHost: %s%s%s%s\r\nUser-Agent: waymark\r\n"
			 "Accept: */*\r\nConnection: close\r\n\r\n",
			 options->path, bare6 ? "[" : "", target->name, bare6 ? "]" : "", port);
	if (length < 0)
		return false;
	target->request = (uint8_t *)text;
	target->request_length = (size_t)length;
	return true;
}

bool probe_request(const struct conf_probe *options, struct probe_target *target)
{
	if (options->type == CONF_PROBE_HTTP)
		return http_request(options, target);
	if (options->type != CONF_PROBE_DNS)
		return true;
	target->request = malloc(PROBE_DNS_SIZE);
	if (!target->request)
		return false;
	target->request_length = probe_dns_query(options->query, target->request);
	return true;
}

/* ---- from the beginning to the end ---- */

static int bind_to_line(int fd, const struct probe_line *line, uint8_t family)
{
	const struct ip_addr *source = family == IP_V4 ? &line->source4 : &line->source6;
	struct sockaddr_storage storage;

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, line->interface,
		       (socklen_t)strlen(line->interface)))
		return -errno;
	if (line->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &line->mark, sizeof(line->mark)))
		return -errno;
	if (source->family != family)
		return 0;
	socklen_t size = to_sockaddr(source, 0, &storage);
	return bind(fd, (struct sockaddr *)&storage, size) ? -errno : 0;
}

static int begin(struct probe *probe, const struct probe_line *line, uint16_t port)
{
	const struct probe_type *type = &probe_types[probe->type];
	uint8_t family = probe->to.family;
	struct sockaddr_storage storage;
	socklen_t size = to_sockaddr(&probe->to, port, &storage);
	int result;

	probe->fd = socket(ip_af(family), type->kind | SOCK_NONBLOCK | SOCK_CLOEXEC,
			   family == IP_V4 ? type->protocol4 : type->protocol6);
	if (probe->fd < 0)
		return -errno;
	result = bind_to_line(probe->fd, line, family);
	if (!result)
		result = type->prepare(probe->fd, family);
	if (result)
		return result;
	if (connect(probe->fd, (struct sockaddr *)&storage, size) && errno != EINPROGRESS)
		return -errno;
	return type->begin ? type->begin(probe) : 0;
}

void probe_send(struct probe *probe, struct event_base *base, const struct probe_line *line,
		uint16_t port, uint16_t id, uint16_t sequence)
{
	short wait = (short)(probe_types[probe->type].wait | EV_PERSIST);
	int result;

	if (probe->type == CONF_PROBE_ICMP)
		probe->echo = (struct probe_echo){.id = id, .sequence = sequence};
	probe->sent_us = probe_now_us();
	result = begin(probe, line, port);
	if (!result && (event_assign(&probe->event, base, probe->fd, wait, on_ready, probe) ||
			event_add(&probe->event, NULL)))
		result = -ENOMEM;
	if (!result)
		return;
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	probe->outcome = lose(probe, PROBE_ERROR, -result);
}

void probe_close(struct probe *probe)
{
	if (probe->fd < 0)
		return;
	event_del(&probe->event);
	close(probe->fd);
	probe->fd = -1;
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;

	(void)fd;
	(void)what;
	probe->outcome = probe_types[probe->type].ready(probe);
	if (probe->outcome == PROBE_OPEN)
		return;
	probe_close(probe);
	probe_ended(probe);
}
