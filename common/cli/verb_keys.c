/* `casemill keys`: new key pairs for sources, workers, operators and brokers; the content of a key
 * file. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/verb.h"
#include "net/keys.h"

#include <stdio.h>
#include <string.h>

struct keys_print {
    struct json *json; /* NULL: as lines of text */
};

static void print_key(const char *key, const char *name, void *context) {
    struct json *json = ((struct keys_print *)context)->json;
    if (json == NULL) {
        plain_printf(stdout, "%s%s%s\n", key, name[0] == '\0' ? "" : " ", name);
        return;
    }
    json_object_open(json);
    json_str(json_key(json, "key"), key);
    json_str(json_key(json, "name"), name);
    json_object_close(json);
}

/* One key, or those of a ring. */
static void print_keys(const struct options *options, const struct net_keyring *ring,
                       const char *key, const char *name) {
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    bool as_json = option_flag(options, "--json");
    struct keys_print print = {.json = as_json ? &json : NULL};
    if (as_json) {
        json_array_open(&json);
    }
    if (ring == NULL) {
        print_key(key, name, &print);
    } else {
        net_keyring_each(ring, print_key, &print);
    }
    if (as_json) {
        json_array_close(&json);
        answer_print_json("keys", &text);
    }
    buf_free(&text);
}

static int keys_new_run(const struct options *options) {
    const char *dir = option_str(options, "--out", ".");
    struct net_key_pair pair;
    struct diag diag = {0};
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "takes one name: of a source, a worker, an operator, a broker");
    }
    const char *name = option_operand(options, 0);
    enum err err = net_key_pair_make(&pair, &diag);
    err = err == ERR_OK ? net_key_write_pair(dir, name, &pair, &diag) : err;
    if (err != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    print_keys(options, NULL, pair.public_key.text, name);
    return EXIT_DONE;
}

/* A secret file has no name, so only its public key is shown. */
static int keys_show_run(const struct options *options) {
    struct net_keyring *ring = NULL;
    struct net_key_pair pair;
    struct diag diag = {0};
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "takes one file, or a directory of *.pub files");
    }
    const char *path = option_operand(options, 0);
    size_t len = strlen(path);
    if (len > 4 && strcmp(path + len - 4, ".key") == 0) {
        if (net_key_read_secret(path, &pair, &diag) != ERR_OK) {
            return verb_fail(options, &diag, SPAN_LIT(""));
        }
        print_keys(options, NULL, pair.public_key.text, "");
        return EXIT_DONE;
    }
    if (net_keyring_read(path, &ring, &diag) != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    print_keys(options, ring, NULL, NULL);
    net_keyring_free(&ring);
    return EXIT_DONE;
}

static const struct option_row NEW_ROWS[] = {
    {"--out", "DIR", "where NAME.key and NAME.pub are made (default .)"},
    {NULL, NULL, NULL},
};

const struct verb verb_keys_new = {
    .name = "keys new",
    .summary =
        "make a key pair: NAME.key is secret and stays here, NAME.pub goes to the other side",
    .operands = "NAME",
    .rows = NEW_ROWS,
    .run = keys_new_run,
};
const struct verb verb_keys_show = {
    .name = "keys show",
    .summary = "print the public keys of a file or directory, with their names; never a secret",
    .operands = "PATH",
    .rows = verb_no_options,
    .run = keys_show_run,
};
