/* Which hosts of a conninfo are trusted without verification.  libpq's default, sslmode=prefer,
 * encrypts but accepts any server. */
#include "db/db_priv.h"

#include <stdio.h>
#include <string.h>

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (const PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++) {
        if (strcmp(at->keyword, keyword) == 0 && at->val != NULL && at->val[0] != '\0') {
            return at->val;
        }
    }
    return NULL;
}

/* From the conninfo, else from the environment. */
struct both {
    PQconninfoOption *given, *defaults;
};

static const char *option_of(const struct both *both, const char *keyword) {
    const char *value = value_of(both->given, keyword);
    return value != NULL ? value : value_of(both->defaults, keyword);
}

static bool option_is(const struct both *both, const char *keyword, const char *wanted) {
    const char *value = option_of(both, keyword);
    return value != NULL && strcmp(value, wanted) == 0;
}

/* A certificate, or the password's verifier, proves the server; require with a root certificate is
 * verify-ca. */
static bool is_verified(const struct both *both) {
    return option_is(both, "sslmode", "verify-full") || option_is(both, "sslmode", "verify-ca") ||
           (option_is(both, "sslmode", "require") && option_of(both, "sslrootcert") != NULL) ||
           option_is(both, "channel_binding", "require") ||
           option_is(both, "gssencmode", "require");
}

/* A socket's path, or loopback. */
static bool is_here(struct span host) {
    return host.len == 0 || host.ptr[0] == '/' || host.ptr[0] == '@' ||
           span_is(host, "localhost") || span_is(host, "::1") ||
           (host.len > 4 && memcmp(host.ptr, "127.", 4) == 0);
}

bool db_has_unverified_host(const char *conninfo, char host[DB_HOST_BYTES]) {
    struct both both = {.given = PQconninfoParse(conninfo, NULL), .defaults = PQconndefaults()};
    const char *list = option_of(&both, "hostaddr");
    list = list == NULL ? option_of(&both, "host") : list;
    bool found = false;
    while (!found && list != NULL && !is_verified(&both)) {
        size_t len = strcspn(list, ",");
        found = !is_here(span_make(list, len));
        (void)snprintf(host, DB_HOST_BYTES, "%.*s", (int)len, list);
        list = list[len] == ',' ? list + len + 1 : NULL;
    }
    PQconninfoFree(both.given);
    PQconninfoFree(both.defaults);
    return found;
}
