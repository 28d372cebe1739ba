/* Counts by name.  The core's totals are the sum of all sources.  A slot may be taken over between
 * two looks; what its old name did since the last look is then in "other": no case is lost. */
#include "broker/source_metrics.h"

#include "base/mem.h"
#include "base/metrics.h"

enum { SLOTS_FIRST = 16 };
static const char OTHER[] = "source=\"other\"";

const char *source_metrics_label(const struct source_metrics *metrics, uint32_t number) {
    return number == SOURCE_LABELS_MAX ? OTHER : metrics->counts[number].label;
}

/* Two names may look the same when they are shown; they share a label.  A source that is called
 * "other" is one of the others. */
static uint32_t label_of(struct source_metrics *metrics, const char *name) {
    struct buf text = BUF_EMPTY;
    metrics_label(&text, "source", name);
    const char *label = buf_cstr(&text);
    uint32_t number = 0;
    while (number < metrics->label_count && strcmp(metrics->counts[number].label, label) != 0) {
        number++;
    }
    if (number == metrics->label_count) {
        if (number == SOURCE_LABELS_MAX || strcmp(label, OTHER) == 0) {
            number = SOURCE_LABELS_MAX;
        } else {
            metrics->counts[number].label = mem_strndup(label, text.len);
            metrics->label_count++;
        }
    }
    buf_free(&text);
    return number;
}

static struct source_slot *slot_at(struct source_metrics *metrics, uint32_t index,
                                   const char *name) {
    while (metrics->slot_count <= index) {
        MEM_ROOM(metrics->slots, metrics->slot_count, metrics->slot_cap, SLOTS_FIRST);
        metrics->slots[metrics->slot_count++] = (struct source_slot){.name = NULL};
    }
    struct source_slot *slot = &metrics->slots[index];
    if (slot->name == NULL || strcmp(slot->name, name) != 0) {
        mem_free(slot->name);
        *slot = (struct source_slot){.name = mem_strndup(name, strlen(name)),
                                     .label = label_of(metrics, name)};
    }
    return slot;
}

/* A name that left its slot and returned counts from 0 again. */
static uint64_t more(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

static void take_slot(struct source_metrics *metrics, uint32_t index,
                      const struct core_source_view *view) {
    struct source_slot *slot = slot_at(metrics, index, view->name);
    struct source_count *count = &metrics->counts[slot->label];
    for (int priority = 0; priority < WIRE_PRIORITY_COUNT; priority++) {
        count->queued[priority] += view->queued_cases[priority];
    }
    count->accepted += more(view->cases_accepted, slot->accepted);
    count->done += more(view->cases_done, slot->done);
    slot->accepted = view->cases_accepted;
    slot->done = view->cases_done;
}

void source_metrics_look(struct source_metrics *metrics, const struct core *core,
                         const struct core_stats *stats) {
    struct source_count *other = &metrics->counts[SOURCE_LABELS_MAX];
    struct core_source_view view;
    for (uint32_t i = 0; i <= SOURCE_LABELS_MAX; i++) {
        memset(metrics->counts[i].queued, 0, sizeof(metrics->counts[i].queued));
    }
    for (uint32_t index = 0; core_source_view(core, index, &view); index++) {
        take_slot(metrics, index, &view);
    }
    other->accepted = stats->cases_accepted;
    other->done = stats->cases_done;
    for (uint32_t i = 0; i < metrics->label_count; i++) {
        other->accepted -= metrics->counts[i].accepted;
        other->done -= metrics->counts[i].done;
    }
}

void source_metrics_fini(struct source_metrics *metrics) {
    for (uint32_t i = 0; i < metrics->label_count; i++) {
        mem_free(metrics->counts[i].label);
    }
    for (uint32_t i = 0; i < metrics->slot_count; i++) {
        mem_free(metrics->slots[i].name);
    }
    mem_free(metrics->slots);
    *metrics = (struct source_metrics){0};
}
