/* Purpose: what `casemill doctor` found: one row for each check. */
#ifndef CASEMILL_CLI_DOCTOR_FINDINGS_H
#define CASEMILL_CLI_DOCTOR_FINDINGS_H

#include "base/buf.h"

enum finding_state {
    FINDING_OK,
    FINDING_WARNING, /* it works, but an operator should act */
    FINDING_FAULT    /* casemill does not work, or not safely */
};
enum { FINDINGS_MAX = 64 };

struct doctor_finding {
    const char *check; /* static: "database" */
    enum finding_state state;
    struct buf text;
    const char *advice; /* static: what to do; NULL of FINDING_OK, or when the text states it */
};
struct findings {
    struct doctor_finding rows[FINDINGS_MAX];
    uint32_t count;
};

/* finding_add appends a row. */
void finding_add(struct findings *findings, const char *check, enum finding_state state,
                 const char *advice, const char *format, ...) PRINTF_LIKE(5, 6);
void findings_print(const struct findings *findings, bool as_json);
bool findings_have_fault(const struct findings *findings);
void findings_free(struct findings *findings);

#endif
