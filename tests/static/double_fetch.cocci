// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The vring-ipc authors
//
// The same shared word, read twice in one function: what was checked the first time may be something else the second
// time. The accessors are known by name; those of one rule read the same words when their arguments are the same (the
// first two, where the rest says where the copy goes). A loop that comes back with other arguments is no second look.
// Prints "FILE LINE FUNCTION-BEGIN FUNCTION-END TEXT"; tests/static/run takes the exceptions out.

@initialize:python@
@@
moved = set()

def place(p):
    return (p[0].file, p[0].line, p[0].column)

def tell(p1, p2, name):
    if place(p1) == place(p2):
        if place(p1) in moved:
            return
        again = "in a loop"
    else:
        again = "after line %s" % p1[0].line
    print("%s %s %s %s %s() reads the same words again, %s" % (p2[0].file, p2[0].line,
        p2[0].current_element_line, p2[0].current_element_line_end, name, again))

// Looks at other words in each round: a variable in the arguments changes.
@moves exists@
identifier f =~ "^((shm_load|ring_look_(idx|wish|packed_wish)|ring_load_(avail_entry|counter)|block_load(32|64)|config_(begin|end)_read)|ring_(look|load)_packed_flags|(ring_load_(indirect_)?desc|ring_load_packed_(body|id_len)|ring_load_used_entry|peek_(copy|stable|le16|le32)|config_load|block_load_bytes))$";
idexpression v;
expression x;
position p;
@@
 f@p(..., <+... v ...+>, ...)
 ... when any
(
 v++
|
 v--
|
 v += x
|
 v = x
|
 packed_advance(..., &v, ...)
)

@script:python@
p << moves.p;
@@
moved.add(place(p))

// Words by their address alone.
@word exists@
identifier f =~ "^(shm_load|ring_look_(idx|wish|packed_wish)|ring_load_(avail_entry|counter)|block_load(32|64)|config_(begin|end)_read)$";
identifier g =~ "^(shm_load|ring_look_(idx|wish|packed_wish)|ring_load_(avail_entry|counter)|block_load(32|64)|config_(begin|end)_read)$";
expression list es;
position p1, p2;
@@
 f@p1(es)
 ... when any
 g@p2(es)

@script:python@
p1 << word.p1;
p2 << word.p2;
g << word.g;
@@
tell(p1, p2, g)

// Flags of packed descriptors.
@flags exists@
identifier f =~ "^ring_(look|load)_packed_flags$";
identifier g =~ "^ring_(look|load)_packed_flags$";
expression e, i, x;
position p1, p2;
@@
 f@p1(e, i)
 ... when any
     when != i = x
     when != i++
     when != packed_advance(..., &i, ...)
 g@p2(e, i)

@script:python@
p1 << flags.p1;
p2 << flags.p2;
g << flags.g;
@@
tell(p1, p2, g)

// Descriptors, entries, runs of bytes.
@record exists@
identifier f =~ "^(ring_load_(indirect_)?desc|ring_load_packed_(body|id_len)|ring_load_used_entry|peek_(copy|stable|le16|le32)|config_load|block_load_bytes)$";
identifier g =~ "^(ring_load_(indirect_)?desc|ring_load_packed_(body|id_len)|ring_load_used_entry|peek_(copy|stable|le16|le32)|config_load|block_load_bytes)$";
expression e, i, x;
position p1, p2;
@@
 f@p1(e, i, ...)
 ... when any
     when != i = x
     when != i++
     when != packed_advance(..., &i, ...)
 g@p2(e, i, ...)

@script:python@
p1 << record.p1;
p2 << record.p2;
g << record.g;
@@
tell(p1, p2, g)
