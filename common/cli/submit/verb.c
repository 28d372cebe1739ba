/* `casemill submit`: sends cases from files to the broker, and reports the result. */
#include "cli/verb.h"

#include "base/mem.h"
#include "base/plain.h"
#include "cli/case_schema.h"
#include "cli/rules/option.h"
#include "cli/submit/submission.h"
#include "net/keys.h"
#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

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

/* Options that contradict each other.  Errors: ERR_INVALID, already reported. */
static enum err check_together(const struct options *options, bool with_outcomes) {
    bool is_dry = option_flag(options, "--dry-run");
    if (!with_outcomes && option_str(options, "--resume", NULL) != NULL) {
        (void)verb_usage(options, "--resume records what is done: it needs --ack outcome");
        return ERR_INVALID;
    }
    if (!with_outcomes && option_str(options, "--results", NULL) != NULL) {
        (void)verb_usage(options, "--results waits for outcomes: it needs --ack outcome");
        return ERR_INVALID;
    }
    if (is_dry && option_str(options, "--resume", NULL) != NULL) {
        (void)verb_usage(options, "--dry-run sends nothing: there is nothing to --resume");
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* Reads the whole command line before anything is opened.  Errors: ERR_INVALID, already
 * reported. */
static enum err read_options(const struct options *options, struct submission *submission) {
    static const char *const acks[] = {"journal", "outcome"};
    static const char *const priorities[] = {"urgent", "normal", "bulk"};
    struct casemill_options *client = &submission->client_options;
    bool wants_results =
        option_str(options, "--results", NULL) != NULL || option_flag(options, "--dry-run");
    uint32_t ack = wants_results ? CASEMILL_ACK_OUTCOME : CASEMILL_ACK_JOURNAL;
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
    enum submit_format format = SUBMIT_JSONL;
    for (uint32_t i = 0; err == ERR_OK && i < operand_count(options); i++) {
        err = format_of(options, operand_at(options, i), &format);
    }
    casemill_options_default(client);
    client->brokers = option_broker(options);
    client->key = option_key(options);
    client->broker_keys = option_broker_key(options);
    client->source = option_str(options, "--source", NULL);
    client->ack = (enum casemill_ack)ack;
    client->priority = (enum casemill_priority)priority;
    client->results = option_str(options, "--results", NULL) != NULL;
    submission->reference_date = option_str(options, "--reference-date", NULL);
    submission->as_of = option_str(options, "--as-of", NULL);
    submission->with_outcomes = ack == CASEMILL_ACK_OUTCOME;
    submission->skips_bad = option_flag(options, "--skip-bad");
    submission->batch_cases_max = (uint32_t)batch;
    submission->give_up_ms = wait_s * 1000;
    return err == ERR_OK ? check_together(options, submission->with_outcomes) : err;
}

/* The file records the target: with a key, the broker names the source. */
static enum err open_resume(struct submission *submission, const char *path, struct diag *diag) {
    const struct casemill_options *client = &submission->client_options;
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

static bool has_csv(const struct options *options) {
    bool is_csv = false;
    for (uint32_t i = 0; i < operand_count(options); i++) {
        enum submit_format format = SUBMIT_JSONL;
        CHECK(format_of(options, operand_at(options, i), &format) == ERR_OK); /* read before */
        is_csv = is_csv || format == SUBMIT_CSV;
    }
    return is_csv;
}

/* What a resumed run skips has its lines in the file already. */
static enum err open_all(const struct options *options, struct submission *submission,
                         struct buf *source, struct diag *diag) {
    const char *resume = option_str(options, "--resume", NULL);
    const char *results = option_str(options, "--results", NULL);
    enum err err = ERR_OK;
    if (has_csv(options)) {
        err = case_schema_load(option_str(options, "--rules", rules_default_dir()),
                               &submission->schema, source, diag);
    }
    if (err == ERR_OK && resume != NULL) {
        err = open_resume(submission, resume, diag);
    }
    if (err == ERR_OK && results != NULL) {
        err = submit_results_open(results, resume != NULL, &submission->results, diag);
    }
    return err == ERR_OK ? submission_open(submission, diag) : err;
}

/* First all files are sent, then all batches are settled: after a fault in the third file the first
 * two are still settled and reported. */
static enum err submit_all(const struct options *options, struct submission *submission,
                           struct diag *diag) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < operand_count(options); i++) {
        enum submit_format format = SUBMIT_JSONL;
        CHECK(format_of(options, operand_at(options, i), &format) == ERR_OK);
        err = submission_file(submission, operand_at(options, i), format, diag);
    }
    if (err != ERR_VERSION && err != ERR_TIMEOUT) {
        struct diag later = {0};
        enum err settled = submission_settle(submission, &later);
        if (err == ERR_OK && settled != ERR_OK) {
            err = settled;
            *diag = later;
        }
    }
    submission_end_progress(submission);
    if (err == ERR_OK && submission->is_resume_broken) {
        err = diag_fail(diag, ERR_IO, "the --resume file could not be written");
    }
    return err;
}

/* A submission that sent nothing has no summary.  Results on standard output are alone there. */
static void print_end(const struct options *options, struct submission *submission, bool is_whole) {
    const struct submit_counts *counts = &submission->counts;
    const char *results = option_str(options, "--results", NULL);
    struct buf text = BUF_EMPTY;
    if (counts->dead > SUBMIT_LISTED_MAX) {
        buf_printf(&submission->listed, "... of %llu dead letters: see %s\n",
                   (unsigned long long)counts->dead,
                   results == NULL ? "them all with --results FILE" : "the results");
    }
    if (submission->listed_refused > SUBMIT_LISTED_MAX) {
        buf_printf(&submission->listed, "... of %u refused batches\n", submission->listed_refused);
    }
    if (counts->unreadable > SUBMIT_LISTED_MAX) {
        buf_printf(&submission->listed, "... of %llu that could not be read\n",
                   (unsigned long long)counts->unreadable);
    }
    plain_print(stderr, buf_span(&submission->listed));
    if (counts->cases > 0 || counts->skipped > 0 || is_whole) {
        submit_summary(counts, submission->with_outcomes, option_flag(options, "--json"), &text);
        bool is_taken = results != NULL && strcmp(results, "-") == 0;
        plain_printf(is_taken ? stderr : stdout, "%.*s", SPAN_ARG(buf_span(&text)));
    }
    buf_free(&text);
}

static int code_of(const struct submit_counts *counts) {
    return counts->refused > 0 ? EXIT_FAILED
           : counts->dead + counts->skipped_dead + counts->unreadable > 0 || counts->unavailable > 0
               ? EXIT_DEAD
               : EXIT_DONE;
}

static int submit_run(const struct options *options) {
    struct submission submission = {0};
    struct diag diag = {0};
    struct buf source = BUF_EMPTY;
    if (read_options(options, &submission) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (option_flag(options, "--dry-run")) {
        struct ruleset *ruleset = NULL;
        int code = rules_option_load(options, option_str(options, "--rules", rules_default_dir()),
                                     &ruleset);
        if (code != EXIT_DONE) {
            return code;
        }
        submission.dry_run = dry_run_new(ruleset);
        submission.counts.is_dry_run = true;
    }
    enum err err = open_all(options, &submission, &source, &diag);
    bool is_open = err == ERR_OK;
    if (is_open) {
        err = submit_all(options, &submission, &diag);
    }
    struct diag later = {0};
    enum err closed = submit_results_close(&submission.results, &later);
    if (err == ERR_OK && closed != ERR_OK) {
        err = closed;
        diag = later;
    }
    if (is_open) {
        print_end(options, &submission, err == ERR_OK);
    }
    int code =
        err == ERR_OK ? code_of(&submission.counts) : verb_fail(options, &diag, buf_span(&source));
    if (err != ERR_OK && submission.count > 0) {
        plain_printf(stderr,
                     "casemill submit: the %u cases read since the last whole batch were not sent; "
                     "--skip-bad goes on after a line that cannot be read\n",
                     submission.count);
    }
    buf_free(&source);
    submission_close(&submission);
    return code;
}

static const struct option_row ROWS[] = {
    {"--batch", "N", "cases per batch (1000)"},
    {"--ack", "KIND",
     "wait until all is in the broker's journal (journal, the default) or until every case "
     "has its outcome in the database (outcome, also the default with --results)"},
    {"--results", "FILE",
     "write the result of each case as one line of JSON; - is standard output. With --resume, "
     "lines "
     "are added to the file"},
    {"--skip-bad", NULL,
     "report lines that are no case, and continue with the next one (default: stop at the first)"},
    {"--dry-run", NULL,
     "check and decide the cases here, under the rules of --rules; nothing is sent or stored"},
    {"--priority", "KIND", "urgent, normal or bulk (normal)"},
    {"--source", "NAME", "the intake system these cases come from (local)"},
    {"--reference-date", "DATE", "for the cases that state none"},
    {"--as-of", "DATE", "for the cases that state none"},
    {"--format", "KIND",
     "jsonl (also one JSON array), msgpack or csv; by default what the file's name ends in; "
     "gzip is unpacked"},
    {"--rules", "DIR",
     "the folder of case.yaml, for the columns of CSV and for --dry-run (config here, or the "
     "installed one)"},
    {"--set", "AGREEMENT.PARAM=VALUE", "with --dry-run: override a parameter; may repeat"},
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
        "letters (with --resume, also those of earlier runs), could not be read (--skip-bad) or\n"
        "have no result.\n"
        "Without --broker, CASEMILL_INTAKE_CONNECT lists the brokers, else CASEMILL_INTAKE_BIND\n"
        "is the broker's own setting; keys: CASEMILL_KEYS_SECRET, CASEMILL_KEYS_BROKER.",
    .run = submit_run,
};
