/* The casemill command: finds the verb, reads the options of its table, prints help and usage.
 * Each verb's action is in its own file. */
#include "cli/verb.h"

#include "base/date.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/plain.h"
#include "base/suggest.h"
#include "cli/common_rows.h"
#include "cli/help.h"
#include "db/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "casemill"
#define BROKER_DEFAULT "tcp://127.0.0.1:5570"
#define CONTROL_DEFAULT "ipc:///var/lib/casemill/journal/control.sock"

enum { GROUP_NAME_MAX = 64 };

struct given_option {
    const struct option_row *row;
    const char *value; /* NULL for a flag */
};

struct options {
    const struct verb *verb;
    struct given_option given[OPTIONS_MAX];
    uint32_t given_count;
    const char **operands; /* room for argc */
    uint32_t operand_count;
    const char *intake; /* CASEMILL_INTAKE_BIND, as an address to connect to */
};

const struct option_row verb_no_options[] = {{NULL, NULL, NULL}};

static const struct option_row *row_find(const struct option_row *rows, struct span name) {
    for (; rows->name != NULL; rows++) {
        if (span_is(name, rows->name)) {
            return rows;
        }
    }
    return NULL;
}

static const struct option_row *verb_row(const struct verb *verb, struct span name) {
    const struct option_row *row = row_find(verb->rows, name);
    return row != NULL ? row : row_find(common_rows, name);
}

/* A verb that reads an undeclared option has a bug. */
static const struct given_option *given_at(const struct options *options, const char *name,
                                           uint32_t index) {
    CHECK(verb_row(options->verb, span_str(name)) != NULL);
    for (uint32_t i = 0; i < options->given_count; i++) {
        if (strcmp(options->given[i].row->name, name) == 0 && index-- == 0) {
            return &options->given[i];
        }
    }
    return NULL;
}

const char *option_str(const struct options *options, const char *name, const char *fallback) {
    const char *value = fallback;
    const struct given_option *given = NULL;
    for (uint32_t i = 0; (given = given_at(options, name, i)) != NULL; i++) {
        value = given->value;
    }
    return value;
}

bool option_flag(const struct options *options, const char *name) {
    return given_at(options, name, 0) != NULL;
}

struct option_list option_list(const struct options *options, const char *name) {
    struct option_list list = {.texts = mem_zero(options->given_count, sizeof(*list.texts))};
    const struct given_option *given = NULL;
    while ((given = given_at(options, name, list.count)) != NULL) {
        list.texts[list.count++] = given->value;
    }
    return list;
}

enum err option_int(const struct options *options, const char *name, int64_t fallback, int64_t min,
                    int64_t max, int64_t *value) {
    const char *text = option_str(options, name, NULL);
    if (text == NULL) {
        *value = fallback;
        return ERR_OK;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
        (void)verb_usage(options, "%s takes a number from %lld to %lld, not \"%s\"", name,
                         (long long)min, (long long)max, text);
        return ERR_INVALID;
    }
    *value = number;
    return ERR_OK;
}

enum err option_date(const struct options *options, const char *name, const char *fallback,
                     int32_t *days) {
    const char *text = option_str(options, name, fallback);
    if (text == NULL || date_parse(span_str(text), days) == ERR_OK) {
        return ERR_OK;
    }
    (void)verb_usage(options, "%s takes a date as YYYY-MM-DD, not \"%s\"", name, text);
    return ERR_INVALID;
}

uint32_t option_operand_count(const struct options *options) { return options->operand_count; }

const char *option_operand(const struct options *options, uint32_t index) {
    CHECK(index < options->operand_count);
    return options->operands[index];
}

/* The address that the broker binds leads here to it: a host that stands for every interface is
 * this one. */
