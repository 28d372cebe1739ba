/* manual PAGE DATE: writes one manual page in the language of man to standard output, from the
 * tables of the programs.  It is run by the build and is not installed. */
#include "manual/manual.h"
#include "base/plain.h"
#include "broker/options_table.h"
#include "cli/common_rows.h"
#include "cli/examples.h"
#include "cli/topics.h"
#include "cli/verb_table.h"
#include "worker/options_table.h"

#include <stdio.h>
#include <string.h>

static const struct verb *const VERBS[] = {
#define VERB_ROW(name) &verb_##name,
    VERB_TABLE(VERB_ROW)
#undef VERB_ROW
};

/* A text in the text of a page: `-` stays a minus, and no line begins with a mark of man. */
static void put_text(struct buf *out, const char *text) {
    bool is_start = true;
    for (; *text != '\0'; text++) {
        if (is_start && (*text == '.' || *text == '\'')) {
            buf_str(out, "\\&");
        }
        is_start = *text == '\n';
        if (*text == '\\') {
            buf_str(out, "\\e");
        } else if (*text == '-') {
            buf_str(out, "\\-");
        } else {
            buf_byte(out, (uint8_t)*text);
        }
    }
}

void manual_option(struct buf *out, const char *name, const char *argument) {
    buf_str(out, ".TP\n\\fB");
    put_text(out, name);
    buf_str(out, "\\fR");
    if (argument != NULL) {
        buf_str(out, " \\fI");
        put_text(out, argument);
        buf_str(out, "\\fR");
    }
    buf_byte(out, '\n');
}

void manual_line(struct buf *out, const char *text) {
    put_text(out, text);
    buf_byte(out, '\n');
}

void manual_section(struct buf *out, const char *title) { buf_printf(out, ".SH %s\n", title); }

static void put_head(struct buf *out, const char *name, const char *section, const char *date) {
    buf_str(out, ".\\\" Made from the tables of the programs: config/packaging/manual/manual.c.\n");
    buf_printf(out, ".TH %s %s %s \"casemill " CASEMILL_VERSION "\" \"casemill manual\"\n", name,
               section, date);
}

/* Paragraphs, after a title; lines that begin with two spaces stay as they are. */
static void put_paragraphs(struct buf *out, const char *text) {
    bool is_literal = false;
    bool has_break = false; /* an empty line was read */
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        bool literal = len > 2 && at[0] == ' ' && at[1] == ' ';
        struct buf line = BUF_EMPTY;
        buf_append(&line, span_make(at, len));
        if (len > 0) {
            buf_str(out, is_literal && !literal ? ".EE\n" : "");
            buf_str(out, has_break ? ".PP\n" : "");
            buf_str(out, literal && !is_literal ? ".EX\n" : "");
            manual_line(out, buf_cstr(&line));
            is_literal = literal;
        }
        has_break = len == 0;
        buf_free(&line);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    buf_str(out, is_literal ? ".EE\n" : "");
}

/* The spaces and newlines by which --help aligns a text. */
static void put_joined(struct buf *out, const char *text) {
    struct buf joined = BUF_EMPTY;
    for (; *text != '\0'; text++) {
        bool is_space = *text == ' ' || *text == '\n';
        if (!is_space || (joined.len > 0 && joined.ptr[joined.len - 1] != ' ')) {
            buf_byte(&joined, is_space ? ' ' : (uint8_t)*text);
        }
    }
    manual_line(out, buf_cstr(&joined));
    buf_free(&joined);
}

/* --- casemill(1) --- */

static void put_rows(struct buf *out, const struct option_row *rows) {
    for (; rows->name != NULL; rows++) {
        manual_option(out, rows->name, rows->argument);
        put_joined(out, rows->help);
    }
}

static void put_examples(struct buf *out, const char *verb) {
    for (const struct verb_example *row = verb_examples; row->verb != NULL; row++) {
        if (strcmp(row->verb, verb) == 0) {
            buf_str(out, ".PP\n");
            if (row->what != NULL) {
                buf_str(out, "Example, ");
                put_text(out, row->what);
                buf_str(out, ":\n");
            } else {
                buf_str(out, "Example:\n");
            }
            buf_str(out, ".PP\n.EX\n    ");
            manual_line(out, row->command);
            buf_str(out, ".EE\n");
        }
    }
}

static void put_verb(struct buf *out, const struct verb *verb) {
    buf_printf(out, ".SS casemill %s\n\\fBcasemill ", verb->name);
    put_text(out, verb->name);
    buf_str(out, "\\fR [\\fIOPTION\\fR...] \\fI");
    put_text(out, verb->operands);
    buf_str(out, "\\fR\n.PP\n");
    manual_line(out, verb->summary);
    put_rows(out, verb->rows);
    if (verb->notes != NULL) {
        buf_str(out, ".PP\n");
        put_paragraphs(out, verb->notes);
    }
    put_examples(out, verb->name);
}

static void put_command(struct buf *out) {
    manual_section(out, "NAME");
    buf_str(
        out,
        "casemill \\- submit cases, publish rules, show reports, operate brokers and workers\n");
    manual_section(out, "SYNOPSIS");
    buf_str(out, "\\fBcasemill\\fR \\fIVERB\\fR [\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n.br\n"
                 "\\fBcasemill help\\fR [\\fIVERB\\fR|\\fITOPIC\\fR]\n.br\n"
                 "\\fBcasemill \\-\\-version\\fR\n");
    manual_section(out, "DESCRIPTION");
    manual_line(out, "casemill is the command of operators, of intake systems, of those who write "
                     "rules, and of reporters.  Each verb does one thing.");
    manual_section(out, "OPTIONS OF EVERY VERB");
    put_rows(out, common_rows);
    manual_section(out, "VERBS");
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        put_verb(out, VERBS[i]);
    }
    manual_section(out, "TOPICS");
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        buf_printf(out, ".SS %s\n", topic->title);
        put_paragraphs(out, topic->text);
    }
    manual_section(out, "SEE ALSO");
    buf_str(out, "\\fBcasemill\\-broker\\fR(8), \\fBcasemill\\-worker\\fR(8), "
                 "\\fBcasemill.yaml\\fR(5), \\fBcasemill\\fR(3)\n");
}

