/* The error table as strings. */
#include "base/err.h"

#include "base/check.h"

static const struct {
    const char *name;
    const char *text;
} ROWS[] = {
#define ERR_ROW(name, text) {#name, text},
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
