/* `casemill rules coverage`: the conditions, rules and legal days that the tests inside the
 * documents cover, and the line of each that no test covers.  No database. */
#include "base/date.h"
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/option.h"
#include "rules/coverage.h"

#include <inttypes.h>
#include <stdio.h>

struct share {
    uint32_t seen;
    uint32_t all;
};

static struct share share_of(const struct coverage *coverage, enum coverage_kind kind) {
    struct share share = {0};
    for (uint32_t i = 0; i < coverage->item_count; i++) {
        if (coverage->items[i].kind == kind) {
            share.all++;
            share.seen += coverage->items[i].is_seen ? 1 : 0;
        }
    }
    return share;
}

static struct share share_of_all(const struct coverage *coverage) {
    struct share all = {0};
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        struct share one = share_of(coverage, kind);
        all.seen += one.seen;
        all.all += one.all;
    }
    return all;
}

/* Rounded down: 100 is all of them. */
static uint32_t percent(struct share share) {
    return share.all == 0 ? 100 : (uint32_t)((uint64_t)share.seen * 100 / share.all);
}

/* --- text --- */

static void print_item(struct buf *out, const struct coverage *coverage,
                       const struct coverage_item *item) {
    char day[DATE_TEXT_BYTES];
    buf_printf(out, "%s:%" PRIu32 ": ", coverage->file, item->line);
    if (item->kind == COVERAGE_EDGE) {
        date_format(item->day, day);
        buf_printf(out, "%s: no test on the %s, %s\n", item->name, item->part, day);
    } else if (item->kind == COVERAGE_WINS) {
        buf_printf(out, "%s: no test in which it decides\n", item->name);
    } else {
        buf_printf(out, "%s: no test in which `%s` is %s\n", item->name, item->part,
                   coverage_kind_name(item->kind));
    }
}

static void print_text(struct buf *out, const struct coverage *coverage) {
    struct share all = share_of_all(coverage);
    buf_printf(out, "%s: %" PRIu32 " %% by %" PRIu32 " tests:", coverage->agreement, percent(all),
               coverage->test_count);
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        struct share one = share_of(coverage, kind);
        buf_printf(out, "%s %s %" PRIu32 "/%" PRIu32, kind == 0 ? "" : ",",
                   coverage_kind_name(kind), one.seen, one.all);
    }
    buf_byte(out, '\n');
    for (uint32_t i = 0; i < coverage->item_count; i++) {
        if (!coverage->items[i].is_seen) {
            print_item(out, coverage, &coverage->items[i]);
        }
    }
}

/* --- JSON --- */

static void write_item(struct json *json, const struct coverage_item *item) {
    char day[DATE_TEXT_BYTES];
    json_object_open(json);
    json_uint(json_key(json, "line"), item->line);
    json_str(json_key(json, "name"), item->name);
    json_str(json_key(json, "part"), item->part);
    json_str(json_key(json, "kind"), coverage_kind_name(item->kind));
    if (item->kind == COVERAGE_EDGE) {
        date_format(item->day, day);
        json_str(json_key(json, "day"), day);
    }
    json_object_close(json);
}

static void write_coverage(struct json *json, const struct coverage *coverage) {
    json_object_open(json);
    json_str(json_key(json, "agreement"), coverage->agreement);
    json_str(json_key(json, "file"), coverage->file);
    json_uint(json_key(json, "percent"), percent(share_of_all(coverage)));
    json_uint(json_key(json, "tests"), coverage->test_count);
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        struct share one = share_of(coverage, kind);
        json_object_open(json_key(json, coverage_kind_name(kind)));
        json_uint(json_key(json, "seen"), one.seen);
        json_uint(json_key(json, "all"), one.all);
        json_object_close(json);
    }
    json_array_open(json_key(json, "unseen"));
    for (uint32_t i = 0; i < coverage->item_count; i++) {
        if (!coverage->items[i].is_seen) {
            write_item(json, &coverage->items[i]);
        }
    }
    json_array_close(json);
    json_object_close(json);
}

/* --- the verb --- */

/* The lowest of the agreements' percentages. */
static uint32_t measure_all(const struct ruleset *ruleset, bool is_json, struct buf *out,
                            struct buf *report) {
    struct json json;
    uint32_t lowest = 100;
    json_init(&json, out);
    if (is_json) {
        json_array_open(&json);
    }
    for (uint32_t i = 0; i < ruleset_agreement_count(ruleset); i++) {
        struct coverage coverage;
        coverage_measure(ruleset, i, &coverage, report);
        uint32_t own = percent(share_of_all(&coverage));
        lowest = own < lowest ? own : lowest;
        if (is_json) {
            write_coverage(&json, &coverage);
        } else {
            print_text(out, &coverage);
        }
        coverage_fini(&coverage);
    }
    if (is_json) {
        json_array_close(&json);
    }
    return lowest;
}

static int run_coverage(const struct options *options) {
    int64_t threshold = 0;
    struct ruleset *ruleset = NULL;
    if (option_int(options, "--threshold", 0, 0, 100, &threshold) != ERR_OK) {
        return EXIT_USAGE;
    }
    int code = rules_option_load(options, rules_option_dir(options), &ruleset);
    if (code == EXIT_DONE) {
        struct buf out = BUF_EMPTY;
        struct buf report = BUF_EMPTY;
        bool as_json = option_flag(options, "--json");
        uint32_t lowest = measure_all(ruleset, as_json, &out, &report);
        if (as_json) {
            answer_print_json("agreements", &out);
        } else {
            plain_print(stdout, buf_span(&out));
        }
        plain_printf(stderr, "%s", buf_cstr(&report));
        code = lowest < threshold || report.len > 0 ? EXIT_FAILED : EXIT_DONE;
        buf_free(&out);
        buf_free(&report);
    }
    ruleset_unref(&ruleset);
    return code;
}

static const struct option_row COVERAGE_ROWS[] = {
    {"--set", "AGREEMENT.PARAM=VALUE", "as for the other verbs; the tests are run without it"},
    {"--threshold", "PERCENT", "fail if an agreement's tests cover less (0)"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_coverage = {
    .name = "rules coverage",
    .summary = "the parts of agreements that their tests do not cover",
    .operands = "[DIR]",
    .rows = COVERAGE_ROWS,
    .run = run_coverage,
};
