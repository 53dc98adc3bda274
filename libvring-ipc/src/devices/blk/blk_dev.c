/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device side of virtio-blk: pops requests, parses them, gives them to the engine as jobs, and
 * answers.
 *
 * process -> pop into a free slot -> blk_req_parse() -> engine->submit() -> ... -> done ->
 * blk_req_answer(), push -> the slot is free again.
 * Ways out: no slot is free (-EAGAIN; when one is, vri_instance_schedule()); a bad
 * request is answered at once; no status byte: pushed with 0 bytes written; the instance stops while
 * jobs are in the kernel: its session lives on, holding the instance and so its memory, until the
 * last of them ended, and answers nobody. blk_session.c has slots and sessions.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include <vring-ipc/devices/blk.h>

#include "devices/blk/blk_dev.h"
#include "core/options.h"

#define BLK_TURN 64 /* requests of one queue before others have theirs */
#define BLK_PHYSICAL_MAX (1u << 20) /* larger blocks than any disk's are no hint; ours */

/* ---- answering ---- */

static void count_answer(struct blk_queue *q, struct blk_slot *slot, uint8_t status)
{
	struct vri_blk_stats *stats = &q->session->disk->stats;

	stats->requests++;
	stats->in_flight--;
	if (status != VIRTIO_BLK_S_OK)
		stats->failed++;
	if (slot->req.op == BLK_REQ_READ)
		stats->bytes_read += slot->job.bytes;
	else if (slot->req.op == BLK_REQ_WRITE)
		stats->bytes_written += slot->job.bytes;
	if (slot->number < q->newest_done)
		stats->out_of_order++;
	else
		q->newest_done = slot->number;
}

/* Gives the chain back and frees the slot. A push that fails means that the queue is broken or
 * gone: then nobody waits for it. */
static void give_back(struct blk_slot *slot, uint32_t used_len)
{
	struct blk_queue *q = slot->queue;

	vri_devq_push(q->devq, &slot->chain, used_len);
	blk_slot_free(slot);
}

static void answer(struct blk_slot *slot, uint32_t written, uint8_t status)
{
	count_answer(slot->queue, slot, status);
	give_back(slot, blk_req_answer(&slot->req, written, status));
}

