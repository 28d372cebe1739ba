/* Key files: any text is accepted or refused in a text that holds no secret. In an accepted
 * keyring each key is found under its valid name; an accepted secret has its public key. */
#include "fuzz.h"
#include "net/keys.h"

static void check_entry(const char *key, const char *name, void *context) {
    const struct net_keyring *ring = *(struct net_keyring **)context;
    CHECK(strlen(key) == NET_KEY_BYTES);
    CHECK(net_key_name_is_valid(span_str(name)));
    const char *found = net_keyring_name(ring, span_str(key));
    CHECK(found != NULL && strcmp(found, name) == 0);
}

static void secret_check(struct span text) {
    struct net_key_pair pair;
    struct diag diag = {0};
    enum err err = net_key_parse_secret(text, "fuzz.key", &pair, &diag);
    if (err == ERR_OK) {
        CHECK(strlen(pair.secret.text) == NET_KEY_BYTES);
        CHECK(strlen(pair.public_key.text) == NET_KEY_BYTES);
        return;
    }
    CHECK(err == ERR_INVALID);
    CHECK(strcmp(diag.text, "fuzz.key: not a secret key file; `casemill keys new` makes them") ==
          0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct net_keyring *ring = NULL;
    struct diag diag = {0};
    enum err err = net_keyring_parse(span_make(bytes, len), "fuzz.pub", &ring, &diag);
    if (err == ERR_OK) {
        CHECK(net_keyring_count(ring) <= NET_KEYS_MAX);
        net_keyring_each(ring, check_entry, &ring);
    } else {
        CHECK(ring == NULL);
        CHECK(diag.text[0] != '\0');
        CHECK(err == ERR_CONFLICT || err == ERR_INVALID || err == ERR_TOO_LARGE);
    }
    net_keyring_free(&ring);
    secret_check(span_make(bytes, len));
    return 0;
}
