/* case.yaml -> the schema.  The first pass reads facts in file order.  The second numbers slots,
 * then the leaves inside lists, so slot numbers and path ids share one range. */
#include "casedoc/schema.h"

#include "base/arena.h"
#include "base/mem.h"
#include "casedoc/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCHEMA_BYTES_MAX = 64 << 20, NAME_PATH_BYTES_MAX = 3 * FACT_NAME_BYTES_MAX };

struct schema_owned {
    struct schema schema;
    struct arena arena;
};

/* The nesting of a fact decides which types it may have. */
enum nesting { AT_TOP, IN_RECORD, IN_LIST, IN_MAP, IN_LIST_RECORD };

struct loader {
    struct schema_owned *owned;
    const struct yaml_doc *doc;
    struct vocabulary iso;
    const struct word_index *iso_index;
    struct diag *diag;
};

struct parent {
    enum nesting nesting;
    const char *prefix; /* of the names below: "", "minor_ctx.", "family_anchors[]." */
    bool officer;
};

static const struct {
    const char *name;
    enum fact_type type;
    const char *keys[6]; /* its allowed keys */
} TYPES[] = {
    {"bool", FACT_BOOL, {"type", "asked_of", "help", NULL}},
    {"int", FACT_INT, {"type", "asked_of", "help", "range", NULL}},
    {"double", FACT_DOUBLE, {"type", "asked_of", "help", NULL}},
    {"string", FACT_STRING, {"type", "asked_of", "help", "bytes", NULL}},
    {"enum", FACT_ENUM, {"type", "asked_of", "help", "words", NULL}},
    {"iso", FACT_ISO, {"type", "asked_of", "help", NULL}},
    {"date", FACT_DATE, {"type", "asked_of", "help", NULL}},
    {"timestamp", FACT_TIMESTAMP, {"type", "asked_of", "help", NULL}},
    {"list", FACT_LIST, {"type", "asked_of", "help", "of", "max", NULL}},
    {"map", FACT_MAP, {NULL}}, /* MAP_KEYS */
    {"record", FACT_RECORD, {"type", "asked_of", "help", "fields", NULL}},
};
static const char *const MAP_KEYS[] = {"type", "asked_of", "help",  "of",
                                       "keys", "max",      "bytes", NULL};

static void *take(struct loader *l, size_t count, size_t bytes) {
    void *ptr = arena_zero(&l->owned->arena, count, bytes);
    CHECK(ptr != NULL); /* a document of at most 1 MiB cannot fill it */
    return ptr;
}

static const char *copy(struct loader *l, struct span text) {
    struct span copied = arena_copy(&l->owned->arena, text);
    CHECK(copied.ptr != NULL);
    return (const char *)copied.ptr;
}

static const char *join(struct loader *l, const char *a, const char *b) {
    char text[NAME_PATH_BYTES_MAX];
    int len = snprintf(text, sizeof(text), "%s%s", a, b);
    CHECK(len > 0 && (size_t)len < sizeof(text));
    return copy(l, span_str(text));
}

static enum err read_type(struct loader *l, const struct yaml_node *node, enum nesting nesting,
                          struct fact *fact) {
    if (node->kind != YAML_MAP) {
        return yaml_fail(l->doc, node, ERR_INVALID, l->diag, "expected a map such as {type: bool}");
    }
    const struct yaml_node *type = yaml_get(node, "type");
    if (type == NULL || type->kind != YAML_SCALAR) {
        return yaml_fail(l->doc, type == NULL ? node : type, ERR_INVALID, l->diag,
                         "a fact needs a type");
    }
    size_t row = 0;
    while (row < COUNT_OF(TYPES) && !span_is(type->text, TYPES[row].name)) {
        row++;
    }
    if (row == COUNT_OF(TYPES)) {
        return yaml_fail(l->doc, type, ERR_INVALID, l->diag,
                         "unknown type; one of bool, int, double, string, enum, iso, date, "
                         "timestamp, list, map, record");
    }
    fact->type = TYPES[row].type;
    bool record = fact->type == FACT_RECORD;
    bool compound = fact->type == FACT_LIST || fact->type == FACT_MAP;
    if ((record && nesting != AT_TOP && nesting != IN_LIST) ||
        (compound && nesting != AT_TOP && nesting != IN_RECORD)) {
        return yaml_fail(l->doc, type, ERR_INVALID, l->diag, "a %s is not allowed here",
                         TYPES[row].name);
    }
    return yaml_only_keys(l->doc, node, fact->type == FACT_MAP ? MAP_KEYS : TYPES[row].keys,
                          l->diag);
}

