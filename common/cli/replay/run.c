/* The table is read in pieces of a number of pages: each thread takes the next piece when its own
 * is done, so no thread waits.  A table without pages (it is empty, or its rows are on other nodes)
 * is one piece. */
#include "cli/replay/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "casedoc/column.h"
#include "cli/progress.h"
#include "db/copy_out.h"

#include <pthread.h>

enum {
    PIECE_PAGES_MIN = 8,
    PIECE_PAGES_MAX = 1024,
    PIECES_A_THREAD = 8, /* so that all threads end at about the same time */
    NO_CODE = -1
};
#define CASE_ARENA_BYTES_MAX ((size_t)16 << 20)

/* Shared by the threads. */
struct replay {
    const struct replay_stored *stored;
    const struct replay_options *options;
    struct ruleset *candidate;
    const char *snapshot;
    uint32_t piece_pages;
    pthread_mutex_t lock; /* guards all below */
    uint32_t next_page;
    bool is_over;
    uint32_t pages_read;
    struct progress progress;
    enum err err; /* the first failure */
    struct diag diag;
};

struct replay_thread {
    struct replay *replay;
    pthread_t thread;
    struct db *db;
    struct ruleset_run *run;
    struct arena arena;
    struct value *slots;
    struct span *fields;
    uint32_t field_count;
    struct replay_matrix matrix;
    uint64_t cases;
    uint64_t unreadable;
    struct diag diag;
};

/* --- one case --- */

struct old_outcome {
    const uint16_t *indexes; /* of its rule set */
    int16_t ruleset;
    bool has_result; /* else the two next */
    struct result_view result;
    struct span findings;
    uint32_t finding_count;
    int16_t reason;
    int32_t reference_date, as_of;
};

static enum err not_ours(struct replay_thread *thread) {
    return diag_fail(&thread->diag, ERR_CORRUPT,
                     "a row of cases is damaged, or holds numbers that codes or rulesets do not "
                     "explain");
}

static enum err read_findings(const struct span *fields, struct old_outcome *old) {
    old->has_result = fields[REPLAY_RESULT].ptr != NULL;
    return old->has_result
               ? result_read(fields[REPLAY_RESULT], &old->result)
               : column_read_int2s(fields[REPLAY_FINDINGS], &old->findings, &old->finding_count);
}

/* The code of an agreement's finding, or NO_CODE. */
static int32_t old_finding(const struct replay_thread *thread, const struct old_outcome *old,
                           uint32_t agreement) {
    if (old->has_result) {
        return replay_pairs_finding(thread->replay->stored->pairs, old->ruleset, &old->result,
                                    agreement);
    }
    return agreement < old->finding_count ? column_int2_at(old->findings, agreement) : NO_CODE;
}

static enum err read_old(struct replay_thread *thread, struct old_outcome *old) {
    const struct span *fields = thread->fields;
    if (fields[REPLAY_RULESET].len != 2 || fields[REPLAY_REASON].len != 2 ||
        fields[REPLAY_SOURCE].len != 2 || fields[REPLAY_REVISION].len != 4 ||
        fields[REPLAY_CASE_ID].len > CASE_ID_BYTES_MAX || read_findings(fields, old) != ERR_OK ||
        column_read_date(fields[REPLAY_REFERENCE_DATE], &old->reference_date) != ERR_OK ||
        column_read_date(fields[REPLAY_AS_OF], &old->as_of) != ERR_OK) {
        return not_ours(thread);
    }
    old->ruleset = (int16_t)get_be16(fields[REPLAY_RULESET].ptr);
    old->indexes = old->ruleset < 0 ? NULL : thread->replay->stored->indexes[old->ruleset];
    old->reason = (int16_t)get_be16(fields[REPLAY_REASON].ptr);
    bool is_whole = !old->has_result ||
                    (old->ruleset >= 0 && old->result.number_count ==
                                              thread->replay->stored->pairs->counts[old->ruleset]);
    return old->indexes == NULL || !is_whole ? not_ours(thread) : ERR_OK;
}

/* False when a fact does not fit the candidate's schema. */
static bool read_facts(struct replay_thread *thread) {
    const struct replay_stored *stored = thread->replay->stored;
    const struct schema *schema = ruleset_schema(thread->replay->candidate);
    for (uint32_t i = 0; i < stored->slot_count; i++) {
        uint32_t slot = stored->slots[i];
        if (column_read(schema->slots[slot], thread->fields[REPLAY_FACTS + i], &thread->arena,
                        &thread->slots[slot]) != ERR_OK) {
            return false;
        }
    }
    return true;
}

static void count_change(struct replay_thread *thread, uint32_t table, uint32_t before,
                         uint32_t after, bool same_code, const struct replay_key *key) {
    replay_matrix_add(&thread->matrix, table, before, after, key);
    thread->matrix.tables[table].other_reason += before == after && !same_code ? 1 : 0;
}

