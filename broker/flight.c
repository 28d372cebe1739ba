/* A part on its way is booked from when libzmq gets it until it gives it back. */
#include "broker/flight.h"

#include "base/mem.h"

struct flier {
    struct flight *flight;
    struct blob *blob; /* NULL: the bytes are its own */
    _Atomic uint64_t
        booked; /* written last, read first: what libzmq hands over is then seen whole */
    uint8_t bytes[];
};

/* Wakes the loop only when at least half of the budget is free. */
static bool has_left(const struct flight *flight, uint64_t bytes) {
    return bytes <= flight->bytes_max / 2;
}

uint64_t flight_room(struct flight *flight) {
    /* Set before the check: a message that leaves in between causes one wake too many, never one
     * too few.
     */
    atomic_store(&flight->is_awaited, true);
    uint64_t bytes = atomic_load(&flight->bytes);
    if (has_left(flight, bytes)) {
        atomic_store(&flight->is_awaited, false);
    }
    return bytes < flight->bytes_max ? flight->bytes_max - bytes : 0;
}

static void release(void *bytes, void *hint) {
    struct flier *flier = hint;
    uint64_t booked = atomic_load(&flier->booked);
    struct flight *flight = flier->flight;
    (void)bytes;
    blob_unref(&flier->blob);
    mem_free(flier);
    uint64_t left = atomic_fetch_sub(&flight->bytes, booked) - booked;
    if (has_left(flight, left) && atomic_exchange(&flight->is_awaited, false)) {
        net_wake_poke(flight->wake);
    }
}

static struct flier *flier_new(struct flight *flight, size_t len) {
    struct flier *flier = mem_alloc(sizeof(*flier) + len);
    flier->flight = flight;
    flier->blob = NULL;
    return flier;
}

static void depart(struct flier *flier, struct net_part *part, struct span bytes) {
    atomic_fetch_add(&flier->flight->bytes, bytes.len);
    atomic_store(&flier->booked, bytes.len);
    net_part_share(part, bytes, release, flier);
}

void flight_share(struct flight *flight, struct net_part *part, struct span bytes,
                  struct blob *blob) {
    struct flier *flier = flier_new(flight, 0);
    flier->blob = blob;
    depart(flier, part, bytes);
}

void flight_copy(struct flight *flight, struct net_part *part, struct span bytes) {
    struct flier *flier = flier_new(flight, bytes.len);
    memcpy(flier->bytes, bytes.ptr, bytes.len);
    depart(flier, part, span_make(flier->bytes, bytes.len));
}
