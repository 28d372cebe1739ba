/* Purpose: hashes.  XXH3 finds accidents (journal checksums, body and case digests); SHA-256 names
 * rule sets; BLAKE2b proves knowledge of a secret.  Only hash.c includes xxhash.h and sodium.h. */
#ifndef CASEMILL_BASE_HASH_H
#define CASEMILL_BASE_HASH_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct hash128 {
    uint8_t
        bytes[16]; /* XXH3-128 in canonical (big-endian) order: also the bytes of the uuid column */
};
enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 65 };

enum { KEY_BYTES = 32 };

uint64_t hash64(struct span bytes);
struct hash128 hash128(struct span bytes);
struct hash128 hash128_joined(struct span a, struct span b); /* of a's bytes followed by b's */
/* hash128_keyed is a keyed hash (BLAKE2b) of a's bytes followed by b's: without the key nobody can
 * compute or guess it.  secret_eq takes constant time. */
struct hash128 hash128_keyed(const uint8_t key[KEY_BYTES], struct span a, struct span b);
bool secret_eq(const void *a, const void *b, size_t len);
void random_bytes(void *bytes, size_t len); /* for secrets */
/* sha256_hex writes 64 lower-case hex digits and a NUL. */
void sha256_hex(struct span bytes, char hex[SHA256_HEX_BYTES]);

static inline bool hash128_eq(struct hash128 a, struct hash128 b) {
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

#endif
