/* The only file that calls xxhash and libsodium. */
#include "base/hash.h"

#include "base/check.h"

#include <sodium.h>
#include <xxhash.h>

uint64_t hash64(struct span bytes) { return XXH3_64bits(bytes.ptr, bytes.len); }

static struct hash128 canonical128(XXH128_hash_t value) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, value);
    struct hash128 hash;
    memcpy(hash.bytes, canonical.digest, sizeof(hash.bytes));
    return hash;
}

struct hash128 hash128(struct span bytes) {
    return canonical128(XXH3_128bits(bytes.ptr, bytes.len));
}

struct hash128 hash128_joined(struct span a, struct span b) {
    XXH3_state_t *state = XXH3_createState();
    CHECK(state != NULL);
    CHECK(XXH3_128bits_reset(state) == XXH_OK);
    CHECK(XXH3_128bits_update(state, a.ptr, a.len) == XXH_OK);
    CHECK(XXH3_128bits_update(state, b.ptr, b.len) == XXH_OK);
    struct hash128 hash = canonical128(XXH3_128bits_digest(state));
    (void)XXH3_freeState(state);
    return hash;
}

void sha256_hex(struct span bytes, char hex[SHA256_HEX_BYTES]) {
    unsigned char digest[SHA256_BYTES];
    (void)crypto_hash_sha256(digest, bytes.ptr, bytes.len);
    (void)sodium_bin2hex(hex, SHA256_HEX_BYTES, digest, sizeof(digest));
}

struct hash128 hash128_keyed(const uint8_t key[KEY_BYTES], struct span a, struct span b) {
    crypto_generichash_state state;
    struct hash128 hash;
    CHECK(crypto_generichash_init(&state, key, KEY_BYTES, sizeof(hash.bytes)) == 0);
    CHECK(crypto_generichash_update(&state, a.ptr, a.len) == 0);
    CHECK(crypto_generichash_update(&state, b.ptr, b.len) == 0);
    CHECK(crypto_generichash_final(&state, hash.bytes, sizeof(hash.bytes)) == 0);
    return hash;
}

bool secret_eq(const void *a, const void *b, size_t len) { return sodium_memcmp(a, b, len) == 0; }

void random_bytes(void *bytes, size_t len) { randombytes_buf(bytes, len); }
