/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the inspector sees in a region whose every word is known. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>

#include <vring-ipc/devices/echo.h>
#include <vring-ipc/inspect.h>

#include "synthetic.h"
#include "test.h"

static struct synthetic s;
static struct vri_inspect *insp;

static void set_up(void)
{
	char why[VRI_INSPECT_WHY_MAX] = "";

	synthetic_init(&s);
	if (vri_inspect_open_fd(&insp, s.fd, why, sizeof(why)) < 0)
		t_fail("%s", why);
}

static void tear_down(void)
{
	vri_inspect_close(insp);
	synthetic_fini(&s);
}

static struct vri_inspect_queue look_at_queue(unsigned queue)
{
	struct vri_inspect_queue q = { .size = sizeof(q) };

	t_ok(vri_inspect_get_queue(insp, queue, &q));
	return q;
}

static struct vri_inspect_chain look_at_chain(uint16_t head, struct vri_inspect_desc *descs,
					      unsigned max)
{
	struct vri_inspect_chain chain = { .size = sizeof(chain) };

	t_ok(vri_inspect_get_chain(insp, 0, head, &chain, descs, max));
	return chain;
}

/* ---- the link ---- */

Test(inspect, link_shows_what_both_sides_publish, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link = { .size = sizeof(link) };

	t_ok(vri_inspect_get_link(insp, &link));
	t_true(link.stable);
	t_streq(link.link_id, SYNTHETIC_ID);
	t_streq(link.type, "org.oasis-open.virtio.block");
	t_streq(link.name, "disk.img");
	t_eq(link.device_id, VRI_ID_BLOCK);
	t_eq(link.vendor_id, 0x1af4);
	t_eq(link.status, 15);
	t_eq(link.region_size, s.map.size);
	t_eq(link.n_queues, 2);
	t_eq(link.config_generation, 4);
	t_true(vri_features_has(&link.offered, VIRTIO_BLK_F_FLUSH));
	t_false(vri_features_has(&link.acked, VIRTIO_BLK_F_FLUSH));
	t_true(vri_features_has(&link.negotiated, VRI_F_EVENT_IDX));
	t_false(vri_features_has(&link.negotiated, VIRTIO_BLK_F_FLUSH));
}

Test(inspect, nothing_is_negotiated_before_features_ok, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link = { .size = sizeof(link) };

	s.device->status = htole32(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER);
	t_ok(vri_inspect_get_link(insp, &link));
	t_eq(link.negotiated.word[0], 0);
	t_eq(link.negotiated.word[1], 0);
}

Test(inspect, parts_are_the_table_of_the_header, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	unsigned i, pools = 0;

	t_ok(vri_inspect_get_link(insp, &link));
	t_eq(link.n_parts, 10);
	for (i = 0; i < link.n_parts; i++) {
		t_not_null(vri_inspect_part_name(link.part[i].type));
		t_le(link.part[i].offset + link.part[i].size, link.region_size);
		if (link.part[i].type != REGION_POOL)
			continue;
		pools++;
		t_eq(link.part[i].offset, s.map.pool.offset);
		t_eq(link.part[i].writer, VRI_INSPECT_ROLE_DEVICE | VRI_INSPECT_ROLE_DRIVER);
	}
	t_eq(pools, 1);
	t_null(vri_inspect_part_name(0));
	t_null(vri_inspect_part_name(~0u));
}

Test(inspect, fills_in_no_more_than_the_caller_knows, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link;

	memset(&link, 0xee, sizeof(link));
	link.size = offsetof(struct vri_inspect_link, region_size);
	t_ok(vri_inspect_get_link(insp, &link));
	t_eq(link.size, offsetof(struct vri_inspect_link, region_size));
	t_streq(link.link_id, SYNTHETIC_ID);
	t_eq(link.region_size, 0xeeeeeeeeeeeeeeeeull);
	link.size = 4;
	t_errno_eq(vri_inspect_get_link(insp, &link), -EINVAL);
}