/* A job has ended. */
static void job_done(struct blk_job *job)
{
	struct blk_slot *slot = blk_slot_of_job(job);
	struct blk_session *session = slot->queue->session;
	uint32_t written = 0;

	session->in_kernel--;
	if (session->stopped) {
		session->disk->stats.in_flight--;
		blk_session_free_if_idle(session);
		return;
	}
	if (slot->req.op == BLK_REQ_READ) {
		/* What was not read is still in the run, to be filled with zeros. */
		slot->req.in = job->run;
		written = (uint32_t)job->bytes;
	}
	blk_queue_mark_dirty(slot->queue);
	answer(slot, written, job->error ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

/* ---- beginning ---- */

static void begin_job(struct blk_slot *slot)
{
	struct blk_session *session = slot->queue->session;
	struct blk_disk *disk = session->disk;
	struct blk_job *job = &slot->job;

	job->op = slot->req.op;
	job->run = slot->req.op == BLK_REQ_READ ? slot->req.in : slot->req.out;
	job->offset = slot->req.offset;
	job->ranges = slot->req.ranges;
	job->n_ranges = slot->req.n_ranges;
	job->durable = session->write_through;
	job->done = job_done;
	session->in_kernel++;
	if (blk_job_start(job, &disk->file))
		disk->engine->ops->submit(disk->engine, job);
	else
		job_done(job);
}

static void begin(struct blk_slot *slot)
{
	struct blk_queue *q = slot->queue;
	struct blk_disk *disk = q->session->disk;
	uint8_t status = VIRTIO_BLK_S_OK;

	slot->number = ++q->newest;
	slot->job.bytes = 0;
	disk->stats.in_flight++;
	if (disk->stats.in_flight > disk->stats.in_flight_peak)
		disk->stats.in_flight_peak = disk->stats.in_flight;
	if (blk_req_parse(&slot->chain, &q->session->limits, &slot->req, &status) < 0) {
		/* Not a byte to answer in: all that is left is to give the buffer back. */
		count_answer(q, slot, VIRTIO_BLK_S_IOERR);
		give_back(slot, 0);
	} else if (status != VIRTIO_BLK_S_OK) {
		answer(slot, 0, status);
	} else if (slot->req.op == BLK_REQ_GET_ID) {
		answer(slot, blk_run_put(&slot->req.in, disk->id, sizeof(disk->id)),
		       VIRTIO_BLK_S_OK);
	} else {
		begin_job(slot);
	}
}

/* Returns: 1; 0 when there is nothing to begin; -EAGAIN when there is no slot for it; -EPROTO,
 * -ESHUTDOWN. */
static int begin_next(struct blk_queue *q)
{
	struct blk_slot *slot = blk_slot_take(q);
	int r;

	if (!slot)
		return -EAGAIN;
	r = vri_devq_pop(q->devq, &slot->chain);
	if (r == -ENOBUFS) {
		/* More pieces than drivers are told to send. */
		if (!blk_slot_widen(slot)) {
			blk_slot_free(slot);
			q->starved = true;
			return -EAGAIN;
		}
		r = vri_devq_pop(q->devq, &slot->chain);
	}
	if (r <= 0) {
		blk_slot_free(slot);
		return r;
	}
	begin(slot);
	return 1;
}

static int blk_process(struct vri_instance *inst, unsigned queue)
{
	struct blk_session *session = vri_instance_data(inst);
	struct blk_disk *disk = vri_device_data(vri_instance_device(inst));
	struct blk_queue *q;
	int r = 1;

	if (!session || queue >= session->n_queues || !session->queue[queue].devq)
		return 0;
	q = &session->queue[queue];
	for (int i = 0; i < BLK_TURN && r == 1; i++)
		r = begin_next(q);
	/* What the page cache had is done when run() returns. */
	disk->engine->ops->run(disk->engine);
	blk_disk_notify_dirty(disk);
	return r;
}

static void blk_event(struct vri_device *dev)
{
	struct blk_disk *disk = vri_device_data(dev);

	disk->engine->ops->event(disk->engine);
	blk_disk_notify_dirty(disk);
}

static int blk_event_fd(struct vri_device *dev)
{
	struct blk_disk *disk = vri_device_data(dev);

	return disk->engine->ops->fd(disk->engine);
}

/* ---- life of an instance ---- */

/*
 * virtio 1.4, 5.2.5.2: if VIRTIO_BLK_F_CONFIG_WCE was negotiated but VIRTIO_BLK_F_FLUSH was not,
 * the device MUST initialize writeback to 0. Also what brings the field back after a reset.
 */
static int blk_check_features(struct vri_instance *inst, const struct vri_features *acked)
{
	uint8_t writeback = vri_features_has(acked, VIRTIO_BLK_F_FLUSH);
	uint8_t now;
	int r;

	if (!vri_features_has(acked, VIRTIO_BLK_F_CONFIG_WCE))
		return 0;
	r = vri_instance_config_get(inst, offsetof(struct virtio_blk_config, wce), &now, 1);
	if (r < 0 || now == writeback)
		return r;
	return vri_instance_config_set(inst, offsetof(struct virtio_blk_config, wce), &writeback,
				       1);
}

/* virtio 1.4, 5.2.6.2: when a write is stable at its completion, without a flush. */
static int read_write_through(struct vri_instance *inst, bool *ret_write_through)
{
	struct vri_features features;
	uint8_t writeback = 0;
	int r = 0;

	vri_instance_features(inst, &features);
	if (vri_features_has(&features, VIRTIO_BLK_F_CONFIG_WCE))
		r = vri_instance_config_get(inst, offsetof(struct virtio_blk_config, wce),
					    &writeback, 1);
	else
		writeback = vri_features_has(&features, VIRTIO_BLK_F_FLUSH);
	*ret_write_through = writeback == 0;
	return r;
}

static int blk_config_written(struct vri_instance *inst, uint32_t offset, uint32_t len)
{
	struct blk_session *session = vri_instance_data(inst);

	return session ? read_write_through(inst, &session->write_through) : 0;
}

static int blk_start(struct vri_instance *inst)
{
	struct blk_disk *disk = vri_device_data(vri_instance_device(inst));
	struct vri_features features;
	struct blk_session *session;
	int r;

	r = blk_session_new(disk, inst, &session);
	if (r < 0)
		return r;
	vri_instance_features(inst, &features);
	session->limits = disk->limits;
	session->limits.discard = vri_features_has(&features, VIRTIO_BLK_F_DISCARD);
	session->limits.write_zeroes = vri_features_has(&features, VIRTIO_BLK_F_WRITE_ZEROES);
	r = read_write_through(inst, &session->write_through);
	if (r < 0) {
		blk_session_stop(session);
		return r;
	}
	vri_instance_set_data(inst, session);
	return 0;
}

static void blk_stop(struct vri_instance *inst)
{
	struct blk_disk *disk = vri_device_data(vri_instance_device(inst));
	struct blk_session *session = vri_instance_data(inst);

	if (!session)
		return;
	/* Most of what is in the kernel has ended: fewer sessions that live on. */
	disk->engine->ops->run(disk->engine);
	blk_disk_notify_dirty(disk);
	vri_instance_set_data(inst, NULL);
	blk_session_stop(session);
}

/* The kernel may still write into the driver's memory as long as a session of this instance is
 * there. */
static bool blk_is_stopped(struct vri_instance *inst)
{
	struct blk_disk *disk = vri_device_data(vri_instance_device(inst));

	disk->engine->ops->run(disk->engine);
	blk_disk_notify_dirty(disk);
	return !blk_disk_has_session(disk, inst);
}

/* ---- the device ---- */

static void blk_disk_free(struct blk_disk *disk)
{
	if (disk->engine)
		disk->engine->ops->free(disk->engine);
	blk_file_close(&disk->file);
	free(disk);
}

static void blk_release(struct vri_device *dev)
{
	blk_disk_free(vri_device_data(dev));
}

static const struct vri_device_ops blk_ops = {
	.size = sizeof(blk_ops),
	.check_features = blk_check_features,
	.start = blk_start,
	.stop = blk_stop,
	.is_stopped = blk_is_stopped,
	.process = blk_process,
	.config_written = blk_config_written,
	.event_fd = blk_event_fd,
	.event = blk_event,
	.release = blk_release,
};

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value ? value : otherwise;
}

/* The last part of the path, as far as it can be a device's name: printable ASCII. */
static const char *default_name(const char *path, char name[VRI_TYPE_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	for (const char *c = slash ? slash + 1 : path; *c && n < VRI_TYPE_MAX - 1; c++)
		name[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
	name[n] = '\0';
	return n > 0 ? name : NULL;
}

static int fill_defaults(struct vri_blk_device_opts *opts, const char *path,
			 char name[VRI_TYPE_MAX])
{
	if (!opts->name)
		opts->name = default_name(path, name);
	if (!opts->id)
		opts->id = opts->name ? opts->name : "";
	else if (strlen(opts->id) > VRI_BLK_ID_MAX)
		return -EINVAL;
	opts->block_size = or_default(opts->block_size, 512);
	opts->n_queues = or_default(opts->n_queues, 4);
	opts->queue_size_max = or_default(opts->queue_size_max, 256);
	opts->in_flight_max = or_default(opts->in_flight_max, 128);
	opts->seg_max = or_default(opts->seg_max, 126);
	opts->max_discard_sectors = or_default(opts->max_discard_sectors, 1u << 22);
	opts->max_write_zeroes_sectors = or_default(opts->max_write_zeroes_sectors, 1u << 16);
	opts->max_ranges = or_default(opts->max_ranges, 16);
	if (opts->block_size < VRI_BLK_SECTOR || opts->block_size > 65536 ||
	    (opts->block_size & (opts->block_size - 1)) != 0)
		return -EINVAL;
	if (opts->in_flight_max > VRI_QUEUE_SIZE_MAX || opts->seg_max > VRI_QUEUE_SIZE_MAX ||
	    opts->max_ranges > BLK_RANGES_MAX || opts->io > VRI_BLK_IO_SYNC)
		return -EINVAL;
	return opts->n_queues > VRI_QUEUES_MAX ? -EINVAL : 0;
}

static unsigned log2_of(uint32_t power)
{
	unsigned n = 0;

	while (power > 1) {
		power >>= 1;
		n++;
	}
	return n;
}

static void fill_config(const struct blk_disk *disk, const struct vri_blk_device_opts *opts,
			struct virtio_blk_config *config)
{
	const struct blk_file *file = &disk->file;
	uint32_t physical = file->physical_block_size;

	memset(config, 0, sizeof(*config));
	config->capacity = htole64(file->capacity / VRI_BLK_SECTOR);
	config->size_max = htole32(opts->size_max);
	config->seg_max = htole32(opts->seg_max);
	config->blk_size = htole32(opts->block_size);
	if (physical > opts->block_size && physical <= BLK_PHYSICAL_MAX &&
	    (physical & (physical - 1)) == 0)
		config->physical_block_exp =
			(uint8_t)(log2_of(physical) - log2_of(opts->block_size));
	config->min_io_size = htole16((uint16_t)(1u << config->physical_block_exp));
	config->opt_io_size = htole32(file->optimal_io_size / opts->block_size);
	config->wce = 1;
	config->num_queues = htole16((uint16_t)opts->n_queues);
	config->max_discard_sectors = htole32(opts->max_discard_sectors);
	config->max_discard_seg = htole32(opts->max_ranges);
	config->discard_sector_alignment = htole32(
		(uint32_t)(opts->block_size << config->physical_block_exp) / VRI_BLK_SECTOR);
	config->max_write_zeroes_sectors = htole32(opts->max_write_zeroes_sectors);
	config->max_write_zeroes_seg = htole32(opts->max_ranges);
	config->write_zeroes_may_unmap = file->can_punch;
}

static void fill_features(const struct blk_disk *disk, const struct vri_blk_device_opts *opts,
			  struct vri_features *features)
{
	bool read_only = disk->file.read_only;

	vri_features_default(features);
	/* Requests complete in any order; and an op that tells of the reset of one queue, whose
	 * requests are in the kernel, does not exist. */
	vri_features_clear(features, VRI_F_IN_ORDER);
	vri_features_clear(features, VRI_F_RING_RESET);
	vri_features_set(features, VIRTIO_BLK_F_SEG_MAX);
	vri_features_set(features, VIRTIO_BLK_F_BLK_SIZE);
	vri_features_set(features, VIRTIO_BLK_F_TOPOLOGY);
	vri_features_set(features, VIRTIO_BLK_F_FLUSH);
	vri_features_set(features, VIRTIO_BLK_F_MQ);
	if (opts->size_max)
		vri_features_set(features, VIRTIO_BLK_F_SIZE_MAX);
	if (read_only)
		vri_features_set(features, VIRTIO_BLK_F_RO);
	else
		vri_features_set(features, VIRTIO_BLK_F_CONFIG_WCE);
	if (!read_only && !opts->no_discard && disk->file.can_punch)
		vri_features_set(features, VIRTIO_BLK_F_DISCARD);
	if (!read_only && !opts->no_write_zeroes)
		vri_features_set(features, VIRTIO_BLK_F_WRITE_ZEROES);
}

static int make_device(struct blk_disk *disk, const struct vri_blk_device_opts *opts,
		       struct vri_device **ret_dev)
{
	uint8_t writable[BLK_CONFIG_SIZE] = { [offsetof(struct virtio_blk_config, wce)] = 1 };
	struct virtio_blk_config config;
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = VRI_BLK_TYPE,
		.name = opts->name,
		.device_id = VRI_ID_BLOCK,
		.n_queues = opts->n_queues,
		.queue_size_max = opts->queue_size_max,
		.config = &config,
		.config_size = BLK_CONFIG_SIZE,
	};

	fill_config(disk, opts, &config);
	fill_features(disk, opts, &info.features);
	if (!disk->file.read_only)
		info.config_writable = writable;
	return vri_device_new(&info, &blk_ops, disk, ret_dev);
}

int vri_blk_device_new(const char *path, const struct vri_blk_device_opts *opts,
		       struct vri_device **ret_dev)
{
	struct vri_blk_device_opts o;
	char name[VRI_TYPE_MAX];
	struct blk_disk *disk;
	int r;

	if (!path || !ret_dev || vri__options_copy(&o, sizeof(o), opts) < 0 ||
	    fill_defaults(&o, path, name) < 0)
		return -EINVAL;
	disk = calloc(1, sizeof(*disk));
	if (!disk)
		return -ENOMEM;
	r = blk_file_open(&disk->file, path, o.block_size, o.read_only);
	if (r < 0) {
		free(disk);
		return r;
	}
	memcpy(disk->id, o.id, strnlen(o.id, sizeof(disk->id)));
	disk->in_flight_max = o.in_flight_max;
	disk->pieces_max = o.seg_max + BLK_EXTRA_PIECES;
	disk->limits = (struct blk_limits){
		.capacity = disk->file.capacity,
		.read_only = disk->file.read_only,
		.max_discard_sectors = o.max_discard_sectors,
		.max_write_zeroes_sectors = o.max_write_zeroes_sectors,
		.max_ranges = o.max_ranges,
	};
	r = blk_engine_new(&disk->file, o.io, &disk->engine);
	if (r >= 0)
		r = make_device(disk, &o, ret_dev);
	if (r < 0)
		blk_disk_free(disk);
	return r;
}

void vri_blk_device_stats(const struct vri_device *dev, struct vri_blk_stats *ret_stats)
{
	const struct blk_disk *disk = vri_device_data(dev);

	*ret_stats = disk->stats;
}

enum vri_blk_io vri_blk_device_io(const struct vri_device *dev)
{
	const struct blk_disk *disk = vri_device_data(dev);

	return disk->engine->ops->io;
}
