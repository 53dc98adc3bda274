/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What is proved of memtab.c: for any address and length, whatever the windows of the table are at
 * each look, translation finds bytes of one window that may be used that way, and translation back
 * finds the address that stands for them; nothing wraps and nothing but the table is read.
 */
#include "shared_memory.h"

void *aligned_alloc(size_t alignment, size_t size);

#include "core/memtab.c"

/* The extents of shared_memory.h, by the type that windows have: WP takes no cast in a predicate. */
/*@ axiomatic Extents_of_bytes {
      logic integer readable_at(uint8_t *p);
      logic integer writable_at(uint8_t *p);
    }
*/
#define readable_from(p) readable_at((uint8_t *)(p))
#define writable_from(p) writable_at((uint8_t *)(p))

/* What vri__mem_add() sees to: the addresses do not wrap, and the bytes are there. It is so at each
 * moment at which the version is even, whatever the control thread does. */
/*@ predicate keeps_its_word(integer access, integer iova, integer size, uint8_t *va) =
        size == 0 ||
        (iova + size <= 0xffffffffffffffff && 0 <= (uint64_t)va && (uint64_t)va + size <= 0xffffffffffffffff &&
        ((access & VRI_ACCESS_READ) != 0 ==> \forall integer o;
            0 <= o < size ==> size - o <= readable_at(va + o)) &&
        ((access & VRI_ACCESS_WRITE) != 0 ==> \forall integer o;
            0 <= o < size ==> size - o <= writable_at(va + o)));

    predicate is_window(struct mem_window *w) =
        (w->version & 1) == 0 ==> keeps_its_word(w->access, w->iova, w->size, w->va);

    predicate is_table(struct vri_mem *mem) =
        \valid_read(mem) && mem->n_slots <= MEM_ENTRIES_MAX &&
        \forall integer i; 0 <= i < MEM_ENTRIES_MAX ==> is_window(mem->window + i);

    predicate lends(struct mem_window *w, integer iova, integer len, integer access) =
        1 <= len && w->iova <= iova && iova + len <= w->iova + w->size &&
        (w->access & access) == access;

    predicate is_ring_memory(struct mem_entry *e) =
        e->size == 0 || (e->iova + e->size <= 0xffffffffffffffff &&
        \forall integer o; 0 <= o < e->size ==> e->size - o <= readable_at(e->va + o));
*/
#define is_table is_table

#include "memtab_contract.h"

/* Taken on trust, since WP's provers know no modulus for it: how a negative difference is converted, as
 * C11, 6.3.1.3 has it. */
/*@ axiomatic Conversion {
      axiom around_the_wrap: \forall integer x;
          -18446744073709551616 <= x < 0 ==> (uint64_t)x == x + 18446744073709551616;
    }
*/

/*@ requires window: is_window(w);
    requires valid: \valid_read(w);
    assigns \nothing;
    ensures word: keeps_its_word(\result.access, \result.iova, \result.size, \result.va);
    ensures copy: \result.size == 0 || (\result.access == w->access && \result.iova == w->iova &&
        \result.size == w->size && \result.va == w->va);
*/
static inline struct mem_window mem_window_get(const struct mem_window *w);

/*@ assigns \nothing;
    ensures \result <==> 1 <= len && offset + len <= size;
*/
static inline bool mem_is_inside(uint64_t size, uint64_t offset, uint64_t len);

/*@ requires is_table(mem);
    requires \valid(hint);
    requires ret_denied == \null || \valid(ret_denied);
    requires \separated(hint, ret_denied);
    assigns *hint, *ret_denied;
    ensures hint: \old(*hint) < MEM_ENTRIES_MAX ==> *hint < MEM_ENTRIES_MAX;
    ensures lends: \result != \null ==>
        lends{Pre}(mem->window + *hint, iova, len, access) &&
        \result == \at(mem->window[\at(*hint, Post)].va, Pre) +
            (iova - \at(mem->window[\at(*hint, Post)].iova, Pre));
    ensures readable: \result != \null && access == VRI_ACCESS_READ ==>
        len <= readable_from(\result);
    ensures writable: \result != \null && access == VRI_ACCESS_WRITE ==>
        len <= writable_from(\result);
*/
void *vri__mem_search(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
		      unsigned access, bool *ret_denied);

/* What memtab_contract.h does not say: it is the window that the hint stands for. */
/*@ ensures lends: \result != \null ==> lends(mem->window + hint, iova, len, access) &&
        \result == mem->window[hint].va + (iova - mem->window[hint].iova);
*/
static inline void *mem_look(const struct vri_mem *mem, unsigned hint, uint64_t iova, uint64_t len,
			     unsigned access);

/*@ ensures lends: \result != \null ==>
        lends{Pre}(mem->window + *hint, iova, len, access) &&
        \result == \at(mem->window[\at(*hint, Post)].va, Pre) +
            (iova - \at(mem->window[\at(*hint, Post)].iova, Pre));
*/
static inline void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova,
				       uint64_t len, unsigned access, bool *ret_denied);

/*@ predicate lends_at{L}(struct mem_window *w, integer iova, integer len, integer access, integer va) =
        lends{L}(w, iova, len, access) && va - (uint64_t)w->va == iova - w->iova;
*/

/*@ requires is_table(mem);
    requires \valid(hint);
    assigns *hint;
    ensures hint: \old(*hint) < MEM_ENTRIES_MAX ==> *hint < MEM_ENTRIES_MAX;
    ensures lends: \result != MEM_NO_IOVA ==>
        lends_at{Pre}(mem->window + *hint, \result, len, access, va);
*/
uint64_t vri__mem_search_back(const struct vri_mem *mem, unsigned *hint, uintptr_t va, uint64_t len,
			      unsigned access);

/*@ requires is_table(mem);
    requires \valid(hint) && *hint < MEM_ENTRIES_MAX;
    requires an_address: 0 <= (uint64_t)va <= 0xffffffffffffffff;
    assigns *hint;
    ensures hint: *hint < MEM_ENTRIES_MAX;
    ensures lends: \result != MEM_NO_IOVA ==>
        lends_at{Pre}(mem->window + *hint, \result, len, access, (uint64_t)va);
*/
static inline uint64_t vri__mem_iova(const struct vri_mem *mem, unsigned *hint, const void *va,
				     uint64_t len, unsigned access);

/*@ requires \valid_read(mem) && align != 0;
    requires \forall integer i; 0 <= i < MEM_ENTRIES_MAX ==> is_ring_memory(mem->entry + i);
    assigns \nothing;
    ensures inside: \result != \null ==> len <= readable_from(\result);
    ensures aligned: \result != \null ==> iova % align == 0;
*/
void *vri__mem_translate_ring(const struct vri_mem *mem, uint64_t iova, uint64_t len,
			      unsigned align);

/*@ requires \valid_read(e);
    assigns \nothing;
    ensures \result ==>
        e->size != 0 && e->iova + e->size <= 0xffffffffffffffff &&
        (uint64_t)e->va + e->size <= 0xffffffffffffffff &&
        e->window_offset + e->window_size <= e->size;
*/
static bool entry_is_valid(const struct mem_entry *e);

/*@ requires \valid_read(a) && \valid_read(b);
    requires a->size != 0 && b->size != 0;
    requires a->iova + a->size <= 0xffffffffffffffff && b->iova + b->size <= 0xffffffffffffffff;
    assigns \nothing;
    ensures \result <==> \exists integer x;
        a->iova <= x < a->iova + a->size && b->iova <= x < b->iova + b->size;
*/
static bool overlap(const struct mem_entry *a, const struct mem_entry *b);
