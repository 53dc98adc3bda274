/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What a command has to say, as a tree of named, typed values. A command builds the tree; one
 * function prints it, as text or as JSON: both printers walk the same tree.
 *
 * Each value has a key, its name in JSON (promised stable, docs/json.md), and a label, its name in
 * text (not promised). A value without a label is in JSON only, one without a key is in text only. An
 * object without a key groups its members for text; in JSON they are its parent's. Keys and labels are literals:
 * borrowed for the life of the tree. Members of a list have no key. Out of memory ends the process
 * with a message.
 */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum model_kind {
	MODEL_OBJECT,
	MODEL_LIST,
	MODEL_TEXT,
	MODEL_BOOL, /* text: yes, no */
	MODEL_NUMBER,
	MODEL_REAL,
	MODEL_SIZE, /* bytes; text: "4096", "1.5 MiB" */
	MODEL_HEX, /* a bit pattern or an address; JSON: a string, "0x..." */
	MODEL_TIME, /* CLOCK_BOOTTIME nanoseconds; text: "1.5 s ago" */
	MODEL_NONE, /* JSON: null; text: "-" */
};

enum model_style {
	MODEL_PLAIN = 0,
	/* An object whose members are objects of the same shape: text shows them as the columns of
	 * one table. */
	MODEL_SIDE_BY_SIDE = 1,
};

struct model {
	enum model_kind kind;
	enum model_style style;
	const char *key, *label;
	union {
		uint64_t number;
		double real;
		bool truth;
		char *text;
	};
	struct model *first, *last, *next; /* members; the next sibling */
};

/* A tree, which begins as an object. Ownership: returned; model_free(). */
struct model *model_new(void);
void model_free(struct model *model);

/* Each appends a member to an object or a list (@key then NULL) and returns it where it can have
 * members of its own. A text that is NULL is a MODEL_NONE. */
struct model *model_object(struct model *parent, const char *key, const char *label);
struct model *model_list(struct model *parent, const char *key, const char *label);
void model_text(struct model *parent, const char *key, const char *label, const char *text);
void model_format(struct model *parent, const char *key, const char *label, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void model_bool(struct model *parent, const char *key, const char *label, bool truth);
void model_number(struct model *parent, const char *key, const char *label, uint64_t number);
void model_real(struct model *parent, const char *key, const char *label, double number);
void model_size(struct model *parent, const char *key, const char *label, uint64_t bytes);
void model_hex(struct model *parent, const char *key, const char *label, uint64_t bits);
void model_time(struct model *parent, const char *key, const char *label, uint64_t ns); /* 0: none
											 */
void model_none(struct model *parent, const char *key, const char *label);

/* Prints the tree to stdout, ended by a newline. Returns: CMD_OK; CMD_FAILED after a message. */
int model_print(const struct model *model, bool json);

/* Prints it as JSON to @out, on a single line for readers that wait for one, else indented.
 * Returns: as model_print(). */
int model_print_json(const struct model *model, FILE *out, bool one_line);

/* The two printers behind it; whether stdout took it all is cmd_flush()'s to find out. */
void out_text(const struct model *model, uint64_t now_ns);
void out_json(const struct model *model, FILE *out, bool one_line);

#endif
