/* Purpose: the secret that a broker and its lanes share on one host: a file that only its owner can
 * read.  A process that answers a challenge has read it, so it is trusted like the owner.
 *
 *   one line of 64 hex digits, mode 0600; answer = keyed BLAKE2b of 16 bytes over nonce and uuid
 *
 * The secret itself never leaves the file and the program's memory.  Threads: any. */
#ifndef CASEMILL_NET_SECRET_H
#define CASEMILL_NET_SECRET_H

#include "base/diag.h"
#include "base/hash.h"
#include "base/uuid.h"

struct net_secret {
    uint8_t bytes[KEY_BYTES];
};

/* net_secret_read refuses a file that users other than its owner may read.
 * Errors: ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID it is no secret, ERR_IO; one line in diag. */
MUST_USE enum err net_secret_read(const char *path, struct net_secret *secret, struct diag *diag);
/* net_secret_take reads the file, or makes it with a new secret if it does not exist.
 * Errors: as net_secret_read. */
MUST_USE enum err net_secret_take(const char *path, struct net_secret *secret, struct diag *diag);
struct uuid net_secret_answer(const struct net_secret *secret, const struct uuid *nonce,
                              const struct uuid *uuid);

#endif
