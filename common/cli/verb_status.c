/* `casemill status`: a page for people, the whole status as lines of `key value` (--all), or as
 * JSON. */
#include "base/plain.h"
#include "cli/control_ask.h"
#include "cli/top/once.h"
#include "cli/verb.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 8, KEY_BYTES_MAX = 256 };

static void print_value(const char *key, json_t *value, unsigned depth);

static void print_inner(const char *key, const char *leaf, json_t *value, unsigned depth) {
    char inner[KEY_BYTES_MAX];
    (void)snprintf(inner, sizeof(inner), "%s%s%s", key, key[0] == '\0' ? "" : ".", leaf);
    print_value(inner, value, depth + 1);
}

static void print_value(const char *key, json_t *value, unsigned depth) {
    if (depth > DEPTH_MAX) {
        plain_printf(stdout, "%s ...\n", key);
    } else if (json_is_object(value)) {
        const char *leaf = NULL;
        json_t *inner = NULL;
        json_object_foreach(value, leaf, inner) { print_inner(key, leaf, inner, depth); }
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            char leaf[32];
            (void)snprintf(leaf, sizeof(leaf), "%zu", i);
            print_inner(key, leaf, json_array_get(value, i), depth);
        }
    } else if (json_is_string(value)) {
        struct buf text = BUF_EMPTY;
        plain_text(&text, json_string_value(value));
        plain_printf(stdout, "%-32s %.*s\n", key, SPAN_ARG(text));
        buf_free(&text);
    } else if (json_is_integer(value)) {
        plain_printf(stdout, "%-32s %lld\n", key, (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        plain_printf(stdout, "%-32s %g\n", key, json_real_value(value));
    } else {
        plain_printf(stdout, "%-32s %s\n", key,
                     json_is_null(value) ? "-" : (json_is_true(value) ? "yes" : "no"));
    }
}

static enum err print_text(struct span text, struct diag *diag) {
    json_error_t fault;
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(root)) {
        json_decref(root);
        return diag_fail(diag, ERR_VERSION, "the broker's answer is not a JSON object");
    }
    print_value("", root, 0);
    json_decref(root);
    return ERR_OK;
}

static int status_run(const struct options *options) {
    int64_t wait_s = 0;
    if (option_int(options, "--wait", CONTROL_WAIT_MS / 1000, 1, 3600, &wait_s) != ERR_OK) {
        return EXIT_USAGE;
    }
    if (!option_flag(options, "--all") && !option_flag(options, "--json")) {
        return top_show_once(options, wait_s * 1000);
    }
    if (strchr(option_control(options), ',') != NULL) {
        return verb_usage(options, "--all and --json show one broker; top --once --json several");
    }
    return control_show(options, "STATUS", wait_s * 1000, print_text);
}

static const struct option_row ROWS[] = {
    {"--all", NULL, "every counter and setting of the broker, one line of `key value` each"},
    {"--wait", "SECONDS", "time limit for the answer (5)"},
    {NULL, NULL, NULL},
};

const struct verb verb_status = {
    .name = "status",
    .summary = "show brokers, sources and lanes once, as top does",
    .operands = "",
    .rows = ROWS,
    .run = status_run,
};
