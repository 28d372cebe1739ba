/* Purpose: a README's table of metrics against the table in the program. */
#ifndef CASEMILL_TESTS_UNIT_METRICS_PAGE_H
#define CASEMILL_TESTS_UNIT_METRICS_PAGE_H

#include "base/io.h"
#include "base/metrics.h"
#include "base/metrics_table.h"

#include <check.h>
#include <stdio.h>

static inline void table_add(struct buf *rows, const struct metric_family *family) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    buf_printf(rows, "| `%s` | %s | %s | %s |\n", family->name, kinds[family->kind], family->labels,
               family->help);
}
#define TABLE_ADD(id, name, kind, labels, help)                                                    \
    table_add(&rows, &(const struct metric_family){name, METRIC_##kind, labels, help});

/* The rows between the head of the table and the empty line after it. */
static inline void readme_has_table(const char *path, struct buf *rows) {
    static const char HEAD[] = "| metric | kind | labels | meaning |\n|---|---|---|---|\n";
    struct buf page = BUF_EMPTY;
    struct diag diag = {0};
    ck_assert_msg(io_read_file(path, 1 << 20, &page, &diag) == ERR_OK, "%s", diag.text);
    const char *head = strstr(buf_cstr(&page), HEAD);
    ck_assert_msg(head != NULL, "%s has no table of metrics", path);
    const char *table = head + strlen(HEAD);
    const char *end = strstr(table, "\n\n");
    ck_assert(end != NULL);
    bool is_same =
        rows->len == (size_t)(end + 1 - table) && memcmp(rows->ptr, table, rows->len) == 0;
    if (!is_same) {
        printf("%s: the table of metrics must be:\n%s%s", path, HEAD, buf_cstr(rows));
    }
    ck_assert_msg(is_same, "%s: the table differs from the program's", path);
    buf_free(&page);
    buf_free(rows);
}

#endif
