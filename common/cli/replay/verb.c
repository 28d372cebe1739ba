/* `casemill replay`: stored cases under another rule set, other parameters, other dates, or an
 * assumed event: how many would get another outcome, by agreement.  Reads only; with --apply the
 * broker lets workers write the outcomes. */
#include "base/io.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/replay/report.h"
#include "cli/rules/option.h"
#include "cli/rules/stored_ruleset.h"
#include "rules/what_if.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { SAMPLES_DEFAULT = 3 };

struct replay_job {
    const struct options *options;
    struct db *db;
    struct ruleset *base;
    struct ruleset *candidate;
    struct buf base_name;
    struct option_list set, event, where;
    struct replay_options how;
    struct replay_stored stored;
    struct replay_result result;
    struct replay_applied applied;
};

/* --- options --- */

static int read_options(struct replay_job *job) {
    const struct options *options = job->options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t threads = 0;
    int64_t samples = 0;
    job->how.conninfo = option_db(options);
    const char *id = option_str(options, "--ruleset", NULL);
    if (id != NULL && option_str(options, "--rules", NULL) != NULL) {
        return verb_usage(options, "--ruleset or --rules, not both");
    }
    if (id != NULL && !stored_ruleset_is_id(id)) {
        return verb_usage(options, "--ruleset: an id, or its first %d or more digits",
                          RULESET_ID_DIGITS_MIN);
    }
    bool is_published = id != NULL && option_str(options, "--set", NULL) == NULL &&
                        option_str(options, "--event", NULL) == NULL;
    if (option_flag(options, "--apply") && !is_published) {
        return verb_usage(options, "--apply is for a published rule set: --ruleset, without --set "
                                   "or --event");
    }
    int64_t cores_used = cores < 1 ? 1 : cores > REPLAY_THREADS_MAX ? REPLAY_THREADS_MAX : cores;
    if (option_int(options, "--threads", cores_used, 1, REPLAY_THREADS_MAX, &threads) != ERR_OK ||
        option_int(options, "--samples", SAMPLES_DEFAULT, 0, REPLAY_SAMPLES_MAX, &samples) !=
            ERR_OK) {
        return EXIT_USAGE;
    }
    job->how.threads = (uint32_t)threads;
    job->how.sample_max = (uint32_t)samples;
    job->how.has_reference_date = option_str(options, "--reference-date", NULL) != NULL;
    job->how.has_as_of = option_str(options, "--as-of", NULL) != NULL;
    bool are_dates =
        option_date(options, "--reference-date", NULL, &job->how.reference_date) == ERR_OK &&
        option_date(options, "--as-of", NULL, &job->how.as_of) == ERR_OK;
    return are_dates ? EXIT_DONE : EXIT_USAGE;
}

/* --- the candidate --- */

static enum err active_id(struct db *db, struct buf *id, struct diag *diag) {
    struct db_result *active = NULL;
    enum err err = db_query(db, "SELECT id FROM active_ruleset", 0, NULL, &active, diag);
    err = err == ERR_OK ? db_expect(active, "? s", diag) : err;
    if (err == ERR_OK && db_rows(active) == 0) {
        err = diag_fail(diag, ERR_NOT_FOUND, "no rule set is active: give --ruleset or --rules");
    }
    if (err == ERR_OK) {
        buf_append(id, db_cell_span(active, 0, 0));
    }
    db_result_free(&active);
    return err;
}

static enum err load_stored_base(struct replay_job *job, struct diag *diag) {
    struct buf id = BUF_EMPTY;
    const char *wanted = option_str(job->options, "--ruleset", NULL);
    enum err err = ERR_OK;
    if (wanted != NULL) {
        buf_str(&id, wanted);
    } else {
        err = active_id(job->db, &id, diag);
    }
    if (err == ERR_OK) {
        err = stored_ruleset_load(job->db, buf_cstr(&id), &job->base, diag);
    }
    if (err == ERR_OK) {
        buf_printf(&job->base_name, "rule set %.12s", ruleset_id(job->base));
    }
    buf_free(&id);
    return err;
}

/* --set applies to both: rules_option_load has applied it to a directory. */
static int load_candidate(struct replay_job *job) {
    const char *dir = option_str(job->options, "--rules", NULL);
    struct diag diag = {0};
    struct what_if what_if = {.overrides = job->set.texts,
                              .override_count = job->set.count,
                              .events = job->event.texts,
                              .event_count = job->event.count};
    if (dir != NULL) {
        int code = rules_option_load(job->options, dir, &job->base);
        if (code != EXIT_DONE) {
            return code;
        }
        buf_printf(&job->base_name, "the rules in %s", dir);
        what_if.override_count = 0;
    } else if (load_stored_base(job, &diag) != ERR_OK) {
        return verb_fail(job->options, &diag, SPAN_LIT(""));
    }
    if (ruleset_what_if(job->base, &what_if, &job->candidate, &diag) != ERR_OK) {
        return verb_fail(job->options, &diag, SPAN_LIT(""));
    }
    return EXIT_DONE;
}

/* --- the run --- */

/* The matrix comes first: after a failed read nothing is applied. */
static enum err apply(struct replay_job *job, struct diag *diag) {
    if (!option_flag(job->options, "--apply")) {
        return ERR_OK;
    }
    const struct control_peer control = control_peer(job->options);
    enum err err = replay_apply(job->db, &control, &job->stored, &job->how, &job->applied, diag);
    if (err != ERR_OK) {
        plain_printf(stderr,
                     "%" PRIu64 " of %" PRIu64 " are done; the same command continues from there\n",
                     job->applied.done, job->applied.wanted);
    }
    return err;
}