static const struct word_index *index_words(struct loader *l, const char *const *words,
                                            uint32_t count) {
    struct word_index *index = take(l, 1, word_index_bytes(count));
    word_index_fill(index, words, count);
    return index;
}

static enum err read_words(struct loader *l, const struct yaml_node *node, struct fact *fact) {
    const struct yaml_node *list = yaml_get(node, "words");
    if (list == NULL || list->kind != YAML_SEQ || list->count == 0 ||
        list->count > FACT_WORDS_MAX) {
        return yaml_fail(l->doc, list == NULL ? node : list, ERR_INVALID, l->diag,
                         "an enum needs words: a list of 1 to %d words", FACT_WORDS_MAX);
    }
    const char **words = take(l, list->count, sizeof(char *));
    uint32_t count = 0;
    for (const struct yaml_node *word = list->first; word != NULL; word = word->next) {
        if (word->kind != YAML_SCALAR || word->text.len == 0 ||
            word->text.len > FACT_WORD_BYTES_MAX ||
            memchr(word->text.ptr, '\0', word->text.len) != NULL) {
            return yaml_fail(l->doc, word, ERR_INVALID, l->diag, "expected a word of 1 to %d bytes",
                             FACT_WORD_BYTES_MAX);
        }
        for (uint32_t i = 0; i < count; i++) {
            if (span_is(word->text, words[i])) {
                return yaml_fail(l->doc, word, ERR_INVALID, l->diag, "this word occurs twice");
            }
        }
        words[count++] = copy(l, word->text);
    }
    fact->words = words;
    fact->word_count = count;
    fact->word_index = index_words(l, words, count);
    return ERR_OK;
}

static enum err read_iso(struct loader *l, const struct yaml_node *node, struct fact *fact) {
    if (l->iso.count == 0) {
        return yaml_fail(l->doc, node, ERR_INVALID, l->diag, "no ISO 3166-1 vocabulary is loaded");
    }
    fact->words = l->iso.words; /* copied once, see schema_load */
    fact->word_count = l->iso.count;
    fact->word_index = l->iso_index;
    return ERR_OK;
}

static enum err read_range(struct loader *l, const struct yaml_node *node, struct fact *fact) {
    fact->int_min = INT64_MIN;
    fact->int_max = INT64_MAX;
    const struct yaml_node *range = yaml_get(node, "range");
    if (range == NULL) {
        return ERR_OK;
    }
    if (range->kind != YAML_SEQ || range->count != 2) {
        return yaml_fail(l->doc, range, ERR_INVALID, l->diag, "expected [lowest, highest]");
    }
    enum err err = yaml_int(l->doc, range->first, INT64_MIN, INT64_MAX, &fact->int_min, l->diag);
    return err != ERR_OK ? err
                         : yaml_int(l->doc, range->first->next, fact->int_min, INT64_MAX,
                                    &fact->int_max, l->diag);
}

static enum err read_limit(struct loader *l, const struct yaml_node *node, const char *key,
                           int64_t fallback, int64_t max, uint32_t *limit) {
    const struct yaml_node *value = yaml_get(node, key);
    int64_t number = fallback;
    if (value != NULL) {
        enum err err = yaml_int(l->doc, value, 1, max, &number, l->diag);
        if (err != ERR_OK) {
            return err;
        }
    }
    *limit = (uint32_t)number;
    return ERR_OK;
}

static enum err read_keys(struct loader *l, const struct yaml_node *node, struct fact *fact) {
    const struct yaml_node *keys = yaml_get(node, "keys");
    if (keys != NULL && keys->kind == YAML_SCALAR && span_is(keys->text, "iso")) {
        fact->map_keys_iso = true;
        if (yaml_get(node, "bytes") != NULL) {
            return yaml_fail(l->doc, yaml_get(node, "bytes"), ERR_INVALID, l->diag,
                             "bytes is for string keys");
        }
        return read_iso(l, keys, fact);
    }
    if (keys != NULL && (keys->kind != YAML_SCALAR || !span_is(keys->text, "string"))) {
        return yaml_fail(l->doc, keys, ERR_INVALID, l->diag, "expected iso or string");
    }
    return read_limit(l, node, "bytes", FACT_KEY_BYTES_DEFAULT, FACT_BYTES_MAX, &fact->bytes_max);
}

