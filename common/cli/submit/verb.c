/* `casemill submit`: sends cases from files to the broker, and reports the result.  Only count and
 * bytes cut batches, never time, so the same file gives the same batch ids in every run.  So a
 * resend, complete or in part, is always safe. */
#include "cli/verb.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cli/case_schema.h"
#include "cli/progress.h"
#include "cli/submit/dates.h"
#include "cli/submit/input.h"
#include "cli/submit/report.h"
#include "cli/submit/resume.h"
#include "cli/submit/wait.h"
#include "client/casemill.h"
#include "net/keys.h"
#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

enum { WINDOW = 16, STEP_MS = 100 };

/* A batch in flight, with the locations of its cases.  Its index in the array is its tag. */
struct slot {
    bool is_used;
    bool is_accepted;
    const char *path;
    uint64_t *locations; /* of each case; room for --batch */
};

struct submission {
    const struct options *options;
    struct casemill *client;
    struct resume *resume; /* or NULL */
    struct schema *schema; /* or NULL */
    const char *reference_date;
    const char *as_of;
    bool with_outcomes;
    uint32_t batch_cases_max;
    int64_t give_up_ms;
    struct submit_wait wait;
    const char *broker; /* the last one used */
    bool is_resume_broken;
    struct progress progress;
    struct submit_counts counts;
    uint64_t position; /* of the batch being filled */
    uint32_t count;
    struct buf body;
    struct buf one; /* a case before its dates are added */
    struct buf dated;
    struct slot filling;
    struct slot slots[WINDOW];
    struct buf listed; /* dead letters and refusals, at most SUBMIT_LISTED_MAX lines */
    uint32_t listed_count;
};

static void list_refusal(struct submission *submission, const struct slot *slot,
                         const struct casemill_receipt *receipt) {
    uint64_t index = receipt->case_index < 0 ? 0 : (uint64_t)receipt->case_index;
    index = index < receipt->count ? index : receipt->count - 1;
    buf_printf(&submission->listed, "%s:%llu: batch of %u cases refused: %s\n", slot->path,
               (unsigned long long)slot->locations[index], receipt->count, receipt->reason);
    if (receipt->message_bytes_max > 0) {
        buf_printf(&submission->listed,
                   "  this broker accepts at most %llu bytes (its intake.message_bytes_max)\n",
                   (unsigned long long)receipt->message_bytes_max);
    }
}

static void take_done(struct submission *submission, const struct slot *slot,
                      const struct casemill_receipt *receipt) {
    struct submit_counts *counts = &submission->counts;
    counts->done += receipt->count;
    counts->duplicates += receipt->duplicates;
    counts->dead += receipt->dead_count;
    for (uint32_t i = 0; i < CASEMILL_DISPOSITIONS; i++) {
        counts->outcomes[i] += receipt->outcomes[i];
    }
    for (uint32_t i = 0; i < receipt->dead_listed && submission->listed_count < SUBMIT_LISTED_MAX;
         i++) {
        const struct casemill_dead *dead = &receipt->dead[i];
        if (dead->index < receipt->count) {
            submit_dead_line(slot->path, slot->locations[dead->index], dead, &submission->listed);
            submission->listed_count++;
        }
    }
    struct resume_batch batch = {
        .position = receipt->position, .count = receipt->count, .dead = receipt->dead_count};
    memcpy(batch.id.bytes, receipt->batch, sizeof(batch.id.bytes));
    if (submission->resume != NULL && resume_add(submission->resume, &batch) != ERR_OK) {
        submission->is_resume_broken = true;
    }
}

/* A resent batch is accepted again; it counts once. */
static void count_accepted(struct submission *submission, struct slot *slot, uint32_t count) {
    submission->counts.accepted += slot->is_accepted ? 0 : count;
    slot->is_accepted = true;
}

static void on_receipt(void *user, const struct casemill_receipt *receipt) {
    struct submission *submission = user;
    if (!receipt->is_known) {
        return;
    }
    if (receipt->event != CASEMILL_BUSY) {
        submit_wait_progress(&submission->wait, clock_mono_ms());
    }
    struct slot *slot = &submission->slots[receipt->tag];
    struct submit_counts *counts = &submission->counts;
    switch (receipt->event) {
    case CASEMILL_ACCEPTED:
        count_accepted(submission, slot, receipt->count);
        slot->is_used = submission->with_outcomes;
        break;
    case CASEMILL_DONE:
        count_accepted(submission, slot, receipt->count); /* if the ACCEPTED was lost */
        take_done(submission, slot, receipt);
        slot->is_used = false;
        break;
    case CASEMILL_REFUSED:
        counts->refused += receipt->count;
        list_refusal(submission, slot, receipt);
        slot->is_used = false;
        break;
    case CASEMILL_BUSY:
        counts->busy++;
        break;
    }
}

