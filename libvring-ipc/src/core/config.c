/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The generation counter: the device's changes and the driver's consistent reads. */
#include "core/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/region_access.h"

int vri__config_init(struct config_space *config, const uint8_t *initial, uint32_t size,
		     uint8_t __shm *shared, uint32_t __shm *shared_generation)
{
	*config = (struct config_space){
		.size = size,
		.shared = shared,
		.shared_generation = shared_generation,
	};
	config->bytes = calloc(2, size ? size : 1);
	if (!config->bytes)
		return -ENOMEM;
	config->shown = config->bytes + size;
	if (size)
		memcpy(config->bytes, initial, size);
	vri__config_publish(config, 0, size);
	return 0;
}

void vri__config_fini(struct config_space *config)
{
	free(config->bytes);
	free(config->changed);
	config->changed = NULL;
	config->bytes = config->shown = NULL;
}

bool vri__config_is_inside(uint32_t size, uint32_t offset, uint32_t len)
{
	return offset <= size && len <= size - offset;
}

int vri__config_track(struct config_space *config)
{
	config->changed = calloc(config->size ? config->size : 1, sizeof(*config->changed));
	if (!config->changed)
		return -ENOMEM;
	/* Who has read nothing has missed everything. */
	for (uint32_t i = 0; i < config->size; i++)
		config->changed[i] = config->now;
	return 0;
}

void vri__config_change(struct config_space *config, uint32_t offset, const void *buf, uint32_t len)
{
	const uint8_t *bytes = buf;

	for (uint32_t i = 0; config->changed && i < len; i++)
		if (config->bytes[offset + i] != bytes[i])
			config->changed[offset + i] = config->now + 2;
	memcpy(config->bytes + offset, buf, len);
}

bool vri__config_has_changed(const struct config_space *config, uint32_t generation,
			     uint32_t offset, uint32_t len)
{
	/* The newest that reads as @generation; one from the future reads as a very old one. */
	uint32_t ago = config->generation - generation;

	if (!config->changed || (generation & 1) || ago > config->now)
		return true;
	for (uint32_t i = 0; i < len; i++)
		if (config->changed[offset + i] > config->now - ago)
			return true;
	return false;
}

static void remember(struct config_space *config, uint32_t offset, uint32_t len)
{
	bool is_first = config->changed_first == config->changed_end;

	if (len == 0)
		return;
	if (is_first || offset < config->changed_first)
		config->changed_first = offset;
	if (is_first || offset + len > config->changed_end)
		config->changed_end = offset + len;
}

bool vri__config_publish(struct config_space *config, uint32_t offset, uint32_t len)
{
	if (config->frozen) {
		remember(config, offset, len);
		return false;
	}
	memcpy(config->shown + offset, config->bytes + offset, len);
	if (config->shared_generation)
		config_begin_write(config->shared_generation, config->generation + 1);
	if (config->shared)
		config_store(config->shared + offset, config->bytes + offset, len);
	config->generation += 2;
	config->now += 2;
	if (config->shared_generation)
		config_end_write(config->shared_generation, config->generation);
	return true;
}

void vri__config_freeze(struct config_space *config)
{
	config->frozen = true;
	config->changed_first = config->changed_end = 0;
}

bool vri__config_thaw(struct config_space *config)
{
	uint32_t len = config->changed_end - config->changed_first;

	if (!config->frozen)
		return false;
	config->frozen = false;
	return len != 0 && vri__config_publish(config, config->changed_first, len);
}

int vri__config_snapshot(const uint8_t __shm *shared, const uint32_t __shm *shared_generation,
			 uint32_t offset, void *ret, uint32_t len, uint32_t *ret_generation)
{
	/* Second look: bytes between two looks at the same even generation are of one. */
	for (unsigned i = 0; i < CONFIG_TRIES; i++) {
		uint32_t before = config_begin_read(shared_generation);

		if (before & 1) {
			ring_relax();
			continue;
		}
		config_load(ret, shared + offset, len);
		if (config_end_read(shared_generation) == before) {
			*ret_generation = before;
			return 0;
		}
	}
	return -EAGAIN;
}