static void take_intake_bind(struct buf *intake) {
    static const char scheme[] = "tcp://";
    static const char *const hosts[][2] = {
        {"*:", "127.0.0.1:"}, {"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}};
    const char *bind = getenv("CASEMILL_INTAKE_BIND");
    if (bind == NULL || bind[0] == '\0') {
        bind = BROKER_DEFAULT;
    }
    bool is_tcp = strncmp(bind, scheme, sizeof(scheme) - 1) == 0;
    const char *host = is_tcp ? bind + sizeof(scheme) - 1 : bind;
    buf_append(intake, span_make(bind, (size_t)(host - bind)));
    for (size_t i = 0; is_tcp && i < COUNT_OF(hosts); i++) {
        size_t len = strlen(hosts[i][0]);
        if (strncmp(host, hosts[i][0], len) == 0) {
            buf_str(intake, hosts[i][1]);
            host += len;
            break;
        }
    }
    buf_str(intake, host);
}

static const char *option_or_environment(const struct options *options, const char *name,
                                         const char *variable, const char *fallback) {
    const char *from_environment = getenv(variable);
    bool is_set = from_environment != NULL && from_environment[0] != '\0';
    return option_str(options, name, is_set ? from_environment : fallback);
}

const char *option_broker(const struct options *options) {
    return option_or_environment(options, "--broker", "CASEMILL_INTAKE_CONNECT", options->intake);
}

const char *option_control(const struct options *options) {
    return option_or_environment(options, "--control", "CASEMILL_CONTROL_BIND", CONTROL_DEFAULT);
}

const char *option_key(const struct options *options) {
    return option_or_environment(options, "--key", "CASEMILL_KEYS_SECRET", "");
}

const char *option_broker_key(const struct options *options) {
    return option_or_environment(options, "--broker-key", "CASEMILL_KEYS_BROKER", "");
}

/* Once per run: verbs read it more than once. */
static void warn_unverified(const struct options *options, const char *conninfo) {
    static bool is_printed = false;
    char host[DB_HOST_BYTES];
    if (!is_printed && db_has_unverified_host(conninfo, host)) {
        struct buf text = BUF_EMPTY;
        is_printed = true;
        buf_printf(&text, PROGRAM " %s: warning: %s: " DB_UNVERIFIED "\n", options->verb->name,
                   host);
        plain_print(stderr, buf_span(&text));
        buf_free(&text);
    }
}

const char *option_db(const struct options *options) {
    const char *conninfo =
        option_or_environment(options, "--db", "CASEMILL_POSTGRES_CONNINFO", NULL);
    if (conninfo != NULL) {
        warn_unverified(options, conninfo);
    }
    return conninfo;
}

const char *verb_name(const struct options *options) { return options->verb->name; }

int verb_fail(const struct options *options, const struct diag *diag, struct span source) {
    struct buf text = BUF_EMPTY;
    diag_print(diag, source, &text);
    plain_printf(stderr, PROGRAM " %s: ", options->verb->name);
    plain_print(stderr, buf_span(&text));
    buf_free(&text);
    return EXIT_FAILED;
}

int verb_usage(const struct options *options, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    struct buf text = BUF_EMPTY;
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    plain_printf(stderr, PROGRAM " %s: %.*s\nsee: " PROGRAM " %s --help\n", options->verb->name,
                 SPAN_ARG(text), options->verb->name);
    buf_free(&text);
    return EXIT_USAGE;
}

static int unknown_option(const struct options *options, struct span name) {
    struct suggest suggest;
    suggest_init(&suggest, name);
    const struct option_row *tables[] = {options->verb->rows, common_rows};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (const struct option_row *row = tables[i]; row->name != NULL; row++) {
            suggest_offer(&suggest, span_str(row->name));
        }
    }
    return verb_usage(options, "there is no option %.*s%s%.*s%s", SPAN_ARG(name),
                      SUGGEST_ARG(suggest));
}

/* Reads the option at argv[*at] and moves *at to its last word.  Returns an exit code; EXIT_DONE
 * means continue. */
static int option_read(struct options *options, int argc, char *const *argv, int *at) {
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    struct span name = equals == NULL ? span_str(word) : span_make(word, (size_t)(equals - word));
    const struct option_row *row = verb_row(options->verb, name);
    if (row == NULL) {
        return unknown_option(options, name);
    }
    if (options->given_count == OPTIONS_MAX) {
        return verb_usage(options, "more than %d options", OPTIONS_MAX);
    }
    const char *value = NULL;
    if (row->argument == NULL && equals != NULL) {
        return verb_usage(options, "%s takes no value", row->name);
    }
    if (row->argument != NULL && equals != NULL) {
        value = equals + 1;
    } else if (row->argument != NULL) {
        if (*at + 1 >= argc) {
            return verb_usage(options, "%s needs its %s", row->name, row->argument);
        }
        value = argv[++*at];
    }
    options->given[options->given_count++] = (struct given_option){row, value};
    return EXIT_DONE;
}

static int options_read(struct options *options, int argc, char *const *argv) {
    bool operands_only = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        bool is_operand = operands_only || word[0] != '-' || word[1] == '\0';
        if (is_operand) {
            options->operands[options->operand_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            operands_only = true;
        } else {
            int code = option_read(options, argc, argv, &i);
            if (code != EXIT_DONE) {
                return code;
            }
        }
    }
    if (options->operand_count > 0 && options->verb->operands[0] == '\0') {
        return verb_usage(options, "takes no operand, got \"%s\"", options->operands[0]);
    }
    return EXIT_DONE;
}

static int verb_run(const struct verb *verb, int argc, char *const *argv) {
    struct options options = {.verb = verb};
    options.operands = mem_zero((size_t)argc + 1, sizeof(*options.operands));
    struct buf intake = BUF_EMPTY;
    take_intake_bind(&intake);
    options.intake = buf_cstr(&intake);
    int code = options_read(&options, argc, argv);
    if (code == EXIT_DONE && option_flag(&options, "--help")) {
        help_verb(verb);
    } else if (code == EXIT_DONE) {
        code = verb->run(&options);
    }
    mem_free(options.operands);
    buf_free(&intake);
    return code;
}

/* The verb whose words are the first of argv; *used is the number of words. */
static const struct verb *verb_find(const struct verb *const *verbs, uint32_t verb_count, int argc,
                                    char *const *argv, int *used) {
    struct buf two = BUF_EMPTY;
    if (argc > 1) {
        buf_printf(&two, "%s %s", argv[0], argv[1]);
    }
    const struct verb *found = NULL;
    for (uint32_t i = 0; i < verb_count && found == NULL; i++) {
        if (span_is(buf_span(&two), verbs[i]->name)) {
            found = verbs[i];
            *used = 2;
        } else if (strcmp(argv[0], verbs[i]->name) == 0) {
            found = verbs[i];
            *used = 1;
        }
    }
    buf_free(&two);
    return found;
}

/* True when words[0] is the first word of verbs; *group is then that word with its space. */
static bool is_group(const struct verb *const *verbs, uint32_t verb_count, const char *word,
                     char group[GROUP_NAME_MAX]) {
    bool found = false;
    (void)snprintf(group, GROUP_NAME_MAX, "%s ", word);
    for (uint32_t i = 0; i < verb_count; i++) {
        found = found || strncmp(verbs[i]->name, group, strlen(group)) == 0;
    }
    return found;
}

/* Reports the nearest name of a verb, or with `also_topics` of a topic. */
static int unknown_name(const struct verb *const *verbs, uint32_t verb_count, struct span words,
                        bool also_topics) {
    struct suggest suggest;
    suggest_init(&suggest, words);
    for (uint32_t i = 0; i < verb_count; i++) {
        suggest_offer(&suggest, span_str(verbs[i]->name));
    }
    if (also_topics) {
        help_offer_topics(&suggest);
    }
    plain_printf(stderr, PROGRAM ": there is no verb%s \"%.*s\"", also_topics ? " or topic" : "",
                 SPAN_ARG(words));
    if (suggest.best.ptr != NULL) {
        plain_printf(stderr, "; did you mean \"%.*s\"?\n", SPAN_ARG(suggest.best));
    } else {
        plain_printf(stderr, "; see: " PROGRAM " --help\n");
    }
    return EXIT_USAGE;
}

/* No verb matched: help for a group of verbs ("rules"), or the nearest name. */
static int verb_unknown(const struct verb *const *verbs, uint32_t verb_count, int argc,
                        char *const *argv) {
    char group[GROUP_NAME_MAX];
    bool has_group = is_group(verbs, verb_count, argv[0], group);
    if (has_group && argc > 1 && strcmp(argv[1], "--help") == 0) {
        help_verbs(stdout, verbs, verb_count, group);
        return EXIT_DONE;
    }
    if (has_group && argc == 1) {
        help_verbs(stderr, verbs, verb_count, group);
        return EXIT_USAGE;
    }
    struct buf words = BUF_EMPTY;
    buf_str(&words, argv[0]);
    if (has_group) {
        buf_printf(&words, " %s", argv[1]);
    }
    int code = unknown_name(verbs, verb_count, buf_span(&words), false);
    buf_free(&words);
    return code;
}

/* `casemill help`, `help VERB`, `help GROUP` and `help TOPIC`. */
static int help_run(const struct verb *const *verbs, uint32_t verb_count, int argc,
                    char *const *argv) {
    char group[GROUP_NAME_MAX];
    int used = 0;
    if (argc == 0) {
        help_verbs(stdout, verbs, verb_count, "");
        return EXIT_DONE;
    }
    const struct verb *verb = verb_find(verbs, verb_count, argc, argv, &used);
    if (verb != NULL && used == argc) {
        help_verb(verb);
        return EXIT_DONE;
    }
    if (argc == 1 && help_topic(argv[0])) {
        return EXIT_DONE;
    }
    if (argc == 1 && is_group(verbs, verb_count, argv[0], group)) {
        help_verbs(stdout, verbs, verb_count, group);
        return EXIT_DONE;
    }
    struct buf words = BUF_EMPTY;
    for (int i = 0; i < argc; i++) {
        buf_printf(&words, "%s%s", i == 0 ? "" : " ", argv[i]);
    }
    int code = unknown_name(verbs, verb_count, buf_span(&words), true);
    buf_free(&words);
    return code;
}

static int dispatch(const struct verb *const *verbs, uint32_t verb_count, int argc,
                    char *const *argv) {
    if (argc < 2) {
        help_verbs(stderr, verbs, verb_count, "");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return help_run(verbs, verb_count, argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "--version") == 0) {
        plain_printf(stdout, PROGRAM " " CASEMILL_VERSION "\n");
        return EXIT_DONE;
    }
    int used = 0;
    const struct verb *verb = verb_find(verbs, verb_count, argc - 1, argv + 1, &used);
    if (verb == NULL) {
        return verb_unknown(verbs, verb_count, argc - 1, argv + 1);
    }
    return verb_run(verb, argc - 1 - used, argv + 1 + used);
}

int verb_main(const struct verb *const *verbs, uint32_t verb_count, int argc, char *const *argv) {
    if (io_hold_standard() != ERR_OK) {
        return EXIT_FAILED;
    }
    int code = dispatch(verbs, verb_count, argc, argv);
    if (io_flush_stdout() != ERR_OK) {
        plain_printf(stderr, PROGRAM ": standard output could not be written\n");
        return code == EXIT_DONE ? EXIT_FAILED : code;
    }
    return code;
}
