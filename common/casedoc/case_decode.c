/* The case without its facts: its own keys. */
#include "base/date.h"
#include "casedoc/casedoc_priv.h"
#include "casedoc/decode_priv.h"

static void decode_id(struct decoder *d, const struct walk_item *item) {
    static const char expected[] = "str of 1 to 64 bytes";
    if (item->type != WALK_STR) {
        (void)decode_fault(d, "wrong_type", expected, walk_type_name(item->type));
    } else if (item->bytes.len == 0) {
        (void)decode_fault(d, "missing_id", expected, "empty str");
    } else if (item->bytes.len > CASE_ID_BYTES_MAX) {
        (void)decode_fault(d, "too_large", expected, "longer str");
    } else if (decode_text(d, expected, item->bytes)) {
        d->doc->case_id = item->bytes;
    }
}

static const char REVISION_EXPECTED[] = "int from 0 to 2147483647";

static void decode_revision(struct decoder *d, const struct walk_item *item) {
    if (item->type != WALK_UINT || item->u > INT32_MAX) {
        bool is_int = item->type == WALK_UINT || item->type == WALK_INT;
        (void)decode_fault(d, "bad_revision", REVISION_EXPECTED,
                           is_int ? decode_found_int(item, 0) : walk_type_name(item->type));
        return;
    }
    d->doc->revision = (int32_t)item->u;
}

static void decode_date(struct decoder *d, const struct walk_item *item, bool *has, int32_t *days) {
    static const char expected[] = "day as str YYYY-MM-DD, or absent";
    if (item->type != WALK_STR) {
        (void)decode_fault(d, "wrong_type", expected, walk_type_name(item->type));
    } else if (date_parse(item->bytes, days) != ERR_OK) {
        (void)decode_fault(d, "bad_date", expected, decode_found(item, "bad_date"));
    } else {
        *has = true;
    }
}

enum part { PART_CASE_ID, PART_REVISION, PART_REFERENCE_DATE, PART_AS_OF, PART_FACTS, PART_COUNT };
static const char *const PARTS[] = {
    [PART_CASE_ID] = "case_id",
    [PART_REVISION] = "revision",
    [PART_REFERENCE_DATE] = "reference_date",
    [PART_AS_OF] = "as_of",
    [PART_FACTS] = DECODE_FACTS_BASE,
};
_Static_assert(COUNT_OF(PARTS) == PART_COUNT, "every part has its name");

/* The size is constant, so that the compiler compares words, not bytes. */
#define KEY_IS(key, literal)                                                                       \
    ((key).len == sizeof(literal) - 1 && memcmp((key).ptr, literal, sizeof(literal) - 1) == 0)
static bool is_part(struct span key, size_t part) {
    switch ((enum part)part) {
    case PART_CASE_ID:
        return KEY_IS(key, "case_id");
    case PART_REVISION:
        return KEY_IS(key, "revision");
    case PART_REFERENCE_DATE:
        return KEY_IS(key, "reference_date");
    case PART_AS_OF:
        return KEY_IS(key, "as_of");
    case PART_FACTS:
        return KEY_IS(key, "facts");
    case PART_COUNT:
        break;
    }
    return false;
}

/* Reads one part's value; `at` is after it, whatever its type.  False: it is nil, which many tools
 * write for an absent value, and counts as absent. */
static inline __attribute__((always_inline)) bool decode_part(struct decoder *d, size_t part) {
    size_t start = d->at;
    struct walk_item item;
    if (!decode_read(d, &item)) {
        return true;
    }
    if (item.type == WALK_NIL) {
        return false;
    }
    if (part == PART_FACTS && item.type == WALK_MAP) {
        (void)decode_fields(d, decode_facts(d->schema), item.count, NULL);
        return true;
    }
    if (part == PART_CASE_ID) {
        decode_id(d, &item);
    } else if (part == PART_REVISION) {
        decode_revision(d, &item);
    } else if (part == PART_REFERENCE_DATE) {
        decode_date(d, &item, &d->doc->has_reference_date, &d->doc->reference_date);
    } else if (part == PART_AS_OF) {
        decode_date(d, &item, &d->doc->has_as_of, &d->doc->as_of);
    } else {
        (void)decode_fault(d, "not_a_map", "map", walk_type_name(item.type));
    }
    decode_skip_rest(d, start, &item);
    return true;
}

static void unknown_key(struct decoder *d, const struct walk_item *key) {
    d->base = "";
    (void)decode_fault_key(d, key->type == WALK_STR ? key->bytes : SPAN_LIT("?"), "unknown_key",
                           "case_id, revision, reference_date, as_of or facts",
                           decode_found_next(d));
}

