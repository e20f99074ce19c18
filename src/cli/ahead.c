/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of batches between a thread that reads and whoever classifies. What they hand over is
 * many packets, so a lock is nothing; to wake somebody is not. So the reader sleeps when the ring
 * is full and is woken when half of it is free, not for each batch.
 *
 * A packet's bytes stay where the capture has them: the batches in the ring, and the one that was
 * taken out of it last, are those that source_pcap_keep() keeps.
 */
#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RING 32
_Static_assert(RING + 1 <= SOURCE_PCAP_KEEP_MAX, "the ring and the batch that was taken last");

struct batch {
	int count; /* what receive() returned; <= 0: the last one */
	struct packet packets[SOURCE_BATCH];
};

struct ahead {
	struct source source; /* first, so that one points to the other */
	struct source *capture;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows but `ring` */
	pthread_cond_t more, room;
	unsigned filled, at; /* batches in the ring, and the first of them */
	bool stop;
	struct batch ring[RING]; /* whose filled ones are the receiver's, the others the reader's */
};

/* The next free batch; NULL: nobody wants any more. */
static struct batch *wait_for_room(struct ahead *self)
{
	struct batch *batch;

	pthread_mutex_lock(&self->lock);
	if (self->filled == RING)
		while (self->filled > RING / 2 && !self->stop)
			pthread_cond_wait(&self->room, &self->lock);
	batch = self->stop ? NULL : &self->ring[(self->at + self->filled) % RING];
	pthread_mutex_unlock(&self->lock);
	return batch;
}

static void *read_ahead(void *argument)
{
	struct ahead *self = argument;
	struct batch *batch;
	int count;

	do {
		batch = wait_for_room(self);
		if (!batch)
			break;
		count = self->capture->ops->receive(self->capture, batch->packets);
		batch->count = count;
		pthread_mutex_lock(&self->lock);
		if (self->filled++ == 0)
			pthread_cond_signal(&self->more);
		pthread_mutex_unlock(&self->lock);
	} while (count > 0);
	return NULL;
}

static int ahead_receive(struct source *source, struct packet *packets)
{
	struct ahead *self = (struct ahead *)source;
	struct batch *batch;
	int count;

	pthread_mutex_lock(&self->lock);
	while (!self->filled)
		pthread_cond_wait(&self->more, &self->lock);
	batch = &self->ring[self->at];
	pthread_mutex_unlock(&self->lock);

	count = batch->count;
	if (count <= 0) { /* stays, for whoever asks again */
		memcpy(source->error, self->capture->error, sizeof(source->error));
		return count;
	}
	memcpy(packets, batch->packets, (size_t)count * sizeof(*packets));
	pthread_mutex_lock(&self->lock);
	self->at = (self->at + 1) % RING;
	if (--self->filled == RING / 2)
		pthread_cond_signal(&self->room);
	pthread_mutex_unlock(&self->lock);
	return count;
}

static int ahead_verdicts(struct source *source, const struct packet *packets,
			  const struct verdict *verdicts, size_t count)
{
	struct source *capture = ((struct ahead *)source)->capture;

	return capture->ops->verdicts(capture, packets, verdicts, count);
}

/* What there is without the thread. */
static void ahead_free(struct ahead *self)
{
	pthread_cond_destroy(&self->room);
	pthread_cond_destroy(&self->more);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static void ahead_close(struct source *source)
{
	struct ahead *self = (struct ahead *)source;

	pthread_mutex_lock(&self->lock);
	self->stop = true;
	pthread_cond_signal(&self->room);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	self->capture->ops->close(self->capture);
	ahead_free(self);
}

static const struct source_ops ahead_ops = {
	.name = "pcap, read ahead",
	.receive = ahead_receive,
	.verdicts = ahead_verdicts,
	.close = ahead_close,
};

struct source *source_ahead(struct source *capture)
{
	struct ahead *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	if (!source_pcap_keep(capture, RING + 1)) {
		free(self);
		return NULL;
	}
	self->source.ops = &ahead_ops;
	self->capture = capture;
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->more, NULL);
	pthread_cond_init(&self->room, NULL);
	if (pthread_create(&self->thread, NULL, read_ahead, self) == 0)
		return &self->source;
	source_pcap_keep(capture, 1);
	ahead_free(self);
	return NULL;
}