Test(inspect, reason_of_needs_reset_is_shown, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link = { .size = sizeof(link) };

	strcpy(s.device->needs_reset_why, "a \x1b[31mred\x1b[0m reason");
	s.device->needs_reset_ns = htole64(5);
	t_ok(vri_inspect_get_link(insp, &link));
	t_streq(link.needs_reset_why, "a \\x1b[31mred\\x1b[0m reason");
	t_eq(link.needs_reset_ns, 5);
}

/* ---- the config space ---- */

Test(inspect, config_is_copied_with_its_generation, .init = set_up, .fini = tear_down)
{
	struct virtio_blk_config config;
	uint32_t generation;
	bool stable;

	t_eq(vri_inspect_config(insp, &config, sizeof(config), &generation, &stable),
	     sizeof(config));
	t_true(stable);
	t_eq(generation, 4);
	t_eq(le64toh(config.capacity), 2048);
	t_eq(vri_inspect_config(insp, &config, 3, &generation, &stable), 3);
}

Test(inspect, config_that_never_stops_changing_ends_as_not_stable, .init = set_up,
     .fini = tear_down)
{
	uint8_t config[4096];
	uint32_t generation;
	bool stable = true;

	s.device->config_generation = htole32(5);
	t_eq(vri_inspect_config(insp, config, sizeof(config), &generation, &stable),
	     sizeof(struct virtio_blk_config));
	t_false(stable);
	t_eq(generation, 5);
}

Test(inspect, config_size_that_exceeds_its_part_is_cut, .init = set_up, .fini = tear_down)
{
	uint8_t config[8192];
	uint32_t generation;
	bool stable;

	s.device->config_size = htole32(0xfffffff0);
	t_eq(vri_inspect_config(insp, config, sizeof(config), &generation, &stable),
	     s.map.config.size);
}

Test(inspect, fields_of_blk_stand_where_the_specification_has_them)
{
	static const struct {
		const char *name;
		unsigned offset, width;
	} want[] = { { "capacity", 0, 8 },
		     { "blk_size", 20, 4 },
		     { "writeback", 32, 1 },
		     { "num_queues", 34, 2 },
		     { "max_discard_sectors", 36, 4 },
		     { "write_zeroes_may_unmap", 56, 1 } };
	const struct vri_inspect_field *field;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		for (field = vri_inspect_fields(VRI_ID_BLOCK, NULL); field->name; field++) {
			if (strcmp(field->name, want[i].name) == 0)
				break;
		}
		t_not_null(field->name);
		t_eq(field->offset, want[i].offset);
		t_eq(field->width, want[i].width);
	}
}

Test(inspect, local_ids_are_known_by_their_type_string)
{
	t_streq(vri_inspect_fields(VRI_ID_ECHO, VRI_ECHO_TYPE)->name, "max_message");
	t_null(vri_inspect_fields(VRI_ID_ECHO, "org.example.other"));
	t_null(vri_inspect_fields(VRI_ID_RNG, NULL)->name);
	t_null(vri_inspect_fields(12345, NULL));
}

/* ---- a queue ---- */

Test(inspect, queue_shows_indices_positions_and_counters, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_queue q = look_at_queue(0);

	t_true(q.stable && q.readable && q.enabled && q.live && q.event_idx);
	t_eq(q.queue_size, SYNTHETIC_SIZE);
	t_eq(q.avail_idx, SYNTHETIC_AVAIL_IDX);
	t_eq(q.used_idx, SYNTHETIC_USED_IDX);
	t_eq(q.device_position, SYNTHETIC_DEVICE_POSITION);
	t_eq(q.driver_position, SYNTHETIC_DRIVER_POSITION);
	t_eq(q.not_popped, 1);
	t_eq(q.not_taken, 1);
	t_eq(q.outstanding, 3);
	t_eq(q.used_event, 1001);
	t_eq(q.avail_event, 900);
	t_eq(q.driver_wants, VRI_INSPECT_WANTS_AT);
	t_eq(q.device_wants, VRI_INSPECT_WANTS_NONE);
	t_eq(q.driver_counters.buffers, 1003);
	t_eq(q.device_counters.bytes_written, 4101097);
	t_eq(q.device_counters.suppressed, 992);
}

