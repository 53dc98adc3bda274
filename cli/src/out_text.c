/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Prints a model as text for people: values as aligned lines, objects as sections, lists of objects
 * as tables, objects of one shape side by side. It knows nothing of what it prints.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define WIDTH 80 /* where lists of words break */
#define CELL_MAX 24 /* longer texts are cut in tables */
#define COLUMNS_MAX 16

static bool is_compound(const struct model *model)
{
	return model->kind == MODEL_OBJECT || model->kind == MODEL_LIST;
}

struct out {
	uint64_t now_ns;
	bool began; /* something was printed */
};

/* A list of words prints on one line, like a value. */
static bool is_value(const struct model *model)
{
	return !is_compound(model) ||
	       (model->kind == MODEL_LIST && (!model->first || !is_compound(model->first)));
}

/* ---- one value ---- */

static void format_size(uint64_t bytes, char *ret, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	if (bytes < 10240) {
		snprintf(ret, size, "%" PRIu64, bytes);
		return;
	}
	for (value /= 1024; value >= 1024 && unit < 3; unit++)
		value /= 1024;
	snprintf(ret, size, "%.1f %s", value, units[unit]);
}

static void format_ago(uint64_t ns, uint64_t now_ns, char *ret, size_t size)
{
	uint64_t ago = now_ns - ns;

	if (ns > now_ns)
		snprintf(ret, size, "in the future");
	else if (ago < 1000000)
		snprintf(ret, size, "%" PRIu64 " us ago", ago / 1000);
	else if (ago < 1000000000)
		snprintf(ret, size, "%.1f ms ago", (double)ago / 1e6);
	else if (ago < 120000000000)
		snprintf(ret, size, "%.1f s ago", (double)ago / 1e9);
	else
		snprintf(ret, size, "%" PRIu64 " min ago", ago / 60000000000);
}

/* Whatever a path or a peer put into a text, no control byte reaches the terminal. */
static void format_text(const char *text, char *ret, size_t size)
{
	size_t at = 0;

	for (; *text && at + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			at += (size_t)snprintf(ret + at, size - at, "\\x%02x", c);
		else
			ret[at++] = *text;
	}
	ret[at] = '\0';
}

static const char *format(const struct model *model, struct out *out, char *ret, size_t size)
{
	switch (model->kind) {
	case MODEL_TEXT:
		format_text(model->text[0] ? model->text : "-", ret, size);
		break;
	case MODEL_BOOL:
		snprintf(ret, size, "%s", model->truth ? "yes" : "no");
		break;
	case MODEL_NUMBER:
		snprintf(ret, size, "%" PRIu64, model->number);
		break;
	case MODEL_REAL:
		snprintf(ret, size, "%.3f", model->real);
		break;
	case MODEL_SIZE:
		format_size(model->number, ret, size);
		break;
	case MODEL_HEX:
		snprintf(ret, size, "0x%" PRIx64, model->number);
		break;
	case MODEL_TIME:
		format_ago(model->number, out->now_ns, ret, size);
		break;
	case MODEL_LIST:
	case MODEL_OBJECT:
	case MODEL_NONE:
		snprintf(ret, size, "-");
		break;
	}
	return ret;
}

static bool aligns_right(const struct model *model)
{
	return model->kind == MODEL_NUMBER || model->kind == MODEL_REAL ||
	       model->kind == MODEL_SIZE || model->kind == MODEL_HEX || model->kind == MODEL_TIME;
}

/* A cell of a table: a value, or the words of a list, cut to what a cell may have. */
static const char *cell(const struct model *model, struct out *out, char ret[CELL_MAX + 1])
{
	char word[4096];
	size_t at = 0;

	if (model->kind == MODEL_LIST && model->first) {
		const struct model *member;

		for (member = model->first; member && at < CELL_MAX + 1; member = member->next)
			at += (size_t)snprintf(ret + at, CELL_MAX + 1 - at, "%s%s", at ? " " : "",
					       format(member, out, word, sizeof(word)));
	} else {
		at = (size_t)snprintf(ret, CELL_MAX + 1, "%s",
				      format(model, out, word, sizeof(word)));
	}
	if (at > CELL_MAX)
		memcpy(ret + CELL_MAX - 3, "...", 4);
	return ret;
}

/* ---- lines ---- */

static void print_words(const struct model *list, struct out *out, int column)
{
	const struct model *member;
	char word[4096];
	int at = column;

	if (!list->first)
		printf("-");
	for (member = list->first; member; member = member->next) {
		int len = (int)strlen(format(member, out, word, sizeof(word)));

		if (member != list->first && at + 1 + len > WIDTH) {
			printf("\n%*s", column, "");
			at = column;
		} else if (member != list->first) {
			putchar(' ');
			at++;
		}
		printf("%s", word);
		at += len;
	}
	putchar('\n');
}

static int label_width(const struct model *from)
{
	int width = 0;

	for (; from && is_value(from); from = from->next) {
		if (from->label && (int)strlen(from->label) > width)
			width = (int)strlen(from->label);
	}
	return width;
}

static void print_line(const struct model *value, struct out *out, int indent, int width)
{
	char text[4096];

	if (!value->label)
		return;
	out->began = true;
	printf("%*s%-*s  ", indent, "", width, value->label);
	if (value->kind == MODEL_LIST)
		print_words(value, out, indent + width + 2);
	else
		printf("%s\n", format(value, out, text, sizeof(text)));
}

/* ---- tables ---- */

