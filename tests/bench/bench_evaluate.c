/* The benchmark `evaluate`: the work of a lane on a case before the database, without sockets,
 * beside msgpack-c's unpacking of the same bytes.
 *   bench_evaluate RULES_DIR FILE
 *     one line per sample: "NANOSECONDS RATIO" of decode + evaluate
 *   bench_evaluate RULES_DIR FILE STAGE ROUNDS
 *     one stage alone, for callgrind, which counts inside loop_STAGE; prints how many cases
 * STAGE: unpack, walk, decode, evaluate, encode; as rows: to_rows, walk_rows, decode_rows. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "casedoc/case_rows.h"
#include "client/to_rows.h"
#include "rules/ruleset.h"
#include "tests/unit/pair_fixture.h"
#include "wire/walk.h"
#include "worker/row.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 25, CASES_MAX = 4096 };
#define FILE_BYTES_MAX ((size_t)64 << 20)
#define ARENA_BYTES_MAX ((size_t)256 << 20)

struct bench {
    struct buf bytes;
    struct span cases[CASES_MAX];
    uint32_t count;
    struct ruleset *ruleset;
    struct ruleset_run *run;
    struct arena arena;
    struct active_rules active; /* invented numbers: only their width counts */
    msgpack_zone *zone;
    struct buf row;
    struct to_rows to_rows; /* all cases as one batch of rows */
    uint32_t rows_at;       /* where its first row begins */
    struct case_columns *columns;
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_evaluate: %s\n", what);
    exit(1);
}

static void number_all(struct bench *bench) {
    struct active_rules *active = &bench->active;
    const struct schema *schema = ruleset_schema(bench->ruleset);
    active->ruleset = bench->ruleset;
    active->number = 1;
    active->agreement_count = ruleset_agreement_count(bench->ruleset);
    active->agreement_codes = mem_zero(active->agreement_count, sizeof(int16_t));
    active->finding_codes = mem_zero(active->agreement_count, sizeof(int16_t *));
    for (uint32_t a = 0; a < active->agreement_count; a++) {
        active->finding_codes[a] =
            mem_zero(ruleset_reason_count(bench->ruleset, a), sizeof(int16_t));
    }
    active->pairs = mem_zero(active->agreement_count, sizeof(*active->pairs));
    for (uint32_t a = 0; a < active->agreement_count; a++) {
        pair_fixture(&active->pairs[a], bench->ruleset, a, active->finding_codes[a]);
    }
    active->path_codes = mem_zero(schema->path_count, sizeof(int16_t));
    active->column_count = ACTIVE_RULES_FIXED_COUNT + schema->slot_count;
}

static void bench_open(struct bench *bench, const char *rules, const char *path) {
    struct diag diag = {0};
    struct buf source = BUF_EMPTY;
    if (io_read_file(path, FILE_BYTES_MAX, &bench->bytes, &diag) != ERR_OK ||
        ruleset_load_dir(rules, NULL, 0, &bench->ruleset, &source, &diag) != ERR_OK) {
        fail(diag.text);
    }
    buf_free(&source);
    for (size_t at = 0; at < bench->bytes.len && bench->count < CASES_MAX; bench->count++) {
        size_t start = at;
        if (walk_value(buf_span(&bench->bytes), &at) != ERR_OK) {
            fail("the file does not hold MessagePack values");
        }
        bench->cases[bench->count] = span_make(bench->bytes.ptr + start, at - start);
    }
    bench->run = ruleset_run_new(bench->ruleset);
    arena_init(&bench->arena, ARENA_BYTES_MAX);
    bench->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    number_all(bench);
    struct walk_fault fault;
    if (!to_rows_write(&bench->to_rows, buf_span(&bench->bytes), bench->count) ||
        rows_walk(buf_span(&bench->to_rows.body), bench->count, bench->count, &bench->rows_at, 1,
                  &fault) != ERR_OK ||
        case_columns_new(ruleset_schema(bench->ruleset),
                         span_make(bench->to_rows.body.ptr, bench->rows_at),
                         &bench->columns) != ERR_OK) {
        fail("the cases do not become rows");
    }
}

static void bench_close(struct bench *bench) {
    for (uint32_t a = 0; a < bench->active.agreement_count; a++) {
        mem_free(bench->active.finding_codes[a]);
        pair_numbers_free(&bench->active.pairs[a]);
    }
    mem_free(bench->active.pairs);
    mem_free(bench->active.agreement_codes);
    mem_free(bench->active.finding_codes);
    mem_free(bench->active.path_codes);
    msgpack_zone_free(bench->zone);
    case_columns_unref(&bench->columns);
    to_rows_fini(&bench->to_rows);
    ruleset_run_free(&bench->run);
    arena_free(&bench->arena);
    ruleset_unref(&bench->ruleset);
    buf_free(&bench->bytes);
    buf_free(&bench->row);
}

static void decode_one(struct bench *bench, uint32_t i, struct case_doc *doc) {
    if (case_decode(ruleset_schema(bench->ruleset), bench->cases[i], &bench->arena, doc) !=
            ERR_OK ||
        doc->fault_count != 0) {
        fail("a case does not decode");
    }
}

static void evaluate_one(struct bench *bench, const struct case_doc *doc, struct outcome *outcome) {
    ruleset_evaluate(bench->run, doc, doc->reference_date, doc->as_of, outcome);
}

/* --- the stages: each includes the stages before it, except unpack and walk -------------------
 */

