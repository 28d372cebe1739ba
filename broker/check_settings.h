/* Purpose: what --check, a startup and a reload check of settings. */
#ifndef CASEMILL_BROKER_CHECK_SETTINGS_H
#define CASEMILL_BROKER_CHECK_SETTINGS_H

#include "settings/settings.h"
#include "wire/wire.h"

/* broker_check_settings checks what a type cannot: addresses, weights, relations;
 * broker_check_values is all of it but the key files. */
MUST_USE enum err broker_check_settings(const struct settings *settings, struct diag *diag);
MUST_USE enum err broker_check_values(const struct settings *settings, struct diag *diag);
/* Where each socket is bound; those that are private by default lie beside the journal. */
enum { BROKER_ENDPOINT_BYTES_MAX = 512 };
struct broker_binds {
    const char *of[WIRE_SOCKET_COUNT];
    char worker[BROKER_ENDPOINT_BYTES_MAX], control[BROKER_ENDPOINT_BYTES_MAX];
};
/* broker_binds_read: *binds is valid as long as settings, and not copied. */
void broker_binds_read(const struct settings *settings, struct broker_binds *binds);
uint32_t broker_connections_max(const struct settings *settings, enum wire_socket which);
/* try.c.  broker_try tries what broker_open would do, makes nothing and disturbs no broker that
 * runs; appends a "# ..." line for what it left alone.  Errors: as broker_open, in one line. */
MUST_USE enum err broker_try(const struct settings *settings, struct buf *out, struct diag *diag);

#endif
