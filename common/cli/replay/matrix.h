/* Purpose: the number of cases for each disposition before and after, by agreement, with the first
 * few that changed.  Pure; each thread counts in its own matrix, and a merge gives the same result
 * for any number of threads. */
#ifndef CASEMILL_CLI_REPLAY_MATRIX_H
#define CASEMILL_CLI_REPLAY_MATRIX_H

#include "base/span.h"
#include "casedoc/case_doc.h"
#include "rules/ruleset.h"

/* A side is a disposition, or "this rule set has no such agreement". */
enum { REPLAY_NONE = DISPOSITION_COUNT, REPLAY_SIDES, REPLAY_SAMPLES_MAX = 100 };
const char *replay_side_name(uint32_t side);

struct replay_sample {
    int16_t source; /* number in table sources */
    uint8_t id_len;
    char id[CASE_ID_BYTES_MAX];
    int32_t revision;
};

struct replay_cell {
    uint64_t count;
    struct replay_sample *samples; /* NULL, or sample_count in the order of their keys */
    uint32_t sample_count;
};

struct replay_table {
    struct replay_cell cells[REPLAY_SIDES][REPLAY_SIDES]; /* [before][after] */
    uint64_t other_reason; /* cases with the same disposition for another reason */
};

struct replay_matrix {
    struct replay_table *tables;
    uint32_t table_count;
    uint32_t sample_max; /* of each cell off the diagonal */
};

void replay_matrix_init(struct replay_matrix *matrix, uint32_t table_count, uint32_t sample_max);
void replay_matrix_fini(struct replay_matrix *matrix);

/* The key of a case, borrowed. */
struct replay_key {
    int16_t source;
    struct span id; /* at most CASE_ID_BYTES_MAX */
    int32_t revision;
};

/* replay_sample_keep adds a case to the samples of a cell if it is among the first. */
void replay_sample_keep(struct replay_cell *cell, uint32_t sample_max,
                        const struct replay_key *key);

static inline void replay_matrix_add(struct replay_matrix *matrix, uint32_t table, uint32_t before,
                                     uint32_t after, const struct replay_key *key) {
    struct replay_cell *cell = &matrix->tables[table].cells[before][after];
    cell->count++;
    if (before != after) {
        replay_sample_keep(cell, matrix->sample_max, key);
    }
}

/* replay_matrix_merge adds what `from` counted; both have as many tables. */
void replay_matrix_merge(struct replay_matrix *matrix, const struct replay_matrix *from);

uint64_t replay_table_cases(const struct replay_table *table);
uint64_t replay_table_changed(const struct replay_table *table); /* off the diagonal */
/* Whether a side occurs before or after: only those rows and columns are shown. */
bool replay_table_has_side(const struct replay_table *table, uint32_t side);

#endif
