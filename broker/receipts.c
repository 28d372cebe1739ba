/* A receipt on its way is a block of its own, which libzmq gives back when it has left. */
#include "broker/receipts.h"

#include "base/hash.h"
#include "base/mem.h"

enum { OVERHEAD_BYTES = 160 }; /* the block's head, libzmq's message and what the allocator adds */

struct receipt {
    struct receipt_account *account;
    uint32_t slot;
    _Atomic uint64_t
        booked; /* written last, read first: what libzmq hands over is then seen whole */
    uint8_t bytes[];
};

static void release(void *bytes, void *hint) {
    struct receipt *receipt = hint;
    uint64_t booked = atomic_load(&receipt->booked);
    (void)bytes;
    atomic_fetch_sub(&receipt->account->of_slot[receipt->slot], booked);
    atomic_fetch_sub(&receipt->account->bytes, booked);
    mem_free(receipt);
}

enum err receipt_part(struct receipt_account *account, const struct net_route *route,
                      struct span bytes, struct net_part *part) {
    uint32_t slot = (uint32_t)(hash64(net_route_span(route)) % RECEIPT_SLOTS);
    uint64_t booked = bytes.len + OVERHEAD_BYTES;
    uint64_t all = atomic_load(&account->bytes);
    uint64_t left = all < account->bytes_max ? account->bytes_max - all : 0;
    if (atomic_load(&account->of_slot[slot]) + booked > left) {
        return ERR_FULL;
    }
    struct receipt *receipt = mem_alloc(sizeof(*receipt) + bytes.len);
    receipt->account = account;
    receipt->slot = slot;
    memcpy(receipt->bytes, bytes.ptr, bytes.len);
    atomic_store(&receipt->booked, booked);
    atomic_fetch_add(&account->of_slot[slot], booked);
    atomic_fetch_add(&account->bytes, booked);
    net_part_share(part, span_make(receipt->bytes, bytes.len), release, receipt);
    return ERR_OK;
}
