/* The body frame of DONE: runs [first, count, texts, questions, cases], one after another. */
#include "wire/results.h"

#include "base/mem.h"
#include "wire/mp_write.h"
#include "wire/walk.h"

enum { SLOTS_FIRST = 64, RUN_ITEMS = 5, OUTCOME_ITEMS = 5 };

void results_writer_free(struct results_writer *writer) {
    buf_free(&writer->texts);
    buf_free(&writer->questions);
    buf_free(&writer->cases);
    buf_free(&writer->offsets);
    buf_free(&writer->asked);
    mem_free(writer->slots);
    *writer = (struct results_writer){0};
}

void results_begin(struct results_writer *writer) {
    buf_clear(&writer->texts);
    buf_clear(&writer->questions);
    buf_clear(&writer->cases);
    buf_clear(&writer->offsets);
    buf_clear(&writer->asked);
    writer->text_count = 0;
    writer->question_count = 0;
    if (writer->slots != NULL) {
        memset(writer->slots, 0, writer->slot_count * sizeof(*writer->slots));
    }
}

static struct span text_at(const struct results_writer *writer, uint32_t number) {
    size_t from = get_le32(writer->offsets.ptr + (size_t)number * 4);
    size_t end = number + 1 < writer->text_count
                     ? get_le32(writer->offsets.ptr + ((size_t)number + 1) * 4)
                     : writer->texts.len;
    return span_make(writer->texts.ptr + from, end - from);
}

/* The slot of a text, or its free slot. */
static uint32_t *slot_of(const struct results_writer *writer, struct span text) {
    uint32_t at = (uint32_t)hash64(text) & (writer->slot_count - 1);
    while (writer->slots[at] != 0 && !span_eq(text_at(writer, writer->slots[at] - 1), text)) {
        at = (at + 1) & (writer->slot_count - 1);
    }
    return &writer->slots[at];
}

static void grow(struct results_writer *writer) {
    writer->slot_count = writer->slot_count == 0 ? SLOTS_FIRST : writer->slot_count * 2;
    mem_free(writer->slots);
    writer->slots = mem_zero(writer->slot_count, sizeof(*writer->slots));
    for (uint32_t i = 0; i < writer->text_count; i++) {
        *slot_of(writer, text_at(writer, i)) = i + 1;
    }
}

static uint32_t number_of(struct results_writer *writer, struct span text) {
    if (writer->text_count * 2 >= writer->slot_count) {
        grow(writer);
    }
    uint32_t *slot = slot_of(writer, text);
    if (*slot == 0) {
        buf_le32(&writer->offsets, (uint32_t)writer->texts.len);
        buf_append(&writer->texts, text);
        buf_byte(&writer->asked, 0);
        *slot = ++writer->text_count;
    }
    return *slot - 1;
}

void results_outcome(struct results_writer *writer, uint32_t disposition, bool duplicate,
                     struct span agreement, struct span reason, uint32_t missing) {
    mp_write_array(&writer->cases, OUTCOME_ITEMS);
    mp_write_uint(&writer->cases, disposition);
    mp_write_bool(&writer->cases, duplicate);
    if (agreement.len == 0) {
        mp_write_nil(&writer->cases);
    } else {
        mp_write_uint(&writer->cases, number_of(writer, agreement));
    }
    mp_write_uint(&writer->cases, number_of(writer, reason));
    mp_write_array(&writer->cases, missing);
}

void results_missing(struct results_writer *writer, const struct wire_missing *missing) {
    uint32_t path = number_of(writer, missing->path);
    mp_write_uint(&writer->cases, path);
    if (writer->asked.ptr[path] == 0 && missing->question.len > 0) {
        writer->asked.ptr[path] = 1;
        mp_write_uint(&writer->questions, path);
        mp_write_uint(&writer->questions, number_of(writer, missing->question));
        writer->question_count++;
    }
}

void results_dead(struct results_writer *writer, const struct wire_dead *dead) {
    mp_write_array(&writer->cases, OUTCOME_ITEMS);
    mp_write_nil(&writer->cases);
    mp_write_uint(&writer->cases, number_of(writer, dead->reason));
    mp_write_uint(&writer->cases, number_of(writer, dead->path));
    mp_write_uint(&writer->cases, number_of(writer, dead->expected));
    mp_write_uint(&writer->cases, number_of(writer, dead->found));
}

void results_end(const struct results_writer *writer, uint32_t first, uint32_t count,
                 struct buf *out) {
    mp_write_array(out, RUN_ITEMS);
    mp_write_uint(out, first);
    mp_write_uint(out, count);
    mp_write_array(out, writer->text_count);
    for (uint32_t i = 0; i < writer->text_count; i++) {
        mp_write_str(out, text_at(writer, i));
    }
    mp_write_map(out, writer->question_count);
    buf_append(out, buf_span(&writer->questions));
    mp_write_array(out, count);
    buf_append(out, buf_span(&writer->cases));
}

/* --- reading -------------------------------------------------------------------------------------
 */

struct run {
    struct span bytes;
    size_t at;
    struct arena *arena;
    uint32_t text_count;
    struct span *texts;
    struct span *questions; /* by number of the path's text */
};

static bool read_count(struct run *run, enum walk_type type, uint32_t *count) {
    struct walk_item item;
    bool is_read = walk_next(run->bytes, &run->at, &item) == ERR_OK && item.type == type;
    *count = is_read ? item.count : 0;
    return is_read;
}

static bool read_number(struct run *run, uint64_t most, uint32_t *number) {
    struct walk_item item;
    bool is_read = walk_next(run->bytes, &run->at, &item) == ERR_OK && item.type == WALK_UINT &&
                   item.u <= most;
    *number = is_read ? (uint32_t)item.u : 0;
    return is_read;
}

