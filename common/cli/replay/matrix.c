/* See replay/matrix.h. */
#include "cli/replay/matrix.h"

#include "base/mem.h"

const char *replay_side_name(uint32_t side) {
    CHECK(side < REPLAY_SIDES);
    return side == REPLAY_NONE ? "no_such_agreement" : disposition_name((enum disposition)side);
}

void replay_matrix_init(struct replay_matrix *matrix, uint32_t table_count, uint32_t sample_max) {
    CHECK(sample_max <= REPLAY_SAMPLES_MAX);
    *matrix = (struct replay_matrix){.tables = mem_zero(table_count, sizeof(*matrix->tables)),
                                     .table_count = table_count,
                                     .sample_max = sample_max};
}

static struct replay_cell *cell_at(struct replay_table *table, uint32_t number) {
    return &table->cells[number / REPLAY_SIDES][number % REPLAY_SIDES];
}

static const struct replay_cell *cell_of(const struct replay_table *table, uint32_t number) {
    return &table->cells[number / REPLAY_SIDES][number % REPLAY_SIDES];
}

void replay_matrix_fini(struct replay_matrix *matrix) {
    for (uint32_t t = 0; t < matrix->table_count; t++) {
        for (uint32_t i = 0; i < REPLAY_SIDES * REPLAY_SIDES; i++) {
            mem_free(cell_at(&matrix->tables[t], i)->samples);
        }
    }
    mem_free(matrix->tables);
    *matrix = (struct replay_matrix){0};
}

/* In the order of the primary key: <0, 0, >0. */
static int key_order(const struct replay_key *key, const struct replay_sample *sample) {
    if (key->source != sample->source) {
        return key->source < sample->source ? -1 : 1;
    }
    int order = span_cmp(key->id, span_make(sample->id, sample->id_len));
    if (order != 0) {
        return order;
    }
    return (key->revision > sample->revision) - (key->revision < sample->revision);
}

void replay_sample_keep(struct replay_cell *cell, uint32_t sample_max,
                        const struct replay_key *key) {
    CHECK(key->id.len <= CASE_ID_BYTES_MAX);
    uint32_t at = cell->sample_count;
    if (sample_max == 0 || (at == sample_max && key_order(key, &cell->samples[at - 1]) >= 0)) {
        return;
    }
    if (cell->samples == NULL) {
        cell->samples = mem_zero(sample_max, sizeof(*cell->samples));
    }
    while (at > 0 && key_order(key, &cell->samples[at - 1]) < 0) {
        at--;
    }
    cell->sample_count += cell->sample_count < sample_max ? 1 : 0;
    for (uint32_t i = cell->sample_count - 1; i > at; i--) {
        cell->samples[i] = cell->samples[i - 1];
    }
    struct replay_sample *sample = &cell->samples[at];
    *sample = (struct replay_sample){
        .source = key->source, .id_len = (uint8_t)key->id.len, .revision = key->revision};
    if (key->id.len > 0) {
        memcpy(sample->id, key->id.ptr, key->id.len);
    }
}

void replay_matrix_merge(struct replay_matrix *matrix, const struct replay_matrix *from) {
    CHECK(matrix->table_count == from->table_count);
    for (uint32_t t = 0; t < from->table_count; t++) {
        matrix->tables[t].other_reason += from->tables[t].other_reason;
        for (uint32_t i = 0; i < REPLAY_SIDES * REPLAY_SIDES; i++) {
            const struct replay_cell *other = cell_of(&from->tables[t], i);
            struct replay_cell *cell = cell_at(&matrix->tables[t], i);
            cell->count += other->count;
            for (uint32_t s = 0; s < other->sample_count; s++) {
                const struct replay_sample *sample = &other->samples[s];
                struct replay_key key = {.source = sample->source,
                                         .id = span_make(sample->id, sample->id_len),
                                         .revision = sample->revision};
                replay_sample_keep(cell, matrix->sample_max, &key);
            }
        }
    }
}

uint64_t replay_table_cases(const struct replay_table *table) {
    uint64_t cases = 0;
    for (uint32_t i = 0; i < REPLAY_SIDES * REPLAY_SIDES; i++) {
        cases += cell_of(table, i)->count;
    }
    return cases;
}

uint64_t replay_table_changed(const struct replay_table *table) {
    uint64_t same = 0;
    for (uint32_t side = 0; side < REPLAY_SIDES; side++) {
        same += table->cells[side][side].count;
    }
    return replay_table_cases(table) - same;
}

bool replay_table_has_side(const struct replay_table *table, uint32_t side) {
    for (uint32_t i = 0; i < REPLAY_SIDES; i++) {
        if (table->cells[side][i].count > 0 || table->cells[i][side].count > 0) {
            return true;
        }
    }
    return false;
}
