/* Purpose: the tables of the slow evaluator's strict functions, which the inventor draws from: a
 * function that is new in the language is a row here.  Forms are how an author writes them. */
#ifndef CASEMILL_TESTS_UNIT_CEL_SLOW_FUNCTIONS_H
#define CASEMILL_TESTS_UNIT_CEL_SLOW_FUNCTIONS_H

#include "cel_slow_text.h"

#define SLOW_ROW1(form, result, call, number, a)                                                   \
    { form, SLOW_##result, 1, {SLOW_##a}, call, number }
#define SLOW_ROW2(form, result, call, number, a, b)                                                \
    { form, SLOW_##result, 2, {SLOW_##a, SLOW_##b}, call, number }
#define SLOW_ROW3(form, result, call, number, a, b, c)                                             \
    { form, SLOW_##result, 3, {SLOW_##a, SLOW_##b, SLOW_##c}, call, number }
#define SLOW_ROW4(form, result, call, number, a, b, c, d)                                          \
    { form, SLOW_##result, 4, {SLOW_##a, SLOW_##b, SLOW_##c, SLOW_##d}, call, number }

#define SLOW_EQUALITY(kind)                                                                        \
    SLOW_ROW2("(@0 == @1)", BOOL, slow_relation, EQUAL, kind, kind),                               \
        SLOW_ROW2("(@0 != @1)", BOOL, slow_relation, NOT_EQUAL, kind, kind)
#define SLOW_ORDER(a, b)                                                                           \
    SLOW_ROW2("(@0 < @1)", BOOL, slow_relation, LESS, a, b),                                       \
        SLOW_ROW2("(@0 <= @1)", BOOL, slow_relation, LESS_EQUAL, a, b),                            \
        SLOW_ROW2("(@0 > @1)", BOOL, slow_relation, GREATER, a, b),                                \
        SLOW_ROW2("(@0 >= @1)", BOOL, slow_relation, GREATER_EQUAL, a, b)

static const struct slow_function slow_relations[] = {
    SLOW_EQUALITY(BOOL),          SLOW_EQUALITY(INT),
    SLOW_EQUALITY(UINT),          SLOW_EQUALITY(DOUBLE),
    SLOW_EQUALITY(STRING),        SLOW_EQUALITY(BYTES),
    SLOW_EQUALITY(INSTANT),       SLOW_EQUALITY(DURATION),
    SLOW_EQUALITY(DATE),          SLOW_EQUALITY(INTS),
    SLOW_EQUALITY(STRINGS),       SLOW_EQUALITY(MAP),
    SLOW_EQUALITY(OPT_INT),       SLOW_EQUALITY(OPT_STRING),
    SLOW_ORDER(BOOL, BOOL),       SLOW_ORDER(INT, INT),
    SLOW_ORDER(INT, UINT),        SLOW_ORDER(INT, DOUBLE),
    SLOW_ORDER(UINT, INT),        SLOW_ORDER(UINT, UINT),
    SLOW_ORDER(UINT, DOUBLE),     SLOW_ORDER(DOUBLE, INT),
    SLOW_ORDER(DOUBLE, UINT),     SLOW_ORDER(DOUBLE, DOUBLE),
    SLOW_ORDER(STRING, STRING),   SLOW_ORDER(BYTES, BYTES),
    SLOW_ORDER(INSTANT, INSTANT), SLOW_ORDER(DURATION, DURATION),
    SLOW_ORDER(DATE, DATE),       SLOW_ORDER(DATE, INSTANT),
};

#define SLOW_NUMBERS(kind, call)                                                                   \
    SLOW_ROW2("(@0 + @1)", kind, call, ADD, kind, kind),                                           \
        SLOW_ROW2("(@0 - @1)", kind, call, SUBTRACT, kind, kind),                                  \
        SLOW_ROW2("(@0 * @1)", kind, call, MULTIPLY, kind, kind),                                  \
        SLOW_ROW2("(@0 / @1)", kind, call, DIVIDE, kind, kind)

static const struct slow_function slow_basics[] = {
    SLOW_ROW1("!@0", BOOL, slow_not, 0, BOOL),
    SLOW_NUMBERS(INT, slow_arithmetic),
    SLOW_NUMBERS(UINT, slow_arithmetic),
    SLOW_NUMBERS(DOUBLE, slow_real_arithmetic),
    SLOW_ROW2("(@0 % @1)", INT, slow_arithmetic, MODULO, INT, INT),
    SLOW_ROW2("(@0 % @1)", UINT, slow_arithmetic, MODULO, UINT, UINT),
    SLOW_ROW1("(-@0)", INT, slow_negate, 0, INT),
    SLOW_ROW1("(-@0)", DOUBLE, slow_negate, 0, DOUBLE),
    SLOW_ROW1("int(@0)", INT, slow_to_whole, 0, UINT),
    SLOW_ROW1("int(@0)", INT, slow_to_whole, 0, DOUBLE),
    SLOW_ROW1("int(@0)", INT, slow_read_whole, 0, STRING),
    SLOW_ROW1("uint(@0)", UINT, slow_to_whole, 0, INT),
    SLOW_ROW1("uint(@0)", UINT, slow_to_whole, 0, DOUBLE),
    SLOW_ROW1("uint(@0)", UINT, slow_read_whole, 0, STRING),
    SLOW_ROW1("double(@0)", DOUBLE, slow_to_double, 0, INT),
    SLOW_ROW1("double(@0)", DOUBLE, slow_to_double, 0, UINT),
    SLOW_ROW2("(@0 + @1)", STRING, slow_join_texts, 0, STRING, STRING),
    SLOW_ROW2("(@0 + @1)", BYTES, slow_join_texts, 0, BYTES, BYTES),
    SLOW_ROW1("bytes(@0)", BYTES, slow_to_bytes, 0, STRING),
    SLOW_ROW1("string(@0)", STRING, slow_text_of_bytes, 0, BYTES),
    SLOW_ROW2("(@0 + @1)", INTS, slow_join_lists, 0, INTS, INTS),
    SLOW_ROW2("(@0 + @1)", STRINGS, slow_join_lists, 0, STRINGS, STRINGS),
    SLOW_ROW2("(@0 + @1)", PEOPLE, slow_join_lists, 0, PEOPLE, PEOPLE),
    SLOW_ROW1("size(@0)", INT, slow_size, 0, STRING),
    SLOW_ROW1("@0.size()", INT, slow_size, 0, BYTES),
    SLOW_ROW1("size(@0)", INT, slow_size, 0, INTS),
    SLOW_ROW1("@0.size()", INT, slow_size, 0, PEOPLE),
    SLOW_ROW1("size(@0)", INT, slow_size, 0, MAP),
    SLOW_ROW2("(@0 in @1)", BOOL, slow_is_in, 0, INT, INTS),
    SLOW_ROW2("(@0 in @1)", BOOL, slow_is_in, 0, STRING, STRINGS),
    SLOW_ROW2("(@0 in @1)", BOOL, slow_is_in, 0, STRING, MAP),
    SLOW_ROW2("@0[@1]", INT, slow_index, 0, INTS, INT),
    SLOW_ROW2("@0[@1]", STRING, slow_index, 0, STRINGS, INT),
    SLOW_ROW2("@0[@1]", PERSON, slow_index, 0, PEOPLE, INT),
    SLOW_ROW2("@0[@1]", INT, slow_index, 0, MAP, STRING),
    SLOW_ROW1("@0.a", INT, slow_select, 0, MAP),
    SLOW_ROW1("has(@0.b)", BOOL, slow_has_field, 1, MAP),
    SLOW_ROW1("[@0]", INTS, slow_list_of, 0, INT),
    SLOW_ROW2("[@0, @1]", INTS, slow_list_of, 0, INT, INT),
    SLOW_ROW2("[@0, @1]", STRINGS, slow_list_of, 0, STRING, STRING),
    SLOW_ROW2("{'a': @0, 'b': @1}", MAP, slow_map_of, 0, INT, INT),
    SLOW_ROW2("{@0: 1, @1: 2}", MAP, slow_map_with_keys, 0, STRING, STRING),
};

static const struct slow_function slow_maths[] = {
    SLOW_ROW2("math.greatest(@0, @1)", INT, slow_extreme, 1, INT, INT),
    SLOW_ROW3("math.greatest(@0, @1, @2)", UINT, slow_extreme, 1, UINT, UINT, UINT),
    SLOW_ROW2("math.greatest(@0, @1)", DOUBLE, slow_extreme, 1, DOUBLE, DOUBLE),
    SLOW_ROW3("math.least(@0, @1, @2)", INT, slow_extreme, -1, INT, INT, INT),
    SLOW_ROW2("math.least(@0, @1)", UINT, slow_extreme, -1, UINT, UINT),
    SLOW_ROW1("math.abs(@0)", INT, slow_abs, 0, INT),
    SLOW_ROW1("math.abs(@0)", UINT, slow_abs, 0, UINT),
    SLOW_ROW1("math.sign(@0)", INT, slow_sign, 0, INT),
    SLOW_ROW1("math.sign(@0)", UINT, slow_sign, 0, UINT),
    SLOW_ROW2("math.bitAnd(@0, @1)", INT, slow_bits, BITS_AND, INT, INT),
    SLOW_ROW2("math.bitOr(@0, @1)", UINT, slow_bits, BITS_OR, UINT, UINT),
    SLOW_ROW2("math.bitXor(@0, @1)", INT, slow_bits, BITS_XOR, INT, INT),
    SLOW_ROW1("math.bitNot(@0)", INT, slow_bits, BITS_NOT, INT),
    SLOW_ROW1("math.bitNot(@0)", UINT, slow_bits, BITS_NOT, UINT),
    SLOW_ROW2("math.bitShiftLeft(@0, @1)", INT, slow_bits, BITS_LEFT, INT, INT),
    SLOW_ROW2("math.bitShiftLeft(@0, @1)", UINT, slow_bits, BITS_LEFT, UINT, INT),
    SLOW_ROW2("math.bitShiftRight(@0, @1)", INT, slow_bits, BITS_RIGHT, INT, INT),
    SLOW_ROW2("math.bitShiftRight(@0, @1)", UINT, slow_bits, BITS_RIGHT, UINT, INT),
};

static const struct slow_function slow_optionals[] = {
    SLOW_ROW1("@0.name", STRING, slow_leaf, 0, PERSON),
    SLOW_ROW1("@0.age", INT, slow_leaf, 1, PERSON),
    SLOW_ROW1("@0.adult", BOOL, slow_leaf, 2, PERSON),
    SLOW_ROW1("has(@0.name)", BOOL, slow_has_leaf, 0, PERSON),
    SLOW_ROW1("has(@0.age)", BOOL, slow_has_leaf, 1, PERSON),
    SLOW_ROW1("@0.?name", OPT_STRING, slow_leaf_optional, 0, PERSON),
    SLOW_ROW1("@0.?name", OPT_STRING, slow_leaf_optional, 0, OPT_PERSON),
    SLOW_ROW1("@0.name", OPT_STRING, slow_leaf_optional, 0, OPT_PERSON),
    SLOW_ROW1("@0.?age", OPT_INT, slow_leaf_optional, 1, PERSON),
    SLOW_ROW1("@0.age", OPT_INT, slow_leaf_optional, 1, OPT_PERSON),
    SLOW_ROW1("@0.?a", OPT_INT, slow_select_optional, 0, MAP),
    SLOW_ROW1("optional.of(@0)", OPT_INT, slow_optional_of, 0, INT),
    SLOW_ROW1("optional.of(@0)", OPT_STRING, slow_optional_of, 0, STRING),
    SLOW_ROW1("optional.of(@0)", OPT_PERSON, slow_optional_of, 0, PERSON),
    SLOW_ROW1("optional.ofNonZeroValue(@0)", OPT_INT, slow_optional_of_non_zero, 0, INT),
    SLOW_ROW1("optional.ofNonZeroValue(@0)", OPT_STRING, slow_optional_of_non_zero, 0, STRING),
    SLOW_ROW2("@0[?@1]", OPT_INT, slow_index_optional, 0, INTS, INT),
    SLOW_ROW2("@0[?@1]", OPT_INT, slow_index_optional, 0, MAP, STRING),
    SLOW_ROW2("@0[?@1]", OPT_STRING, slow_index_optional, 0, STRINGS, INT),
    SLOW_ROW2("@0[?@1]", OPT_PERSON, slow_index_optional, 0, PEOPLE, INT),
    SLOW_ROW1("@0.hasValue()", BOOL, slow_has_value, 0, OPT_INT),
    SLOW_ROW1("@0.hasValue()", BOOL, slow_has_value, 0, OPT_STRING),
    SLOW_ROW1("@0.hasValue()", BOOL, slow_has_value, 0, OPT_PERSON),
    SLOW_ROW1("@0.value()", INT, slow_value, 0, OPT_INT),
    SLOW_ROW1("@0.value()", STRING, slow_value, 0, OPT_STRING),
    SLOW_ROW1("@0.value()", PERSON, slow_value, 0, OPT_PERSON),
    SLOW_ROW2("[?@0, @1]", INTS, slow_list_of, 0, OPT_INT, INT),
    SLOW_ROW2("[@0, ?@1]", STRINGS, slow_list_of, 0, STRING, OPT_STRING),
    SLOW_ROW2("{?'a': @0, 'b': @1}", MAP, slow_map_of, 0, OPT_INT, INT),
};

static const struct slow_function slow_texts[] = {
    SLOW_ROW2("@0.contains(@1)", BOOL, slow_has_part, 0, STRING, STRING),
    SLOW_ROW2("@0.startsWith(@1)", BOOL, slow_has_part, 1, STRING, STRING),
    SLOW_ROW2("@0.endsWith(@1)", BOOL, slow_has_part, 2, STRING, STRING),
    SLOW_ROW2("@0.charAt(@1)", STRING, slow_char_at, 0, STRING, INT),
    SLOW_ROW2("@0.indexOf(@1)", INT, slow_index_of, 1, STRING, STRING),
    SLOW_ROW3("@0.indexOf(@1, @2)", INT, slow_index_of, 1, STRING, STRING, INT),
    SLOW_ROW2("@0.lastIndexOf(@1)", INT, slow_index_of, -1, STRING, STRING),
    SLOW_ROW3("@0.lastIndexOf(@1, @2)", INT, slow_index_of, -1, STRING, STRING, INT),
    SLOW_ROW1("@0.lowerAscii()", STRING, slow_change_case, 'a' - 'A', STRING),
    SLOW_ROW1("@0.upperAscii()", STRING, slow_change_case, 'A' - 'a', STRING),
    SLOW_ROW3("@0.replace(@1, @2)", STRING, slow_replace, 0, STRING, STRING, STRING),
    SLOW_ROW4("@0.replace(@1, @2, @3)", STRING, slow_replace, 0, STRING, STRING, STRING, INT),
    SLOW_ROW2("@0.split(@1)", STRINGS, slow_split, 0, STRING, STRING),
    SLOW_ROW3("@0.split(@1, @2)", STRINGS, slow_split, 0, STRING, STRING, INT),
    SLOW_ROW2("@0.substring(@1)", STRING, slow_substring, 0, STRING, INT),
    SLOW_ROW3("@0.substring(@1, @2)", STRING, slow_substring, 0, STRING, INT, INT),
    SLOW_ROW1("@0.trim()", STRING, slow_trim, 0, STRING),
    SLOW_ROW1("@0.join()", STRING, slow_join, 0, STRINGS),
    SLOW_ROW2("@0.join(@1)", STRING, slow_join, 0, STRINGS, STRING),
    SLOW_ROW1("@0.reverse()", STRING, slow_reverse, 0, STRING),
    SLOW_ROW1("strings.quote(@0)", STRING, slow_quote, 0, STRING),
    SLOW_ROW1("string(@0)", STRING, slow_to_text, 0, BOOL),
    SLOW_ROW1("string(@0)", STRING, slow_to_text, 0, INT),
    SLOW_ROW1("string(@0)", STRING, slow_to_text, 0, UINT),
    SLOW_ROW1("string(@0)", STRING, slow_to_text, 0, INSTANT),
    SLOW_ROW1("string(@0)", STRING, slow_to_text, 0, DURATION),
    SLOW_ROW2("'%s: %d'.format([@0, @1])", STRING, slow_format, 0, STRING, INT),
    SLOW_ROW2("'%s%%, %s'.format([@0, @1])", STRING, slow_format, 0, BOOL, UINT),
    SLOW_ROW4("'%b %o %x %X'.format([@0, @1, @2, @3])", STRING, slow_format, 0, INT, INT, INT,
              UINT),
    SLOW_ROW3("'%b, %x, %X'.format([@0, @1, @2])", STRING, slow_format, 0, BOOL, STRING, BYTES),
    SLOW_ROW3("'%f %.2f %e'.format([@0, @1, @2])", STRING, slow_format, 0, DOUBLE, DOUBLE, DOUBLE),
    SLOW_ROW2("'%.2f%f'.format([@0, @1])", STRING, slow_format, 0, INT, UINT),
    SLOW_ROW2("'%s, %s'.format([@0, @1])", STRING, slow_format, 0, INSTANT, DURATION),
    SLOW_ROW2("'%s%s'.format([@0, @1])", STRING, slow_format, 0, DATE, BYTES),
    SLOW_ROW2("'%s of %s'.format([@0, @1])", STRING, slow_format, 0, INTS, STRINGS),
};

#define SLOW_PARTS(name, part)                                                                     \
    SLOW_ROW1("@0." name "()", INT, slow_part, part, INSTANT),                                     \
        SLOW_ROW2("@0." name "(@1)", INT, slow_part_in_zone, part, INSTANT, ZONE)

static const struct slow_function slow_times[] = {
    SLOW_ROW2("(@0 + @1)", INSTANT, slow_add_times, 1, INSTANT, DURATION),
    SLOW_ROW2("(@0 + @1)", INSTANT, slow_add_times, 1, DURATION, INSTANT),
    SLOW_ROW2("(@0 + @1)", INSTANT, slow_add_times, 1, DATE, DURATION),
    SLOW_ROW2("(@0 - @1)", INSTANT, slow_add_times, -1, INSTANT, DURATION),
    SLOW_ROW1("timestamp(@0)", INSTANT, slow_instant_of_int, 0, INT),
    SLOW_ROW2("(@0 + @1)", DURATION, slow_add_times, 1, DURATION, DURATION),
    SLOW_ROW2("(@0 - @1)", DURATION, slow_add_times, -1, DURATION, DURATION),
    SLOW_ROW2("(@0 - @1)", DURATION, slow_add_times, -1, INSTANT, INSTANT),
    SLOW_ROW2("(@0 - @1)", DURATION, slow_add_times, -1, DATE, INSTANT),
    SLOW_ROW2("(@0 - @1)", DURATION, slow_add_times, -1, DATE, DATE),
    SLOW_ROW1("int(@0)", INT, slow_seconds_of_instant, 0, INSTANT),
    SLOW_PARTS("getFullYear", YEAR),
    SLOW_PARTS("getMonth", MONTH),
    SLOW_PARTS("getDate", DATE),
    SLOW_PARTS("getDayOfMonth", DAY_OF_MONTH),
    SLOW_PARTS("getDayOfWeek", DAY_OF_WEEK),
    SLOW_PARTS("getDayOfYear", DAY_OF_YEAR),
    SLOW_PARTS("getHours", HOURS),
    SLOW_PARTS("getMinutes", MINUTES),
    SLOW_PARTS("getSeconds", SECONDS),
    SLOW_PARTS("getMilliseconds", MILLIS),
    SLOW_ROW1("@0.getFullYear()", INT, slow_part, YEAR, DATE),
    SLOW_ROW1("@0.getDayOfYear()", INT, slow_part, DAY_OF_YEAR, DATE),
    SLOW_ROW1("@0.getDate()", INT, slow_part, DATE, DATE),
    SLOW_ROW1("@0.getHours()", INT, slow_duration_part, HOURS, DURATION),
    SLOW_ROW1("@0.getMinutes()", INT, slow_duration_part, MINUTES, DURATION),
    SLOW_ROW1("@0.getSeconds()", INT, slow_duration_part, SECONDS, DURATION),
    SLOW_ROW1("@0.getMilliseconds()", INT, slow_duration_part, MILLIS, DURATION),
    SLOW_ROW2("days(@0, @1)", INT, slow_days_between, 0, DATE, DATE),
    SLOW_ROW2("months(@0, @1)", INT, slow_periods, 1, DATE, DATE),
    SLOW_ROW2("years(@0, @1)", INT, slow_periods, 12, DATE, DATE),
    SLOW_ROW2("add_months(@0, @1, 'clip')", DATE, slow_add_months, 0, DATE, INT),
    SLOW_ROW2("add_months(@0, @1, 'roll')", DATE, slow_add_months, 1, DATE, INT),
};

struct slow_table {
    const struct slow_function *rows;
    uint32_t count;
};
static const struct slow_table slow_tables[] = {
    {slow_relations, COUNT_OF(slow_relations)}, {slow_basics, COUNT_OF(slow_basics)},
    {slow_optionals, COUNT_OF(slow_optionals)}, {slow_texts, COUNT_OF(slow_texts)},
    {slow_times, COUNT_OF(slow_times)},         {slow_maths, COUNT_OF(slow_maths)},
};
enum {
    SLOW_FUNCTIONS = COUNT_OF(slow_relations) + COUNT_OF(slow_basics) + COUNT_OF(slow_optionals) +
                     COUNT_OF(slow_texts) + COUNT_OF(slow_times) + COUNT_OF(slow_maths)
};

/* A function by its place among all, and the table that it is in. */
static inline uint32_t slow_table_of(uint32_t place) {
    uint32_t table = 0;
    while (place >= slow_tables[table].count) {
        place -= slow_tables[table++].count;
    }
    return table;
}

static inline const struct slow_function *slow_function_at(uint32_t place) {
    CHECK(place < SLOW_FUNCTIONS);
    uint32_t table = slow_table_of(place);
    for (uint32_t i = 0; i < table; i++) {
        place -= slow_tables[i].count;
    }
    return &slow_tables[table].rows[place];
}

#endif
