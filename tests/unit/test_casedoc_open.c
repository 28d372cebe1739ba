/* casedoc/: the worked cases beside the checkout, read against config/case.yaml twice, as YAML
 * (JSON is YAML) and as MessagePack; both must give the same slots.  Skipped where the cases are
 * not there. */
#include "base/io.h"
#include "casedoc/case_doc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CASES_PATH "../shared/agreements/cases_open.jsonl"

struct fixture {
    struct vocabulary iso;
    struct schema *schema;
    struct arena arena;
    struct case_doc doc;
    struct buf bytes;
};

static void setup(struct fixture *f) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    *f = (struct fixture){.schema = NULL};
    ck_assert_int_eq(vocabulary_load_iso(&f->iso, &diag), ERR_OK);
    ck_assert_int_eq(yaml_parse_file("config/case.yaml", &doc, &diag), ERR_OK);
    ck_assert_msg(schema_load(doc, f->iso, &f->schema, &diag) == ERR_OK, "%s", diag.text);
    yaml_doc_free(&doc);
    arena_init(&f->arena, 1 << 20);
}

static void teardown(struct fixture *f) {
    buf_free(&f->bytes);
    arena_free(&f->arena);
    schema_free(&f->schema);
    vocabulary_free(&f->iso);
}

static void write_text(struct buf *out, struct span text) {
    buf_byte(out, 0xdb);
    buf_be32(out, (uint32_t)text.len);
    buf_append(out, text);
}

static void pack(struct buf *out, const struct yaml_node *node) {
    if (node->kind == YAML_MAP || node->kind == YAML_SEQ) {
        buf_byte(out, node->kind == YAML_MAP ? 0xdf : 0xdd);
        buf_be32(out, node->count);
        for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
            if (child->key != NULL) {
                write_text(out, child->key->text);
            }
            pack(out, child);
        }
    } else if (node->style != YAML_PLAIN) {
        write_text(out, node->text);
    } else if (yaml_is_null(node)) {
        buf_byte(out, 0xc0);
    } else if (span_is(node->text, "true") || span_is(node->text, "false")) {
        buf_byte(out, node->text.len == 4 ? 0xc3 : 0xc2);
    } else {
        buf_byte(out, 0xd3);
        buf_be64(out, (uint64_t)strtoll((const char *)node->text.ptr, NULL, 10));
    }
}

/* What the case's `facts` holds for a slot, records followed; NULL when absent. */
static const struct yaml_node *find_fact(const struct yaml_node *facts, const struct fact *slot) {
    char top[FACT_NAME_BYTES_MAX + 1];
    const char *dot = strchr(slot->name, '.');
    if (dot == NULL) {
        return yaml_get(facts, slot->name);
    }
    (void)snprintf(top, sizeof(top), "%.*s", (int)(dot - slot->name), slot->name);
    const struct yaml_node *record = yaml_get(facts, top);
    return record == NULL ? NULL : yaml_get(record, dot + 1);
}

static bool same(struct value a, struct value b) {
    if (a.kind != b.kind || a.len != b.len) {
        return false;
    }
    if (a.kind == VAL_STRING) {
        return span_eq(value_span(a), value_span(b));
    }
    if (a.kind == VAL_LIST || a.kind == VAL_MAP) {
        uint32_t items = a.kind == VAL_MAP ? 2 * a.len : a.len;
        bool all = true;
        for (uint32_t i = 0; i < items && all; i++) {
            all = same(a.items[i], b.items[i]);
        }
        return all;
    }
    return a.u == b.u; /* bool, int, timestamp; of an unknown: the path */
}

static uint32_t read_case(struct fixture *f, struct span line) {
    struct yaml_doc *yaml = NULL;
    struct diag diag = {0};
    ck_assert_msg(yaml_parse(line, "case", &yaml, &diag) == ERR_OK, "%s", diag.text);
    const struct yaml_node *id = yaml_get(yaml_root(yaml), "id");
    const struct yaml_node *facts = yaml_get(yaml_root(yaml), "facts");
    ck_assert(id != NULL && facts != NULL);
    arena_reset(&f->arena);
    buf_clear(&f->bytes);
    buf_byte(&f->bytes, 0x83);
    write_text(&f->bytes, SPAN_LIT("case_id"));
    write_text(&f->bytes, id->text);
    write_text(&f->bytes, SPAN_LIT("revision"));
    buf_byte(&f->bytes, 1);
    write_text(&f->bytes, SPAN_LIT("facts"));
    pack(&f->bytes, facts);
    ck_assert_int_eq(case_decode(f->schema, buf_span(&f->bytes), &f->arena, &f->doc), ERR_OK);
    ck_assert_msg(f->doc.fault_count == 0, "%.*s: %s %s", SPAN_ARG(id->text), f->doc.faults[0].path,
                  f->doc.faults[0].reason);
    uint32_t known = 0;
    for (uint32_t i = 0; i < f->schema->slot_count; i++) {
        const struct fact *slot = f->schema->slots[i];
        const struct yaml_node *node = find_fact(facts, slot);
        struct value value = value_unknown(slot->path);
        if (node != NULL) {
            ck_assert_msg(case_slot_from_yaml(f->schema, slot, yaml, node, &f->arena, &value,
                                              &diag) == ERR_OK,
                          "%.*s: %s", SPAN_ARG(id->text), diag.text);
        }
        ck_assert_msg(same(value, f->doc.slots[i]), "%.*s: %s", SPAN_ARG(id->text), slot->name);
        known += value.kind != VAL_UNKNOWN ? 1 : 0;
    }
    yaml_doc_free(&yaml);
    return known;
}

START_TEST(worked_cases_fit_the_schema_both_ways) {
    if (access(CASES_PATH, R_OK) != 0) {
        printf("skipped: %s is not there\n", CASES_PATH);
        return;
    }
    struct fixture f;
    setup(&f);
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_int_eq(io_read_file(CASES_PATH, 1 << 20, &text, &diag), ERR_OK);
    uint32_t cases = 0;
    uint32_t known = 0;
    for (size_t at = 0; at < text.len;) {
        const uint8_t *newline = memchr(text.ptr + at, '\n', text.len - at);
        size_t end = newline == NULL ? text.len : (size_t)(newline - text.ptr);
        if (end > at) {
            known += read_case(&f, span_make(text.ptr + at, end - at));
            cases++;
        }
        at = end + 1;
    }
    ck_assert_uint_gt(cases, 0);
    ck_assert_uint_gt(known, cases);
    buf_free(&text);
    teardown(&f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("casedoc_open");
    TCase *cases = tcase_create("open");
    tcase_add_test(cases, worked_cases_fit_the_schema_both_ways);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
