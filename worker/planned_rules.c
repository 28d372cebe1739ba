/* A rule set that is still planned stays loaded; others are loaded or released. */
#include "worker/planned_rules.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static bool same_row(const struct active_row *a, const struct active_row *b) {
    return a->activation == b->activation && strcmp(a->number, b->number) == 0 &&
           strcmp(a->id, b->id) == 0;
}

static int find(const struct planned_rules *planned, const struct active_row *row) {
    for (uint32_t i = 0; i < planned->count; i++) {
        if (same_row(&planned->rows[i], row)) {
            return (int)i;
        }
    }
    return -1;
}

enum err planned_rules_read(struct planned_rules *planned, struct db *db, struct diag *diag) {
    struct planned_rules next = {0};
    enum err err = active_rules_find_planned(db, next.rows, &next.count, diag);
    for (uint32_t i = 0; err == ERR_OK && i < next.count; i++) {
        int had = find(planned, &next.rows[i]);
        if (had >= 0) {
            next.rules[i] = planned->rules[had];
            planned->rules[had] = NULL;
            continue;
        }
        struct diag fault = {0};
        err = active_rules_load(db, &next.rows[i], &next.rules[i], &fault);
        if (err != ERR_OK && err != ERR_CONNECTION && err != ERR_TIMEOUT) {
            LOG(EV_RULESET_REFUSED, "planned=true activation=%lld text=\"%s\"",
                (long long)next.rows[i].activation, fault.text);
            err = ERR_OK;
        }
    }
    if (err != ERR_OK) { /* the rows are read again; kept rule sets go with them */
        planned_rules_clear(&next);
        return err == ERR_CONNECTION || err == ERR_TIMEOUT ? err : ERR_OK;
    }
    planned_rules_clear(planned);
    *planned = next;
    return ERR_OK;
}

struct active_rules *planned_rules_of(const struct planned_rules *planned,
                                      const struct active_row *row) {
    int at = find(planned, row);
    return at < 0 || planned->rules[at] == NULL ? NULL : active_rules_ref(planned->rules[at]);
}

struct active_rules *planned_rules_due(const struct planned_rules *planned, int64_t now_ms) {
    struct active_rules *due = NULL;
    for (uint32_t i = 0; i < planned->count && planned->rows[i].due_ms <= now_ms; i++) {
        due = planned->rules[i];
    }
    return due == NULL ? NULL : active_rules_ref(due);
}

int64_t planned_rules_wait_ms(const struct planned_rules *planned, int64_t now_ms,
                              int64_t most_ms) {
    for (uint32_t i = 0; i < planned->count; i++) {
        int64_t left_ms = planned->rows[i].due_ms - now_ms;
        if (left_ms > 0 && left_ms < most_ms) {
            most_ms = left_ms;
        }
    }
    return most_ms;
}

void planned_rules_clear(struct planned_rules *planned) {
    for (uint32_t i = 0; i < planned->count; i++) {
        active_rules_unref(&planned->rules[i]);
    }
    planned->count = 0;
}
