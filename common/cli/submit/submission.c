/* Only count and bytes cut batches, never time, so the same file gives the same batch ids in every
 * run.  So a resend, complete or in part, is always safe. */
#include "cli/submit/submission.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/plain.h"
#include "casedoc/case_doc.h"
#include "cli/submit/dates.h"
#include "wire/wire.h"

#include <string.h>

enum { STEP_MS = 100 };

static void list_refusal(struct submission *submission, const struct submit_slot *slot,
                         const struct casemill_receipt *receipt) {
    if (submission->listed_refused++ >= SUBMIT_LISTED_MAX) {
        return;
    }
    uint64_t index = receipt->case_index < 0 ? 0 : (uint64_t)receipt->case_index;
    index = index < receipt->count ? index : receipt->count - 1;
    buf_printf(&submission->listed, "%s:%llu: batch of %u cases refused: %s\n", slot->path,
               (unsigned long long)slot->keys[index].location, receipt->count, receipt->reason);
    if (receipt->message_bytes_max > 0) {
        buf_printf(&submission->listed,
                   "  this broker accepts at most %llu bytes (its intake.message_bytes_max)\n",
                   (unsigned long long)receipt->message_bytes_max);
    }
}

static struct submit_case case_of(const struct submit_slot *slot, uint32_t index) {
    const struct submit_key *key = &slot->keys[index];
    return (struct submit_case){.path = slot->path,
                                .is_numbered = slot->is_numbered,
                                .location = key->location,
                                .case_id = span_make(slot->ids.ptr + key->id_at, key->id_bytes),
                                .revision = key->revision};
}

static void write_results(struct submission *submission, const struct submit_slot *slot,
                          const struct casemill_receipt *receipt) {
    for (uint32_t i = 0; submission->results != NULL && i < receipt->count; i++) {
        const struct submit_case one = case_of(slot, i);
        if (receipt->event == CASEMILL_REFUSED) {
            submit_results_refused(submission->results, &one, receipt->reason);
        } else {
            submit_results_done(submission->results, &one,
                                receipt->results == NULL ? NULL : &receipt->results[i]);
        }
    }
    if (submission->results != NULL && receipt->event == CASEMILL_DONE &&
        receipt->results == NULL) {
        submission->counts.unavailable += receipt->count;
    }
}

/* A run that resumes skips the batch, so its results, if requested, are in the file before. */
static bool has_results(struct submission *submission, const struct casemill_receipt *receipt) {
    return submission->results == NULL ||
           (receipt->results != NULL && submit_results_flush(submission->results));
}

static void take_done(struct submission *submission, const struct submit_slot *slot,
                      const struct casemill_receipt *receipt) {
    struct submit_counts *counts = &submission->counts;
    counts->done += receipt->count;
    counts->duplicates += receipt->duplicates;
    counts->dead += receipt->dead_count;
    for (uint32_t i = 0; i < CASEMILL_DISPOSITIONS; i++) {
        counts->outcomes[i] += receipt->outcomes[i];
    }
    for (uint32_t i = 0; i < receipt->dead_listed && submission->listed_dead < SUBMIT_LISTED_MAX;
         i++) {
        const struct casemill_dead *dead = &receipt->dead[i];
        if (dead->index < receipt->count) {
            submit_dead_line(slot->path, slot->keys[dead->index].location, dead,
                             &submission->listed);
            submission->listed_dead++;
        }
    }
    write_results(submission, slot, receipt);
    struct resume_batch batch = {
        .position = receipt->position, .count = receipt->count, .dead = receipt->dead_count};
    memcpy(batch.id.bytes, receipt->batch, sizeof(batch.id.bytes));
    if (submission->resume != NULL && has_results(submission, receipt) &&
        resume_add(submission->resume, &batch) != ERR_OK) {
        submission->is_resume_broken = true;
    }
}

/* A resent batch is accepted again; it counts once. */
static void count_accepted(struct submission *submission, struct submit_slot *slot,
                           uint32_t count) {
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
    struct submit_slot *slot = &submission->slots[receipt->tag];
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
        write_results(submission, slot, receipt);
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
                         submission->client_options.brokers);
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

