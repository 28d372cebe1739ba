/* `casemill keys`: new key pairs for sources, workers, operators and brokers; the content of a key
 * file. */
#include "base/json.h"
#include "base/plain.h"
#include "cli/verb.h"
#include "net/keys.h"

#include <stdio.h>
#include <string.h>

/* context: a pointer to the options. */
static void print_key(const char *key, const char *name, void *context) {
    const struct options *options = *(const struct options *const *)context;
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "%s%s%s\n", key, name[0] == '\0' ? "" : " ", name);
        return;
    }
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    json_object_open(&json);
    json_str(json_key(&json, "key"), key);
    json_str(json_key(&json, "name"), name);
    json_object_close(&json);
    verb_print_line(&text);
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
    print_key(pair.public_key.text, name, &options);
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
        print_key(pair.public_key.text, "", &options);
        return EXIT_DONE;
    }
    if (net_keyring_read(path, &ring, &diag) != ERR_OK) {
        return verb_fail(options, &diag, SPAN_LIT(""));
    }
    net_keyring_each(ring, print_key, &options);
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