struct columns {
	unsigned n;
	int width[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
};

/* The members of a row that have a column, one after the other. */
static const struct model *next_cell(const struct model *member)
{
	while (member && (!member->label || !is_value(member)))
		member = member->next;
	return member;
}

static void widen_one(struct columns *columns, unsigned n, size_t len)
{
	if ((int)len > columns->width[n])
		columns->width[n] = (int)len;
}

static void widen(struct columns *columns, const struct model *row, bool heads, struct out *out)
{
	const struct model *member = next_cell(row->first);
	char text[CELL_MAX + 1];
	unsigned n;

	for (n = 0; member && n < COLUMNS_MAX; n++) {
		widen_one(columns, n, strlen(cell(member, out, text)));
		if (heads)
			widen_one(columns, n, strlen(member->label));
		columns->right[n] |= aligns_right(member);
		member = next_cell(member->next);
	}
	if (n > columns->n)
		columns->n = n;
}

static void print_cell(const struct columns *columns, unsigned n, const char *text)
{
	if (n)
		printf("  ");
	if (columns->right[n])
		printf("%*s", columns->width[n], text);
	else if (n + 1 == columns->n)
		printf("%s", text);
	else
		printf("%-*s", columns->width[n], text);
}

static void print_head(const struct columns *columns, const struct model *row, int indent)
{
	const struct model *member = next_cell(row->first);
	unsigned n;

	printf("%*s", indent, "");
	for (n = 0; member && n < columns->n; n++, member = next_cell(member->next))
		print_cell(columns, n, member->label);
	putchar('\n');
}

static void print_row(const struct columns *columns, const struct model *row, struct out *out,
		      int indent)
{
	const struct model *member = next_cell(row->first);
	char text[CELL_MAX + 1];
	unsigned n;

	printf("%*s", indent, "");
	for (n = 0; member && n < columns->n; n++, member = next_cell(member->next))
		print_cell(columns, n, cell(member, out, text));
	putchar('\n');
}

/* A table of the objects of a list; tables inside of a row follow it, without heads. */
static void print_table(const struct model *list, struct out *out, int indent, bool heads)
{
	const struct model *row, *member;
	struct columns columns = { 0 };

	for (row = list->first; row; row = row->next)
		widen(&columns, row, heads && row == list->first, out);
	if (heads && list->first)
		print_head(&columns, list->first, indent);
	for (row = list->first; row; row = row->next) {
		print_row(&columns, row, out, indent);
		for (member = row->first; member; member = member->next) {
			if (member->label && member->kind == MODEL_LIST && !is_value(member))
				print_table(member, out, indent + 4, false);
		}
	}
}

/* ---- objects side by side ---- */

#define SIDES_MAX 4

struct sides {
	unsigned n;
	const struct model *side[SIDES_MAX]; /* the members that stand in one line */
};

static int sides_label_width(const struct model *member, int indent)
{
	int width = 0;

	for (; member; member = member->next) {
		int len = member->kind == MODEL_OBJECT ?
				  sides_label_width(member->first, indent + 2) :
			  member->label ? indent + (int)strlen(member->label) :
					  0;

		if (len > width)
			width = len;
	}
	return width;
}

static const struct model *next_labelled(const struct model *member)
{
	while (member && !member->label)
		member = member->next;
	return member;
}

/* One line for each member of the first side, with what the others have in the same place. */
static void print_sides(struct sides sides, struct out *out, int indent, int width)
{
	char text[CELL_MAX + 1];
	unsigned i;

	while (sides.side[0]) {
		const struct model *lead = sides.side[0];
		bool group = lead->kind == MODEL_OBJECT;
		struct sides below = { .n = sides.n };

		printf("%*s%-*s", indent, "", group ? 0 : width - indent, lead->label);
		for (i = 0; i < sides.n && sides.side[i]; i++) {
			if (!group)
				printf("  %20s", cell(sides.side[i], out, text));
			below.side[i] = next_labelled(sides.side[i]->first);
			sides.side[i] = next_labelled(sides.side[i]->next);
		}
		putchar('\n');
		if (group)
			print_sides(below, out, indent + 2, width);
	}
}

static void print_side_by_side(const struct model *object, struct out *out, int indent)
{
	struct sides sides = { 0 };
	const struct model *side;
	int width;

	if (!object->first)
		return;
	width = sides_label_width(object->first->first, indent);
	printf("%*s", width, "");
	for (side = object->first; side && sides.n < SIDES_MAX; side = side->next) {
		printf("  %20s", side->label);
		sides.side[sides.n++] = next_labelled(side->first);
	}
	putchar('\n');
	print_sides(sides, out, indent, width);
}

/* ---- objects ---- */

static void print_object(const struct model *object, struct out *out, int indent);

static void print_section(const struct model *section, struct out *out, int indent)
{
	if (!section->label)
		return;
	if (out->began)
		putchar('\n');
	out->began = true;
	if (section->label[0])
		printf("%*s%s\n", indent, "", section->label);
	if (section->style == MODEL_SIDE_BY_SIDE)
		print_side_by_side(section, out, indent + 2);
	else if (section->kind == MODEL_LIST)
		print_table(section, out, indent + 2, true);
	else
		print_object(section, out, indent + 2);
}

static void print_object(const struct model *object, struct out *out, int indent)
{
	const struct model *member;
	int width = 0;
	bool in_values = false;

	for (member = object->first; member; member = member->next) {
		if (!is_value(member)) {
			print_section(member, out, indent);
			in_values = false;
			continue;
		}
		if (!in_values) {
			width = label_width(member);
			if (member != object->first && out->began && member->label)
				putchar('\n');
		}
		in_values = true;
		print_line(member, out, indent, width);
	}
}

void out_text(const struct model *model, uint64_t now_ns)
{
	struct out out = { .now_ns = now_ns };

	print_object(model, &out, 0);
}
