/* YAML documents: any text becomes a tree whose nodes lie in the source, or is refused with a line;
 * every byte of every scalar can be pointed at. */
#include "fuzz.h"
#include "yaml/yaml_doc.h"

/* Mapping one byte costs as much as the scalar is long: of a longer scalar about so many bytes are
 * pointed at, spread evenly, its end always. */
enum { POINTED_AT_MAX = 64 };

static void place_check(const struct yaml_doc *doc, const struct yaml_node *node, size_t offset) {
    struct diag diag = {0};
    CHECK(yaml_fail_in(doc, node, offset, 1, &diag, "here") == ERR_INVALID);
    CHECK(diag.line >= node->line);
    CHECK(diag.offset >= node->start && diag.offset <= yaml_source(doc).len);
    CHECK(diag.line > node->line || diag.column >= node->column);
}

static void node_check(const struct yaml_doc *doc, const struct yaml_node *node) {
    size_t len = yaml_source(doc).len;
    CHECK(node->start <= node->end && node->end <= len);
    CHECK(node->line >= 1);
    uint32_t count = 0;
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        CHECK((child->key != NULL) == (node->kind == YAML_MAP));
        node_check(doc, child);
        count++;
    }
    CHECK(count == node->count);
    if (node->kind == YAML_SCALAR) {
        size_t step = node->text.len / POINTED_AT_MAX + 1;
        for (size_t at = node->start % step; at < node->text.len; at += step) {
            place_check(doc, node, at);
        }
        place_check(doc, node, node->text.len);
    }
    struct diag diag = {0};
    int64_t number = 0;
    int32_t days = 0;
    bool is_set = false;
    enum err errs[] = {yaml_int(doc, node, INT64_MIN, INT64_MAX, &number, &diag),
                       yaml_date(doc, node, &days, &diag), yaml_bool(doc, node, &is_set, &diag)};
    for (size_t i = 0; i < COUNT_OF(errs); i++) {
        CHECK(errs[i] == ERR_OK || errs[i] == ERR_INVALID);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    if (yaml_parse(span_make(bytes, len), "fuzz.yaml", &doc, &diag) == ERR_OK) {
        node_check(doc, yaml_root(doc));
    } else {
        CHECK(doc == NULL);
        CHECK(diag.text[0] != '\0');
    }
    yaml_doc_free(&doc);
    return 0;
}
