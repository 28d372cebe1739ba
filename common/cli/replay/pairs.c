/* See replay/pairs.h. */
#include "cli/replay/pairs.h"

#include "base/mem.h"

#include <stdlib.h>

enum { LIST_FIRST = 64 };

/* "{1,2}" as PostgreSQL prints it. */
static void read_list(const char *text, struct replay_list *list) {
    uint32_t cap = 0;
    while (*text == '{' || *text == ',') {
        char *end = NULL;
        long code = strtol(text + 1, &end, 10);
        if (end != text + 1) {
            MEM_ROOM(list->findings, list->count, cap, LIST_FIRST);
            list->findings[list->count++] = (int16_t)code;
        }
        text = end;
    }
}

static bool add_list(struct replay_pairs *pairs, long ruleset, unsigned long agreement,
                     const char *text) {
    if (ruleset < 0 || ruleset >= REPLAY_PAIRS_RULESETS || agreement != pairs->counts[ruleset]) {
        return false;
    }
    struct replay_list **lists = &pairs->lists[ruleset];
    *lists = mem_grow(*lists, agreement + 1, sizeof(**lists));
    (*lists)[agreement] = (struct replay_list){0};
    read_list(text, &(*lists)[agreement]);
    pairs->counts[ruleset]++;
    return true;
}

enum err replay_pairs_load(struct db *db, struct replay_pairs *pairs, struct diag *diag) {
    struct db_result *rows = NULL;
    enum err err = db_query(db,
                            "SELECT ruleset, position - 1, findings FROM ruleset_pairs "
                            "ORDER BY ruleset, position",
                            0, NULL, &rows, diag);
    err = err == ERR_OK ? db_expect(rows, "* h w s", diag) : err;
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        if (!add_list(pairs, strtol(db_cell(rows, row, 0), NULL, 10),
                      strtoul(db_cell(rows, row, 1), NULL, 10), db_cell(rows, row, 2))) {
            err = diag_fail(diag, ERR_CORRUPT, "the list of pairs of rule set number %s has a gap",
                            db_cell(rows, row, 0));
        }
    }
    db_result_free(&rows);
    return err;
}

void replay_pairs_free(struct replay_pairs *pairs) {
    for (uint32_t i = 0; i < REPLAY_PAIRS_RULESETS; i++) {
        for (uint32_t a = 0; a < pairs->counts[i]; a++) {
            mem_free(pairs->lists[i][a].findings);
        }
        mem_free(pairs->lists[i]);
        pairs->lists[i] = NULL;
        pairs->counts[i] = 0;
    }
}

int32_t replay_pairs_finding(const struct replay_pairs *pairs, int16_t ruleset,
                             const struct result_view *result, uint32_t agreement) {
    if (ruleset < 0 || agreement >= pairs->counts[ruleset] || agreement >= result->number_count) {
        return -1;
    }
    const struct replay_list *list = &pairs->lists[ruleset][agreement];
    uint16_t number = result_number(result, agreement);
    return number < list->count ? list->findings[number] : -1;
}