Test(inspect, queue_without_event_idx_shows_the_flags, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_queue q;

	s.driver->acked[0] = htole64(1ull << VRI_F_VERSION_1);
	s.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	q = look_at_queue(0);
	t_false(q.event_idx);
	t_eq(q.driver_wants, VRI_INSPECT_WANTS_NONE);
	t_eq(q.device_wants, VRI_INSPECT_WANTS_ALL);
}

Test(inspect, event_index_counts_over_the_wrap, .init = set_up, .fini = tear_down)
{
	s.used->idx = htole16(0xffff);
	s.avail->ring[SYNTHETIC_SIZE] = htole16(1);
	t_eq(look_at_queue(0).driver_wants, VRI_INSPECT_WANTS_AT);
	s.avail->ring[SYNTHETIC_SIZE] = htole16(0xfffe);
	t_eq(look_at_queue(0).driver_wants, VRI_INSPECT_WANTS_NONE);
}

Test(inspect, broken_rules_of_both_sides_are_shown, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_queue q;

	s.device_queue[0].broken_rule = htole32(VRI_RULE_NEXT);
	s.device_queue[0].broken_ns = htole64(77);
	s.driver_queue[0].broken_rule = htole32(VRI_RULE_DEADLINE);
	q = look_at_queue(0);
	t_eq(q.device_broken, VRI_RULE_NEXT);
	t_eq(q.device_broken_ns, 77);
	t_eq(q.driver_broken, VRI_RULE_DEADLINE);
}

Test(inspect, queue_that_is_not_set_up_says_so, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_queue q = look_at_queue(1);
	struct vri_inspect_head head;

	t_false(q.readable);
	t_not_null(q.problem);
	t_eq(q.queue_size_max, SYNTHETIC_SIZE);
	t_errno_eq(vri_inspect_outstanding(insp, 1, &head, 1), -EPROTO);
	t_errno_eq(vri_inspect_get_queue(insp, 2, &q), -ENOENT);
	t_errno_eq(vri_inspect_outstanding(insp, 2, &head, 1), -ENOENT);
}

struct broken_queue {
	uint32_t size, format;
	uint64_t desc, driver, device;
};

static const struct broken_queue broken_queues[] = {
	{ .size = 7 },
	{ .size = 65536 },
	{ .size = 0x80000000u },
	{ .format = 77 },
	{ .desc = 8 },
	{ .desc = UINT64_MAX - 15 },
	{ .driver = UINT64_MAX },
	{ .driver = 4097 },
	{ .device = 1ull << 40 },
	{ .device = 4098 },
};

/* proves that places and sizes are checked before the ring is read */
TestEach(inspect, queue_with_an_absurd_description_is_not_read, broken_queues, struct broken_queue)
{
	struct region_driver_queue *d;

	set_up();
	d = &s.driver_queue[0];
	d->size = param->size ? htole32(param->size) : d->size;
	d->format = htole32(param->format);
	d->desc = param->desc ? htole64(param->desc) : d->desc;
	d->driver = param->driver ? htole64(param->driver) : d->driver;
	d->device = param->device ? htole64(param->device) : d->device;
	t_false(look_at_queue(0).readable);
	t_not_null(look_at_queue(0).problem);
	tear_down();
}

Test(inspect, area_may_end_where_the_region_ends_and_not_after, .init = set_up, .fini = tear_down)
{
	s.driver_queue[0].desc = htole64(s.map.size - 16 * SYNTHETIC_SIZE);
	t_true(look_at_queue(0).readable);
	s.driver_queue[0].desc = htole64(s.map.size - 16 * SYNTHETIC_SIZE + 16);
	t_false(look_at_queue(0).readable);
}

/* ---- chains ---- */

