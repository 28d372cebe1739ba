#include "client/window.h"

#include "base/mem.h"

static void list_remove(struct batch_list *list, struct batch *batch) {
    *(batch->prev == NULL ? &list->first : &batch->prev->next) = batch->next;
    *(batch->next == NULL ? &list->last : &batch->next->prev) = batch->prev;
    batch->next = NULL;
    batch->prev = NULL;
}

/* after NULL: at the front. */
static void list_insert(struct batch_list *list, struct batch *batch, struct batch *after) {
    batch->prev = after;
    batch->next = after == NULL ? list->first : after->next;
    *(after == NULL ? &list->first : &after->next) = batch;
    *(batch->next == NULL ? &list->last : &batch->next->prev) = batch;
}

static void leave_list(struct window *window, struct batch *batch) {
    list_remove(batch->state == BATCH_TO_SEND ? &window->to_send : &window->waiting, batch);
    window->again = window->again == batch ? NULL : window->again;
}

/* Ids are hashes already. */
static struct batch **chain_of(const struct window *window, const struct uuid *id) {
    return &window->chains[get_le32(id->bytes) & window->mask];
}

void window_init(struct window *window, uint32_t size) {
    uint32_t chains = 16;
    while (chains < size * 2) {
        chains *= 2;
    }
    *window = (struct window){.size = size, .mask = chains - 1};
    window->slots = mem_zero(size, sizeof(*window->slots));
    window->chains = mem_zero(chains, sizeof(struct batch *));
    for (uint32_t i = size; i-- > 0;) {
        window->slots[i].next = window->free;
        window->free = &window->slots[i];
    }
}

void window_fini(struct window *window) {
    for (uint32_t i = 0; window->slots != NULL && i < window->size; i++) {
        buf_free(&window->slots[i].body);
    }
    mem_free(window->slots);
    mem_free(window->chains);
    *window = (struct window){0};
}

struct batch *window_add(struct window *window, const struct uuid *id, struct buf *bytes) {
    struct batch *batch = window->free;
    CHECK(batch != NULL);
    window->free = batch->next;
    window->count++;
    struct batch **chain = chain_of(window, id);
    *batch = (struct batch){
        .id = *id, .ordinal = window->next_ordinal++, .body = *bytes, .same = *chain};
    *bytes = BUF_EMPTY;
    *chain = batch;
    list_insert(&window->to_send, batch, window->to_send.last);
    return batch;
}

struct batch *window_find(const struct window *window, const struct uuid *id) {
    struct batch *found = NULL;
    for (struct batch *batch = *chain_of(window, id); batch != NULL; batch = batch->same) {
        if (uuid_eq(&batch->id, id) && (found == NULL || batch->ordinal < found->ordinal)) {
            found = batch;
        }
    }
    return found;
}

void window_await(struct window *window, struct batch *batch, enum batch_state state,
                  int64_t now_ms) {
    CHECK(state != BATCH_TO_SEND);
    leave_list(window, batch);
    batch->state = state;
    batch->waiting_since_ms = now_ms;
    list_insert(&window->waiting, batch, window->waiting.last);
}

void window_send_again(struct window *window, struct batch *batch) {
    leave_list(window, batch);
    batch->state = BATCH_TO_SEND;
    /* They return mostly in the order of submission, and are older than batches never sent. */
    struct batch *after = window->again;
    if (after != NULL && after->ordinal > batch->ordinal) {
        after = NULL;
    }
    struct batch *at = after == NULL ? window->to_send.first : after->next;
    for (; at != NULL && at->ordinal < batch->ordinal; at = at->next) {
        after = at;
    }
    list_insert(&window->to_send, batch, after);
    window->again = batch;
}

/* From the back, because each is inserted at the front; the last are mostly the last submitted. */
void window_send_all_again(struct window *window) {
    while (window->waiting.last != NULL) {
        window_send_again(window, window->waiting.last);
    }
}

void window_settle(struct window *window, struct batch *batch) {
    struct batch **at = chain_of(window, &batch->id);
    while (*at != batch) {
        CHECK(*at != NULL);
        at = &(*at)->same;
    }
    *at = batch->same;
    leave_list(window, batch);
    buf_free(&batch->body);
    *batch = (struct batch){.next = window->free};
    window->free = batch;
    window->count--;
}
