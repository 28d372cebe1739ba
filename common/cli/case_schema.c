/* Reads case.yaml with the words of ISO 3166-1. */
#include "cli/case_schema.h"

enum err case_schema_load(const char *dir, struct schema **schema, struct buf *source,
                          struct diag *diag) {
    struct buf path = BUF_EMPTY;
    struct yaml_doc *doc = NULL;
    struct vocabulary iso = {0};
    buf_printf(&path, "%s/case.yaml", dir);
    enum err err = yaml_parse_file(buf_cstr(&path), &doc, diag);
    if (err == ERR_OK) {
        err = vocabulary_load_iso(&iso, diag);
    }
    if (err == ERR_OK) {
        err = schema_load(doc, iso, schema, diag);
    }
    if (err != ERR_OK && doc != NULL) {
        buf_append(source, yaml_source(doc));
    }
    vocabulary_free(&iso);
    yaml_doc_free(&doc);
    buf_free(&path);
    return err;
}