__attribute__((noinline)) static uint64_t loop_unpack(struct bench *bench) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bench->count; i++) {
        msgpack_object object;
        size_t at = 0;
        if (msgpack_unpack((const char *)bench->cases[i].ptr, bench->cases[i].len, &at, bench->zone,
                           &object) != MSGPACK_UNPACK_SUCCESS) {
            fail("msgpack_unpack failed");
        }
        sum += object.via.map.size;
        msgpack_zone_clear(bench->zone);
    }
    return sum;
}

__attribute__((noinline)) static uint64_t loop_walk(struct bench *bench) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bench->count; i++) {
        size_t at = 0;
        if (walk_value(bench->cases[i], &at) != ERR_OK) {
            fail("walk_value failed");
        }
        sum += at;
    }
    return sum;
}

__attribute__((noinline)) static uint64_t loop_decode(struct bench *bench) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bench->count; i++) {
        struct arena_mark mark = arena_mark(&bench->arena);
        struct case_doc doc;
        decode_one(bench, i, &doc);
        sum += doc.digest.bytes[0];
        arena_rewind(&bench->arena, mark);
    }
    return sum;
}

__attribute__((noinline)) static uint64_t loop_evaluate(struct bench *bench) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bench->count; i++) {
        struct arena_mark mark = arena_mark(&bench->arena);
        struct case_doc doc;
        struct outcome outcome;
        decode_one(bench, i, &doc);
        evaluate_one(bench, &doc, &outcome);
        sum += outcome.result.reason;
        arena_rewind(&bench->arena, mark);
    }
    return sum;
}

__attribute__((noinline)) static uint64_t loop_encode(struct bench *bench) {
    uint64_t sum = 0;
    struct row_head head = {.source = 1};
    for (uint32_t i = 0; i < bench->count; i++) {
        struct arena_mark mark = arena_mark(&bench->arena);
        struct case_doc doc;
        struct outcome outcome;
        decode_one(bench, i, &doc);
        evaluate_one(bench, &doc, &outcome);
        buf_clear(&bench->row);
        row_encode(&bench->active, &head, &doc, &outcome, &bench->row);
        sum += bench->row.len;
        arena_rewind(&bench->arena, mark);
    }
    return sum;
}

/* As the client does, for each batch of 1,000. */
__attribute__((noinline)) static uint64_t loop_to_rows(struct bench *bench) {
    if (!to_rows_write(&bench->to_rows, buf_span(&bench->bytes), bench->count)) {
        fail("the cases do not become rows");
    }
    return bench->to_rows.body.len;
}

__attribute__((noinline)) static uint64_t loop_walk_rows(struct bench *bench) {
    struct walk_fault fault;
    uint32_t cut = 0;
    if (rows_walk(buf_span(&bench->to_rows.body), bench->count, bench->count, &cut, 1, &fault) !=
        ERR_OK) {
        fail("rows_walk failed");
    }
    return cut;
}

__attribute__((noinline)) static uint64_t loop_decode_rows(struct bench *bench) {
    uint64_t sum = 0;
    size_t at = bench->rows_at;
    for (uint32_t i = 0; i < bench->count; i++) {
        struct arena_mark mark = arena_mark(&bench->arena);
        struct case_doc doc;
        if (case_row_next(bench->columns, buf_span(&bench->to_rows.body), &at, &bench->arena,
                          &doc) != ERR_OK ||
            doc.fault_count != 0) {
            fail("a row does not decode");
        }
        sum += doc.digest.bytes[0];
        arena_rewind(&bench->arena, mark);
    }
    return sum;
}

static const struct {
    const char *name;
    uint64_t (*loop)(struct bench *bench);
} stages[] = {{"unpack", loop_unpack},       {"walk", loop_walk},
              {"decode", loop_decode},       {"evaluate", loop_evaluate},
              {"encode", loop_encode},       {"to_rows", loop_to_rows},
              {"walk_rows", loop_walk_rows}, {"decode_rows", loop_decode_rows}};

static double cpu_ns(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static volatile uint64_t kept; /* so that the compiler keeps every loop */

static double time_of(struct bench *bench, uint64_t (*loop)(struct bench *bench)) {
    double start = cpu_ns();
    kept += loop(bench);
    return (cpu_ns() - start) / bench->count;
}

static void run_stage(struct bench *bench, const char *name, uint64_t rounds) {
    for (size_t s = 0; s < COUNT_OF(stages); s++) {
        if (strcmp(stages[s].name, name) == 0) {
            for (uint64_t i = 0; i < rounds; i++) {
                kept += stages[s].loop(bench);
            }
            (void)printf("%llu\n", (unsigned long long)(rounds * bench->count));
            return;
        }
    }
    fail("no such stage");
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5) {
        (void)fprintf(stderr, "usage: bench_evaluate RULES_DIR FILE [STAGE ROUNDS]\n");
        return 2;
    }
    struct bench bench = {0};
    bench_open(&bench, argv[1], argv[2]);
    if (argc == 5) {
        run_stage(&bench, argv[3], strtoull(argv[4], NULL, 10));
    } else {
        kept += loop_evaluate(&bench); /* warm */
        for (int i = 0; i < SAMPLES; i++) {
            double ours = time_of(&bench, loop_evaluate);
            double limit = time_of(&bench, loop_unpack);
            (void)printf("%.1f %.4f\n", ours, ours / limit);
        }
    }
    bench_close(&bench);
    return 0;
}
