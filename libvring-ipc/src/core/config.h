/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The config space and its generation counter, both sides.
 *
 * The device's truth is private; what lies in the region is a copy for the driver to read without a message. Around
 * each change the counter there is odd, and every change moves it on by two, so a reader that saw the same even value
 * before and after saw bytes of one generation. virtio 1.4, 2.5.3
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "util/shm.h"

#define CONFIG_TRIES 64 /* reads that find the device writing, before the driver asks by message */

/* One instance's config space, as its device keeps it. */
struct config_space {
	uint8_t *bytes; /* private: as the device has set it */
	uint8_t *shown; /* private: as the driver sees it, the same unless it is frozen */
	uint64_t *changed; /* for each byte: when the device last changed it; NULL: nobody asks */
	uint64_t now; /* the generation without its wrap */
	bool frozen;
	uint32_t changed_first, changed_end; /* since it is frozen; none: both the same */
	uint32_t size;
	uint32_t generation; /* even */
	uint8_t __shm *shared; /* in the region; NULL: nowhere */
	uint32_t __shm *shared_generation;
};

/* Starts with a copy of @initial. Returns: 0; -ENOMEM. */
int vri__config_init(struct config_space *config, const uint8_t *initial, uint32_t size,
		     uint8_t __shm *shared, uint32_t __shm *shared_generation);
void vri__config_fini(struct config_space *config);

/* From here on remembers what vri__config_has_changed() asks for. Returns: 0; -ENOMEM. */
int vri__config_track(struct config_space *config);

bool vri__config_is_inside(uint32_t size, uint32_t offset, uint32_t len);

/* Shows the driver the private bytes [@offset, @offset + @len) and moves the generation on; a frozen config space keeps
 * that for later. Returns: true when the driver can see it. */
bool vri__config_publish(struct config_space *config, uint32_t offset, uint32_t len);

/* The device's own change of private bytes, to be published next. */
void vri__config_change(struct config_space *config, uint32_t offset, const void *buf,
			uint32_t len);

/* Has the device changed any of the bytes since @generation, of which a driver says that it has seen it? Also true for
 * one that there never was. A driver's own writes are none of these changes. */
bool vri__config_has_changed(const struct config_space *config, uint32_t generation,
			     uint32_t offset, uint32_t len);

/* While it is frozen nothing of it changes that the driver can see. Thawing shows what was changed meanwhile.
 * Returns: true when that is anything. */
void vri__config_freeze(struct config_space *config);
bool vri__config_thaw(struct config_space *config);

/*
 * The driver's side: reads bytes of one generation. @shared and @shared_generation are written by a device that need
 * not be honest. Returns: 0; -EAGAIN when it was changing in each of CONFIG_TRIES looks, and @ret is then undefined.
 */
int vri__config_snapshot(const uint8_t __shm *shared, const uint32_t __shm *shared_generation,
			 uint32_t offset, void *ret, uint32_t len, uint32_t *ret_generation);

#endif