/* The whole case: its reason is the code of the winning finding. */
static enum err count_case(struct replay_thread *thread, const struct old_outcome *old,
                           const struct outcome *outcome, const struct replay_key *key) {
    const struct replay_stored *stored = thread->replay->stored;
    uint8_t before = old->reason < 0 ? REPLAY_NONE : stored->dispositions[old->reason];
    if (before == REPLAY_NONE) {
        return not_ours(thread);
    }
    int32_t code = stored->codes[outcome->agreement][outcome->result.reason];
    count_change(thread, stored->table_count - 1, before, outcome->result.disposition,
                 code == old->reason, key);
    return ERR_OK;
}

static enum err count_findings(struct replay_thread *thread, const struct old_outcome *old,
                               const struct outcome *outcome, const struct replay_key *key) {
    const struct replay_stored *stored = thread->replay->stored;
    uint32_t agreement_count = ruleset_agreement_count(thread->replay->candidate);
    for (uint32_t table = 0; table + 1 < stored->table_count; table++) {
        uint32_t before = REPLAY_NONE;
        uint32_t after = REPLAY_NONE;
        int32_t old_code = NO_CODE;
        int32_t new_code = NO_CODE;
        uint16_t index = old->indexes[table];
        if (index != REPLAY_NO_FINDING) {
            old_code = old_finding(thread, old, index);
            before = old_code < 0 ? REPLAY_NONE : stored->dispositions[old_code];
            if (before == REPLAY_NONE) {
                return not_ours(thread);
            }
        }
        if (table < agreement_count) {
            const struct result *result = &outcome->findings[table].result;
            after = result->disposition;
            new_code = stored->codes[table][result->reason];
        }
        if (before != REPLAY_NONE || after != REPLAY_NONE) {
            count_change(thread, table, before, after, old_code == new_code, key);
        }
    }
    return ERR_OK;
}

static enum err replay_case(struct replay_thread *thread) {
    const struct replay_options *options = thread->replay->options;
    struct old_outcome old = {0};
    enum err err = read_old(thread, &old);
    if (err != ERR_OK) {
        return err;
    }
    thread->cases++;
    arena_reset(&thread->arena);
    if (!read_facts(thread)) {
        thread->unreadable++;
        return ERR_OK;
    }
    struct case_doc doc = {.slots = thread->slots};
    struct outcome outcome;
    ruleset_evaluate(thread->run, &doc,
                     options->has_reference_date ? options->reference_date : old.reference_date,
                     options->has_as_of ? options->as_of : old.as_of, &outcome);
    struct replay_key key = {.source = (int16_t)get_be16(thread->fields[REPLAY_SOURCE].ptr),
                             .id = thread->fields[REPLAY_CASE_ID],
                             .revision = (int32_t)get_be32(thread->fields[REPLAY_REVISION].ptr)};
    err = count_findings(thread, &old, &outcome, &key);
    return err == ERR_OK ? count_case(thread, &old, &outcome, &key) : err;
}

/* --- one piece --- */

/* The last piece has no end: the table may have grown since it was measured. */
static void piece_sql(const struct replay *replay, uint32_t page, struct buf *sql) {
    const struct replay_stored *stored = replay->stored;
    buf_clear(sql);
    buf_str(sql, "COPY (SELECT ");
    buf_append(sql, buf_span(&stored->select));
    buf_byte(sql, ' ');
    buf_append(sql, buf_span(&stored->from));
    if (page > 0) {
        buf_printf(sql, " AND c.ctid >= '(%u,0)'::tid", page);
    }
    if (page + replay->piece_pages < stored->pages) {
        buf_printf(sql, " AND c.ctid < '(%u,0)'::tid", page + replay->piece_pages);
    }
    buf_str(sql, ") TO STDOUT (FORMAT binary)");
}

static enum err replay_piece(struct replay_thread *thread, const char *sql) {
    struct db_copy *copy = NULL;
    bool is_row = true;
    enum err err = db_copy_open(thread->db, sql, thread->field_count, &copy, &thread->diag);
    while (err == ERR_OK && is_row) {
        err = db_copy_next(copy, thread->fields, &is_row, &thread->diag);
        if (err == ERR_OK && is_row) {
            err = replay_case(thread);
        }
    }
    db_copy_close(&copy);
    return err;
}

/* False when nothing is left, or another thread has failed. */
static bool take_piece(struct replay *replay, uint32_t *page) {
    (void)pthread_mutex_lock(&replay->lock);
    bool is_taken = !replay->is_over && replay->err == ERR_OK;
    if (is_taken) {
        *page = replay->next_page;
        replay->next_page += replay->piece_pages;
        replay->is_over = replay->next_page >= replay->stored->pages;
    }
    (void)pthread_mutex_unlock(&replay->lock);
    return is_taken;
}

static void note_piece(struct replay_thread *thread, uint32_t page, enum err err) {
    struct replay *replay = thread->replay;
    uint32_t left = replay->stored->pages - page;
    (void)pthread_mutex_lock(&replay->lock);
    if (err != ERR_OK && replay->err == ERR_OK) {
        replay->err = err;
        replay->diag = thread->diag;
    }
    replay->pages_read += left < replay->piece_pages ? left : replay->piece_pages;
    progress_step(&replay->progress, replay->pages_read);
    (void)pthread_mutex_unlock(&replay->lock);
}

/* --- threads --- */

