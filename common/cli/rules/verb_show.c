/* `casemill rules show`: a rule set as a page: each agreement, its time in force, its rules and
 * their citations; or its canonical text. */
#include "base/date.h"
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/option.h"
#include "rules/outline.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const HEADINGS[OUTLINE_KIND_COUNT] = {
    [OUTLINE_EVENT] = "Events",
    [OUTLINE_PARAMETER] = "Parameters",
    [OUTLINE_VARIABLE] = "Named",
    [OUTLINE_RULE] = "Rules, the first that holds gives the reason",
    [OUTLINE_TEST] = "Tests"};

static void print_field(struct buf *out, const struct outline_item *item, const char *name,
                        const char *before) {
    struct span value = outline_field(item, name);
    if (value.len > 0) {
        buf_printf(out, "%s%.*s", before, SPAN_ARG(value));
    }
}

static const char *unverified(const struct outline_item *item) {
    return span_is(outline_field(item, "verify"), "true") ? " (to be verified)" : "";
}

static void print_event(struct buf *out, const struct ruleset *ruleset, uint32_t agreement,
                        const struct outline_item *item) {
    struct span date = outline_field(item, "date");
    int32_t day = 0;
    buf_printf(out, "  %.*s  %-12.*s", SPAN_ARG(date), SPAN_ARG(item->key));
    if (date_parse(date, &day) == ERR_OK) {
        buf_printf(out, " %-24s", outline_status(ruleset, agreement, day));
    }
    if (!span_eq(date, outline_field(item, "recorded"))) {
        print_field(out, item, "recorded", " known from ");
        buf_byte(out, ';');
    }
    print_field(out, item, "corrects", " corrects ");
    print_field(out, item, "cite", " ");
    buf_printf(out, "%s\n", unverified(item));
}

static void print_rule(struct buf *out, const struct outline_item *item) {
    buf_printf(out, "    %.*s%s\n", SPAN_ARG(item->key), unverified(item));
    print_field(out, item, "given", "      given ");
    print_field(out, item, "when",
                outline_field(item, "given").len > 0 ? "\n      when  " : "      when  ");
    if (outline_field(item, "from").len > 0 || outline_field(item, "until").len > 0) {
        struct span by = outline_field(item, "by");
        buf_printf(out, "\n      where %.*s is",
                   SPAN_ARG(by.len > 0 ? by : SPAN_LIT("reference_date")));
        print_field(out, item, "from", " on or after ");
        print_field(out, item, "until", " before ");
    }
    print_field(out, item, "recorded", "\n      known from ");
    print_field(out, item, "why", "      none: "); /* of `status: none` */
    if (item->field_count > 0) {
        buf_byte(out, '\n');
    }
    if (outline_field(item, "cite").len > 0) {
        print_field(out, item, "cite", "      cite  ");
        buf_byte(out, '\n');
    }
}

static const char *section_gives(const char *section) {
    static const char *const rows[][2] = {
        {"scope", "true: not_subject"},
        {"in_force", "true: not_subject; left out of the projected finding"},
        {"exclusions", "true: not_subject"},
        {"exceptions", "true: exception_applies"},
        {"officer", "true or unknown: screening_required"},
        {"otherwise", "subject_to_agreement"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i][0], section) == 0) {
            return rows[i][1];
        }
    }
    return "";
}

static void print_item(struct buf *out, const struct ruleset *ruleset, uint32_t agreement,
                       const struct outline_item *item) {
    if (item->kind == OUTLINE_EVENT) {
        print_event(out, ruleset, agreement, item);
    } else if (item->kind == OUTLINE_RULE) {
        print_rule(out, item);
    } else if (item->kind == OUTLINE_PARAMETER || item->kind == OUTLINE_VARIABLE) {
        buf_printf(out, "  %.*s", SPAN_ARG(item->key));
        print_field(out, item, "value", " = ");
        print_field(out, item, "why", "; ");
        buf_byte(out, '\n');
    }
}