static void show_progress(struct submission *submission) {
    const struct submit_counts *counts = &submission->counts;
    uint64_t settled = submission->with_outcomes ? counts->done : counts->accepted;
    progress_step(&submission->progress, settled + counts->refused + counts->skipped);
}

static void say_failover(struct submission *submission) {
    const char *broker = casemill_broker(submission->client);
    if (submission->broker != NULL && broker != submission->broker) {
        plain_printf(stderr, "casemill submit: %s cannot be reached or stops, continuing with %s\n",
                     submission->broker, broker);
    }
    submission->broker = broker;
}

/* One turn of the client.  Errors: ERR_VERSION, ERR_TIMEOUT with their text. */
static enum err step(struct submission *submission, int64_t timeout_ms, struct diag *diag) {
    if (casemill_step(submission->client, timeout_ms) != CASEMILL_OK) {
        return diag_fail(diag, ERR_VERSION, "%s does not answer as a casemill broker does",
                         option_broker(submission->options));
    }
    struct buf line = BUF_EMPTY;
    enum err err =
        submit_wait_turn(&submission->wait, submission->client, clock_mono_ms(), &line, diag);
    if (line.len > 0) {
        struct buf note = BUF_EMPTY;
        buf_printf(&note, "casemill submit: %s", buf_cstr(&line));
        progress_note(&submission->progress, buf_cstr(&note));
        buf_free(&note);
    }
    buf_free(&line);
    if (err != ERR_OK) {
        return err;
    }
    say_failover(submission);
    show_progress(submission);
    return ERR_OK;
}

static enum err wait_settled(struct submission *submission, struct diag *diag) {
    enum err err = ERR_OK;
    while (err == ERR_OK && casemill_unsettled(submission->client) > 0) {
        err = step(submission, STEP_MS, diag);
    }
    return err;
}

static uint64_t free_slot(const struct submission *submission) {
    for (uint64_t i = 0; i < WINDOW; i++) {
        if (!submission->slots[i].is_used) {
            return i;
        }
    }
    UNREACHABLE();
}

/* Sends the full batch, once there is room. */
static enum err send_new(struct submission *submission, const struct uuid *id, struct diag *diag) {
    struct span body = buf_span(&submission->body);
    enum err err = ERR_OK;
    while (err == ERR_OK && !casemill_has_room(submission->client)) {
        err = step(submission, STEP_MS, diag);
    }
    if (err != ERR_OK) {
        return err;
    }
    uint64_t tag = free_slot(submission);
    struct slot taken = submission->slots[tag];
    submission->slots[tag] = submission->filling;
    submission->slots[tag].is_used = true;
    submission->slots[tag].is_accepted = false;
    submission->filling.locations = taken.locations;
    struct casemill_batch batch = {.body = body.ptr,
                                   .body_bytes = body.len,
                                   .count = submission->count,
                                   .id = id->bytes,
                                   .position = submission->position,
                                   .tag = tag};
    CHECK(casemill_submit_batch(submission->client, &batch) == CASEMILL_OK);
    submission->counts.cases += submission->count;
    submission->counts.batches++;
    return ERR_OK;
}

/* Whether an earlier run has the batch's DONE; then it is counted here.  Errors: ERR_CONFLICT. */
static enum err skip_done(struct submission *submission, const struct uuid *id, bool *is_done,
                          struct diag *diag) {
    struct resume_batch batch = {
        .id = *id, .position = submission->position, .count = submission->count};
    *is_done = false;
    if (submission->resume == NULL) {
        return ERR_OK;
    }
    enum err err =
        resume_check(submission->resume, &batch, buf_span(&submission->body), is_done, diag);
    if (err == ERR_OK && *is_done) {
        submission->counts.skipped += submission->count;
        submission->counts.skipped_dead += resume_at(submission->resume, batch.position)->dead;
    }
    return err;
}

