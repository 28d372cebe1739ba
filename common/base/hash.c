/* xxhash and libsodium behind one door. */
#include "base/hash.h"

#include <sodium.h>
#include <xxhash.h>

uint64_t hash64(struct span bytes) { return XXH3_64bits(bytes.ptr, bytes.len); }

struct hash128 hash128(struct span bytes) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.ptr, bytes.len));
    struct hash128 hash;
    memcpy(hash.bytes, canonical.digest, sizeof(hash.bytes));
    return hash;
}

void sha256_hex(struct span bytes, char hex[SHA256_HEX_BYTES]) {
    unsigned char digest[SHA256_BYTES];
    (void)crypto_hash_sha256(digest, bytes.ptr, bytes.len);
    (void)sodium_bin2hex(hex, SHA256_HEX_BYTES, digest, sizeof(digest));
}
