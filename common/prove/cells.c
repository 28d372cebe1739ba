/* Facts as terms.  A scalar is its value and a flag for unknown.  A list of words is whether each
 * word that conditions name is in it, some other word, and its size.  A map is an entry for each
 * key that conditions name.  A list of records is as many records as conditions can tell apart: one
 * witness for each condition over it decides that condition, see README.md. */
#include "prove/prove_priv.h"

#include "base/mem.h"

static term within_words(struct space *space, term word, const struct fact *fact) {
    term any = space->no;
    for (uint32_t i = 0; i < fact->word_count;) {
        uint32_t first = space_word(space, span_str(fact->words[i]));
        uint32_t last = first;
        for (i++; i < fact->word_count && space_word(space, span_str(fact->words[i])) == last + 1;
             i++) {
            last++;
        }
        term from = term_less_equal(space, term_int(space, first), word);
        term to = term_less_equal(space, word, term_int(space, last));
        any = term_or(space, any, term_and(space, from, to));
    }
    return any;
}

/* A text that no condition names has a number after theirs. */
static struct sym word_fresh(struct space *space, const struct fact *fact) {
    struct sym sym = sym_int(space, term_fresh(space, fact->name, space->ints));
    sym.kind = SYM_WORD;
    bool is_free = fact->type == FACT_STRING;
    space_state(space, is_free ? term_less_equal(space, term_int(space, 0), sym.a)
                               : within_words(space, sym.a, fact));
    return sym;
}

static struct sym cell_fresh(struct space *space, const struct fact *fact) {
    struct sym sym = sym_bool(space, space->no);
    switch (fact->type) {
    case FACT_BOOL:
        return sym_bool(space, term_fresh(space, fact->name, space->bools));
    case FACT_INT:
        sym = sym_int(space, term_fresh(space, fact->name, space->ints));
        space_state(space, term_less_equal(space, term_int(space, fact->int_min), sym.a));
        space_state(space, term_less_equal(space, sym.a, term_int(space, fact->int_max)));
        return sym;
    case FACT_ENUM:
    case FACT_ISO:
    case FACT_STRING:
        return word_fresh(space, fact);
    case FACT_DATE:
        sym = (struct sym){.kind = SYM_DATE,
                           .err = space->no,
                           .unk = space->no,
                           .intake = space->no,
                           .a = term_fresh(space, fact->name, space->ints),
                           .b = term_fresh(space, fact->name, space->ints),
                           .c = term_fresh(space, fact->name, space->ints)};
        date_domain(space, &sym);
        return sym;
    case FACT_DOUBLE:
    case FACT_TIMESTAMP:
    case FACT_LIST:
    case FACT_MAP:
    case FACT_RECORD:
        break;
    }
    sym.kind = SYM_UNTRANSLATED;
    return sym;
}

/* Adds the flag for unknown, unless the value is not translated. */
static struct sym maybe_unknown(struct space *space, struct sym sym, const struct fact *fact) {
    if (sym.kind != SYM_UNTRANSLATED) {
        sym.unk = term_fresh(space, "unknown", space->bools);
        sym.intake = fact->officer ? space->no : sym.unk;
    }
    return sym;
}

static void records_open(struct space *space, struct cell *cell, uint32_t count) {
    const struct fact *record = cell->fact->element;
    cell->record_count = count;
    cell->records = space_take(space, count, sizeof(*cell->records));
    for (uint32_t i = 0; i < count; i++) {
        struct sym *fields = space_take(space, record->field_count, sizeof(*fields));
        for (uint32_t k = 0; k < record->field_count; k++) {
            const struct fact *leaf = &record->fields[k];
            fields[k] = maybe_unknown(space, cell_fresh(space, leaf), leaf);
        }
        cell->records[i].is_in = term_fresh(space, "is_in", space->bools);
        cell->records[i].sym = (struct sym){.kind = SYM_RECORD,
                                            .err = space->no,
                                            .unk = space->no,
                                            .intake = space->no,
                                            .record = record,
                                            .items = fields,
                                            .count = record->field_count};
    }
}

static bool is_collection(const struct fact *fact) {
    return fact->type == FACT_LIST || fact->type == FACT_MAP;
}

void cell_open(struct space *space, struct cell *cell, const struct fact *fact, uint32_t records) {
    cell->fact = fact;
    struct sym sym = cell_fresh(space, fact);
    if (is_collection(fact)) {
        sym = (struct sym){.kind = SYM_FACT, .err = space->no, .cell = cell};
    }
    cell->sym = maybe_unknown(space, sym, fact);
    if (fact->type == FACT_LIST) {
        cell->other = term_fresh(space, "other", space->bools);
        cell->size = term_fresh(space, "size", space->ints);
        if (fact->element->type == FACT_RECORD) {
            records_open(space, cell, records);
        }
    }
}