/* --- the services --- */

static void put_options(struct buf *out, const char *program, const struct program_option *rows) {
    manual_section(out, "SYNOPSIS");
    buf_printf(out, "\\fBcasemill\\-%s\\fR", program);
    for (const struct program_option *row = rows; row->name != NULL; row++) {
        buf_str(out, " [\\fB");
        put_text(out, row->name);
        buf_printf(out, "\\fR%s%s%s]", row->argument == NULL ? "" : " \\fI",
                   row->argument == NULL ? "" : row->argument, row->argument == NULL ? "" : "\\fR");
    }
    buf_byte(out, '\n');
}

static void put_option_list(struct buf *out, const struct program_option *rows) {
    manual_section(out, "OPTIONS");
    for (; rows->name != NULL; rows++) {
        manual_option(out, rows->name, rows->argument);
        manual_line(out, rows->help);
    }
}

static void put_signal(struct buf *out, const char *name, const char *text) {
    manual_option(out, name, NULL);
    manual_line(out, text);
}

static void put_end(struct buf *out, const char *see) {
    manual_section(out, "ENVIRONMENT");
    manual_line(out, "A variable CASEMILL_SECTION_NAME overrides the setting section.name: "
                     "CASEMILL_JOURNAL_PATH is journal.path.  NOTIFY_SOCKET and WATCHDOG_USEC are "
                     "set by systemd for services of the type notify.");
    manual_section(out, "SEE ALSO");
    buf_printf(out, "%s, \\fBcasemill.yaml\\fR(5), \\fBcasemill\\fR(1)\n", see);
}

static void put_broker(struct buf *out) {
    manual_section(out, "NAME");
    buf_str(out, "casemill\\-broker \\- durable queue of casemill\n");
    put_options(out, "broker", BROKER_OPTIONS);
    manual_section(out, "DESCRIPTION");
    manual_line(out, "The broker receives batches of cases from intake systems, writes each batch "
                     "to its journal before it confirms it, and dispatches the cases to the lanes "
                     "of workers.  A batch leaves the journal when each of its cases is committed "
                     "to PostgreSQL.  When the broker serves, it prints one line that begins with "
                     "`ready` and has its addresses.  Its log goes to standard error.");
    put_option_list(out, BROKER_OPTIONS);
    manual_section(out, "SIGNALS");
    put_signal(out, "SIGTERM", "write what is confirmed, and end");
    put_signal(out, "SIGHUP",
               "read settings and keys again; those that casemill.yaml(5) marks "
               "change at once");
    manual_section(out, "EXIT STATUS");
    manual_line(out, "0 after SIGTERM, or when a check passed; 1 after a failure; 2 for wrong "
                     "usage; 3 when --verify finds a broker on the journal.");
    manual_section(out, "FILES");
    put_signal(out, "/etc/casemill/broker.yaml", "the settings, each with its default");
    put_signal(out, "/var/lib/casemill/journal",
               "the journal: batches that are accepted and not yet done.  It must be on a disk "
               "whose fdatasync really writes");
    put_end(out, "\\fBcasemill\\-worker\\fR(8)");
}

static void put_worker(struct buf *out) {
    manual_section(out, "NAME");
    buf_str(out, "casemill\\-worker \\- applies the active rules to cases\n");
    put_options(out, "worker", WORKER_OPTIONS);
    manual_section(out, "DESCRIPTION");
    manual_line(out, "The lanes of a worker take cases from brokers, evaluate the active rules, "
                     "and commit the outcomes to PostgreSQL.  The worker watches for another "
                     "active rule set and changes to it.  Its log goes to standard error.");
    put_option_list(out, WORKER_OPTIONS);
    manual_section(out, "SIGNALS");
    put_signal(out, "SIGTERM",
               "finish the work, for lanes.grace_s at most, return the rest to "
               "the brokers, and end; a second signal ends at once");
    put_signal(out, "SIGHUP",
               "read settings again; those that casemill.yaml(5) marks change at "
               "once");
    manual_section(out, "EXIT STATUS");
    manual_line(out, "0 after SIGTERM, or when the check passed; 1 after a failure; 2 for wrong "
                     "usage.");
    manual_section(out, "FILES");
    put_signal(out, "/etc/casemill/worker.yaml", "the settings, each with its default");
    put_end(out, "\\fBcasemill\\-broker\\fR(8)");
}

static const struct {
    const char *page, *name, *section;
    void (*put)(struct buf *out);
} PAGES[] = {
    {"casemill.1", "CASEMILL", "1", put_command},
    {"casemill-broker.8", "CASEMILL\\-BROKER", "8", put_broker},
    {"casemill-worker.8", "CASEMILL\\-WORKER", "8", put_worker},
    {"casemill.yaml.5", "CASEMILL.YAML", "5", manual_settings},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 3 && i < COUNT_OF(PAGES); i++) {
        if (strcmp(PAGES[i].page, argv[1]) == 0) {
            struct buf out = BUF_EMPTY;
            put_head(&out, PAGES[i].name, PAGES[i].section, argv[2]);
            PAGES[i].put(&out);
            plain_print(stdout, buf_span(&out));
            buf_free(&out);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    plain_printf(stderr, "usage: manual PAGE DATE, PAGE as in config/packaging/manual/manual.c\n");
    return 2;
}
