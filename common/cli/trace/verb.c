/* `casemill trace`: the life of one case or one batch, from PostgreSQL, a broker that answers, and
 * logs.  Reads only.  It prints ids, times, reasons and counts, never a fact. */
#include "base/mem.h"
#include "base/uuid.h"
#include "cli/case_name.h"
#include "cli/database.h"
#include "cli/trace/broker.h"
#include "cli/trace/logs.h"
#include "cli/trace/stored.h"

#include <stdio.h>
#include <string.h>

enum { BATCHES_ASKED_MAX = 8 };

struct subject {
    bool is_batch;
    char batch[UUID_TEXT_BYTES];
    struct buf source, case_id, revision; /* empty: any */
    struct trace_case wanted;             /* points into them */
};

static void subject_free(struct subject *subject) {
    buf_free(&subject->source);
    buf_free(&subject->case_id);
    buf_free(&subject->revision);
}

/* With --source or --revision the operand is the id as it is, whatever it holds. */
static void read_subject(const struct options *options, const char *text, struct subject *subject) {
    struct uuid uuid;
    const char *source = option_str(options, "--source", NULL);
    const char *revision = option_str(options, "--revision", NULL);
    bool is_plain = source != NULL || revision != NULL;
    struct case_name name = case_name_split(text);
    if (is_plain) {
        name = (struct case_name){.case_id = span_str(text)};
        name.source = span_str(source == NULL ? "" : source);
        name.revision = span_str(revision == NULL ? "" : revision);
    }
    subject->is_batch = !is_plain && uuid_parse(span_str(text), &uuid) == ERR_OK;
    if (subject->is_batch) {
        uuid_format(&uuid, subject->batch);
    }
    buf_append(&subject->source, name.source);
    buf_append(&subject->case_id, name.case_id);
    buf_append(&subject->revision, name.revision);
    subject->wanted = (struct trace_case){
        .case_id = buf_cstr(&subject->case_id),
        .source = subject->source.len == 0 ? NULL : buf_cstr(&subject->source),
        .revision = subject->revision.len == 0 ? NULL : buf_cstr(&subject->revision)};
}

/* Every batch that is known so far. */
static void ask_broker(const struct options *options, struct timeline *timeline,
                       char accepted_at[TRACE_TIME_BYTES]) {
    const struct control_peer peer = control_peer(options);
    struct span rest = buf_span(&timeline->batches);
    for (int i = 0; i < BATCHES_ASKED_MAX && rest.len > UUID_TEXT_BYTES - 1; i++) {
        char batch[UUID_TEXT_BYTES];
        (void)snprintf(batch, sizeof(batch), "%.*s", UUID_TEXT_BYTES - 1, (const char *)rest.ptr);
        trace_broker(&peer, batch, timeline, accepted_at);
        rest = span_make(rest.ptr + UUID_TEXT_BYTES, rest.len - UUID_TEXT_BYTES);
    }
    if (rest.len > 0) {
        timeline_unknown(timeline, "the state in the broker of more than %d batches",
                         BATCHES_ASKED_MAX);
    }
}

static enum err read_logs(const struct options *options, struct timeline *timeline,
                          struct diag *diag) {
    struct option_list logs = option_list(options, "--log");
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < logs.count && err == ERR_OK; i++) {
        err = trace_log(logs.texts[i], timeline, diag);
    }
    mem_free(logs.texts);
    return err;
}

static enum err gather(const struct options *options, struct db *db, struct subject *subject,
                       struct timeline *timeline, struct diag *diag) {
    char accepted_at[TRACE_TIME_BYTES] = "";
    enum err err = ERR_OK;
    if (subject->is_batch) {
        timeline_note_id(&timeline->batches, subject->batch);
        err = trace_stored_batch(db, subject->batch, timeline, diag);
    } else {
        err = trace_stored_case(db, &subject->wanted, timeline, diag);
    }
    if (err == ERR_OK) {
        (void)snprintf(accepted_at, sizeof(accepted_at), "%s",
                       subject->is_batch ? timeline_first(timeline) : "");
    }
    if (err == ERR_OK && timeline->batches.len > 0) {
        char there[TRACE_TIME_BYTES] = "";
        ask_broker(options, timeline, there);
        if (subject->is_batch && there[0] != '\0') {
            (void)snprintf(accepted_at, sizeof(accepted_at), "%s", there);
        }
    }
    if (err == ERR_OK && accepted_at[0] != '\0') {
        err = trace_stored_commits(db, accepted_at, timeline, diag);
    }
    if (err == ERR_OK && subject->is_batch) {
        timeline_unknown(timeline,
                         "which cases the batch has: outcomes do not store their batch, dead "
                         "letters do; %s",
                         accepted_at[0] == '\0'
                             ? "and without the time of acceptance, which transactions"
                             : "transactions are found by the time of acceptance");
    }
    return err == ERR_OK ? read_logs(options, timeline, diag) : err;
}

static int check_options(const struct options *options) {
    const char *revision = option_str(options, "--revision", "0");
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "which case or batch? CASE_ID, SOURCE/CASE_ID@REVISION or the "
                                   "id of a batch");
    }
    if (!case_revision_is_valid(revision)) {
        return verb_usage(options, "--revision \"%s\" is no number from 0 to 2147483647", revision);
    }
    return EXIT_DONE;
}

static int trace_run(const struct options *options) {
    struct db *db = NULL;
    struct diag diag = {0};
    struct timeline timeline = {0};
    struct subject subject = {.is_batch = false};
    int code = check_options(options);
    code = code == EXIT_DONE ? database_open(options, DATABASE_FACTS, &db) : code;
    if (code != EXIT_DONE) {
        return code;
    }
    const char *text = option_operand(options, 0);
    read_subject(options, text, &subject);
    enum err err = gather(options, db, &subject, &timeline, &diag);
    if (err == ERR_OK && timeline.count == 0) {
        err = diag_fail(&diag, ERR_NOT_FOUND, "nothing is known of %s %s%s",
                        subject.is_batch ? "batch" : "case", text,
                        subject.is_batch ? ": no dead letter has it, and no broker that answers"
                                         : ": no outcome, dead letter or purge has this id");
    }
    if (err == ERR_OK) {
        timeline_print(&timeline, text, option_flag(options, "--json"));
    }
    timeline_fini(&timeline);
    subject_free(&subject);
    db_close(&db);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, SPAN_LIT(""));
}

static const struct option_row ROWS[] = {
    {"--source", "NAME", "only this source's case; the operand is then the id as it is"},
    {"--revision", "N", "only this revision; the operand is then the id as it is"},
    {"--log", "FILE", "also the lines of this log about its batches and lanes; repeatable"},
    {NULL, NULL, NULL},
};

const struct verb verb_trace = {
    .name = "trace",
    .summary = "show the life of one case or one batch, in order of time",
    .operands = "CASE_ID|SOURCE/CASE_ID@REVISION|BATCH",
    .rows = ROWS,
    .notes =
        "Reads PostgreSQL as a member of casemill_analyst, the broker if it answers, and logs.\n"
        "It never prints facts.  Lines that begin with \"unknown:\" name what no place has.\n",
    .run = trace_run,
};
