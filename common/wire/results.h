/* Purpose: the results of single cases in the body frame of DONE: what each case came to, why, and
 * which facts are missing.  README.md has the form.  Pure: bytes to structs and back.
 * Ownership: a results_writer owns its buffers and is reused; what results_read gives points into
 * the bytes and lives in the arena. */
#ifndef CASEMILL_WIRE_RESULTS_H
#define CASEMILL_WIRE_RESULTS_H

#include "wire/wire.h"

struct wire_missing {
    struct span path;
    struct span question; /* "" when the schema has none */
};
struct wire_result {
    bool is_known;  /* false: the entry was not read (yet) */
    bool is_dead;   /* a dead letter: path, expected and found are set, not what follows them */
    bool duplicate; /* it was stored before; the rest is the stored outcome */
    uint8_t disposition; /* enum disposition */
    struct span reason;
    struct span path, expected, found;
    struct span agreement; /* "" when it is no longer stored: the case was purged */
    uint32_t missing_count;
    const struct wire_missing *missing; /* the first is the next question */
};

/* One run of cases, first to last.  Texts are written once and named by number. */
struct results_writer {
    struct buf texts, questions, cases;
    struct buf offsets; /* le32: where each text begins in texts */
    struct buf asked;   /* a byte per text: its question is written */
    uint32_t *slots;    /* number of a text + 1, by its hash; 0: free */
    uint32_t slot_count, text_count, question_count;
};
void results_writer_free(struct results_writer *writer);
void results_begin(struct results_writer *writer);
/* results_outcome is followed by `missing` calls of results_missing.  An empty agreement is nil. */
void results_outcome(struct results_writer *writer, uint32_t disposition, bool duplicate,
                     struct span agreement, struct span reason, uint32_t missing);
void results_missing(struct results_writer *writer, const struct wire_missing *missing);
void results_dead(struct results_writer *writer, const struct wire_dead *dead);
/* results_end appends the run: results of the cases [first, first + count). */
void results_end(const struct results_writer *writer, uint32_t first, uint32_t count,
                 struct buf *out);

/* results_is_run: the bytes are one well-formed value that claims exactly that run.  What it holds
 * is read by results_read alone. */
bool results_is_run(struct span bytes, uint32_t first, uint32_t count);
/* results_read reads the runs of a body frame into results[count]; a run outside, a case twice or
 * one that no run has are faults.  Errors: ERR_INVALID; ERR_TOO_LARGE the arena is full. */
MUST_USE enum err results_read(struct span body, struct arena *arena, struct wire_result *results,
                               uint32_t count);

#endif
