/* Purpose: batches that wait their turn, packed: what is durable, was never dealt, is one part and
 * keeps one receipt route at most is 56 bytes in a chunk of its queue instead of a core_batch.
 * Owns: the chunks, the names of what is in them, the routes they keep.
 * Never: changes what a batch means: waking one gives the core_batch that was packed, but that
 * `since` is only known to lie between the first and the last of its chunk.
 * Invariants (rest_check): of one queue seq ascends over all slots; a slot is packed or gone; what
 * is packed is in the table of names. */
#ifndef CASEMILL_BROKER_CORE_REST_H
#define CASEMILL_BROKER_CORE_REST_H

#include "broker/core.h"
#include "broker/table.h"

enum { REST_CHUNK = 64 };

struct core_part;
struct part_list {
    struct core_part *first, *last;
};
struct core_rest {
    struct uuid id;
    struct hash128 hash;
    uint64_t accepted; /* accepted_at * CORE_PART_CASES + count - 1 */
    uint32_t after;    /* seq is the chunk's and this */
    uint32_t bytes;    /* 0: gone */
    uint32_t route;    /* who waits for DONE; REST_NOBODY */
    uint32_t next;     /* in the bucket of its name */
};
struct core_chunk {
    uint64_t seq;
    int64_t since_first, since_last;
    struct part_list awake; /* by seq: parts of batches that wait here as they are */
    uint32_t number;        /* in core_rests.chunks */
    uint32_t used, packed;  /* slots, and how many of them are packed */
    uint32_t at;            /* no slot before it is packed */
    uint32_t source;
    uint8_t priority;
    struct core_rest rests[REST_CHUNK];
};
/* Of one source and priority: first `front`, then the chunks, then `tail`; without chunks there is
 * no tail. */
struct part_queue {
    struct part_list front, tail;
    struct core_chunk **chunks; /* chunks[head .. head + len) */
    uint32_t head, len, cap;
};
struct rest_route {
    struct table_node node;
    struct net_route route;
    uint32_t references, number;
};
struct rest_numbers { /* handed out and taken back */
    uint32_t *free;
    uint32_t free_count, free_cap, next;
};
struct core_rests {
    struct core_chunk **chunks; /* by number; NULL: free */
    struct rest_route **routes; /* likewise */
    uint32_t chunk_cap, route_cap;
    struct rest_numbers chunk_numbers, route_numbers;
    struct table by_route;
    uint32_t *buckets; /* of names: a place (chunk * REST_CHUNK + slot) + 1, or 0 */
    uint32_t bucket_count;
    uint32_t count; /* packed */
};
enum { REST_NOBODY = 0 }; /* routes are numbered from 1 */

struct core;
struct core_batch;
struct core_place { /* of a packed batch; chunk NULL: none */
    struct core_chunk *chunk;
    uint32_t slot;
};
void rest_init(struct core *core);
void rest_fini(struct core *core);
struct core_place rest_find_name(const struct core *core, uint32_t source, const struct uuid *id);
struct core_place rest_find_seq(const struct core *core, uint64_t seq);
/* rest_wake makes it a batch again, at its place in the queue. */
struct core_batch *rest_wake(struct core *core, struct core_place place);
/* rest_wait notes who waits for DONE.  False: another does, it has to be woken for both. */
bool rest_wait(struct core *core, struct core_place place, const struct net_route *route);
/* rest_first is the part whose turn it is, woken if need be; NULL: the queue is empty. */
struct core_part *rest_first(struct core *core, struct part_queue *queue);
/* The oldest that is packed of all queues; false: there is none. */
struct core_oldest {
    uint64_t seq;
    int64_t accepted_at, since;
};
bool rest_oldest(const struct core *core, struct core_oldest *oldest);
struct rest_sums {
    uint64_t cases, bytes; /* packed */
    uint32_t batches;
};
void rest_check(const struct core *core, const struct part_queue *queue, struct rest_sums *sums);

#endif
