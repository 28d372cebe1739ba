/* A part is booked from when libzmq gets it until libzmq gives it back. */
#include "broker/outgoing.h"

#include "base/hash.h"
#include "base/mem.h"

/* Of a receipt: the block's head, libzmq's message and what the allocator adds. */
enum { RECEIPT_OVERHEAD_BYTES = 160 };

struct booked {
    struct outgoing *outgoing;
    _Atomic uint64_t *slot; /* of a receipt */
    struct blob *blob;      /* NULL: the bytes are its own */
    _Atomic uint64_t cost; /* written last, read first: what libzmq hands over is then seen whole */
    uint8_t bytes[];
};

/* Wakes the loop only when at least half of the budget is free. */
static bool has_left(const struct outgoing *outgoing, uint64_t bytes) {
    return bytes <= outgoing->bytes_max / 2;
}

uint64_t outgoing_room(struct outgoing *outgoing) {
    /* Set before the check: a message that leaves in between causes one wake too many, never one
     * too few. */
    atomic_store(&outgoing->is_awaited, true);
    uint64_t bytes = atomic_load(&outgoing->bytes);
    if (has_left(outgoing, bytes)) {
        atomic_store(&outgoing->is_awaited, false);
    }
    return bytes < outgoing->bytes_max ? outgoing->bytes_max - bytes : 0;
}

static void release(void *bytes, void *hint) {
    struct booked *booked = hint;
    uint64_t cost = atomic_load(&booked->cost);
    struct outgoing *outgoing = booked->outgoing;
    (void)bytes;
    if (booked->slot != NULL) {
        atomic_fetch_sub(booked->slot, cost);
    }
    blob_unref(&booked->blob);
    mem_free(booked);
    uint64_t left = atomic_fetch_sub(&outgoing->bytes, cost) - cost;
    if (has_left(outgoing, left) && atomic_exchange(&outgoing->is_awaited, false)) {
        net_wake_poke(outgoing->wake);
    }
}

static void depart(struct booked *booked, struct net_part *part, struct span bytes, uint64_t cost) {
    atomic_fetch_add(&booked->outgoing->bytes, cost);
    atomic_store(&booked->cost, cost);
    net_part_share(part, bytes, release, booked);
}

static void depart_copy(struct outgoing *outgoing, _Atomic uint64_t *slot, struct net_part *part,
                        struct span bytes, uint64_t cost) {
    struct booked *booked = mem_alloc(sizeof(*booked) + bytes.len);
    booked->outgoing = outgoing;
    booked->slot = slot;
    booked->blob = NULL;
    memcpy(booked->bytes, bytes.ptr, bytes.len);
    depart(booked, part, span_make(booked->bytes, bytes.len), cost);
}

void outgoing_share(struct outgoing *outgoing, struct net_part *part, struct span bytes,
                    struct blob *blob) {
    struct booked *booked = mem_alloc(sizeof(*booked));
    booked->outgoing = outgoing;
    booked->slot = NULL;
    booked->blob = blob;
    depart(booked, part, bytes, bytes.len);
}

void outgoing_copy(struct outgoing *outgoing, struct net_part *part, struct span bytes) {
    depart_copy(outgoing, NULL, part, bytes, bytes.len);
}

enum err outgoing_receipt(struct outgoing_receipts *receipts, const struct net_route *route,
                          struct span bytes, struct net_part *part) {
    struct outgoing *all = &receipts->all;
    _Atomic uint64_t *slot = &receipts->of_slot[hash64(net_route_span(route)) % OUTGOING_SLOTS];
    uint64_t cost = bytes.len + RECEIPT_OVERHEAD_BYTES;
    uint64_t held = atomic_load(&all->bytes);
    uint64_t left = held < all->bytes_max ? all->bytes_max - held : 0;
    if (atomic_load(slot) + cost > left) {
        return ERR_FULL;
    }
    atomic_fetch_add(slot, cost);
    depart_copy(all, slot, part, bytes, cost);
    return ERR_OK;
}