static void print_agreement(struct buf *out, const struct ruleset *ruleset, uint32_t agreement) {
    struct outline outline = {0};
    outline_agreement(ruleset, agreement, &outline);
    const struct outline_item *last = &outline.items[0];
    buf_printf(out, "\n%.*s\n", SPAN_ARG(last->key));
    print_field(out, last, "title", "  ");
    print_field(out, last, "parties", "\n  between ");
    print_field(out, last, "receiving", ", received by ");
    buf_byte(out, '\n');
    uint32_t tests = 0;
    for (uint32_t i = 1; i < outline.count; i++) {
        const struct outline_item *item = &outline.items[i];
        tests += item->kind == OUTLINE_TEST ? 1 : 0;
        if (item->kind == OUTLINE_TEST || item->kind == OUTLINE_EXAMPLE) {
            continue;
        }
        if (item->kind != last->kind) {
            buf_printf(out, "\n  %s\n", HEADINGS[item->kind]);
        }
        if (strcmp(item->section, last->section) != 0) {
            buf_printf(out, "   %s (%s)\n", item->section, section_gives(item->section));
        }
        print_item(out, ruleset, agreement, item);
        last = item;
    }
    buf_printf(out, "\n  %" PRIu32 " tests stand beside the rules\n", tests);
    outline_free(&outline);
}

static void item_json(struct json *json, const struct outline_item *item) {
    json_object_open(json);
    json_str(json_key(json, "kind"), outline_kind_name(item->kind));
    if (item->section[0] != '\0') {
        json_str(json_key(json, "section"), item->section);
    }
    json_span(json_key(json, "name"), item->key);
    for (uint32_t i = 0; i < item->field_count; i++) {
        json_span(json_key(json, item->fields[i].name), item->fields[i].value);
    }
    json_object_close(json);
}

static void agreement_json(struct json *json, const struct ruleset *ruleset, uint32_t agreement) {
    struct outline outline = {0};
    outline_agreement(ruleset, agreement, &outline);
    json_object_open(json);
    json_str(json_key(json, "agreement"), ruleset_agreement_id(ruleset, agreement));
    json_array_open(json_key(json, "items"));
    for (uint32_t i = 0; i < outline.count; i++) {
        item_json(json, &outline.items[i]);
    }
    json_array_close(json);
    json_object_close(json);
    outline_free(&outline);
}

static bool is_wanted(const struct options *options, const struct ruleset *ruleset,
                      uint32_t agreement) {
    const char *id = option_str(options, "--agreement", NULL);
    return id == NULL || strcmp(id, ruleset_agreement_id(ruleset, agreement)) == 0;
}

static void show(const struct options *options, const struct ruleset *ruleset) {
    bool as_json = option_flag(options, "--json");
    struct buf out = BUF_EMPTY;
    struct json json;
    json_init(&json, &out);
    if (as_json) {
        json_object_open(&json);
        json_str(json_key(&json, "ruleset"), ruleset_id(ruleset));
        json_array_open(json_key(&json, "agreements"));
    } else {
        buf_printf(&out, "ruleset %s\n", ruleset_id(ruleset));
    }
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        if (is_wanted(options, ruleset, i) && as_json) {
            agreement_json(&json, ruleset, i);
        } else if (is_wanted(options, ruleset, i)) {
            print_agreement(&out, ruleset, i);
        }
    }
    if (as_json) {
        json_array_close(&json);
        json_object_close(&json);
        answer_print_json(NULL, &out);
        return;
    }
    plain_print(stdout, buf_span(&out));
    buf_free(&out);
}

static int run_show(const struct options *options) {
    struct ruleset *ruleset = NULL;
    if (option_operand_count(options) > 1) {
        return verb_usage(options, "one rule set: its id, or a directory");
    }
    int code = rules_option_either(options, rules_option_dir(options), true, &ruleset);
    if (code != EXIT_DONE) {
        return code;
    }
    bool is_any = option_str(options, "--agreement", NULL) == NULL;
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        is_any = is_any || is_wanted(options, ruleset, i);
    }
    if (!is_any) {
        code = verb_usage(options, "no agreement %s in this rule set",
                          option_str(options, "--agreement", ""));
    } else if (option_flag(options, "--text")) {
        struct span text = ruleset_text(ruleset);
        plain_exact(stdout, text);
    } else {
        show(options, ruleset);
    }
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row SHOW_ROWS[] = {
    {"--agreement", "ID", "only this agreement"},
    {"--text", NULL, "the canonical text, byte for byte: its SHA-256 is the id"},
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter of a directory; may repeat"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_show = {
    .name = "rules show",
    .summary = "a rule set as a page: events, parameters, rules with their citations",
    .operands = "[ID|DIR]",
    .rows = SHOW_ROWS,
    .run = run_show,
};