/* A word of the element's vocabulary, or a text that is short enough. */
static bool may_hold(const struct fact *element, struct span word) {
    if (element->type == FACT_STRING) {
        return word.len <= element->bytes_max;
    }
    for (uint32_t i = 0; i < element->word_count; i++) {
        if (span_is(word, element->words[i])) {
            return true;
        }
    }
    return false;
}

term cell_member(struct space *space, struct cell *cell, uint32_t word) {
    for (uint32_t i = 0; i < cell->member_count; i++) {
        if (cell->members[i].word == word) {
            return cell->members[i].is_in;
        }
    }
    if (!may_hold(cell->fact->element, space->words[word])) {
        return space->no;
    }
    MEM_ROOM(cell->members, cell->member_count, cell->member_cap, 8);
    term is_in = term_fresh(space, cell->fact->name, space->bools);
    cell->members[cell->member_count++] = (struct member){word, is_in};
    return is_in;
}

static bool may_be_key(const struct fact *map, struct span key) {
    bool is_word = !map->map_keys_iso;
    for (uint32_t i = 0; i < map->word_count && !is_word; i++) {
        is_word = span_is(key, map->words[i]);
    }
    return is_word && (map->map_keys_iso || key.len <= map->bytes_max);
}

struct entry *cell_entry(struct space *space, struct cell *cell, struct span key) {
    for (uint32_t i = 0; i < cell->entry_count; i++) {
        if (span_eq(cell->entries[i].key, key)) {
            return &cell->entries[i];
        }
    }
    MEM_ROOM(cell->entries, cell->entry_count, cell->entry_cap, 4);
    struct entry *entry = &cell->entries[cell->entry_count++];
    *entry = (struct entry){
        .key = arena_copy(&space->arena, key),
        .is_in = may_be_key(cell->fact, key) ? term_fresh(space, "has", space->bools) : space->no,
        .value = cell_fresh(space, cell->fact->element)};
    CHECK(entry->key.ptr != NULL);
    return entry;
}

term cell_size(struct space *space, struct cell *cell) {
    (void)space;
    cell->is_sized = true;
    return cell->size;
}

/* --- what a case may hold ----------------------------------------------------------------------
 */

static term one_if(struct space *space, term condition) {
    return term_if(space, condition, term_int(space, 1), term_int(space, 0));
}

/* A free text may be any that is short enough; one that no condition names always exists. */
static void close_text(struct space *space, const struct fact *fact, const struct sym *sym) {
    for (uint32_t i = 0; fact->type == FACT_STRING && i < space->word_count; i++) {
        if (space->words[i].len > fact->bytes_max) {
            space_state(space, term_not(space, term_equal(space, sym->a, term_int(space, i))));
        }
    }
}

static void close_list(struct space *space, struct cell *cell) {
    const struct fact *element = cell->fact->element;
    term distinct = one_if(space, cell->other);
    bool is_full = element->type != FACT_STRING && cell->member_count >= element->word_count;
    for (uint32_t i = 0; i < cell->member_count; i++) {
        distinct = term_add(space, distinct, one_if(space, cell->members[i].is_in));
    }
    if (is_full || element->type == FACT_RECORD) {
        space_state(space, term_not(space, cell->other));
    }
    for (uint32_t i = 0; i < cell->record_count; i++) {
        distinct = term_add(space, distinct, one_if(space, cell->records[i].is_in));
        if (i > 0) { /* the order of records never counts */
            space_state(space, term_or(space, cell->records[i - 1].is_in,
                                       term_not(space, cell->records[i].is_in)));
        }
        for (uint32_t k = 0; k < element->field_count; k++) {
            close_text(space, &element->fields[k], &cell->records[i].sym.items[k]);
        }
    }
    term none = term_equal(space, distinct, term_int(space, 0));
    space_state(space, term_less_equal(space, distinct, cell->size));
    space_state(space, term_less_equal(space, cell->size, term_int(space, cell->fact->count_max)));
    space_state(space, term_or(space, term_not(space, none),
                               term_equal(space, cell->size, term_int(space, 0))));
}

static void close_map(struct space *space, struct cell *cell) {
    term count = term_int(space, 0);
    for (uint32_t i = 0; i < cell->entry_count; i++) {
        count = term_add(space, count, one_if(space, cell->entries[i].is_in));
        close_text(space, cell->fact->element, &cell->entries[i].value);
    }
    space_state(space, term_less_equal(space, count, term_int(space, cell->fact->count_max)));
}

void cell_close(struct space *space, struct cell *cell) {
    if (cell->fact->type == FACT_LIST &&
        (cell->is_sized || cell->member_count > 0 || cell->record_count > 0)) {
        close_list(space, cell);
    } else if (cell->fact->type == FACT_MAP) {
        close_map(space, cell);
    } else {
        close_text(space, cell->fact, &cell->sym);
    }
}