/* The part of a key; the search starts after the last part found.  PART_COUNT: none. */
static size_t find_part(const struct walk_item *key, size_t hint) {
    if (key->type != WALK_STR) {
        return PART_COUNT;
    }
    if (is_part(key->bytes, hint)) {
        return hint;
    }
    size_t part = 0;
    while (part < PART_COUNT && !is_part(key->bytes, part)) {
        part++;
    }
    return part;
}

/* Records a fault for each part that a case must have and has not. */
static void need_parts(struct decoder *d, const bool given[PART_COUNT]) {
    static const struct {
        enum part part;
        const char *reason;
        const char *expected;
    } needed[] = {{PART_CASE_ID, "missing_id", "str of 1 to 64 bytes"},
                  {PART_REVISION, "bad_revision", REVISION_EXPECTED},
                  {PART_FACTS, "not_a_map", "map"}};
    for (size_t i = 0; i < COUNT_OF(needed) && !decode_stopped(d); i++) {
        d->base = PARTS[needed[i].part];
        if (!given[needed[i].part]) {
            (void)decode_fault(d, needed[i].reason, needed[i].expected, "absent");
        }
    }
}

static void decode_parts(struct decoder *d, uint32_t pairs) {
    bool seen[PART_COUNT] = {false};
    bool given[PART_COUNT] = {false};
    size_t hint = 0;
    for (uint32_t n = 0; n < pairs && !decode_stopped(d); n++) {
        size_t start = d->at;
        struct walk_item key;
        if (!decode_read(d, &key)) {
            return;
        }
        size_t part = find_part(&key, hint);
        if (part < PART_COUNT && !seen[part]) {
            hint = part + 1;
            seen[part] = true;
            d->base = PARTS[part];
            given[part] = decode_part(d, part);
            continue;
        }
        if (part < PART_COUNT) {
            d->base = PARTS[part];
            (void)decode_fault(d, "duplicate_key", "each key once", "key again");
        } else {
            unknown_key(d, &key);
        }
        decode_skip(d, start);
        decode_skip(d, d->at);
    }
    need_parts(d, given);
}

void decode_keys(struct decoder *d, uint32_t count) {
    bool given[PART_COUNT] = {[PART_FACTS] = true};
    for (uint32_t part = 0; part < count && !decode_stopped(d); part++) {
        d->base = PARTS[part];
        given[part] = decode_part(d, part);
    }
    need_parts(d, given);
}

/* Everything except the faults: two kilobytes that are read only up to fault_count. */
static void doc_clear(struct case_doc *doc) {
    doc->case_id = (struct span){NULL, 0};
    doc->revision = CASE_REVISION_UNREAD;
    doc->has_reference_date = false;
    doc->has_as_of = false;
    doc->reference_date = 0;
    doc->as_of = 0;
    doc->digest = (struct hash128){{0}};
    doc->fault_count = 0;
}

static inline bool begin(struct decoder *d) {
    const struct schema *schema = d->schema;
    doc_clear(d->doc);
    d->doc->slots = decode_take(d, schema->slot_count * sizeof(*d->doc->slots));
    if (d->doc->slots != NULL) {
        memcpy(d->doc->slots, schema->unknown, schema->slot_count * sizeof(*d->doc->slots));
    }
    return d->doc->slots != NULL;
}

static inline void end(struct decoder *d) {
    if (d->err == ERR_OK && d->doc->fault_count == 0) {
        d->doc->digest = case_digest(d->schema, d->doc);
    }
}

/* d->at is after the case, unless decoding stopped. */
static void decode_case(struct decoder *d) {
    size_t start = d->at;
    struct walk_item item;
    if (!begin(d) || !decode_read(d, &item)) {
        return;
    }
    if (item.type != WALK_MAP) {
        (void)decode_fault(d, "not_a_map", "map", walk_type_name(item.type));
        decode_skip(d, start);
    } else {
        decode_parts(d, item.count);
    }
    end(d);
}

bool decode_begin(struct decoder *d) { return begin(d); }
void decode_end(struct decoder *d) { end(d); }

enum err case_decode_next(const struct schema *schema, struct span bytes, size_t *offset,
                          struct arena *arena, struct case_doc *doc) {
    struct decoder d = {.schema = schema,
                        .bytes = bytes,
                        .at = *offset,
                        .arena = arena,
                        .doc = doc,
                        .base = "case"};
    decode_case(&d);
    if (!decode_stopped(&d)) {
        *offset = d.at;
        return ERR_OK;
    }
    enum err err = walk_value(bytes, offset);
    return d.err != ERR_OK && err == ERR_OK ? d.err : err;
}

enum err case_decode(const struct schema *schema, struct span bytes, struct arena *arena,
                     struct case_doc *doc) {
    size_t at = 0;
    enum err err = case_decode_next(schema, bytes, &at, arena, doc);
    bool is_all = at == bytes.len || doc->fault_count == CASE_FAULTS_MAX;
    return err == ERR_OK && !is_all ? ERR_TRAILING : err;
}