static enum err run_stored(struct replay_job *job, struct diag *diag) {
    enum err err =
        replay_stored_load(job->db, job->candidate, option_flag(job->options, "--intake"),
                           job->where.texts, job->where.count, &job->stored, diag);
    return err == ERR_OK
               ? replay_run(job->db, job->candidate, &job->stored, &job->how, &job->result, diag)
               : err;
}

/* The changes, as on the command line. */
static void add_changes(struct buf *texts, const char *name, const struct option_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        buf_printf(texts, "%s %s", name, list->texts[i]);
        buf_byte(texts, '\0');
    }
}

static const char **changes_of(const struct replay_job *job, struct buf *texts, uint32_t *count) {
    const char *const dates[] = {"--reference-date", "--as-of"};
    add_changes(texts, "--set", &job->set);
    add_changes(texts, "--event", &job->event);
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        const char *text = option_str(job->options, dates[i], NULL);
        struct option_list one = {.texts = &text, .count = text == NULL ? 0 : 1};
        add_changes(texts, dates[i], &one);
    }
    add_changes(texts, "--where", &job->where);
    *count = 0;
    for (size_t i = 0; i < texts->len; i++) {
        *count += texts->ptr[i] == '\0' ? 1 : 0;
    }
    const char **changes = mem_zero(*count, sizeof(*changes));
    size_t at = 0;
    for (uint32_t i = 0; i < *count; i++) {
        changes[i] = (const char *)texts->ptr + at;
        at += strlen(changes[i]) + 1;
    }
    return changes;
}

static enum err write_report(struct replay_job *job, struct diag *diag) {
    struct buf texts = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct replay_report report = {.stored = &job->stored,
                                   .result = &job->result,
                                   .base = buf_cstr(&job->base_name),
                                   .threads = job->how.threads};
    if (option_flag(job->options, "--apply")) {
        report.applied = &job->applied;
    }
    const char **changes = changes_of(job, &texts, &report.change_count);
    const char *html = option_str(job->options, "--html", NULL);
    enum err err = ERR_OK;
    report.changes = changes;
    if (html != NULL) {
        replay_report_html(&report, &out);
        err = io_write_file(html, buf_span(&out), diag);
        buf_clear(&out);
    }
    if (err == ERR_OK && option_flag(job->options, "--json")) {
        replay_report_json(&report, &out);
        answer_print_json(NULL, &out);
    } else if (err == ERR_OK) {
        replay_report_text(&report, &out);
        plain_print(stdout, buf_span(&out));
    }
    mem_free(changes);
    buf_free(&texts);
    buf_free(&out);
    return err;
}

static int run_job(struct replay_job *job) {
    struct diag diag = {0};
    int code = database_open(job->options, DATABASE_FACTS, &job->db);
    /* One snapshot of the database for all reads. */
    if (code == EXIT_DONE && db_exec(job->db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0,
                                     NULL, &diag) != ERR_OK) {
        code = verb_fail(job->options, &diag, SPAN_LIT(""));
    }
    code = code == EXIT_DONE ? load_candidate(job) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    enum err err = run_stored(job, &diag);
    if (err == ERR_OK) {
        err = apply(job, &diag);
    }
    if (err == ERR_OK) {
        err = write_report(job, &diag);
    }
    if (err != ERR_OK) {
        return verb_fail(job->options, &diag, SPAN_LIT(""));
    }
    return job->applied.dead > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_replay(const struct options *options) {
    struct replay_job job = {.options = options};
    int code = read_options(&job);
    if (code != EXIT_DONE) {
        return code;
    }
    job.set = option_list(options, "--set");
    job.event = option_list(options, "--event");
    job.where = option_list(options, "--where");
    code = run_job(&job);
    replay_matrix_fini(&job.result.matrix);
    replay_stored_fini(&job.stored);
    ruleset_unref(&job.candidate);
    ruleset_unref(&job.base);
    db_close(&job.db);
    buf_free(&job.base_name);
    mem_free(job.set.texts);
    mem_free(job.event.texts);
    mem_free(job.where.texts);
    return code;
}

static const struct option_row REPLAY_ROWS[] = {
    {"--ruleset", "ID", "a published rule set (the active one)"},
    {"--rules", "DIR", "the documents of a directory instead"},
    {"--set", "AGREEMENT.PARAM=VALUE", "override a parameter; may repeat"},
    {"--event", "AGREEMENT.EVENT=DATE",
     "as if that had happened, and been known, on that day; may repeat"},
    {"--reference-date", "DATE", "apply the rules on that day (each outcome's own)"},
    {"--as-of", "DATE", "with what was known on that day (each outcome's own)"},
    {"--where", "KEY=VALUE",
     "only source, agreement, reason, ruleset, disposition, received, reference_date or as_of; "
     "a date, or FROM..UNTIL; may repeat"},
    {"--intake", NULL, "compare with each case's first outcome, not its newest"},
    {"--threads", "N", "connections, each with a thread (one per core)"},
    {"--samples", "N", "case ids of each change (3)"},
    {"--html", "FILE", "also write the matrices as an HTML page"},
    {"--apply", NULL,
     "let the broker write the outcomes under --ruleset to table reapplied; a second run "
     "continues"},
    {NULL, NULL, NULL}};

const struct verb verb_replay = {
    .name = "replay",
    .summary = "what if? stored cases under other rules, events or dates",
    .operands = "",
    .rows = REPLAY_ROWS,
    .run = run_replay,
};
