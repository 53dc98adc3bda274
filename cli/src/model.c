/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Builds, frees and prints the tree of values that a command has to say. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"

static void *must(void *memory)
{
	if (!memory)
		exit(cmd_fail("out of memory"));
	return memory;
}

static struct model *append(struct model *parent, enum model_kind kind, const char *key,
			    const char *label)
{
	struct model *member = must(calloc(1, sizeof(*member)));

	member->kind = kind;
	member->key = key;
	member->label = label;
	if (parent->last)
		parent->last->next = member;
	else
		parent->first = member;
	parent->last = member;
	return member;
}

struct model *model_new(void)
{
	struct model *model = must(calloc(1, sizeof(*model)));

	model->kind = MODEL_OBJECT;
	return model;
}

void model_free(struct model *model)
{
	struct model *member, *next;

	if (!model)
		return;
	for (member = model->first; member; member = next) {
		next = member->next;
		model_free(member);
	}
	if (model->kind == MODEL_TEXT)
		free(model->text);
	free(model);
}

struct model *model_object(struct model *parent, const char *key, const char *label)
{
	return append(parent, MODEL_OBJECT, key, label);
}

struct model *model_list(struct model *parent, const char *key, const char *label)
{
	return append(parent, MODEL_LIST, key, label);
}

void model_text(struct model *parent, const char *key, const char *label, const char *text)
{
	if (text)
		append(parent, MODEL_TEXT, key, label)->text = must(strdup(text));
	else
		model_none(parent, key, label);
}

void model_format(struct model *parent, const char *key, const char *label, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	append(parent, MODEL_TEXT, key, label)->text = must(text);
}

void model_bool(struct model *parent, const char *key, const char *label, bool truth)
{
	append(parent, MODEL_BOOL, key, label)->truth = truth;
}

void model_number(struct model *parent, const char *key, const char *label, uint64_t number)
{
	append(parent, MODEL_NUMBER, key, label)->number = number;
}

void model_real(struct model *parent, const char *key, const char *label, double number)
{
	append(parent, MODEL_REAL, key, label)->real = number;
}

void model_size(struct model *parent, const char *key, const char *label, uint64_t bytes)
{
	append(parent, MODEL_SIZE, key, label)->number = bytes;
}

void model_hex(struct model *parent, const char *key, const char *label, uint64_t bits)
{
	append(parent, MODEL_HEX, key, label)->number = bits;
}

void model_time(struct model *parent, const char *key, const char *label, uint64_t ns)
{
	if (ns)
		append(parent, MODEL_TIME, key, label)->number = ns;
	else
		model_none(parent, key, label);
}

void model_none(struct model *parent, const char *key, const char *label)
{
	append(parent, MODEL_NONE, key, label);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int model_print(const struct model *model, bool json)
{
	if (json)
		return model_print_json(model, stdout, false);
	out_text(model, now());
	return cmd_flush();
}

int model_print_json(const struct model *model, FILE *out, bool one_line)
{
	out_json(model, out, one_line);
	return out == stdout ? cmd_flush() : CMD_OK;
}