static enum err read_common(struct loader *l, const struct yaml_node *node, bool officer,
                            struct fact *fact) {
    const struct yaml_node *asked_of = yaml_get(node, "asked_of");
    fact->officer = officer;
    if (asked_of != NULL) {
        fact->officer = asked_of->kind == YAML_SCALAR && span_is(asked_of->text, "officer");
        if (!fact->officer &&
            (asked_of->kind != YAML_SCALAR || !span_is(asked_of->text, "intake"))) {
            return yaml_fail(l->doc, asked_of, ERR_INVALID, l->diag, "expected intake or officer");
        }
    }
    const struct yaml_node *help = yaml_get(node, "help");
    if (help != NULL && help->kind != YAML_SCALAR) {
        return yaml_fail(l->doc, help, ERR_INVALID, l->diag, "expected a text");
    }
    fact->help = help == NULL ? "" : copy(l, help->text);
    return ERR_OK;
}

static enum err read_facts(struct loader *l, const struct yaml_node *map, struct parent parent,
                           const struct fact **facts, uint32_t *count);

static void name_fact(struct fact *fact, const char *name, const char *leaf) {
    fact->name = name;
    fact->name_len = (uint32_t)strlen(name);
    fact->leaf = leaf;
    fact->leaf_len = (uint32_t)strlen(leaf);
}

static enum err read_fact(struct loader *l, const struct yaml_node *node, struct parent parent,
                          struct fact *fact);

static enum err read_element(struct loader *l, const struct yaml_node *node, enum nesting nesting,
                             struct fact *fact) {
    const struct yaml_node *of = yaml_get(node, "of");
    if (of == NULL) {
        return yaml_fail(l->doc, node, ERR_INVALID, l->diag, "a list or map needs of: {type: ...}");
    }
    struct fact *element = take(l, 1, sizeof(*element));
    name_fact(element, join(l, fact->name, "[]"), fact->leaf);
    fact->element = element;
    enum err err = read_limit(l, node, "max", FACT_COUNT_DEFAULT, FACT_COUNT_MAX, &fact->count_max);
    return err != ERR_OK
               ? err
               : read_fact(l, of, (struct parent){.nesting = nesting, .officer = fact->officer},
                           element);
}

static enum err read_record(struct loader *l, const struct yaml_node *node, enum nesting nesting,
                            struct fact *fact) {
    const struct yaml_node *fields = yaml_get(node, "fields");
    if (fields == NULL || fields->kind != YAML_MAP || fields->count == 0 ||
        fields->count > FACT_FIELDS_MAX) {
        return yaml_fail(l->doc, fields == NULL ? node : fields, ERR_INVALID, l->diag,
                         "a record needs fields: a map of 1 to %d facts", FACT_FIELDS_MAX);
    }
    struct parent parent = {.nesting = nesting == AT_TOP ? IN_RECORD : IN_LIST_RECORD,
                            .prefix = join(l, fact->name, "."),
                            .officer = fact->officer};
    return read_facts(l, fields, parent, &fact->fields, &fact->field_count);
}

static enum err read_fact(struct loader *l, const struct yaml_node *node, struct parent parent,
                          struct fact *fact) {
    fact->slot = UINT16_MAX;
    enum err err = read_type(l, node, parent.nesting, fact);
    if (err == ERR_OK) {
        err = read_common(l, node, parent.officer, fact);
    }
    if (err != ERR_OK) {
        return err;
    }
    switch (fact->type) {
    case FACT_BOOL:
    case FACT_DOUBLE:
    case FACT_DATE:
    case FACT_TIMESTAMP:
        return ERR_OK;
    case FACT_INT:
        return read_range(l, node, fact);
    case FACT_STRING:
        return read_limit(l, node, "bytes", FACT_BYTES_DEFAULT, FACT_BYTES_MAX, &fact->bytes_max);
    case FACT_ENUM:
        return read_words(l, node, fact);
    case FACT_ISO:
        return read_iso(l, node, fact);
    case FACT_LIST:
        return read_element(l, node, IN_LIST, fact);
    case FACT_MAP:
        err = read_keys(l, node, fact);
        return err != ERR_OK ? err : read_element(l, node, IN_MAP, fact);
    case FACT_RECORD:
        return read_record(l, node, parent.nesting, fact);
    }
    UNREACHABLE();
}

/* Lower case, so that SQL and conditions use the same name. */
static bool is_fact_name(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return text.len > 0 && text.len <= FACT_NAME_BYTES_MAX;
}

static enum err read_facts(struct loader *l, const struct yaml_node *map, struct parent parent,
                           const struct fact **facts, uint32_t *count) {
    struct fact *made = take(l, map->count, sizeof(*made));
    uint32_t index = 0;
    for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
        if (!is_fact_name(node->key->text)) {
            return yaml_fail(l->doc, node->key, ERR_INVALID, l->diag,
                             "a fact's name is a lower-case word of at most %d bytes",
                             FACT_NAME_BYTES_MAX);
        }
        struct fact *fact = &made[index++];
        const char *leaf = copy(l, node->key->text);
        name_fact(fact, join(l, parent.prefix, leaf), leaf);
        enum err err = read_fact(l, node, parent, fact);
        if (err != ERR_OK) {
            return err;
        }
    }
    *facts = made;
    *count = index;
    return ERR_OK;
}