static enum err connect_thread(struct replay_thread *thread) {
    struct buf sql = BUF_EMPTY;
    buf_str(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT ");
    db_quote_text(&sql, span_str(thread->replay->snapshot));
    enum err err =
        db_open(thread->replay->options->conninfo, "casemill replay", &thread->db, &thread->diag);
    if (err == ERR_OK) {
        err = db_exec(thread->db, buf_cstr(&sql), 0, NULL, &thread->diag);
    }
    buf_free(&sql);
    return err;
}

static void *thread_main(void *context) {
    struct replay_thread *thread = context;
    struct buf sql = BUF_EMPTY;
    uint32_t page = 0;
    enum err err = connect_thread(thread);
    if (err != ERR_OK) {
        note_piece(thread, thread->replay->stored->pages, err);
    }
    while (err == ERR_OK && take_piece(thread->replay, &page)) {
        piece_sql(thread->replay, page, &sql);
        err = replay_piece(thread, buf_cstr(&sql));
        note_piece(thread, page, err);
    }
    buf_free(&sql);
    db_close(&thread->db);
    return NULL;
}

static void thread_init(struct replay_thread *thread, struct replay *replay) {
    const struct schema *schema = ruleset_schema(replay->candidate);
    *thread = (struct replay_thread){.replay = replay};
    thread->run = ruleset_run_new(replay->candidate);
    ruleset_run_verdict_only(thread->run);
    arena_init(&thread->arena, CASE_ARENA_BYTES_MAX);
    thread->slots = mem_zero(schema->slot_count, sizeof(*thread->slots));
    memcpy(thread->slots, schema->unknown, schema->slot_count * sizeof(*thread->slots));
    thread->field_count = REPLAY_FACTS + replay->stored->slot_count;
    thread->fields = mem_zero(thread->field_count, sizeof(*thread->fields));
    replay_matrix_init(&thread->matrix, replay->stored->table_count, replay->options->sample_max);
}

static void thread_fini(struct replay_thread *thread) {
    ruleset_run_free(&thread->run);
    arena_free(&thread->arena);
    mem_free(thread->slots);
    mem_free(thread->fields);
    replay_matrix_fini(&thread->matrix);
}

/* Returns how many were started: a failure in the middle ends those before it. */
static uint32_t start_threads(struct replay *replay, struct replay_thread *threads) {
    uint32_t count = replay->options->threads;
    for (uint32_t i = 0; i < count; i++) {
        thread_init(&threads[i], replay);
        if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]) != 0) {
            thread_fini(&threads[i]);
            (void)pthread_mutex_lock(&replay->lock);
            replay->err = diag_fail(&replay->diag, ERR_SYSTEM, "a thread could not be started");
            (void)pthread_mutex_unlock(&replay->lock);
            return i;
        }
    }
    return count;
}

static void gather(struct replay_thread *thread, struct replay_result *result) {
    replay_matrix_merge(&result->matrix, &thread->matrix);
    result->cases += thread->cases;
    result->unreadable += thread->unreadable;
}

static void run_threads(struct replay *replay, struct replay_result *result) {
    struct replay_thread *threads = mem_zero(replay->options->threads, sizeof(*threads));
    uint32_t count = start_threads(replay, threads);
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i].thread, NULL);
        gather(&threads[i], result);
        thread_fini(&threads[i]);
    }
    mem_free(threads);
}

static uint32_t piece_pages(uint32_t pages, uint32_t threads) {
    uint32_t even = pages / (threads * PIECES_A_THREAD);
    return even < PIECE_PAGES_MIN   ? PIECE_PAGES_MIN
           : even > PIECE_PAGES_MAX ? PIECE_PAGES_MAX
                                    : even;
}

enum err replay_run(struct db *db, struct ruleset *candidate, const struct replay_stored *stored,
                    const struct replay_options *options, struct replay_result *result,
                    struct diag *diag) {
    struct db_result *snapshot = NULL;
    *result = (struct replay_result){0};
    replay_matrix_init(&result->matrix, stored->table_count, options->sample_max);
    enum err err = db_query(db, "SELECT pg_export_snapshot()", 0, NULL, &snapshot, diag);
    err = err == ERR_OK ? db_expect(snapshot, "1 s", diag) : err;
    if (err != ERR_OK) {
        db_result_free(&snapshot);
        return err;
    }
    struct replay replay = {.stored = stored,
                            .options = options,
                            .candidate = candidate,
                            .snapshot = db_cell(snapshot, 0, 0),
                            .piece_pages = piece_pages(stored->pages, options->threads)};
    int64_t started_ms = clock_mono_ms();
    CHECK(pthread_mutex_init(&replay.lock, NULL) == 0);
    progress_init(&replay.progress, "pages of cases", stored->pages);
    run_threads(&replay, result);
    progress_end(&replay.progress, replay.pages_read);
    CHECK(pthread_mutex_destroy(&replay.lock) == 0);
    db_result_free(&snapshot);
    result->took_ms = clock_mono_ms() - started_ms;
    if (replay.err != ERR_OK && diag != NULL) {
        *diag = replay.diag;
    }
    return replay.err;
}