static uint64_t free_slot(const struct submission *submission) {
    for (uint64_t i = 0; i < SUBMIT_WINDOW; i++) {
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
    struct submit_slot taken = submission->slots[tag];
    submission->slots[tag] = submission->filling;
    submission->slots[tag].is_used = true;
    submission->slots[tag].is_accepted = false;
    submission->filling.keys = taken.keys;
    submission->filling.ids = taken.ids;
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
    buf_clear(&submission->filling.ids);
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

/* The case's key is only needed for results. */
static void add_key(struct submission *submission, struct span one, uint64_t location) {
    struct submit_slot *slot = &submission->filling;
    struct submit_key *key = &slot->keys[submission->count];
    struct span case_id = SPAN_LIT("");
    *key = (struct submit_key){
        .location = location, .id_at = slot->ids.len, .revision = CASE_REVISION_UNREAD};
    if (submission->results != NULL) {
        case_key_peek(one, &case_id, &key->revision);
        buf_append(&slot->ids, case_id);
        key->id_bytes = (uint32_t)case_id.len;
    }
}

/* Counted and reported as a receipt would be. */
static void decide_here(struct submission *submission, struct span one, uint64_t location) {
    struct submit_counts *counts = &submission->counts;
    struct casemill_case_result result;
    dry_run_decide(submission->dry_run, one, &result);
    add_key(submission, one, location);
    counts->cases++;
    counts->done++;
    counts->dead += result.is_dead ? 1 : 0;
    counts->outcomes[result.disposition] += result.is_dead ? 0 : 1;
    const struct casemill_dead dead = {.reason = result.reason,
                                       .path = result.path,
                                       .expected = result.expected,
                                       .found = result.found};
    if (result.is_dead && submission->listed_dead++ < SUBMIT_LISTED_MAX) {
        submit_dead_line(submission->filling.path, location, &dead, &submission->listed);
    }
    if (submission->results != NULL) {
        const struct submit_case key = case_of(&submission->filling, 0);
        submit_results_done(submission->results, &key, &result);
    }
    buf_clear(&submission->filling.ids);
    progress_step(&submission->progress, counts->done);
}

/* Adds a case to the batch, which is sent when it is full. */
static enum err add_case(struct submission *submission, uint64_t location, struct diag *diag) {
    struct span one = with_dates(submission);
    if (submission->dry_run != NULL) {
        decide_here(submission, one, location);
        return ERR_OK;
    }
    /* The size that every broker accepts, so that the same file gives the same batches at each. */
    if (submission->body.len + one.len > WIRE_BODY_BYTES_SURE) {
        enum err err = send_batch(submission, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    add_key(submission, one, location);
    buf_append(&submission->body, one);
    submission->count++;
    return submission->count == submission->batch_cases_max ? send_batch(submission, diag) : ERR_OK;
}

/* With skips_bad; the text of the fault has file and line. */
static void skip_case(struct submission *submission, const struct submit_input *input,
                      struct diag *fault) {
    submission->counts.unreadable++;
    if (submission->listed_bad++ < SUBMIT_LISTED_MAX) {
        buf_printf(&submission->listed, "%s:%u: not sent: %s\n", fault->file, fault->line,
                   fault->text);
    }
    if (submission->results != NULL) {
        const struct submit_case one = {.path = submission->filling.path,
                                        .is_numbered = submit_input_is_numbered(input),
                                        .location = submit_input_location(input),
                                        .revision = CASE_REVISION_UNREAD};
        submit_results_unreadable(submission->results, &one, fault->text);
    }
    *fault = (struct diag){0};
}

static enum err next_case(struct submission *submission, struct submit_input *input,
                          struct diag *diag) {
    uint64_t location = 0;
    buf_clear(&submission->one);
    enum err err = submit_input_next(input, &submission->one, &location, diag);
    if (err == ERR_OK) {
        submission->filling.is_numbered = submit_input_is_numbered(input);
        return add_case(submission, location, diag);
    }
    if (submission->skips_bad && diag->text[0] != '\0' && !submit_input_is_ended(input)) {
        skip_case(submission, input, diag);
        return ERR_OK;
    }
    return err;
}

enum err submission_file(struct submission *submission, const char *path, enum submit_format format,
                         struct diag *diag) {
    struct submit_input *input = NULL;
    submission->filling.path = strcmp(path, "-") == 0 ? "stdin" : path;
    enum err err = submit_input_open(path, format, submission->schema, &input, diag);
    while (err == ERR_OK) {
        err = next_case(submission, input, diag);
    }
    submit_input_close(&input);
    return err == ERR_NOT_FOUND && diag->text[0] == '\0' ? send_batch(submission, diag) : err;
}

enum err submission_open(struct submission *submission, struct diag *diag) {
    struct casemill_options *client = &submission->client_options;
    char text[DIAG_TEXT_MAX] = "";
    client->window_batches = SUBMIT_WINDOW;
    client->on_receipt = on_receipt;
    client->user = submission;
    submit_wait_init(&submission->wait, submission->give_up_ms, clock_mono_ms());
    progress_init(&submission->progress, "cases", 0);
    submission->filling.keys = mem_zero(submission->batch_cases_max, sizeof(struct submit_key));
    for (int i = 0; i < SUBMIT_WINDOW; i++) {
        submission->slots[i].keys =
            mem_zero(submission->batch_cases_max, sizeof(struct submit_key));
    }
    if (submission->dry_run == NULL &&
        casemill_open(client, &submission->client, text, sizeof(text)) != CASEMILL_OK) {
        return diag_fail(diag, ERR_INVALID, "%s", text);
    }
    return ERR_OK;
}

enum err submission_settle(struct submission *submission, struct diag *diag) {
    enum err err = ERR_OK;
    while (err == ERR_OK && submission->client != NULL &&
           casemill_unsettled(submission->client) > 0) {
        err = step(submission, STEP_MS, diag);
    }
    return err;
}

void submission_end_progress(struct submission *submission) {
    const struct submit_counts *counts = &submission->counts;
    uint64_t settled = submission->with_outcomes ? counts->done : counts->accepted;
    if (counts->cases > 0) {
        progress_end(&submission->progress, settled + counts->refused + counts->skipped);
    }
}

void submission_close(struct submission *submission) {
    casemill_close(&submission->client);
    submit_wait_fini(&submission->wait);
    resume_close(&submission->resume);
    dry_run_free(&submission->dry_run);
    schema_free(&submission->schema);
    mem_free(submission->filling.keys);
    buf_free(&submission->filling.ids);
    for (int i = 0; i < SUBMIT_WINDOW; i++) {
        mem_free(submission->slots[i].keys);
        buf_free(&submission->slots[i].ids);
    }
    buf_free(&submission->body);
    buf_free(&submission->one);
    buf_free(&submission->dated);
    buf_free(&submission->listed);
}
