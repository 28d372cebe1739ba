/* The error table as strings and classes. */
#include "base/err.h"

#include "base/check.h"

static const struct {
    const char *name;
    enum err_class class;
    const char *text;
} ROWS[] = {
#define ERR_ROW(name, class, text) {#name, ERR_CLASS_##class, text},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_name(enum err err) {
    CHECK((size_t)err < COUNT_OF(ROWS));
    return ROWS[err].name;
}

const char *err_text(enum err err) {
    CHECK((size_t)err < COUNT_OF(ROWS));
    return ROWS[err].text;
}

enum err_class err_class(enum err err) {
    CHECK((size_t)err < COUNT_OF(ROWS));
    return ROWS[err].class;
}
