/* Purpose: a rule set's life: loaded from a directory or from its canonical text, named, shared by
 * reference count, freed.  Never changes after it is loaded. */
#include "rules/rules_priv.h"

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/suggest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- life --------------------------------------------------------------------------------------
 */

struct ruleset *ruleset_new(void) {
    struct ruleset *ruleset = mem_zero(1, sizeof(*ruleset));
    atomic_init(&ruleset->references, 1);
    ruleset->agreements = mem_zero(AGREEMENTS_MAX, sizeof(*ruleset->agreements));
    return ruleset;
}

struct ruleset *ruleset_ref(struct ruleset *ruleset) {
    atomic_fetch_add(&ruleset->references, 1);
    return ruleset;
}

void ruleset_unref(struct ruleset **ruleset) {
    struct ruleset *old = *ruleset;
    *ruleset = NULL;
    if (old == NULL || atomic_fetch_sub(&old->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < old->agreement_count; i++) {
        agreement_free(&old->agreements[i]);
    }
    mem_free(old->agreements);
    schema_free(&old->schema);
    yaml_doc_free(&old->schema_yaml);
    mem_free(old->iso_words);
    mem_free(old->iso_text);
    buf_free(&old->text);
    mem_free(old);
}

const char *ruleset_id(const struct ruleset *ruleset) { return ruleset->id; }

struct span ruleset_text(const struct ruleset *ruleset) {
    return buf_span(&ruleset->text);
}

const struct schema *ruleset_schema(const struct ruleset *ruleset) { return ruleset->schema; }

uint32_t ruleset_agreement_count(const struct ruleset *ruleset) { return ruleset->agreement_count; }

static const struct agreement *agreement_at(const struct ruleset *ruleset, uint32_t agreement) {
    CHECK(agreement < ruleset->agreement_count);
    return ruleset->agreements[agreement];
}

const char *ruleset_agreement_id(const struct ruleset *ruleset, uint32_t agreement) {
    return agreement_at(ruleset, agreement)->id;
}

uint32_t ruleset_reason_count(const struct ruleset *ruleset, uint32_t agreement) {
    return agreement_at(ruleset, agreement)->reason_count;
}

struct reason ruleset_reason(const struct ruleset *ruleset, uint32_t agreement, uint32_t reason) {
    const struct agreement *found = agreement_at(ruleset, agreement);
    CHECK(reason < found->reason_count);
    return found->reasons[reason];
}

uint32_t ruleset_rule_count(const struct ruleset *ruleset, uint32_t agreement) {
    return agreement_at(ruleset, agreement)->rule_count;
}

struct rule_cost ruleset_rule_cost(const struct ruleset *ruleset, uint32_t agreement,
                                   uint32_t rule) {
    const struct agreement *found = agreement_at(ruleset, agreement);
    CHECK(rule < found->rule_count);
    const struct cel_program *programs[] = {found->rules[rule].given, found->rules[rule].when};
    struct rule_cost cost = {.label = found->rules[rule].label};
    /* The load has limited each to one run's steps: the sum cannot wrap. */
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        cost.steps += programs[i] == NULL ? 0 : cel_program_cost(programs[i]);
    }
    return cost;
}

/* --- the parts ---------------------------------------------------------------------------------
 */

/* words: sorted, separated by one space.  The rule set keeps its own copy. */
enum err ruleset_set_vocabulary(struct ruleset *ruleset, struct span words, struct diag *diag) {
    uint32_t count = words.len == 0 ? 0 : 1;
    for (size_t i = 0; i < words.len; i++) {
        count += words.ptr[i] == ' ' ? 1 : 0;
    }
    ruleset->iso_text = mem_strndup((const char *)words.ptr, words.len);
    ruleset->iso_words = mem_zero(count, sizeof(*ruleset->iso_words));
    char *at = ruleset->iso_text;
    for (uint32_t i = 0; i < count; i++) {
        ruleset->iso_words[i] = at;
        char *space = strchr(at, ' ');
        if (space != NULL) {
            *space = '\0';
            at = space + 1;
        }
        if (i > 0 && strcmp(ruleset->iso_words[i - 1], ruleset->iso_words[i]) >= 0) {
            return diag_fail(diag, ERR_INVALID, "the vocabulary is not sorted");
        }
    }
    ruleset->iso = (struct vocabulary){.words = ruleset->iso_words, .count = count};
    return ERR_OK;
}

/* yaml is taken, also on failure. */
enum err ruleset_set_schema(struct ruleset *ruleset, struct yaml_doc *yaml, struct diag *diag) {
    ruleset->schema_yaml = yaml;
    enum err err = schema_load(yaml, ruleset->iso, &ruleset->schema, diag);
    if (err == ERR_OK && !ruleset->is_stored) {
        err = schema_names_check(ruleset, diag);
    }
    for (uint32_t i = 0; err == ERR_OK && i < ruleset->schema->path_count; i++) {
        if (ruleset->schema->paths[i]->officer) {
            path_set_add(&ruleset->officer_paths, i);
        }
    }
    return err;
}

