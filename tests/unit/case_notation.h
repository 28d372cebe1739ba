/* Purpose: cases in a small notation, as MessagePack.  It is an encoder of the tests' own, so that
 * decoder and encoder do not share a mistake:
 *   null true false  12 -3  1.5 nan -0.0  "text" with \xNN  b"bin"  x"ext"  [a, b]  {key: v, "key":
 * v, 5: v} */
#ifndef CASEMILL_TESTS_UNIT_CASE_NOTATION_H
#define CASEMILL_TESTS_UNIT_CASE_NOTATION_H

#include "base/buf.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

struct packer {
    const char *at;
    bool wide; /* the widest form of everything instead of the narrowest */
};

static inline void blanks(struct packer *p) {
    while (*p->at == ' ' || *p->at == ',' || *p->at == ':' || *p->at == '\n') {
        p->at++;
    }
}

static inline void write_value(struct packer *p, struct buf *out);

static inline void write_bytes(struct buf *out, uint8_t head, struct span bytes) {
    buf_byte(out, head);
    buf_be32(out, (uint32_t)bytes.len);
    if (head == 0xc9) {
        buf_byte(out, 7); /* the ext's type */
    }
    buf_append(out, bytes);
}

static inline void write_str(struct packer *p, struct buf *out, struct span text) {
    if (text.len < 32 && !p->wide) {
        buf_byte(out, (uint8_t)(0xa0 | text.len));
        buf_append(out, text);
    } else {
        write_bytes(out, 0xdb, text);
    }
}

static inline void write_quoted(struct packer *p, struct buf *out, uint8_t head) {
    struct buf text = BUF_EMPTY;
    for (p->at++; *p->at != '"'; p->at++) {
        ck_assert(*p->at != '\0');
        if (p->at[0] == '\\' && p->at[1] == 'x') {
            char hex[3] = {p->at[2], p->at[3], '\0'};
            buf_byte(&text, (uint8_t)strtoul(hex, NULL, 16));
            p->at += 3;
        } else {
            buf_byte(&text, (uint8_t)*p->at);
        }
    }
    p->at++;
    if (head == 0) {
        write_str(p, out, buf_span(&text));
    } else {
        write_bytes(out, head, buf_span(&text));
    }
    buf_free(&text);
}

static inline void write_container(struct packer *p, struct buf *out, char close) {
    struct buf inner = BUF_EMPTY;
    uint32_t count = 0;
    p->at++;
    for (blanks(p); *p->at != close; blanks(p)) {
        ck_assert(*p->at != '\0');
        write_value(p, &inner);
        count++;
    }
    p->at++;
    count = close == '}' ? count / 2 : count;
    if (count < 16 && !p->wide) {
        buf_byte(out, (uint8_t)((close == '}' ? 0x80 : 0x90) | count));
    } else {
        buf_byte(out, close == '}' ? 0xdf : 0xdd);
        buf_be32(out, count);
    }
    buf_append(out, buf_span(&inner));
    buf_free(&inner);
}

static inline void write_word(struct packer *p, struct buf *out) {
    size_t len = strcspn(p->at, " ,:]}\n");
    struct span word = span_make(p->at, len);
    const char *text = p->at;
    p->at += len;
    bool number = (*text >= '0' && *text <= '9') || *text == '-';
    if (span_is(word, "null")) {
        buf_byte(out, 0xc0);
    } else if (span_is(word, "true") || span_is(word, "false")) {
        buf_byte(out, *text == 't' ? 0xc3 : 0xc2);
    } else if (span_is(word, "nan") || (number && memchr(text, '.', len) != NULL)) {
        double value = span_is(word, "nan") ? NAN : strtod(text, NULL);
        float narrow = (float)value;
        uint64_t bits64 = 0;
        uint32_t bits32 = 0;
        memcpy(&bits64, &value, sizeof(bits64));
        memcpy(&bits32, &narrow, sizeof(bits32));
        buf_byte(out, p->wide ? 0xcb : 0xca);
        if (p->wide) {
            buf_be64(out, bits64);
        } else {
            buf_be32(out, bits32);
        }
    } else if (number && (p->wide || *text == '-' || len > 2)) {
        bool big = len == 20 && *text != '-';
        buf_byte(out, big ? 0xcf : 0xd3);
        buf_be64(out, big ? strtoull(text, NULL, 10) : (uint64_t)strtoll(text, NULL, 10));
    } else if (number) {
        buf_byte(out, (uint8_t)strtoul(text, NULL, 10));
    } else {
        write_str(p, out, word);
    }
}

static inline void write_value(struct packer *p, struct buf *out) {
    blanks(p);
    if (*p->at == '{' || *p->at == '[') {
        write_container(p, out, *p->at == '{' ? '}' : ']');
    } else if (*p->at == '"') {
        write_quoted(p, out, 0);
    } else if ((*p->at == 'b' || *p->at == 'x') && p->at[1] == '"') {
        uint8_t head = *p->at == 'b' ? 0xc6 : 0xc9;
        p->at++;
        write_quoted(p, out, head);
    } else {
        write_word(p, out);
    }
}

#endif
