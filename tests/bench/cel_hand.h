/* Purpose: the conditions of the benchmark `cel` as a careful programmer writes them in C, on
 * the facts as the decoder leaves them. They are three-valued and name the unknown facts. */
#ifndef CASEMILL_TESTS_BENCH_CEL_HAND_H
#define CASEMILL_TESTS_BENCH_CEL_HAND_H

#include "base/value.h"

enum tri { TRI_FALSE, TRI_TRUE, TRI_UNKNOWN };

enum bench_fact {
    FACT_ENTRY_MODE,
    FACT_ENTRY_DATE,
    FACT_CLAIM_DATE,
    FACT_RELATION,
    FACT_NATIONALITIES,
    FACT_MARRIED,
    FACT_STATELESS,
    FACT_ANCHORS,
    FACT_COUNT
};
/* The fields of one of FACT_ANCHORS, in the order in which the decoder puts them. */
enum bench_field { FIELD_COUNTRY, FIELD_RELATION, FIELD_STATUS, FIELD_COUNT };

enum { IN_FORCE_DAY = 18219 };

/* A condition: reads facts; *missing is meaningful when the result is TRI_UNKNOWN. */
typedef enum tri (*hand_fn)(const struct value *facts, struct path_set *missing);

enum tri hand_compare(const struct value *facts, struct path_set *missing);
enum tri hand_in_set(const struct value *facts, struct path_set *missing);
enum tri hand_seven(const struct value *facts, struct path_set *missing);
enum tri hand_exists(const struct value *facts, struct path_set *missing);
enum tri hand_member(const struct value *facts, struct path_set *missing);

#endif