/* The second pass fills these; facts are const only for readers. */
struct numbering {
    const struct fact *slots[PATHS_MAX];
    const struct fact *paths[PATHS_MAX];
    uint32_t slot_count;
    uint32_t path_count;
    bool full;
};

static struct fact *writable(const struct fact *fact) { return (struct fact *)(uintptr_t)fact; }

static void number_path(struct numbering *n, const struct fact *fact, bool slot) {
    if (n->path_count == PATHS_MAX) {
        n->full = true;
        return;
    }
    writable(fact)->path = (uint16_t)n->path_count;
    if (slot) {
        writable(fact)->slot = (uint16_t)n->slot_count;
        n->slots[n->slot_count++] = fact;
        if (fact->element != NULL) {
            writable(fact->element)->path = fact->path;
        }
    }
    n->paths[n->path_count++] = fact;
}

static void number_slots(struct numbering *n, const struct schema *schema) {
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        const struct fact *fact = &schema->facts[i];
        if (fact->type != FACT_RECORD) {
            number_path(n, fact, true);
        }
        for (uint32_t j = 0; j < fact->field_count; j++) {
            number_path(n, &fact->fields[j], true);
        }
    }
    for (uint32_t i = 0; i < n->slot_count; i++) {
        const struct fact *element = n->slots[i]->element;
        for (uint32_t j = 0; element != NULL && j < element->field_count; j++) {
            number_path(n, &element->fields[j], false);
        }
    }
}

/* Insertion sort: a schema has at most PATHS_MAX names, and it is loaded once. */
static void sort_by(uint16_t *order, uint32_t count, const char *const *names) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        while (at > 0 && strcmp(names[order[at - 1]], names[i]) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (uint16_t)i;
    }
}

static const struct word_index *index_leaves(struct loader *l, const struct fact *facts,
                                             uint32_t count) {
    const char *leaves[PATHS_MAX];
    CHECK(count <= PATHS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = facts[i].leaf;
    }
    return index_words(l, leaves, count);
}

static void order_fields(struct loader *l, const struct fact *record) {
    const char *names[FACT_FIELDS_MAX];
    CHECK(record->field_count <= FACT_FIELDS_MAX);
    for (uint32_t i = 0; i < record->field_count; i++) {
        names[i] = record->fields[i].leaf;
    }
    uint16_t *order = take(l, record->field_count, sizeof(*order));
    sort_by(order, record->field_count, names);
    writable(record)->fields_by_name = order;
    writable(record)->field_index = index_leaves(l, record->fields, record->field_count);
}

static void order_names(struct loader *l, struct schema *schema) {
    const char *names[PATHS_MAX];
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        names[i] = schema->slots[i]->name;
        const struct fact *element = schema->slots[i]->element;
        if (element != NULL && element->type == FACT_RECORD) {
            order_fields(l, element);
        }
    }
    for (uint32_t i = 0; i < schema->fact_count; i++) {
        if (schema->facts[i].type == FACT_RECORD) {
            order_fields(l, &schema->facts[i]);
        }
    }
    uint16_t order[PATHS_MAX];
    sort_by(order, schema->slot_count, names);
    struct slot_name *sorted = take(l, schema->slot_count, sizeof(*sorted));
    for (uint32_t i = 0; i < schema->slot_count; i++) {
        const struct fact *fact = schema->slots[order[i]];
        uint32_t len = fact->name_len + 1;
        uint8_t *text = take(l, len / SLOT_NAME_STEP + 1, SLOT_NAME_STEP);
        memcpy(text, fact->name, len);
        sorted[i] = (struct slot_name){.text = text, .len = len, .slot = order[i]};
    }
    schema->names = sorted;
    schema->fact_index = index_leaves(l, schema->facts, schema->fact_count);
}

/* `a.b_c` and `a_b.c` are two facts but one column. */
static bool same_column(const char *a, const char *b) {
    while (*a != '\0' && (*a == *b || (*a == '.' && *b == '_') || (*a == '_' && *b == '.'))) {
        a++;
        b++;
    }
    return *a == *b;
}

