/* See rules/changes.h. */
#include "cli/rules/changes.h"

#include "base/mem.h"

uint32_t rules_agreement_find(const struct ruleset *ruleset, const char *id) {
    uint32_t at = 0;
    while (at < ruleset_agreement_count(ruleset) &&
           strcmp(ruleset_agreement_id(ruleset, at), id) != 0) {
        at++;
    }
    return at;
}

static struct rules_change *change_add(struct rules_changes *changes, const char *agreement) {
    MEM_ROOM(changes->rows, changes->count, changes->cap, 16);
    struct rules_change *row = &changes->rows[changes->count++];
    *row = (struct rules_change){.agreement = agreement};
    return row;
}

static bool says_the_same(const struct outline_item *a, const struct outline_item *b) {
    bool same = a->field_count == b->field_count;
    for (uint32_t i = 0; same && i < a->field_count; i++) {
        same = span_eq(a->fields[i].value, outline_field(b, a->fields[i].name));
    }
    return same;
}

/* The previous rule of its section that both have; empty: it is the first. */
static struct span neighbour(const struct outline *outline, const struct outline *other,
                             const struct outline_item *item) {
    struct span last = {0};
    for (const struct outline_item *at = outline->items; at != item; at++) {
        if (at->kind == OUTLINE_RULE && strcmp(at->section, item->section) == 0 &&
            outline_find(other, at) != NULL) {
            last = at->key;
        }
    }
    return last;
}

static void compare_items(struct rules_changes *changes, const char *agreement,
                          const struct outline *a, const struct outline *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        const struct outline_item *before = &a->items[i];
        const struct outline_item *after = outline_find(b, before);
        bool is_rule = after != NULL && before->kind == OUTLINE_RULE;
        struct span stood = is_rule ? neighbour(a, b, before) : (struct span){0};
        struct span stands = is_rule ? neighbour(b, a, after) : (struct span){0};
        bool moved = !span_eq(stood, stands);
        if (after == NULL || moved || !says_the_same(before, after)) {
            struct rules_change *row = change_add(changes, agreement);
            row->before = before;
            row->after = after;
            row->stood_after = moved ? stood : (struct span){0};
            row->stands_after = moved ? stands : (struct span){0};
        }
    }
    for (uint32_t i = 0; i < b->count; i++) {
        if (outline_find(a, &b->items[i]) == NULL) {
            change_add(changes, agreement)->after = &b->items[i];
        }
    }
}

/* Both lists are in byte order of their ids. */
static void merge_ids(const struct ruleset *a, const struct ruleset *b,
                      struct rules_changes *changes) {
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < ruleset_agreement_count(a) || k < ruleset_agreement_count(b)) {
        const char *left = i < ruleset_agreement_count(a) ? ruleset_agreement_id(a, i) : NULL;
        const char *right = k < ruleset_agreement_count(b) ? ruleset_agreement_id(b, k) : NULL;
        int order = left == NULL ? 1 : right == NULL ? -1 : strcmp(left, right);
        changes->agreements[changes->agreement_count++] = order <= 0 ? left : right;
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
}

void rules_changes_find(const struct ruleset *a, const struct ruleset *b,
                        struct rules_changes *changes) {
    uint32_t most = ruleset_agreement_count(a) + ruleset_agreement_count(b);
    *changes = (struct rules_changes){
        .agreements = mem_zero(most, sizeof(*changes->agreements)),
        .outlines = mem_zero((size_t)2 * (most + 1), sizeof(*changes->outlines))};
    merge_ids(a, b, changes);
    struct outline *sides = &changes->outlines[0];
    outline_schema(a, &sides[0]);
    outline_schema(b, &sides[1]);
    compare_items(changes, "", &sides[0], &sides[1]);
    changes->outline_count = 2;
    for (uint32_t i = 0; i < changes->agreement_count; i++) {
        const char *id = changes->agreements[i];
        uint32_t in_a = rules_agreement_find(a, id);
        uint32_t in_b = rules_agreement_find(b, id);
        sides = &changes->outlines[changes->outline_count];
        changes->outline_count += 2;
        if (in_a < ruleset_agreement_count(a)) {
            outline_agreement(a, in_a, &sides[0]);
        }
        if (in_b < ruleset_agreement_count(b)) {
            outline_agreement(b, in_b, &sides[1]);
        }
        if (sides[0].count > 0 && sides[1].count > 0) {
            compare_items(changes, id, &sides[0], &sides[1]);
        } else { /* the whole agreement: its head shows that */
            struct rules_change *row = change_add(changes, id);
            row->before = sides[0].count > 0 ? &sides[0].items[0] : NULL;
            row->after = sides[1].count > 0 ? &sides[1].items[0] : NULL;
        }
    }
}

