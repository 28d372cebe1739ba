/* Purpose: CURVE keys as files, and the keyring of one role: public keys and their names.
 *
 *   NAME.pub   KEY NAME                        one key per line; files may be concatenated
 *   NAME.key   secret KEY                      mode 0600; the public key is derived from it
 *
 * KEY is 40 characters of Z85, NAME UTF-8 of at most 128 bytes without control characters; a line
 * that begins with "# " is a comment.  A name may have several keys, a key has one name.
 * Limits: a file is at most 1 MiB, a keyring NET_KEYS_MAX keys.  Threads: any. */
#ifndef CASEMILL_NET_KEYS_H
#define CASEMILL_NET_KEYS_H

#include "base/diag.h"

#include <stdbool.h>

enum { NET_KEY_BYTES = 40, NET_KEY_NAME_MAX = 128, NET_KEYS_MAX = 4096 };

struct net_key { /* Z85 */
    char text[NET_KEY_BYTES + 1];
};
struct net_key_pair {
    struct net_key public_key, secret;
};

/* Errors: ERR_SYSTEM libzmq was built without CURVE. */
MUST_USE enum err net_key_pair_make(struct net_key_pair *pair, struct diag *diag);
/* net_key_read_secret refuses a file that users other than its owner may read.
 * Errors: ERR_DENIED, ERR_INVALID, ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO; one line in diag. */
MUST_USE enum err net_key_read_secret(const char *path, struct net_key_pair *pair,
                                      struct diag *diag);
/* net_key_read_public reads a file with exactly one public key.  Errors: as above. */
MUST_USE enum err net_key_read_public(const char *path, struct net_key *key, struct diag *diag);
/* net_key_write_pair makes DIR/NAME.key (mode 0600) and DIR/NAME.pub; it never overwrites.
 * Errors: ERR_INVALID the name, ERR_CONFLICT the file exists, ERR_IO. */
MUST_USE enum err net_key_write_pair(const char *dir, const char *name,
                                     const struct net_key_pair *pair, struct diag *diag);
bool net_key_name_is_valid(struct span name);

/* A socket's keys.  A peer without the right keys gets no connection. */
struct net_curve {
    struct net_key_pair own;
    struct net_key server; /* of a DEALER: the public key that the other side must prove */
    const char *domain;    /* of a ROUTER: static, names the keyring of its peers (guard.h) */
};

/* net_curve_read fills a DEALER's keys from files: its own secret and the other side's public key.
 * Errors: ERR_INVALID one of both is "", else as the two above. */
MUST_USE enum err net_curve_read(const char *secret_path, const char *server_path,
                                 struct net_curve *curve, struct diag *diag);

struct net_keyring;
/* net_keyring_read takes a file, or every *.pub of a directory; both may hold no key.
 * Ownership: the caller's, freed by net_keyring_free.
 * Errors: ERR_CONFLICT a key with two names, ERR_TOO_LARGE, else as net_key_read_public. */
MUST_USE enum err net_keyring_read(const char *path, struct net_keyring **ring, struct diag *diag);
/* net_keyring_parse and net_key_parse_secret read a file's text; path is for the diag.
 * Ownership, errors: as those that read files. */
MUST_USE enum err net_keyring_parse(struct span text, const char *path, struct net_keyring **ring,
                                    struct diag *diag);
MUST_USE enum err net_key_parse_secret(struct span text, const char *path,
                                       struct net_key_pair *pair, struct diag *diag);
void net_keyring_free(struct net_keyring **ring);
size_t net_keyring_count(const struct net_keyring *ring);
/* net_keyring_name: NULL when the key is not in it; lives as long as the ring. */
const char *net_keyring_name(const struct net_keyring *ring, struct span key);
/* net_keyring_each passes them in key order. */
void net_keyring_each(const struct net_keyring *ring,
                      void (*show)(const char *key, const char *name, void *context),
                      void *context);

#endif
