/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Names of kinds and devices, errors, words: what both directions share. */
#include <errno.h>
#include <string.h>

#include "broker/broker_pb.h"
#include "util/log.h"

/* ---- kinds and errors ---- */

static const char *const kind_names[BROKER_KINDS] = {
	[BROKER_UNKNOWN] = "UNKNOWN",
	[BROKER_HELLO] = "HELLO",
	[BROKER_REGISTER] = "REGISTER",
	[BROKER_WITHDRAW] = "WITHDRAW",
	[BROKER_OPEN] = "OPEN",
	[BROKER_CANCEL] = "CANCEL",
	[BROKER_GRANT] = "GRANT",
	[BROKER_LINK_DOWN] = "LINK_DOWN",
	[BROKER_LIST_DEVICES] = "LIST_DEVICES",
	[BROKER_LIST_LINKS] = "LIST_LINKS",
	[BROKER_WATCH] = "WATCH",
	[BROKER_VIEW] = "VIEW",
	[BROKER_STATS] = "STATS",
	[BROKER_REPLY] = "REPLY",
	[BROKER_TOOK] = "TOOK",
	[BROKER_INCOMING] = "INCOMING",
	[BROKER_GRANTED] = "GRANTED",
	[BROKER_EVENT] = "EVENT",
};

const char *broker_kind_name(enum broker_kind kind)
{
	return kind < BROKER_KINDS ? kind_names[kind] : "UNKNOWN";
}

static const struct {
	int error;
	PB(Error) code;
} errors[] = {
	{ 0, PB_ERROR(NONE) },
	{ -EPROTO, PB_ERROR(PROTOCOL) },
	{ -EPROTONOSUPPORT, PB_ERROR(VERSION) },
	{ -EACCES, PB_ERROR(DENIED) },
	{ -EDQUOT, PB_ERROR(QUOTA) },
	{ -ENOENT, PB_ERROR(NO_NAME) },
	{ -EADDRINUSE, PB_ERROR(TAKEN) },
	{ -ECONNREFUSED, PB_ERROR(TYPE) },
	{ -ETIMEDOUT, PB_ERROR(TIMEOUT) },
	{ -EBUSY, PB_ERROR(BUSY) },
	{ -ECONNRESET, PB_ERROR(GONE) },
	{ -ENOMEM, PB_ERROR(NO_MEMORY) },
	{ -EOPNOTSUPP, PB_ERROR(NOT_SUPPORTED) },
	{ -EINVAL, PB_ERROR(INVALID) },
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

PB(Error) broker_error_code(int error)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].code;
	return PB_ERROR(PROTOCOL);
}

int broker_error_value(PB(Error) code)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EPROTO;
}

void broker_words(char ret_words[BROKER_WORDS_MAX], const char *text)
{
	vri__text_clean(ret_words, BROKER_WORDS_MAX, text ? text : "", text ? strlen(text) : 0);
}

/* ---- names ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_inner(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

const char *broker_name_check(const char *name)
{
	unsigned parts = 0;

	if (strlen(name) >= BROKER_NAME_MAX)
		return "a name has at most 127 bytes";
	for (const char *at = name;; at++) {
		if (!is_letter(*at))
			return "each part of a name begins with a letter or an underscore";
		while (is_inner(*at))
			at++;
		parts++;
		if (*at == 0)
			break;
		if (*at != '.')
			return "a name has letters, digits, \"_\", \"-\", and dots between its parts";
	}
	return parts >= 2 ? NULL : "a name has two parts or more, as in org.example.disk0";
}

bool broker_is_key(const char *key)
{
	if (!*key)
		return false;
	for (; *key; key++)
		if (!is_inner(*key) && *key != '.')
			return false;
	return true;
}
