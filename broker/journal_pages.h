/* Purpose: the pages of data.mdb as bytes, read without LMDB: what LMDB believes without a check.
 * Never: maps the file, so that a file cut short is an error and not a signal; looks into bodies
 * unless asked to.  Threads: any, while no thread writes.
 * Read next: journal_pages.c, LMDB's layout by byte offset. */
#ifndef CASEMILL_BROKER_JOURNAL_PAGES_H
#define CASEMILL_BROKER_JOURNAL_PAGES_H

#include "base/diag.h"
#include "broker/journal_format.h"

enum { PAGES_HEADER_BYTES = 16, PAGES_NODE_BYTES = 8, PAGES_NODE_ELSEWHERE = 1 };

/* One key and its value as a leaf has them. */
struct pages_node {
    struct span key;
    struct span value; /* empty when it is elsewhere */
    uint64_t page;     /* where the value begins when it is elsewhere, else 0 */
    uint32_t value_bytes;
    uint16_t flags;
};
/* pages_node_at reads what may be a leaf's node at an offset of a page; false when it cannot be
 * one.
 */
bool pages_node_at(const uint8_t page[FORMAT_PAGE_BYTES], size_t at, struct pages_node *node);

/* pages_check walks all trees of the latest commit. Every page is there, in its place, in one tree
 * or free and never both; keys are in order, counts as noted; no later commit is hidden. bodies:
 * checks the headers of the pages of bodies, too.
 * Errors: ERR_CORRUPT with one line, ERR_VERSION, ERR_IO. */
MUST_USE enum err pages_check(const char *path, bool bodies, struct diag *diag);

#endif