/* Sends the full batch, or skips it when an earlier run has its DONE. */
static enum err send_batch(struct submission *submission, struct diag *diag) {
    if (submission->count == 0) {
        return ERR_OK;
    }
    struct uuid id;
    bool is_done = false;
    casemill_batch_id(submission->body.ptr, submission->body.len, submission->position, id.bytes);
    enum err err = skip_done(submission, &id, &is_done, diag);
    if (err == ERR_OK && !is_done) {
        err = send_new(submission, &id, diag);
    }
    if (err != ERR_OK) {
        return err;
    }
    submission->position += submission->count;
    submission->count = 0;
    buf_clear(&submission->body);
    return step(submission, 0, diag);
}

/* The current case with its dates.  A case that is no map has no room for dates and is sent
 * unchanged: the worker reports it. */
static struct span with_dates(struct submission *submission) {
    struct span one = buf_span(&submission->one);
    bool has_dates = submission->reference_date != NULL || submission->as_of != NULL;
    buf_clear(&submission->dated);
    if (has_dates && submit_dates_add(one, submission->reference_date, submission->as_of,
                                      &submission->dated) == ERR_OK) {
        one = buf_span(&submission->dated);
    }
    return one;
}

/* Reads the next case after the others of the batch. */
static enum err read_case(struct submission *submission, struct submit_input *input,
                          struct diag *diag) {
    uint64_t location = 0;
    buf_clear(&submission->one);
    enum err err = submit_input_next(input, &submission->one, &location, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct span one = with_dates(submission);
    /* The size that every broker accepts, so that the same file gives the same batches at each. */
    if (submission->body.len + one.len > WIRE_BODY_BYTES_SURE) {
        err = send_batch(submission, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    buf_append(&submission->body, one);
    submission->filling.locations[submission->count++] = location;
    if (submission->count == submission->batch_cases_max) {
        return send_batch(submission, diag);
    }
    return ERR_OK;
}

/* One file: its batches hold only its cases.  After a fault in its notation, the current batch is
 * not sent. */
static enum err submit_file(struct submission *submission, const char *path,
                            enum submit_format format, struct diag *diag) {
    struct submit_input *input = NULL;
    submission->filling.path = strcmp(path, "-") == 0 ? "stdin" : path;
    enum err err = submit_input_open(path, format, submission->schema, &input, diag);
    while (err == ERR_OK) {
        err = read_case(submission, input, diag);
    }
    submit_input_close(&input);
    return err == ERR_NOT_FOUND && diag->text[0] == '\0' ? send_batch(submission, diag) : err;
}

static enum err format_of(const struct options *options, const char *path,
                          enum submit_format *format) {
    const char *name = option_str(options, "--format", NULL);
    if (submit_format_of(name, path, format) == ERR_OK) {
        return ERR_OK;
    }
    if (name != NULL) {
        (void)verb_usage(options, "--format is jsonl, msgpack or csv, not \"%s\"", name);
    } else {
        (void)verb_usage(options,
                         "%s: its name does not show its format (.jsonl, .json, .csv, .tsv, "
                         ".msgpack, each also with .gz): give --format",
                         path);
    }
    return ERR_INVALID;
}

static const char *operand_at(const struct options *options, uint32_t index) {
    return option_operand_count(options) == 0 ? "-" : option_operand(options, index);
}

static uint32_t operand_count(const struct options *options) {
    return option_operand_count(options) == 0 ? 1 : option_operand_count(options);
}

static enum err read_word(const struct options *options, const char *name, const char *const *words,
                          uint32_t count, uint32_t *index) {
    const char *word = option_str(options, name, words[*index]);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            *index = i;
            return ERR_OK;
        }
    }
    (void)verb_usage(options, "%s does not know \"%s\"; see --help", name, word);
    return ERR_INVALID;
}

/* Reads the whole command line before anything is opened.  Errors: ERR_INVALID, already
 * reported. */
static enum err read_options(const struct options *options, struct submission *submission,
                             struct casemill_options *client) {
    static const char *const acks[] = {"journal", "outcome"};
    static const char *const priorities[] = {"urgent", "normal", "bulk"};
    uint32_t ack = CASEMILL_ACK_JOURNAL;
    uint32_t priority = CASEMILL_NORMAL;
    int64_t batch = 0;
    int64_t wait_s = 0;
    int32_t day = 0;
    bool are_read =
        option_int(options, "--batch", 1000, 1, WIRE_CASES_MAX, &batch) == ERR_OK &&
        option_int(options, "--wait", 0, 0, 86400, &wait_s) == ERR_OK &&
        read_word(options, "--ack", acks, COUNT_OF(acks), &ack) == ERR_OK &&
        read_word(options, "--priority", priorities, COUNT_OF(priorities), &priority) == ERR_OK &&
        option_date(options, "--reference-date", NULL, &day) == ERR_OK &&
        option_date(options, "--as-of", NULL, &day) == ERR_OK;
    enum err err = are_read ? ERR_OK : ERR_INVALID;
    submission->reference_date = option_str(options, "--reference-date", NULL);
    submission->as_of = option_str(options, "--as-of", NULL);
    enum submit_format format = SUBMIT_JSONL;
    for (uint32_t i = 0; err == ERR_OK && i < operand_count(options); i++) {
        err = format_of(options, operand_at(options, i), &format);
    }
    if (err == ERR_OK && ack == CASEMILL_ACK_JOURNAL && option_str(options, "--resume", NULL)) {
        (void)verb_usage(options, "--resume records what is done: it needs --ack outcome");
        err = ERR_INVALID;
    }
    casemill_options_default(client);
    client->brokers = option_broker(options);
    client->key = option_key(options);
    client->broker_keys = option_broker_key(options);
    client->source = option_str(options, "--source", NULL);
    client->ack = (enum casemill_ack)ack;
    client->priority = (enum casemill_priority)priority;
    client->window_batches = WINDOW;
    client->on_receipt = on_receipt;
    client->user = submission;
    submission->with_outcomes = ack == CASEMILL_ACK_OUTCOME;
    submission->batch_cases_max = (uint32_t)batch;
    submission->give_up_ms = wait_s * 1000;
    return err;
}

/* The file records the target: with a key, the broker names the source. */
static enum err open_resume(struct submission *submission, const struct casemill_options *client,
                            const char *path, struct diag *diag) {
    struct net_key_pair own = {0};
    if (client->key[0] != '\0') {
        enum err err = net_key_read_secret(client->key, &own, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct resume_target target = {.source = client->source == NULL ? "" : client->source,
                                   .broker = client->brokers,
                                   .key = own.public_key.text};
    return resume_open(path, &target, &submission->resume, diag);
}

static enum err open_all(struct submission *submission, const struct casemill_options *client,
                         struct buf *source, struct diag *diag) {
    const struct options *options = submission->options;
    const char *resume = option_str(options, "--resume", NULL);
    bool is_csv = false;
    for (uint32_t i = 0; i < operand_count(options); i++) {
        enum submit_format format = SUBMIT_JSONL;
        CHECK(format_of(options, operand_at(options, i), &format) == ERR_OK); /* read before */
        is_csv = is_csv || format == SUBMIT_CSV;
    }
    enum err err = ERR_OK;
    if (is_csv) {
        err = case_schema_load(option_str(options, "--rules", "config"), &submission->schema,
                               source, diag);
    }
    if (err == ERR_OK && resume != NULL) {
        err = open_resume(submission, client, resume, diag);
    }
    char text[DIAG_TEXT_MAX] = "";
    if (err == ERR_OK &&
        casemill_open(client, &submission->client, text, sizeof(text)) != CASEMILL_OK) {
        err = diag_fail(diag, ERR_INVALID, "%s", text);
    }
    size_t cases = submission->batch_cases_max;
    submission->filling.locations = mem_zero(cases, sizeof(uint64_t));
    for (int i = 0; i < WINDOW; i++) {
        submission->slots[i].locations = mem_zero(cases, sizeof(uint64_t));
    }
    return err;
}

static void close_all(struct submission *submission) {
    casemill_close(&submission->client);
    submit_wait_fini(&submission->wait);
    resume_close(&submission->resume);
    schema_free(&submission->schema);
    mem_free(submission->filling.locations);
    for (int i = 0; i < WINDOW; i++) {
        mem_free(submission->slots[i].locations);
    }
    buf_free(&submission->body);
    buf_free(&submission->one);
    buf_free(&submission->dated);
    buf_free(&submission->listed);
}

/* First all files are sent, then all batches are settled: after a fault in the third file the first
 * two are still settled and reported. */
static enum err submit_all(struct submission *submission, struct diag *diag) {
    const struct options *options = submission->options;
    submit_wait_init(&submission->wait, submission->give_up_ms, clock_mono_ms());
    progress_init(&submission->progress, "cases", 0);
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < operand_count(options); i++) {
        enum submit_format format = SUBMIT_JSONL;
        CHECK(format_of(options, operand_at(options, i), &format) == ERR_OK);
        err = submit_file(submission, operand_at(options, i), format, diag);
    }
    if (err != ERR_VERSION && err != ERR_TIMEOUT) {
        struct diag later = {0};
        enum err settled = wait_settled(submission, &later);
        if (err == ERR_OK && settled != ERR_OK) {
            err = settled;
            *diag = later;
        }
    }
    const struct submit_counts *counts = &submission->counts;
    uint64_t settled = submission->with_outcomes ? counts->done : counts->accepted;
    if (counts->batches > 0) {
        progress_end(&submission->progress, settled + counts->refused + counts->skipped);
    }
    if (err == ERR_OK && submission->is_resume_broken) {
        err = diag_fail(diag, ERR_IO, "the --resume file could not be written");
    }
    return err;
}

/* A submission that sent nothing has no summary. */
static void print_end(struct submission *submission, bool is_whole) {
    const struct submit_counts *counts = &submission->counts;
    bool as_json = option_flag(submission->options, "--json");
    struct buf text = BUF_EMPTY;
    if (submission->listed_count < counts->dead && submission->listed.len > 0) {
        buf_printf(&submission->listed, "... of %llu dead letters: see report.dead_letters\n",
                   (unsigned long long)counts->dead);
    }
    plain_print(stderr, buf_span(&submission->listed));
    if (counts->batches > 0 || counts->skipped > 0 || is_whole) {
        submit_summary(counts, submission->with_outcomes, as_json, &text);
        plain_printf(stdout, "%.*s", SPAN_ARG(buf_span(&text)));
    }
    buf_free(&text);
}

static int submit_run(const struct options *options) {
    struct submission submission = {.options = options};
    struct casemill_options client;
    if (read_options(options, &submission, &client) != ERR_OK) {
        return EXIT_USAGE;
    }
    struct diag diag = {0};
    struct buf source = BUF_EMPTY;
    int code = EXIT_DONE;
    enum err err = open_all(&submission, &client, &source, &diag);
    if (err == ERR_OK) {
        err = submit_all(&submission, &diag);
        print_end(&submission, err == ERR_OK);
    }
    if (err != ERR_OK && submission.count > 0) {
        plain_printf(
            stderr, "casemill submit: the %u cases read since the last whole batch were not sent\n",
            submission.count);
    }
    if (err != ERR_OK) {
        code = verb_fail(options, &diag, buf_span(&source));
    } else if (submission.counts.refused > 0) {
        code = EXIT_FAILED;
    } else if (submission.counts.dead + submission.counts.skipped_dead > 0) {
        code = EXIT_DEAD;
    }
    buf_free(&source);
    close_all(&submission);
    return code;
}

static const struct option_row ROWS[] = {
    {"--batch", "N", "cases per batch (1000)"},
    {"--ack", "KIND",
     "wait until all is in the broker's journal (journal, the default) or until every case "
     "has its outcome in the database (outcome)"},
    {"--priority", "KIND", "urgent, normal or bulk (normal)"},
    {"--source", "NAME", "the intake system these cases come from (local)"},
    {"--reference-date", "DATE", "for the cases that state none"},
    {"--as-of", "DATE", "for the cases that state none"},
    {"--format", "KIND",
     "jsonl (also one JSON array), msgpack or csv; by default what the file's name ends in; "
     "gzip is unpacked"},
    {"--rules", "DIR", "the folder of case.yaml, for the columns of CSV (config)"},
    {"--resume", "FILE",
     "record in FILE the batches that are done and skip them in the next run with the same cases, "
     "source and broker"},
    {"--wait", "SECONDS", "give up after this time without progress (never)"},
    {NULL, NULL, NULL},
};

const struct verb verb_submit = {
    .name = "submit",
    .summary = "send the cases of files, or of standard input, to the broker",
    .operands = "[FILE...]",
    .rows = ROWS,
    .notes =
        "exit codes: 0 all is accepted (--ack journal) or has its outcome (--ack outcome);\n"
        "1 a fault, or a batch was refused; 2 usage; 3 all is done, but some cases became dead\n"
        "letters (with --resume, also those of earlier runs).\n"
        "Without --broker, CASEMILL_INTAKE_CONNECT lists the brokers, else CASEMILL_INTAKE_BIND\n"
        "is the broker's own setting; keys: CASEMILL_KEYS_SECRET, CASEMILL_KEYS_BROKER.",
    .run = submit_run,
};
