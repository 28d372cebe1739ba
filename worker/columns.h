/* Purpose: the columns of rows that a lane decoded lately: an array of names is resolved once, not
 * for each delivery.  Owns: a reference to each.  Threads: the lane's. */
#ifndef CASEMILL_WORKER_COLUMNS_H
#define CASEMILL_WORKER_COLUMNS_H

#include "casedoc/case_rows.h"

enum { COLUMNS_KEPT_MAX = 8 };
struct columns_kept {
    struct case_columns *items[COLUMNS_KEPT_MAX];
    uint32_t next; /* the one to be replaced */
};

/* columns_for gives a reference for the caller.  Errors: ERR_INVALID it is no array of names. */
MUST_USE enum err columns_for(struct columns_kept *kept, const struct schema *schema,
                              struct span names, struct case_columns **columns);
/* columns_forget: before the schema is freed. */
void columns_forget(struct columns_kept *kept);

#endif
