/* The hosts of a conninfo, one after the other.  libpq tries them by itself, but without blocking
 * it has no timeout.  It would wait without limit for a server that accepts the connection and
 * never answers, and never try the next host, which may have taken over. */
#include "base/mem.h"
#include "db/db_priv.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_S_DEFAULT = 10, CONNECT_S_MIN = 2 /* as libpq */ };

/* libpq's message repeats the part that does not parse, which may be half of a password. */
enum err db_check_conninfo(const char *conninfo, struct diag *diag) {
    PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
    if (parsed == NULL) {
        return diag_fail(diag, ERR_INVALID,
                         "PostgreSQL conninfo does not parse: expected key=value words, values "
                         "with spaces in quotes, or a postgresql:// URI");
    }
    PQconninfoFree(parsed);
    return ERR_OK;
}

static uint32_t list_length(const char *list) {
    uint32_t length = 1;
    for (const char *at = strchr(list, ','); at != NULL; at = strchr(at + 1, ',')) {
        length++;
    }
    return length;
}

/* The nth item of a list, or the only item of a list of one. */
static char *list_item(const char *list, uint32_t n) {
    if (list == NULL) {
        return NULL;
    }
    n = list_length(list) == 1 ? 0 : n;
    for (; n > 0 && strchr(list, ',') != NULL; n--) {
        list = strchr(list, ',') + 1;
    }
    return mem_strndup(list, strcspn(list, ","));
}

static const char *option_of(const PQconninfoOption *options, const char *keyword) {
    for (const PQconninfoOption *at = options; at->keyword != NULL; at++) {
        if (strcmp(at->keyword, keyword) == 0 && at->val != NULL && at->val[0] != '\0') {
            return at->val;
        }
    }
    return NULL;
}

enum err db_host_read(const char *conninfo, uint32_t n, struct db_host *host, struct diag *diag) {
    enum err err = db_check_conninfo(conninfo, diag);
    if (err != ERR_OK) {
        return err;
    }
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    CHECK(options != NULL);
    const char *names = option_of(options, "host");
    const char *addresses = option_of(options, "hostaddr");
    const char *seconds = option_of(options, "connect_timeout");
    const char *longest = addresses != NULL ? addresses : names;
    long timeout_s = seconds == NULL ? CONNECT_S_DEFAULT : strtol(seconds, NULL, 10);
    timeout_s = timeout_s > 0 && timeout_s < CONNECT_S_MIN ? CONNECT_S_MIN : timeout_s;
    *host = (struct db_host){.count = longest == NULL ? 1 : list_length(longest),
                             .timeout_ms = timeout_s > 0 ? timeout_s * 1000 : INT64_MAX,
                             .name = list_item(names, n),
                             .address = list_item(addresses, n),
                             .port = list_item(option_of(options, "port"), n)};
    PQconninfoFree(options);
    return ERR_OK;
}

void db_host_free(struct db_host *host) {
    mem_free(host->name);
    mem_free(host->address);
    mem_free(host->port);
    *host = (struct db_host){0};
}