Test(inspect, outstanding_heads_say_where_their_chains_are, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_head heads[SYNTHETIC_SIZE];

	t_eq(vri_inspect_outstanding(insp, 0, heads, SYNTHETIC_SIZE), 3);
	t_eq(heads[0].head, 0);
	t_eq(heads[0].where, VRI_INSPECT_USED);
	t_eq(heads[1].head, 3);
	t_eq(heads[1].where, VRI_INSPECT_IN_DEVICE);
	t_eq(heads[2].head, 5);
	t_eq(heads[2].where, VRI_INSPECT_AVAILABLE);
	t_eq(vri_inspect_outstanding(insp, 0, heads, 1), 3);
	t_eq(vri_inspect_outstanding(insp, 0, NULL, 0), 3);
}

Test(inspect, chain_shows_each_descriptor_and_its_place, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_desc descs[8];
	struct vri_inspect_chain chain = look_at_chain(0, descs, 8);

	t_true(chain.stable);
	t_eq(chain.problem, VRI_RULE_NONE);
	t_eq(chain.n_descs, 3);
	t_eq(chain.readable_len, 16);
	t_eq(chain.writable_len, 4097);
	t_eq(descs[1].number, 1);
	t_eq(descs[1].len, 4096);
	t_eq(descs[1].flags, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	t_eq(descs[1].next, 2);
	t_eq(descs[1].in_region, 1);
	t_eq(descs[1].part_type, REGION_POOL);
	t_eq(descs[1].part_offset, 4096);
	t_eq(descs[1].iova, s.map.pool.offset + 4096);
}

Test(inspect, indirect_table_is_followed, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_desc descs[8];
	struct vri_inspect_chain chain = look_at_chain(3, descs, 8);

	t_eq(chain.problem, VRI_RULE_NONE);
	t_eq(chain.n_descs, 4);
	t_eq(chain.readable_len, 16);
	t_eq(chain.writable_len, 513);
	t_eq(descs[0].part_type, REGION_TABLES);
	t_eq(descs[0].indirect, 0);
	t_eq(descs[1].indirect, 1);
	t_eq(descs[3].number, 2);
}

Test(inspect, chain_is_counted_beyond_what_the_caller_has_room_for, .init = set_up,
     .fini = tear_down)
{
	struct vri_inspect_desc descs[2] = { 0 };
	struct vri_inspect_chain chain = look_at_chain(3, descs, 1);

	t_eq(chain.n_descs, 4);
	t_eq(descs[0].len, 48);
	t_eq(descs[1].len, 0);
	t_eq(look_at_chain(3, NULL, 0).n_descs, 4);
}

Test(inspect, chain_that_is_not_outstanding_is_not_called_stable, .init = set_up, .fini = tear_down)
{
	t_true(look_at_chain(5, NULL, 0).stable);
	s.outstanding[5] = 0;
	t_false(look_at_chain(5, NULL, 0).stable);
}

Test(inspect, buffer_outside_of_the_region_is_shown_as_such, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_desc desc;
	struct vri_inspect_chain chain;

	/* Memory that the application added begins behind the region. */
	s.desc[6].addr = htole64(s.map.size + 4096);
	chain = look_at_chain(5, NULL, 0);
	t_eq(chain.problem, VRI_RULE_NONE);
	s.desc[5].addr = htole64(s.map.size + 4096);
	look_at_chain(5, &desc, 1);
	t_eq(desc.in_region, 0);
}

/* As the device sees it: such a descriptor is skipped. */
Test(inspect, piece_of_length_0_breaks_no_rule, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_chain chain;

	s.desc[5].len = 0;
	chain = look_at_chain(5, NULL, 0);
	t_eq(chain.problem, VRI_RULE_NONE);
	t_eq(chain.n_descs, 2);
	t_eq(chain.readable_len, 0);
}

struct broken_chain {
	enum vri_rule rule;
	unsigned where; /* 0: desc[5], 1: desc[6], 2: desc[3], 3: table[0], 4: table[1] */
	uint64_t addr; /* 0: as it is */
	uint32_t len; /* 0: as it is */
	int flags, next; /* -1: as it is */
};

static const struct broken_chain broken_chains[] = {
	{ VRI_RULE_NEXT, 0, .flags = 1, .next = SYNTHETIC_SIZE },
	{ VRI_RULE_CHAIN_LENGTH, 0, .flags = 1, .next = 5 },
	{ VRI_RULE_CHAIN_LENGTH, 1, .flags = 3, .next = 6 },
	{ VRI_RULE_CHAIN_ORDER, 0, .flags = 3, .next = 2 + 5 },
	{ VRI_RULE_ADDRESS, 0, .addr = UINT64_MAX - 3, .flags = -1, .next = -1 },
	{ VRI_RULE_ADDRESS, 0, .addr = 64, .flags = -1, .next = -1 },
	{ VRI_RULE_ADDRESS, 0, .len = UINT32_MAX, .flags = -1, .next = -1 },
	{ VRI_RULE_ADDRESS, 1, .len = 1u << 31, .flags = -1, .next = -1 },
	{ VRI_RULE_INDIRECT_NEXT, 2, .flags = 5, .next = 1 },
	{ VRI_RULE_INDIRECT_SIZE, 2, .len = 47, .flags = -1, .next = -1 },
	{ VRI_RULE_INDIRECT_ADDRESS, 2, .addr = 16, .flags = -1, .next = -1 },
	{ VRI_RULE_INDIRECT_NESTED, 3, .flags = 4, .next = 0 },
	{ VRI_RULE_NEXT, 3, .flags = 1, .next = 3 },
	{ VRI_RULE_CHAIN_LENGTH, 4, .flags = 3, .next = 1 },
};

TestEach(inspect, chain_that_breaks_a_rule_is_named_by_it, broken_chains, struct broken_chain)
{
	struct vring_desc *places[5];
	struct vring_desc *d;

	set_up();
	places[0] = &s.desc[5];
	places[1] = &s.desc[6];
	places[2] = &s.desc[3];
	places[3] = &s.table[0];
	places[4] = &s.table[1];
	s.desc[7] = s.desc[5];
	s.desc[7].flags = 0;
	d = places[param->where];
	d->addr = param->addr ? htole64(param->addr) : d->addr;
	d->len = param->len ? htole32(param->len) : d->len;
	d->flags = param->flags >= 0 ? htole16((uint16_t)param->flags) : d->flags;
	d->next = param->next >= 0 ? htole16((uint16_t)param->next) : d->next;
	t_eq(look_at_chain(param->where < 2 ? 5 : 3, NULL, 0).problem, param->rule);
	tear_down();
}

Test(inspect, indirect_table_without_the_feature_is_named, .init = set_up, .fini = tear_down)
{
	s.driver->acked[0] = htole64(1ull << VRI_F_VERSION_1);
	t_eq(look_at_chain(3, NULL, 0).problem, VRI_RULE_INDIRECT_FEATURE);
}

Test(inspect, head_outside_of_the_table_is_the_callers_mistake, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_chain chain = { .size = sizeof(chain) };

	t_errno_eq(vri_inspect_get_chain(insp, 0, SYNTHETIC_SIZE, &chain, NULL, 0), -EINVAL);
}

/* ---- used entries ---- */

Test(inspect, last_used_entries_come_oldest_first, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_used used[16];

	t_eq(vri_inspect_get_used(insp, 0, used, 2), 2);
	t_eq(used[0].idx, 999);
	t_eq(used[0].id, 7);
	t_eq(used[1].idx, 1000);
	t_eq(used[1].id, 0);
	t_eq(used[1].len, 4097);
	t_eq(vri_inspect_get_used(insp, 0, used, 16), SYNTHETIC_SIZE);
}

Test(inspect, used_entries_of_a_young_ring_are_only_those_that_were_written, .init = set_up,
     .fini = tear_down)
{
	struct vri_inspect_used used[16];

	s.used->idx = htole16(1);
	s.device_counters[0].position = htole64(2);
	t_eq(vri_inspect_get_used(insp, 0, used, 16), 1);
	t_eq(used[0].idx, 0);
	s.device_counters[0].position = htole64(65538);
	t_eq(vri_inspect_get_used(insp, 0, used, 16), SYNTHETIC_SIZE);
}

/* ---- the mapping ---- */

/* faults: G7 */
Test(inspect, mapping_can_never_be_made_writable, .init = set_up, .fini = tear_down)
{
	void *base = (void *)(uintptr_t)vri_inspect_base(insp);

	t_not_null(base);
	t_eq(mprotect(base, 4096, PROT_READ | PROT_WRITE), -1);
	t_eq(errno, EACCES);
}

static uint64_t hash(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 14695981039346656037ull;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * 1099511628211ull;
	return sum;
}

/* faults: G7 */
Test(inspect, region_is_the_same_after_everything_was_looked_at, .init = set_up, .fini = tear_down)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	struct vri_inspect_head heads[SYNTHETIC_SIZE];
	struct vri_inspect_used used[SYNTHETIC_SIZE];
	uint64_t before = hash(s.base, s.map.size);
	uint8_t config[64];
	uint32_t generation;
	bool stable;

	t_ok(vri_inspect_get_link(insp, &link));
	look_at_queue(0);
	look_at_queue(1);
	t_ok(vri_inspect_outstanding(insp, 0, heads, SYNTHETIC_SIZE));
	look_at_chain(3, NULL, 0);
	t_ok(vri_inspect_get_used(insp, 0, used, SYNTHETIC_SIZE));
	t_ok(vri_inspect_config(insp, config, sizeof(config), &generation, &stable));
	t_eq(hash(s.base, s.map.size), before);
}

