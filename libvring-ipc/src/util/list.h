/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A doubly linked ring of nodes inside of other objects. */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Adds @node at the end. */
static inline void list_add(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes @node out of the ring it is in; a node that is in none stays so. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Walks the nodes; @node may be removed, and only that one, when the safe form is used. */
#define list_for_each(node, head) for (node = (head)->next; node != (head); node = node->next)
#define list_for_each_safe(node, after, head)                         \
	for (node = (head)->next, after = node->next; node != (head); \
	     node = after, after = node->next)

#endif