/* yaml is taken, also on failure. */
enum err ruleset_add_agreement(struct ruleset *ruleset, struct yaml_doc *yaml,
                               const struct override *overrides, uint32_t override_count,
                               struct diag *diag) {
    struct agreement *agreement = NULL;
    enum err err = ERR_OK;
    if (ruleset->agreement_count == AGREEMENTS_MAX) {
        err = diag_fail(diag, ERR_TOO_LARGE, "more than %d agreements", AGREEMENTS_MAX);
    } else {
        err = agreement_load(ruleset, yaml, overrides, override_count, &agreement, diag);
    }
    if (err != ERR_OK) {
        yaml_doc_free(&yaml);
        return err;
    }
    agreement->owned_yaml = yaml;
    ruleset->agreements[ruleset->agreement_count++] = agreement;
    return ERR_OK;
}

static int agreement_order(const void *a, const void *b) {
    const struct agreement *const *left = a;
    const struct agreement *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

static enum err overrides_check(const struct ruleset *ruleset, const struct override *overrides,
                                uint32_t override_count, struct diag *diag) {
    for (uint32_t i = 0; i < override_count; i++) {
        struct suggest suggest;
        suggest_init(&suggest, overrides[i].agreement);
        bool is_found = false;
        for (uint32_t k = 0; k < ruleset->agreement_count && !is_found; k++) {
            is_found = span_is(overrides[i].agreement, ruleset->agreements[k]->id);
            suggest_offer(&suggest, span_str(ruleset->agreements[k]->id));
        }
        if (!is_found) {
            return diag_fail(diag, ERR_INVALID, "no agreement \"%.*s\"%s%.*s%s",
                             SPAN_ARG(overrides[i].agreement), SUGGEST_ARG(suggest));
        }
    }
    return ERR_OK;
}

static int line_order(const void *a, const void *b) {
    const struct override *left = a;
    const struct override *right = b;
    int order = span_cmp(left->agreement, right->agreement);
    return order != 0 ? order : span_cmp(left->parameter, right->parameter);
}

/* Sorted; of several for one parameter only the last, since the others have no effect. */
static void write_overrides(const struct override *overrides, uint32_t count, struct buf *text) {
    struct override *sorted = mem_zero(count, sizeof(*sorted));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_last = true;
        for (uint32_t k = i + 1; k < count; k++) {
            is_last = is_last && line_order(&overrides[i], &overrides[k]) != 0;
        }
        if (is_last) {
            sorted[kept++] = overrides[i];
        }
    }
    qsort(sorted, kept, sizeof(*sorted), line_order);
    for (uint32_t i = 0; i < kept; i++) {
        buf_append(text, sorted[i].agreement);
        buf_byte(text, '.');
        buf_append(text, sorted[i].parameter);
        buf_byte(text, '=');
        buf_append(text, sorted[i].value);
        buf_byte(text, '\n');
    }
    mem_free(sorted);
}

static void write_text(struct ruleset *ruleset, const struct override *overrides,
                       uint32_t override_count) {
    struct canonical *parts = mem_zero(1, sizeof(*parts));
    struct buf override_text = BUF_EMPTY;
    struct buf words = BUF_EMPTY;
    parts->schema = yaml_source(ruleset->schema_yaml);
    for (uint32_t i = 0; i < ruleset->agreement_count; i++) {
        parts->agreement_ids[i] = span_str(ruleset->agreements[i]->id);
        parts->agreements[i] = yaml_source(ruleset->agreements[i]->yaml);
    }
    parts->agreement_count = ruleset->agreement_count;
    write_overrides(overrides, override_count, &override_text);
    for (uint32_t i = 0; i < ruleset->iso.count; i++) {
        buf_printf(&words, "%s%s", i == 0 ? "" : " ", ruleset->iso.words[i]);
    }
    parts->overrides = buf_span(&override_text);
    parts->vocabulary = buf_span(&words);
    canonical_write(parts, &ruleset->text);
    sha256_hex(buf_span(&ruleset->text), ruleset->id);
    buf_free(&override_text);
    buf_free(&words);
    mem_free(parts);
}

/* The last step of both loaders: order, names, text, id. */
enum err ruleset_finish(struct ruleset *ruleset, const struct override *overrides,
                        uint32_t override_count, struct diag *diag) {
    if (ruleset->agreement_count == 0) {
        return diag_fail(diag, ERR_NOT_FOUND, "a rule set needs at least one agreement");
    }
    qsort(ruleset->agreements, ruleset->agreement_count, sizeof(*ruleset->agreements),
          agreement_order);
    for (uint32_t i = 1; i < ruleset->agreement_count; i++) {
        const struct agreement *agreement = ruleset->agreements[i];
        if (strcmp(ruleset->agreements[i - 1]->id, agreement->id) == 0) {
            return yaml_fail(agreement->yaml, yaml_get(yaml_root(agreement->yaml), "agreement"),
                             ERR_CONFLICT, diag, "two documents define agreement %s",
                             agreement->id);
        }
    }
    enum err err = overrides_check(ruleset, overrides, override_count, diag);
    if (err == ERR_OK) {
        write_text(ruleset, overrides, override_count);
        conditions_number(ruleset);
    }
    return err;
}