/* ---- what is no region ---- */

static int open_made(int fd, char *why)
{
	struct vri_inspect *none = NULL;
	int r = vri_inspect_open_fd(&none, fd, why, VRI_INSPECT_WHY_MAX);

	t_null(none);
	close(fd);
	return r;
}

Test(inspect, refuses_what_is_no_memfd)
{
	char why[VRI_INSPECT_WHY_MAX];
	int pipes[2];

	t_sys(pipe(pipes));
	t_errno_eq(open_made(open("/dev/zero", O_RDWR), why), -EPROTO);
	t_strstr(why, "not a memfd");
	t_errno_eq(open_made(pipes[0], why), -EPROTO);
	t_errno_eq(open_made(pipes[1], why), -EPROTO);
	t_errno_eq(vri_inspect_open_fd(&insp, -1, why, sizeof(why)), -EINVAL);
}

Test(inspect, refuses_a_region_that_could_shrink, .init = set_up, .fini = tear_down)
{
	char why[VRI_INSPECT_WHY_MAX];
	int fd = memfd_create(REGION_MEMFD_NAME, MFD_ALLOW_SEALING);

	t_eq(write(fd, s.base, s.map.size), s.map.size);
	t_errno_eq(open_made(fd, why), -EPROTO);
	t_strstr(why, "sealed");
}

Test(inspect, refuses_a_file_shorter_than_its_header_says, .init = set_up, .fini = tear_down)
{
	char why[VRI_INSPECT_WHY_MAX];
	int fd = memfd_create(REGION_MEMFD_NAME, MFD_ALLOW_SEALING);

	t_eq(write(fd, s.base, s.map.size - 1), s.map.size - 1);
	t_sys(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	t_errno_eq(open_made(fd, why), -EPROTO);
	t_strstr(why, "larger than its file");
}

Test(inspect, refuses_empty_and_foreign_files)
{
	char why[VRI_INSPECT_WHY_MAX];
	int fd = memfd_create("empty", MFD_ALLOW_SEALING);

	t_errno_eq(open_made(fd, why), -EPROTO);
	fd = memfd_create("foreign", MFD_ALLOW_SEALING);
	t_sys(ftruncate(fd, 4096));
	t_errno_eq(open_made(fd, why), -EPROTO);
	t_strstr(why, "does not begin like a region");
}
