/* `casemill verify` and `casemill crash-test`: work for the broker's own program, because only it
 * knows a journal's format.  verify reads a whole journal and checks it against its checksums; a
 * broker that uses the journal does it during its work.  crash-test tests the faults that the
 * journal must survive on an operator's disk. */
#include "base/plain.h"
#include "cli/control_ask.h"
#include "cli/other_program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define JOURNAL_DEFAULT "/var/lib/casemill/journal"
enum { WAIT_S = 600 };
#define BROKER_PROGRAM "casemill-broker"
enum { EXIT_IN_USE = 3 /* by a broker */ };

/* --- verify --- */

static const char *journal_path(const struct options *options) {
    const char *set = getenv("CASEMILL_JOURNAL_PATH");
    return option_str(options, "--journal", set != NULL && set[0] != '\0' ? set : JOURNAL_DEFAULT);
}

/* The same texts as from the broker's program for an unused journal. */
static void print_text(struct span answer) {
    json_t *found = json_loadb((const char *)answer.ptr, answer.len, 0, NULL);
    const json_t *seqs = json_object_get(found, "seqs");
    size_t i = 0;
    const json_t *seq = NULL;
    json_array_foreach(seqs, i, seq) {
        plain_printf(stdout, "damaged: seq %lld, see the broker's log\n",
                     (long long)json_integer_value(seq));
    }
    plain_printf(stdout, "%lld batches read, %lld cases, %lld damaged\n",
                 (long long)json_integer_value(json_object_get(found, "read")),
                 (long long)json_integer_value(json_object_get(found, "cases")),
                 (long long)json_integer_value(json_object_get(found, "damaged")));
    json_decref(found);
}

static int ask_running(const struct options *options, int64_t wait_s) {
    struct buf reply = BUF_EMPTY;
    struct diag diag = {0};
    const struct control_peer peer = control_peer(options);
    enum err err = control_ask(&peer, "VERIFY", "", wait_s * 1000, &reply, &diag);
    if (err == ERR_OK && option_flag(options, "--json")) {
        control_print_json(&reply);
    } else if (err == ERR_OK) {
        print_text(buf_span(&reply));
    }
    bool whole = err == ERR_OK && memmem(reply.ptr, reply.len, "\"damaged\":0", 11) != NULL;
    buf_free(&reply);
    return err != ERR_OK ? verb_fail(options, &diag, SPAN_LIT(""))
                         : (whole ? EXIT_DONE : EXIT_FAILED);
}

static int verify_run(const struct options *options) {
    const char *arguments[8] = {"--verify", journal_path(options)};
    size_t count = 2;
    const char *into = option_str(options, "--salvage", NULL);
    if (into != NULL) {
        arguments[count++] = "--salvage";
        arguments[count++] = into;
    }
    if (option_flag(options, "--json")) {
        arguments[count++] = "--json";
    }
    int64_t wait_s = 0;
    if (option_int(options, "--wait", WAIT_S, 1, 86400, &wait_s) != ERR_OK) {
        return EXIT_USAGE;
    }
    /* With a broker but no directory, the journal is that broker's. */
    bool is_remote = option_str(options, "--control", NULL) != NULL && into == NULL &&
                     option_str(options, "--journal", NULL) == NULL;
    if (is_remote) {
        return ask_running(options, wait_s);
    }
    struct diag diag = {0};
    int code = 0;
    if (other_program_run(BROKER_PROGRAM, arguments, NULL, &code, &diag) != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    if (code == EXIT_IN_USE && into == NULL) {
        plain_printf(stderr, "casemill verify: asking the running broker at %s\n",
                     option_control(options));
        return ask_running(options, wait_s);
    }
    return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const struct option_row VERIFY_ROWS[] = {
    {"--journal", "DIR",
     "the journal (CASEMILL_JOURNAL_PATH, else /var/lib/casemill/journal); with --control alone "
     "that "
     "broker's"},
    {"--salvage", "INTO", "save the undamaged batches into a new journal in this directory"},
    {"--wait", "SECONDS", "time limit for a running broker's answer (600)"},
    {NULL, NULL, NULL},
};

const struct verb verb_verify = {
    .name = "verify",
    .summary = "read a whole journal, list the damaged batches, save the rest",
    .operands = "",
    .rows = VERIFY_ROWS,
    .run = verify_run,
};

/* --- crash-test --- */

static int crash_test_run(const struct options *options) {
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "takes one directory, on the disk for a journal");
    }
    const char *arguments[] = {"--crash-test", option_operand(options, 0),
                               option_flag(options, "--json") ? "--json" : NULL, NULL};
    struct diag diag = {0};
    int code = 0;
    if (other_program_run(BROKER_PROGRAM, arguments, NULL, &code, &diag) != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct verb verb_crash_test = {
    .name = "crash-test",
    .summary =
        "test a disk with the journal's faults: one line PASS or FAIL each, 256 MiB, half a minute",
    .operands = "DIR",
    .rows = verb_no_options,
    .run = crash_test_run,
};
