/* Burials: a lane does not decode a case that no lane survived.  It looks for the case in the
 * table, since an earlier attempt may have written it.  Only a child process computes the digest
 * that distinguishes a duplicate from a conflict.  Else the case becomes a dead letter with the
 * broker's history of its attempts. */
#include "worker/lane_priv.h"

#include "base/clock.h"
#include "wire/walk.h"
#include "worker/work_read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIGEST_MS_MAX = 5000 };

/* The digest of a case that may kill its decoder, computed by a child process.  False: the child
 * died, took too long, could not decode the case, or did not start. */
static bool digest_apart(struct lane *lane, struct span body, struct hash128 *digest) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    if (child == 0) {
        struct case_doc doc;
        size_t at = 0;
        const struct schema *schema = ruleset_schema(lane->rules->ruleset);
        bool decodes = case_decode_next(schema, body, &at, &lane->arena, &doc) == ERR_OK &&
                       doc.fault_count == 0;
        ssize_t wrote = decodes ? write(ends[1], doc.digest.bytes, sizeof(doc.digest.bytes)) : 0;
        _exit(wrote == (ssize_t)sizeof(doc.digest.bytes) ? 0 : 1);
    }
    (void)close(ends[1]);
    int64_t deadline_ms = clock_mono_ms() + DIGEST_MS_MAX;
    ssize_t got = -1;
    do {
        lane_poll(lane, ends[0], false, LANE_TICK_MS);
        got = read(ends[0], digest->bytes, sizeof(digest->bytes));
    } while (got < 0 && (errno == EAGAIN || errno == EINTR) && clock_mono_ms() < deadline_ms);
    (void)close(ends[0]);
    (void)kill(child, SIGKILL); /* its answer was read, or it gives none */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return got == (ssize_t)sizeof(digest->bytes);
}

enum err lane_bury_case(struct lane *lane, const struct case_origin *origin, struct span body) {
    const struct wire_delivery *delivery = lane->txn.jobs[origin->job]->delivery;
    struct span case_id = {NULL, 0};
    int32_t revision = CASE_REVISION_UNREAD;
    struct writer_found stored = {.disposition = -1};
    struct hash128 digest;
    case_key_peek(body, &case_id, &revision);
    if (case_id.len > 0 && revision != CASE_REVISION_UNREAD) {
        enum err err = writer_find(&lane->writer, origin->source, case_id, revision, &stored);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (stored.disposition >= 0 && digest_apart(lane, body, &digest)) {
        uint32_t number = lane->txn.case_count;
        struct txn_case *found = txn_add_case(&lane->txn);
        found->job = origin->job;
        found->index = origin->index;
        found->source = origin->source;
        found->case_id = case_id;
        found->revision = revision;
        found->body = body;
        found->received_at = origin->received_at;
        found->digest = digest;
        const struct txn_stored row = {.digest = stored.digest,
                                       .disposition = (uint8_t)stored.disposition};
        txn_settle_group(&lane->txn, number, number + 1, &row);
        return ERR_OK;
    }
    struct txn_dead *dead = txn_add_dead(&lane->txn, origin->job, origin->index, "poison", body);
    dead->source = origin->source;
    dead->received_at = origin->received_at;
    (void)snprintf(dead->expected, sizeof(dead->expected), "a worker that survives it");
    dead->case_id = case_id;
    dead->revision = revision;
    struct work_history history = {.attempts = delivery->attempt};
    work_read_history(delivery->extra, &history);
    dead->attempts = history.attempts;
    dead->silences = history.silences;
    dead->last_words = history.last_words;
    return ERR_OK;
}

/* The rest of a burial is the same for both forms. */
static enum err make_maps(struct lane *lane, struct job *job) {
    struct case_columns *columns = NULL;
    size_t at = 0;
    enum err err =
        columns_for(&lane->columns, ruleset_schema(lane->rules->ruleset), job->names, &columns);
    buf_clear(&job->maps);
    for (uint32_t i = 0; err == ERR_OK && i < job->delivery->count; i++) {
        size_t start = at;
        err = walk_value(job->body, &at);
        err = err == ERR_OK ? case_row_to_map(columns, span_make(job->body.ptr + start, at - start),
                                              &job->maps)
                            : err;
    }
    case_columns_unref(&columns);
    if (err != ERR_OK || at != job->body.len) {
        return ERR_INVALID;
    }
    job->body = buf_span(&job->maps);
    job->names = SPAN_LIT("");
    return ERR_OK;
}

enum err lane_bury(struct lane *lane, struct job *job, int16_t source) {
    if (job->names.len > 0 && make_maps(lane, job) != ERR_OK) {
        return ERR_INVALID;
    }
    struct case_origin origin = {.job = txn_add_job(&lane->txn, job, source),
                                 .source = source,
                                 .received_at = job->delivery->accepted_at};
    size_t at = 0;
    for (uint32_t i = 0; i < job->delivery->count; i++) {
        size_t start = at;
        if (walk_value(job->body, &at) != ERR_OK) {
            return ERR_INVALID;
        }
        origin.index = job->delivery->first + i;
        enum err err = lane_bury_case(lane, &origin, span_make(job->body.ptr + start, at - start));
        if (err != ERR_OK) {
            return err;
        }
    }
    return at == job->body.len ? ERR_OK : ERR_INVALID;
}
