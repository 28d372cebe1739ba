/* Purpose: the bytes of one batch in memory, shared by reference between the loop, the journal's
 * writer and the sockets. The hashes of its parts stay when the bytes are dropped.
 * Threads: references are atomic; the account counts all living blobs. */
#ifndef CASEMILL_BROKER_BODY_H
#define CASEMILL_BROKER_BODY_H

#include "base/buf.h"

#include <stdatomic.h>

struct blob_account {
    atomic_uint_fast64_t bytes;
};
struct blob {
    atomic_uint_fast32_t references;
    struct blob_account *account;
    size_t len;
    uint8_t bytes[];
};
/* A batch's own structures, beside its bytes: the account counts them too, or a million small
 * bodies would be a third of what is used. */
enum { BLOB_COST = 640 };
struct blob *blob_new(struct blob_account *account, size_t len); /* one reference, bytes unset */
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob **blob); /* accepts NULL inside */
static inline struct span blob_span(const struct blob *blob) {
    return span_make(blob->bytes, blob->len);
}

/* What lanes are to do with a batch. */
enum work_mode { WORK_INTAKE, WORK_REAPPLY, WORK_RETRY };
const char *work_mode_word(enum work_mode mode); /* as in WORK */

/* What the core carries as a batch's tag.  Without one the body is in the journal alone, is one
 * part, and its hash is the batch's. */
struct body {
    struct blob *blob; /* NULL: dropped, read from the journal */
    enum work_mode mode;
    struct buf extra;     /* raw MessagePack that goes with every delivery; empty: nil */
    uint32_t names_bytes; /* of rows: their names, before the first part; 0: the cases are maps */
    uint64_t names_sum;   /* XXH3-64 of the names */
    uint32_t part_count;
    uint64_t sums[]; /* XXH3-64 of each part */
};
struct body *body_new(struct blob *blob, const uint64_t *sums,
                      uint32_t part_count); /* takes blob; of mode intake */
/* body_set_work copies extra; body_work_hash distinguishes batches that only differ in mode and
 * extra.  Extra of intake is a request for results, which changes no outcome: it does not count. */
void body_set_work(struct body *body, enum work_mode mode, struct span extra);
uint64_t body_work_hash(const struct body *body); /* 0 of intake */
/* body_is_plain: the core's batch holds all of it: a tag of NULL means the same. */
bool body_is_plain(const struct body *body);
static inline enum work_mode body_mode(const struct body *body) {
    return body == NULL ? WORK_INTAKE : body->mode;
}
static inline struct span body_extra(const struct body *body) {
    return body == NULL ? SPAN_LIT("") : buf_span(&body->extra);
}
void body_free(struct body **body);

#endif
