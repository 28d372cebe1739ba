/* Performs what the core decided, in its order.  Receipts are best effort and never block: a client
 * that missed one can send QUERY or the batch again. */
#include "broker/actions.h"

#include "base/log.h"
#include "broker/reapply.h"
#include "broker/reply.h"

static void fill_done(struct arena *arena, const struct core_action *action,
                      struct wire_done *done) {
    const struct core_counts *counts = &action->done.counts;
    done->batch = action->batch;
    done->count = action->done.count;
    memcpy(done->counts.outcomes, counts->outcomes, sizeof(done->counts.outcomes));
    done->counts.duplicates = counts->duplicates;
    done->counts.dead_count = counts->dead_count;
    done->counts.dead = core_dead_view(counts, arena);
    done->counts.dead_listed = done->counts.dead == NULL ? 0 : counts->dead_listed;
}

/* All or none: a client would have to find out which are absent. */
static struct span results_of(const struct core_action *action) {
    const struct core_runs *runs = action->done.counts.runs;
    bool is_whole = runs != NULL && runs->cases == action->done.count;
    return is_whole ? buf_span(&runs->bytes) : SPAN_LIT("");
}

static void send_receipt(struct shell *shell, const struct core_action *action) {
    struct wire_message reply = {.command = WIRE_ACCEPTED};
    struct span body = SPAN_LIT("");
    char batch[UUID_TEXT_BYTES];
    bool to_operator = action->route.channel == CORE_CHANNEL_OPERATOR;
    arena_reset(&shell->arena);
    if (to_operator && action->kind != CORE_REFUSED) {
        reapply_answer(shell, action);
        return;
    }
    if (action->kind == CORE_ACCEPTED) {
        reply_accepted_fill(shell, &action->batch, action->duplicate, &reply.accepted);
    } else if (action->kind == CORE_DONE) {
        reply.command = WIRE_DONE;
        fill_done(&shell->arena, action, &reply.done);
        body = results_of(action);
    } else if (action->kind == CORE_REFUSED) {
        reply.command = WIRE_REFUSED;
        reply.refused = (struct wire_refused){
            .has_batch = true, .batch = action->batch, .reason = action->reason};
        uuid_format(&action->batch, batch);
        LOG(EV_BATCH_REFUSED, "batch=%s reason=%s", batch, wire_reason_word(action->reason));
    } else if (action->kind == CORE_BUSY) {
        reply.command = WIRE_BUSY;
        reply.busy = (struct wire_busy_reply){.batch = action->batch,
                                              .retry_ms = action->busy.retry_ms,
                                              .reason = action->busy.reason};
    } else {
        CHECK(action->kind == CORE_STATUS);
        reply.command = WIRE_STATUS;
        reply.status.batch = action->batch;
        reply.status.state = action->done.state;
        reply.status.has_done = action->done.state == WIRE_STATE_DONE;
        fill_done(&shell->arena, action, &reply.status.done);
    }
    if (!reply_send_with(shell, to_operator ? WIRE_CONTROL_SOCKET : WIRE_INTAKE, &action->route,
                         &reply, body)) {
        uuid_format(&action->batch, batch);
        LOG(EV_RECEIPT_DROPPED, "kind=%s batch=%s batches=1", wire_command_name(reply.command),
            batch);
    }
}

static void send_to_lane(struct shell *shell, int64_t beat_ms, const struct core_action *action) {
    struct wire_message message = {.command = WIRE_READY_ASK};
    if (action->kind == CORE_WELCOME) {
        message.command = WIRE_WELCOME;
        message.welcome = (struct wire_welcome){.journal = journal_uuid(shell->journal),
                                                .beat_ms = beat_ms,
                                                .cases_max = CORE_PART_CASES,
                                                .bytes_max = WIRE_BODY_BYTES_MAX,
                                                .version = SPAN_LIT(CASEMILL_VERSION)};
    } else if (action->kind == CORE_FENCE) {
        message.command = WIRE_WORK;
        message.work =
            (struct wire_work){.mode = SPAN_LIT("intake"), .low_water = shell->stats.low_water};
        message.work.fence_count = core_fence(shell->core, &message.work.fence);
    } else if (action->kind == CORE_CANARY) {
        message.command = WIRE_WORK;
        message.work = (struct wire_work){.mode = SPAN_LIT("canary"),
                                          .low_water = shell->stats.low_water,
                                          .low_water_at = shell->stats.low_water_at};
    } else if (action->kind == CORE_BEAT) {
        message.command = WIRE_BEAT;
        message.beat.retire = action->retire;
    }
    /* A lane that cannot be reached is lost later, and handled then. */
    reply_send(shell, WIRE_WORKER, &action->route, &message);
}

static void count_answer(struct shell *shell, const struct core_action *action) {
    if (action->kind == CORE_REFUSED) {
        shell->counts.refused[action->reason]++;
    } else if (action->kind == CORE_BUSY) {
        shell->counts.busy[action->busy.reason]++;
    }
}

static void perform_one(const struct actions *actions, struct shell *shell,
                        const struct core_action *action) {
    struct body *body = action->tag;
    switch (action->kind) {
    case CORE_WORK: /* by dispatch_work, all of them together */
    case CORE_BURY:
        break;
    case CORE_DELETE:
        journal_delete(shell->journal, action->seq);
        if (action->accepted_at != 0) {
            histogram_note(&shell->times.done, &histogram_seconds,
                           shell->wall_us - action->accepted_at);
        }
        break;
    case CORE_RELEASE:
        body_free(&body);
        break;
    case CORE_ACCEPTED:
    case CORE_DONE:
    case CORE_REFUSED:
    case CORE_BUSY:
    case CORE_STATUS:
        count_answer(shell, action);
        if (!coalesce_take(actions->coalesced, shell, action)) {
            send_receipt(shell, action);
        }
        break;
    case CORE_WELCOME:
    case CORE_FENCE:
    case CORE_CANARY:
    case CORE_BEAT:
    case CORE_READY_ASK:
        send_to_lane(shell, actions->beat_ms, action);
        break;
    }
}

void actions_perform(const struct actions *actions, struct shell *shell) {
    size_t count = 0;
    const struct core_action *decided = core_actions(shell->core, &count);
    while (count > 0) {
        bool has_work = false;
        core_stats(shell->core, shell->now, &shell->stats);
        for (size_t i = 0; i < count; i++) {
            /* A body that WORK still needs cannot be gone. */
            CHECK(!has_work || decided[i].kind != CORE_RELEASE);
            has_work = has_work || decided[i].kind == CORE_WORK || decided[i].kind == CORE_BURY;
            perform_one(actions, shell, &decided[i]);
        }
        if (has_work) {
            dispatch_work(actions->dispatch, shell, decided, count);
        }
        core_actions_clear(shell->core);
        dispatch_quarantine(actions->dispatch, shell->core);
        decided = core_actions(shell->core, &count);
    }
    coalesce_flush(actions->coalesced, shell);
}
