/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Prints a model as JSON, by jansson, in ASCII. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "model.h"

static json_t *must(json_t *json)
{
	if (!json)
		exit(cmd_fail("out of memory"));
	return json;
}

/* Digits of a real: as many as a clock or a rate can mean, and few enough to read. */
#define REAL_DIGITS 12

/* A text that is not UTF-8 (a path, say) appears with its foreign bytes as \xNN. */
static json_t *text(const char *from)
{
	json_t *json = json_string(from);
	char *escaped, *to;

	if (json)
		return json;
	escaped = malloc(4 * strlen(from) + 1);
	if (!escaped)
		return NULL;
	for (to = escaped; *from; from++)
		to += sprintf(to, *from & 0x80 ? "\\x%02x" : "%c", (unsigned char)*from);
	*to = '\0';
	json = json_string(escaped);
	free(escaped);
	return json;
}

static json_t *convert(const struct model *model);

static void add_members(json_t *json, const struct model *object)
{
	const struct model *member;

	for (member = object->first; member; member = member->next) {
		if (member->key)
			json_object_set_new(json, member->key, convert(member));
		else
			add_members(json, member); /* none, when it is a value for text alone */
	}
}

static json_t *convert(const struct model *model)
{
	const struct model *member;
	char hex[2 + 16 + 1];
	json_t *json;

	switch (model->kind) {
	case MODEL_OBJECT:
		json = must(json_object());
		add_members(json, model);
		return json;
	case MODEL_LIST:
		json = must(json_array());
		for (member = model->first; member; member = member->next)
			json_array_append_new(json, convert(member));
		return json;
	case MODEL_TEXT:
		return must(text(model->text));
	case MODEL_BOOL:
		return must(json_boolean(model->truth));
	case MODEL_NUMBER:
	case MODEL_SIZE:
	case MODEL_TIME:
		/* JSON's integers end where jansson's do; no honest count comes near. */
		return must(json_integer(model->number > INT64_MAX ? INT64_MAX :
								     (json_int_t)model->number));
	case MODEL_REAL:
		return must(json_real(model->real));
	case MODEL_HEX:
		snprintf(hex, sizeof(hex), "0x%" PRIx64, model->number);
		return must(json_string(hex));
	case MODEL_NONE:
		break;
	}
	return must(json_null());
}

void out_json(const struct model *model, FILE *out, bool one_line)
{
	json_t *json = convert(model);

	json_dumpf(json, out,
		   (one_line ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENSURE_ASCII |
			   JSON_REAL_PRECISION(REAL_DIGITS));
	fputc('\n', out);
	json_decref(json);
}