static bool read_head(struct run *run, uint32_t *first, uint32_t *count) {
    uint32_t items = 0;
    return read_count(run, WALK_ARRAY, &items) && items >= RUN_ITEMS &&
           read_number(run, WIRE_CASES_MAX - 1, first) && read_number(run, WIRE_CASES_MAX, count);
}

bool results_is_run(struct span bytes, uint32_t first, uint32_t count) {
    struct run run = {.bytes = bytes};
    size_t end = 0;
    uint32_t has_first = 0;
    uint32_t has_count = 0;
    return walk_value(bytes, &end) == ERR_OK && end == bytes.len &&
           read_head(&run, &has_first, &has_count) && has_first == first && has_count == count;
}

static bool read_text(struct run *run, struct span *text) {
    uint32_t number = 0;
    bool is_read = read_number(run, UINT32_MAX, &number) && number < run->text_count;
    *text = is_read ? run->texts[number] : SPAN_LIT("");
    return is_read;
}

/* walk_value has bounded all counts by the bytes that are there. */
static enum err read_texts(struct run *run) {
    if (!read_count(run, WALK_ARRAY, &run->text_count)) {
        return ERR_INVALID;
    }
    run->texts = arena_zero(run->arena, run->text_count + 1U, sizeof(*run->texts));
    run->questions = arena_zero(run->arena, run->text_count + 1U, sizeof(*run->questions));
    if (run->texts == NULL || run->questions == NULL) {
        return ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < run->text_count; i++) {
        struct walk_item item;
        if (walk_next(run->bytes, &run->at, &item) != ERR_OK || item.type != WALK_STR ||
            !span_is_utf8(item.bytes)) {
            return ERR_INVALID;
        }
        run->texts[i] = item.bytes;
    }
    uint32_t pairs = 0;
    bool is_read = read_count(run, WALK_MAP, &pairs);
    for (uint32_t i = 0; is_read && i < pairs; i++) {
        uint32_t path = 0;
        is_read = read_number(run, UINT32_MAX, &path) && path < run->text_count &&
                  read_text(run, &run->questions[path]);
    }
    return is_read ? ERR_OK : ERR_INVALID;
}

static enum err read_missing(struct run *run, struct wire_result *result) {
    if (!read_count(run, WALK_ARRAY, &result->missing_count)) {
        return ERR_INVALID;
    }
    struct wire_missing *missing =
        arena_zero(run->arena, result->missing_count + 1U, sizeof(*missing));
    if (missing == NULL) {
        return ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < result->missing_count; i++) {
        uint32_t path = 0;
        if (!read_number(run, UINT32_MAX, &path) || path >= run->text_count) {
            return ERR_INVALID;
        }
        missing[i] = (struct wire_missing){run->texts[path], run->questions[path]};
    }
    result->missing = missing;
    return ERR_OK;
}

static enum err read_outcome(struct run *run, struct wire_result *result) {
    struct walk_item item;
    uint32_t disposition = 0;
    bool is_read = read_number(run, WIRE_DISPOSITIONS - 1, &disposition) &&
                   walk_next(run->bytes, &run->at, &item) == ERR_OK && item.type == WALK_BOOL;
    if (!is_read) {
        return ERR_INVALID;
    }
    result->disposition = (uint8_t)disposition;
    result->duplicate = item.b;
    bool is_nil = run->bytes.ptr[run->at] == 0xc0;
    run->at += is_nil ? 1 : 0;
    if ((!is_nil && !read_text(run, &result->agreement)) || !read_text(run, &result->reason)) {
        return ERR_INVALID;
    }
    return read_missing(run, result);
}

static enum err read_case(struct run *run, struct wire_result *result) {
    uint32_t items = 0;
    if (!read_count(run, WALK_ARRAY, &items) || items < OUTCOME_ITEMS || result->is_known) {
        return ERR_INVALID;
    }
    result->is_known = true;
    result->is_dead = run->bytes.ptr[run->at] == 0xc0;
    enum err err = ERR_OK;
    if (result->is_dead) {
        run->at++;
        err = read_text(run, &result->reason) && read_text(run, &result->path) &&
                      read_text(run, &result->expected) && read_text(run, &result->found)
                  ? ERR_OK
                  : ERR_INVALID;
    } else {
        err = read_outcome(run, result);
    }
    for (uint32_t i = OUTCOME_ITEMS; err == ERR_OK && i < items; i++) {
        err = walk_value(run->bytes, &run->at);
    }
    return err;
}

static enum err read_run(struct span bytes, struct arena *arena, struct wire_result *results,
                         uint32_t count) {
    struct run run = {.bytes = bytes, .arena = arena};
    uint32_t first = 0;
    uint32_t cases = 0;
    uint32_t listed = 0;
    if (!read_head(&run, &first, &cases) || first > count || cases > count - first) {
        return ERR_INVALID;
    }
    enum err err = read_texts(&run);
    if (err == ERR_OK && (!read_count(&run, WALK_ARRAY, &listed) || listed != cases)) {
        return ERR_INVALID;
    }
    for (uint32_t i = 0; err == ERR_OK && i < cases; i++) {
        err = read_case(&run, &results[first + i]);
    }
    return err;
}

enum err results_read(struct span body, struct arena *arena, struct wire_result *results,
                      uint32_t count) {
    memset(results, 0, count * sizeof(*results));
    for (size_t at = 0; at < body.len;) {
        size_t start = at;
        if (walk_value(body, &at) != ERR_OK) {
            return ERR_INVALID;
        }
        enum err err = read_run(span_make(body.ptr + start, at - start), arena, results, count);
        if (err != ERR_OK) {
            return err;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!results[i].is_known) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}
