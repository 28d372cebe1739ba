/* Random names and seeded numbers. */
#include "base/uuid.h"

#include <stdio.h>
#include <sys/random.h>

struct uuid uuid_random(void) {
    struct uuid uuid;
    CHECK(getrandom(uuid.bytes, sizeof(uuid.bytes), 0) == (ssize_t)sizeof(uuid.bytes));
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
    return uuid;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES]) {
    char *at = text;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        (void)snprintf(at, 3, "%02x", uuid->bytes[i]);
        at += 2;
    }
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err uuid_parse(struct span text, struct uuid *uuid) {
    struct uuid parsed = {{0}};
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-') {
            continue;
        }
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0 || digits == 32) {
            return ERR_INVALID;
        }
        parsed.bytes[digits / 2] = (uint8_t)(parsed.bytes[digits / 2] << 4 | digit);
        digits++;
    }
    if (digits != 32) {
        return ERR_INVALID;
    }
    *uuid = parsed;
    return ERR_OK;
}

uint64_t rng_next(struct rng *rng) {
    rng->state += 0x9e3779b97f4a7c15U;
    uint64_t mixed = rng->state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31;
}

uint64_t rng_below(struct rng *rng, uint64_t limit) {
    CHECK(limit > 0);
    return rng_next(rng) % limit;
}