static enum err check_columns(struct loader *l, const struct numbering *n) {
    for (uint32_t i = 0; i < n->slot_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (same_column(n->slots[i]->name, n->slots[j]->name)) {
                return diag_fail_at(l->diag, ERR_INVALID, yaml_name(l->doc), 0, 0,
                                    "%s and %s would share one column", n->slots[j]->name,
                                    n->slots[i]->name);
            }
        }
    }
    return ERR_OK;
}

static enum err finish(struct loader *l) {
    struct schema *schema = &l->owned->schema;
    struct numbering n = {0};
    number_slots(&n, schema);
    if (n.full) {
        return diag_fail_at(l->diag, ERR_TOO_LARGE, yaml_name(l->doc), 0, 0,
                            "more than %d facts and leaves", PATHS_MAX);
    }
    enum err err = check_columns(l, &n);
    if (err != ERR_OK) {
        return err;
    }
    const struct fact **slots = take(l, n.slot_count, sizeof(*slots));
    const struct fact **paths = take(l, n.path_count, sizeof(*paths));
    struct value *unknown = take(l, n.slot_count, sizeof(*unknown));
    for (uint32_t i = 0; i < n.slot_count; i++) {
        unknown[i] = value_unknown(n.slots[i]->path);
    }
    memcpy(slots, n.slots, n.slot_count * sizeof(*slots));
    memcpy(paths, n.paths, n.path_count * sizeof(*paths));
    schema->slots = slots;
    schema->slot_count = n.slot_count;
    schema->paths = paths;
    schema->unknown = unknown;
    schema->path_count = n.path_count;
    order_names(l, schema);
    return ERR_OK;
}

static void copy_iso(struct loader *l) {
    const char **words = take(l, l->iso.count, sizeof(char *));
    for (uint32_t i = 0; i < l->iso.count; i++) {
        words[i] = copy(l, span_str(l->iso.words[i]));
        CHECK(i == 0 || strcmp(words[i - 1], words[i]) < 0);
    }
    l->iso.words = words;
    l->iso_index = index_words(l, words, l->iso.count);
}

static enum err load(struct loader *l) {
    static const char *const keys[] = {"version", "title", "facts", NULL};
    const struct yaml_node *root = yaml_root(l->doc);
    enum err err = yaml_only_keys(l->doc, root, keys, l->diag);
    if (err != ERR_OK) {
        return err;
    }
    const struct yaml_node *version = yaml_get(root, "version");
    if (version == NULL || version->kind != YAML_SCALAR || !span_is(version->text, "1")) {
        return yaml_fail(l->doc, version == NULL ? root : version, ERR_VERSION, l->diag,
                         "expected version: 1");
    }
    const struct yaml_node *title = yaml_get(root, "title");
    if (title != NULL && title->kind != YAML_SCALAR) {
        return yaml_fail(l->doc, title, ERR_INVALID, l->diag, "expected a text");
    }
    l->owned->schema.title = title == NULL ? "" : copy(l, title->text);
    const struct yaml_node *facts = yaml_get(root, "facts");
    if (facts == NULL || facts->kind != YAML_MAP || facts->count == 0) {
        return yaml_fail(l->doc, facts == NULL ? root : facts, ERR_INVALID, l->diag,
                         "expected facts: a map of facts");
    }
    err = read_facts(l, facts, (struct parent){.nesting = AT_TOP, .prefix = ""},
                     &l->owned->schema.facts, &l->owned->schema.fact_count);
    return err != ERR_OK ? err : finish(l);
}

enum err schema_load(const struct yaml_doc *doc, struct vocabulary iso, struct schema **schema,
                     struct diag *diag) {
    struct schema_owned *owned = mem_zero(1, sizeof(*owned));
    arena_init(&owned->arena, SCHEMA_BYTES_MAX);
    struct loader loader = {.owned = owned, .doc = doc, .iso = iso, .diag = diag};
    copy_iso(&loader);
    enum err err = load(&loader);
    struct schema *made = &owned->schema;
    if (err != ERR_OK) {
        schema_free(&made);
        return err;
    }
    *schema = made;
    return ERR_OK;
}

void schema_free(struct schema **schema) {
    if (*schema != NULL) {
        struct schema_owned *owned = CONTAINER_OF(*schema, struct schema_owned, schema);
        arena_free(&owned->arena);
        mem_free(owned);
        *schema = NULL;
    }
}

const struct fact *schema_find(const struct schema *schema, struct span name) {
    for (uint32_t i = 0; i < schema->path_count; i++) {
        if (span_is(name, schema->paths[i]->name)) {
            return schema->paths[i];
        }
    }
    return NULL;
}

bool schema_is_name(struct span name) {
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= FACT_NAME_BYTES_MAX;
}
