/* Purpose: metrics by source, with a bounded number of labels: the first names since startup keep
 * theirs, all later sources together are "other".  A slot of the core may be taken over by another
 * name, so the counts here are those of a name.
 * Threads: the loop's. */
#ifndef CASEMILL_BROKER_SOURCE_METRICS_H
#define CASEMILL_BROKER_SOURCE_METRICS_H

#include "broker/core.h"

enum { SOURCE_LABELS_MAX = 50 };

struct source_count {
    char *label; /* owned: source="NAME"; NULL: "other" */
    uint64_t accepted, done;
    uint64_t queued[WIRE_PRIORITY_COUNT];
};
struct source_slot { /* of the core, as last seen */
    char *name;      /* owned */
    uint32_t label;
    uint64_t accepted, done;
};
struct source_metrics {
    struct source_count counts[SOURCE_LABELS_MAX + 1]; /* the last: "other" */
    uint32_t label_count;
    struct source_slot *slots;
    uint32_t slot_count, slot_cap;
};
/* source_metrics_look takes the present counts of the core; "other" is the rest of its totals. */
void source_metrics_look(struct source_metrics *metrics, const struct core *core,
                         const struct core_stats *stats);
/* source_metrics_label is the label of a number below label_count, or of SOURCE_LABELS_MAX. */
const char *source_metrics_label(const struct source_metrics *metrics, uint32_t number);
void source_metrics_fini(struct source_metrics *metrics);

#endif
