/* Purpose: the packed form of a batch that waits for its turn.  It takes 56 bytes in a chunk of its
 * queue instead of a core_batch. The batch is durable, was never dispatched, is one part and keeps
 * at most one receipt route.
 * Owns: the chunks, the names of what is in them, the routes they keep.
 * Never: changes a batch: unpacking gives the core_batch that was packed. Only `since` is inexact:
 * it lies between the first and the last of its chunk.
 * Invariants (packed_check): of one queue seq ascends over all slots; a slot is packed or gone;
 * what is packed is in the table of names. */
#ifndef CASEMILL_BROKER_CORE_PACKED_H
#define CASEMILL_BROKER_CORE_PACKED_H

#include "broker/core.h"
#include "broker/table.h"

enum { PACKED_CHUNK = 64 };

struct core_part;
struct part_list {
    struct core_part *first, *last;
};
struct packed_batch {
    struct uuid id;
    struct hash128 hash;
    uint64_t accepted; /* accepted_at * CORE_PART_CASES + count - 1 */
    uint32_t after;    /* seq is the chunk's and this */
    uint32_t bytes;    /* 0: gone */
    uint32_t route;    /* of the peer that waits for DONE; PACKED_NOBODY */
    uint32_t next;     /* in the bucket of its name */
};
struct core_chunk {
    uint64_t seq;
    int64_t since_first, since_last;
    struct part_list unpacked; /* by seq: parts of batches that wait here as they are */
    uint32_t number;           /* in packed_store.chunks */
    uint32_t used, packed;     /* slots, and how many of them are packed */
    uint32_t at;               /* no slot before it is packed */
    uint32_t source;
    uint8_t priority;
    struct packed_batch slots[PACKED_CHUNK];
};
/* Of one source and priority: first `front`, then the chunks, then `tail`; without chunks there is
 * no tail. */
struct part_queue {
    struct part_list front, tail;
    struct core_chunk **chunks; /* chunks[head .. head + len) */
    uint32_t head, len, cap;
};
struct packed_route {
    struct table_node node;
    struct net_route route;
    uint32_t references, number;
};
struct packed_numbers { /* handed out and taken back */
    uint32_t *free;
    uint32_t free_count, free_cap, next;
};
struct packed_store {
    struct core_chunk **chunks;   /* by number; NULL: free */
    struct packed_route **routes; /* likewise */
    uint32_t chunk_cap, route_cap;
    struct packed_numbers chunk_numbers, route_numbers;
    struct table by_route;
    uint32_t *buckets; /* of names: ref_number (chunk * PACKED_CHUNK + slot) + 1, or 0 */
    uint32_t bucket_count;
    uint32_t count; /* packed */
};
enum { PACKED_NOBODY = 0 }; /* routes are numbered from 1 */

struct core;
struct core_batch;
struct core_name;
struct packed_ref { /* of a packed batch; chunk NULL: none */
    struct core_chunk *chunk;
    uint32_t slot;
};
/* core_packed_store.c */
void packed_init(struct core *core);
void packed_fini(struct core *core);
struct core_chunk *packed_chunk_new(struct packed_store *store); /* its number alone is set */
void packed_chunk_free(struct packed_store *store, struct core_chunk *chunk);
uint32_t packed_route_keep(struct core *core, const struct net_route *route); /* until dropped */
void packed_route_drop(struct core *core, uint32_t number);
/* The name of a batch that is packed from now on (Order: before its slot has bytes), and of one
 * that is packed no more. */
void packed_name_link(struct packed_store *store, struct packed_ref ref, uint64_t hash);
void packed_name_unlink(struct packed_store *store, struct packed_ref ref, uint64_t hash);
struct packed_ref packed_find_name(const struct core *core, const struct core_name *name);
/* core_packed.c */
struct packed_ref packed_find_seq(const struct core *core, uint64_t seq);
/* packed_unpack makes it a core_batch again, at its place in the queue. */
struct core_batch *packed_unpack(struct core *core, struct packed_ref ref);
/* packed_wait notes a peer that waits for DONE. False: another peer does; the batch has to be
 * unpacked. */
bool packed_wait(struct core *core, struct packed_ref ref, const struct net_route *route);
/* packed_first is the part whose turn it is, unpacked if need be; NULL: the queue is empty. */
struct core_part *packed_first(struct core *core, struct part_queue *queue);
/* The oldest that is packed of all queues; false: there is none. */
struct core_oldest {
    uint64_t seq;
    int64_t accepted_at, since;
};
bool packed_oldest(const struct core *core, struct core_oldest *oldest);
struct packed_sums {
    uint64_t cases, bytes; /* packed */
    uint32_t batches;
};
void packed_check(const struct core *core, const struct part_queue *queue,
                  struct packed_sums *sums);

#endif