void rules_changes_free(struct rules_changes *changes) {
    for (uint32_t i = 0; i < changes->outline_count; i++) {
        outline_free(&changes->outlines[i]);
    }
    mem_free(changes->outlines);
    mem_free(changes->agreements);
    mem_free(changes->rows);
    *changes = (struct rules_changes){0};
}

/* --- output --- */

static const char *change_name(const struct rules_change *row) {
    return row->before == NULL ? "added" : row->after == NULL ? "removed" : "changed";
}

/* A field that one side lacks is empty there. */
struct differing {
    const char *name;
    struct span from, to;
};
static bool field_differs(const struct rules_change *row, uint32_t index, struct differing *field) {
    const struct outline_item *first = row->before != NULL ? row->before : row->after;
    const struct outline_item *second = row->before != NULL ? row->after : NULL;
    uint32_t extra = index < first->field_count ? 0 : index - first->field_count;
    const struct outline_item *from = index < first->field_count ? first : second;
    const char *name = from->fields[index < first->field_count ? index : extra].name;
    if (from == second && outline_field(first, name).len > 0) {
        return false; /* already reported */
    }
    *field = (struct differing){.name = name};
    field->from = row->before == NULL ? (struct span){0} : outline_field(row->before, name);
    field->to = row->after == NULL ? (struct span){0} : outline_field(row->after, name);
    return !span_eq(field->from, field->to);
}

static uint32_t field_count(const struct rules_change *row) {
    return (row->before == NULL ? 0 : row->before->field_count) +
           (row->after == NULL ? 0 : row->after->field_count);
}

static void print_fields(const struct rules_change *row, struct buf *out) {
    struct differing field;
    for (uint32_t i = 0; i < field_count(row); i++) {
        if (!field_differs(row, i, &field)) {
            continue;
        }
        if (row->before != NULL && row->after != NULL) {
            buf_printf(out, "    %s: %.*s\n    %*s: %.*s\n", field.name,
                       SPAN_ARG(field.from.len > 0 ? field.from : SPAN_LIT("(none)")),
                       (int)strlen(field.name), "->",
                       SPAN_ARG(field.to.len > 0 ? field.to : SPAN_LIT("(none)")));
        } else {
            buf_printf(out, "    %s: %.*s\n", field.name,
                       SPAN_ARG(row->after == NULL ? field.from : field.to));
        }
    }
    if (row->stood_after.len > 0 || row->stands_after.len > 0) {
        buf_printf(out, "    was after %.*s, is now after %.*s\n",
                   SPAN_ARG(row->stood_after.len > 0 ? row->stood_after : SPAN_LIT("none")),
                   SPAN_ARG(row->stands_after.len > 0 ? row->stands_after : SPAN_LIT("none")));
    }
}

void rules_changes_print(const struct rules_changes *changes, struct buf *out) {
    const char *agreement = NULL;
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct rules_change *row = &changes->rows[i];
        const struct outline_item *item = row->after != NULL ? row->after : row->before;
        if (agreement == NULL || strcmp(agreement, row->agreement) != 0) {
            agreement = row->agreement;
            buf_printf(out, "%s\n", agreement[0] == '\0' ? "case schema" : agreement);
        }
        buf_printf(out, "  %s %s%s%.*s", outline_kind_name(item->kind), item->section,
                   item->section[0] == '\0' ? "" : "/", SPAN_ARG(item->key));
        if (item->number > 1) {
            buf_printf(out, " (number %u)", item->number);
        }
        buf_printf(out, " %s\n", change_name(row));
        print_fields(row, out);
    }
    if (changes->count == 0) {
        buf_str(out, "the documents have the same content\n");
    }
}

static void change_json(const struct rules_change *row, struct json *json) {
    const struct outline_item *item = row->after != NULL ? row->after : row->before;
    const struct {
        const char *key, *text;
    } words[] = {{"agreement", row->agreement},
                 {"kind", outline_kind_name(item->kind)},
                 {"section", item->section},
                 {"change", change_name(row)}};
    json_object_open(json);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        json_str(json_key(json, words[i].key), words[i].text);
    }
    json_span(json_key(json, "name"), item->key);
    json_uint(json_key(json, "number"), item->number);
    json_bool(json_key(json, "moved"), row->stood_after.len > 0 || row->stands_after.len > 0);
    json_array_open(json_key(json, "fields"));
    struct differing field;
    for (uint32_t i = 0; i < field_count(row); i++) {
        if (field_differs(row, i, &field)) {
            json_object_open(json);
            json_str(json_key(json, "name"), field.name);
            json_span(json_key(json, "from"), field.from);
            json_span(json_key(json, "to"), field.to);
            json_object_close(json);
        }
    }
    json_array_close(json);
    json_object_close(json);
}

void rules_changes_json(const struct rules_changes *changes, struct json *json) {
    json_array_open(json);
    for (uint32_t i = 0; i < changes->count; i++) {
        change_json(&changes->rows[i], json);
    }
    json_array_close(json);
}
