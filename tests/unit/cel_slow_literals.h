/* Purpose: the literals that the inventor draws from: how each is written and what it means; among
 * them ends of ranges, and what is no value but an error. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_LITERALS_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_LITERALS_H

#include "cel_slow_time.h"

struct slow_literal {
    enum slow_kind type;
    const char *text;
    struct slow value;
};

#define SLOW_BOOLEAN(source, yes)                                                                  \
    {                                                                                              \
        SLOW_BOOL, source, { .kind = SLOW_BOOL, .i = yes }                                         \
    }
#define SLOW_NUMBER(source, number)                                                                \
    {                                                                                              \
        SLOW_INT, source, { .kind = SLOW_INT, .i = number }                                        \
    }
#define SLOW_UNSIGNED(number)                                                                      \
    {                                                                                              \
        SLOW_UINT, #number, { .kind = SLOW_UINT, .u = number }                                     \
    }
#define SLOW_REAL(source, real)                                                                    \
    {                                                                                              \
        SLOW_DOUBLE, source, { .kind = SLOW_DOUBLE, .d = real }                                    \
    }
#define SLOW_BYTES_OF(bytes)                                                                       \
    { (const uint8_t *)(bytes), sizeof(bytes) - 1 }
#define SLOW_QUOTED(type, source, bytes)                                                           \
    {                                                                                              \
        type, source, { .kind = type, .text = SLOW_BYTES_OF(bytes) }                               \
    }
#define SLOW_PLACE(zone)                                                                           \
    {                                                                                              \
        SLOW_ZONE, "'" zone "'", { .kind = SLOW_STRING, .text = SLOW_BYTES_OF(zone) }              \
    }
#define SLOW_NANOS(type, seconds, rest)                                                            \
    { .kind = type, .nanos = (wide)(seconds)*1000000000 + (rest) }
#define SLOW_TIMESTAMP(source, seconds, rest)                                                      \
    { SLOW_INSTANT, "timestamp('" source "')", SLOW_NANOS(SLOW_INSTANT, seconds, rest) }
#define SLOW_SPAN(source, seconds, rest)                                                           \
    { SLOW_DURATION, "duration('" source "')", SLOW_NANOS(SLOW_DURATION, seconds, rest) }
#define SLOW_WRONG(type, source)                                                                   \
    {                                                                                              \
        type, source, { .kind = SLOW_ERROR }                                                       \
    }

static const struct slow_literal slow_literals[] = {
    SLOW_BOOLEAN("true", 1),
    SLOW_BOOLEAN("false", 0),
    SLOW_NUMBER("0", 0),
    SLOW_NUMBER("1", 1),
    SLOW_NUMBER("2", 2),
    SLOW_NUMBER("(-1)", -1),
    SLOW_NUMBER("7", 7),
    SLOW_NUMBER("0x11", 17),
    SLOW_NUMBER("9223372036854775807", INT64_MAX),
    SLOW_NUMBER("(-9223372036854775808)", INT64_MIN),
    SLOW_UNSIGNED(0u),
    SLOW_UNSIGNED(1u),
    SLOW_UNSIGNED(7u),
    SLOW_UNSIGNED(18446744073709551615u),
    SLOW_REAL("0.5", 0.5),
    SLOW_REAL("1.5", 1.5),
    SLOW_REAL("0.0", 0.0),
    SLOW_REAL("(-2.25)", -2.25),
    SLOW_REAL("1e19", 1e19),
    SLOW_REAL("2e19", 2e19),
    SLOW_QUOTED(SLOW_STRING, "''", ""),
    SLOW_QUOTED(SLOW_STRING, "'a'", "a"),
    SLOW_QUOTED(SLOW_STRING, "'b'", "b"),
    SLOW_QUOTED(SLOW_STRING, "'ab'", "ab"),
    SLOW_QUOTED(SLOW_STRING, "'17'", "17"),
    SLOW_QUOTED(SLOW_STRING, "'-3'", "-3"),
    SLOW_QUOTED(SLOW_STRING, "'\\u00e9'", "\xc3\xa9"),
    SLOW_QUOTED(SLOW_STRING, "\"\\u20acAb \\U0001f600\"",
                "\xe2\x82\xac"
                "Ab \xf0\x9f\x98\x80"),
    SLOW_QUOTED(SLOW_STRING, "' a\\t\\u00a0'", " a\t\xc2\xa0"),
    SLOW_QUOTED(SLOW_STRING, "'a\\\\\"b'", "a\\\"b"),
    SLOW_QUOTED(SLOW_BYTES, "b''", ""),
    SLOW_QUOTED(SLOW_BYTES, "b'a'", "a"),
    SLOW_QUOTED(SLOW_BYTES, "b'\\xff\\x00'", "\xff\0"),
    SLOW_QUOTED(SLOW_BYTES, "b'\xc3\xa9'", "\xc3\xa9"),
    SLOW_TIMESTAMP("1970-01-01T00:00:00Z", 0, 0),
    SLOW_TIMESTAMP("2009-02-13T23:31:30.5Z", 1234567890, 500000000),
    SLOW_TIMESTAMP("1969-12-31T23:59:59.999999999Z", 0, -1),
    SLOW_TIMESTAMP("2020-02-29T12:00:00.25+05:30", 1582957800, 250000000),
    SLOW_TIMESTAMP("2020-03-08T07:00:00Z", 1583650800, 0), /* daylight time in New York begins */
    SLOW_TIMESTAMP("2090-03-12T06:59:59Z", 3792985199, 0), /* behind the last that files list */
    SLOW_TIMESTAMP("2090-11-05T05:59:59Z", 3813544799, 0),
    SLOW_TIMESTAMP("2090-07-01T12:00:00Z", 3802593600, 0),
    SLOW_TIMESTAMP("0001-01-01T00:00:00Z", -62135596800, 0),
    SLOW_TIMESTAMP("9999-12-31T23:59:59.999999999Z", 253402300799, 999999999),
    SLOW_WRONG(SLOW_INSTANT, "timestamp('2021-02-29T00:00:00Z')"),
    SLOW_WRONG(SLOW_INSTANT, "timestamp('2021-02-28')"),
    SLOW_SPAN("0", 0, 0),
    SLOW_SPAN("1h30m", 5400, 0),
    SLOW_SPAN("-1.5s", -1, -500000000),
    SLOW_SPAN("100us1ns", 0, 100001),
    SLOW_SPAN("24h", 86400, 0),
    SLOW_SPAN("9223372036s", 9223372036, 0),
    SLOW_SPAN("-9223372036.854775808s", -9223372036, -854775808),
    SLOW_SPAN(".5s", 0, 500000000),
    SLOW_WRONG(SLOW_DURATION, "duration('9223372036.9s')"),
    SLOW_WRONG(SLOW_DURATION, "duration('1h-5m')"),
    SLOW_PLACE("UTC"),
    SLOW_PLACE(""),
    SLOW_PLACE("+05:30"),
    SLOW_PLACE("-03:30"),
    SLOW_PLACE("America/New_York"),
    SLOW_PLACE("Australia/Sydney"),
    {SLOW_INTS, "[]", {.kind = SLOW_INTS}},
    {SLOW_STRINGS, "[]", {.kind = SLOW_STRINGS}},
    {SLOW_OPT_INT, "optional.none()", {.kind = SLOW_OPT_INT}},
    {SLOW_OPT_STRING, "optional.none()", {.kind = SLOW_OPT_STRING}},
    {SLOW_OPT_PERSON, "optional.none()", {.kind = SLOW_OPT_PERSON}},
};

#endif
