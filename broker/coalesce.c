/* Groups of receipts that differ in the batch alone. */
#include "broker/coalesce.h"

#include "base/log.h"
#include "base/mem.h"
#include "broker/reply.h"

enum { COALESCED_GROUPS = 16 };

struct group {
    struct net_route route;
    uint8_t far_route[NET_ROUTE_BYTES_MAX]; /* its bytes, where they are not near */
    enum core_action_kind kind;             /* ACCEPTED or DONE */
    bool duplicate;                         /* ACCEPTED */
    uint32_t count;                         /* DONE, with the counts */
    uint32_t outcomes[WIRE_DISPOSITIONS];
    uint32_t duplicates;
    uint32_t len;
    struct uuid batches[WIRE_COALESCED_MAX];
};
struct coalesced {
    uint32_t len;
    struct group groups[COALESCED_GROUPS];
};

struct coalesced *coalesced_new(void) {
    return mem_zero(1, sizeof(struct coalesced));
}

void coalesced_free(struct coalesced **coalesced) {
    mem_free(*coalesced);
    *coalesced = NULL;
}

static bool belongs(const struct group *group, const struct core_action *action) {
    if (group->kind != action->kind || !net_route_eq(&group->route, &action->route)) {
        return false;
    }
    if (action->kind == CORE_ACCEPTED) {
        return group->duplicate == action->duplicate;
    }
    const struct core_counts *counts = &action->done.counts;
    return group->count == action->done.count && group->duplicates == counts->duplicates &&
           memcmp(group->outcomes, counts->outcomes, sizeof(group->outcomes)) == 0;
}

static struct group *group_for(struct coalesced *coalesced, struct shell *shell,
                               const struct core_action *action) {
    for (uint32_t i = 0; i < coalesced->len; i++) {
        if (belongs(&coalesced->groups[i], action)) {
            return &coalesced->groups[i];
        }
    }
    if (coalesced->len == COALESCED_GROUPS) {
        coalesce_flush(coalesced, shell);
    }
    struct group *group = &coalesced->groups[coalesced->len++];
    group->route = action->route;
    if (!net_route_is_near(&action->route)) {
        memcpy(group->far_route, action->route.far, action->route.len);
        group->route.far = group->far_route;
    }
    group->kind = action->kind;
    group->len = 0;
    group->duplicate = action->kind == CORE_ACCEPTED && action->duplicate;
    if (action->kind == CORE_DONE) {
        group->count = action->done.count;
        group->duplicates = action->done.counts.duplicates;
        memcpy(group->outcomes, action->done.counts.outcomes, sizeof(group->outcomes));
    }
    return group;
}

static void send_group(struct shell *shell, const struct group *group) {
    struct wire_message message = {.command = WIRE_ACCEPTED};
    uint32_t listed = group->len > 1 ? group->len : 0;
    if (group->kind == CORE_ACCEPTED) {
        reply_accepted_fill(shell, &group->batches[0], group->duplicate, &message.accepted);
        message.accepted.batches = group->batches;
        message.accepted.batches_count = listed;
    } else {
        message.command = WIRE_DONE;
        message.done = (struct wire_done){.batch = group->batches[0],
                                          .count = group->count,
                                          .counts = {.duplicates = group->duplicates},
                                          .batches = group->batches,
                                          .batches_count = listed};
        memcpy(message.done.counts.outcomes, group->outcomes, sizeof(group->outcomes));
    }
    if (!reply_send(shell, WIRE_INTAKE, &group->route, &message)) {
        shell->counts.receipts_dropped += group->len - 1; /* and one for the message */
        char first[UUID_TEXT_BYTES];
        uuid_format(&group->batches[0], first);
        LOG(EV_RECEIPT_DROPPED, "kind=%s batch=%s batches=%u", wire_command_name(message.command),
            first, group->len);
    }
}

void coalesce_flush(struct coalesced *coalesced, struct shell *shell) {
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < coalesced->len; i++) {
            if ((coalesced->groups[i].kind == CORE_ACCEPTED) == (pass == 0)) {
                send_group(shell, &coalesced->groups[i]);
            }
        }
    }
    coalesced->len = 0;
}

bool coalesce_take(struct coalesced *coalesced, struct shell *shell,
                   const struct core_action *action) {
    if (action->route.channel != CORE_CHANNEL_COALESCING) {
        return false;
    }
    bool is_plain = action->kind == CORE_ACCEPTED ||
                    (action->kind == CORE_DONE && action->done.counts.dead_count == 0);
    if (!is_plain) {
        coalesce_flush(coalesced, shell);
        return false;
    }
    struct group *group = group_for(coalesced, shell, action);
    group->batches[group->len++] = action->batch;
    if (group->len == WIRE_COALESCED_MAX) {
        coalesce_flush(coalesced, shell);
    }
    return true;
}
