/* Reference counts; the last one out frees the bytes, on whatever thread that is. */
#include "broker/body.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

struct blob *blob_new(struct blob_account *account, size_t len) {
    struct blob *blob = mem_alloc(sizeof(*blob) + len);
    atomic_init(&blob->references, 1);
    blob->account = account;
    blob->len = len;
    atomic_fetch_add(&account->bytes, len + BLOB_COST);
    return blob;
}

struct blob *blob_ref(struct blob *blob) {
    CHECK(atomic_fetch_add(&blob->references, 1) > 0);
    return blob;
}

void blob_unref(struct blob **held) {
    struct blob *blob = *held;
    *held = NULL;
    if (blob != NULL && atomic_fetch_sub(&blob->references, 1) == 1) {
        atomic_fetch_sub(&blob->account->bytes, blob->len + BLOB_COST);
        mem_free(blob);
    }
}

const char *work_mode_word(enum work_mode mode) {
    switch (mode) {
    case WORK_INTAKE:
        return "intake";
    case WORK_REAPPLY:
        return "reapply";
    case WORK_RETRY:
        return "retry";
    }
    UNREACHABLE();
}

struct body *body_new(struct blob *blob, const uint64_t *sums, uint32_t part_count) {
    CHECK(part_count > 0);
    struct body *body = mem_alloc(sizeof(*body) + part_count * sizeof(body->sums[0]));
    body->blob = blob;
    body->mode = WORK_INTAKE;
    body->extra = BUF_EMPTY;
    body->names_bytes = 0;
    body->names_sum = 0;
    body->part_count = part_count;
    memcpy(body->sums, sums, part_count * sizeof(body->sums[0]));
    return body;
}

void body_set_work(struct body *body, enum work_mode mode, struct span extra) {
    CHECK(body->extra.len == 0);
    body->mode = mode;
    buf_append(&body->extra, extra);
}

uint64_t body_work_hash(const struct body *body) {
    bool is_intake = body->mode == WORK_INTAKE;
    return is_intake ? 0 : hash64(buf_span(&body->extra)) ^ (uint64_t)body->mode;
}

bool body_is_plain(const struct body *body) {
    return body->blob == NULL && body->part_count == 1 && body->mode == WORK_INTAKE &&
           body->extra.len == 0 && body->names_bytes == 0;
}

void body_free(struct body **held) {
    if (*held != NULL) {
        buf_free(&(*held)->extra);
        blob_unref(&(*held)->blob);
        mem_free(*held);
        *held = NULL;
    }
}
