/* `casemill dead export`: the cases of dead letters as a file that `submit` reads, so that their
 * source can repair them.  Each page is recorded before it is written, as `dead show` does. */
#include "base/io.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/database.h"
#include "cli/dead/bytes.h"
#include "cli/dead/choice.h"
#include "cli/msgpack_json.h"
#include "cli/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600, /* personal data */
    INEXACT_LISTED_MAX = 20,
};

struct exporting {
    struct operator_self self;
    const char *path; /* "-": standard output */
    bool is_msgpack, as_json;
    int fd;
    struct dead_choice choice;
    struct dead_page page;
    uint64_t read;
    struct buf inexact; /* " 7, 12": the first that JSON cannot hold */
    uint64_t inexact_count;
};

static bool is_stdout(const struct exporting *exporting) {
    return strcmp(exporting->path, "-") == 0;
}

static int read_exporting(const struct options *options, struct exporting *exporting) {
    const char *format = option_str(options, "--format", "jsonl");
    *exporting = (struct exporting){.path = option_str(options, "--out", "-"),
                                    .is_msgpack = strcmp(format, "msgpack") == 0,
                                    .as_json = option_flag(options, "--json"),
                                    .fd = -1};
    if (!exporting->is_msgpack && strcmp(format, "jsonl") != 0) {
        return verb_usage(options, "--format is jsonl or msgpack, not \"%s\"", format);
    }
    if (exporting->is_msgpack && is_stdout(exporting) && isatty(STDOUT_FILENO) == 1) {
        return verb_usage(options, "MessagePack is not for a terminal: --out FILE");
    }
    if (operator_read(options, "--why is kept with your name: give the reason", &exporting->self) !=
        ERR_OK) {
        return EXIT_USAGE;
    }
    return dead_choice_read(options, true, &exporting->choice) == ERR_OK ? EXIT_DONE : EXIT_USAGE;
}

static void leave_out(struct exporting *exporting, const struct db_result *rows, uint32_t row) {
    if (exporting->inexact_count < INEXACT_LISTED_MAX) {
        buf_printf(&exporting->inexact, "%s%s", exporting->inexact_count > 0 ? ", " : "",
                   db_cell(rows, row, 0));
    }
    exporting->inexact_count++;
}

static void append_letter(struct exporting *exporting, const struct db_result *rows, uint32_t row,
                          struct buf *out) {
    struct buf bytes = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    struct json json;
    json_init(&json, &text);
    dead_letter_bytes(rows, row, &bytes);
    if (exporting->is_msgpack) {
        buf_append(out, buf_span(&bytes));
    } else if (exporting->as_json) {
        dead_letter_json(rows, row, &json);
        answer_append(NULL, &text, out);
    } else if (!msgpack_json_is_exact(buf_span(&bytes))) {
        leave_out(exporting, rows, row); /* submit would read another case */
    } else {
        msgpack_json(buf_span(&bytes), &json);
        buf_append(out, buf_span(&text));
        buf_byte(out, '\n');
    }
    buf_free(&text);
    buf_free(&bytes);
}

static enum err export_page(struct exporting *exporting, struct db *db, struct diag *diag) {
    struct buf out = BUF_EMPTY;
    struct db_result *rows = NULL;
    enum err err =
        dead_letters_read(db, buf_cstr(&exporting->page.ids), &exporting->self, &rows, diag);
    for (uint32_t row = 0; err == ERR_OK && row < db_rows(rows); row++) {
        append_letter(exporting, rows, row, &out);
        exporting->read++;
    }
    if (err == ERR_OK && io_write_all(exporting->fd, buf_span(&out)) != ERR_OK) {
        err =
            diag_fail(diag, ERR_IO, "%s cannot be written: %s",
                      is_stdout(exporting) ? "standard output" : exporting->path, strerror(errno));
    }
    db_result_free(&rows);
    buf_free(&out);
    return err;
}

/* An existing file is never overwritten. */
static enum err open_file(struct exporting *exporting, struct diag *diag) {
    if (is_stdout(exporting)) {
        exporting->fd = STDOUT_FILENO;
        return ERR_OK;
    }
    exporting->fd = open(exporting->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    return exporting->fd >= 0
               ? ERR_OK
               : diag_fail(diag, ERR_IO, "%s cannot be made: %s", exporting->path, strerror(errno));
}

static enum err export_all(struct exporting *exporting, struct db *db, struct diag *diag) {
    struct db_result *counts = NULL;
    enum err err = dead_choice_count(db, &exporting->choice, &counts, diag);
    db_result_free(&counts);
    err = err == ERR_OK ? open_file(exporting, diag) : err;
    exporting->page.most = DEAD_PAGE_LETTERS;
    do {
        err =
            err == ERR_OK ? dead_choice_page(db, &exporting->choice, &exporting->page, diag) : err;
        if (err == ERR_OK && exporting->page.count > 0) {
            err = export_page(exporting, db, diag);
        }
    } while (err == ERR_OK && exporting->page.count > 0);
    bool has_file = exporting->fd >= 0 && !is_stdout(exporting);
    if (has_file && close(exporting->fd) != 0 && err == ERR_OK) {
        err = diag_fail(diag, ERR_IO, "%s cannot be written: %s", exporting->path, strerror(errno));
    }
    if (has_file && err != ERR_OK && unlink(exporting->path) != 0) {
        plain_printf(stderr, "casemill: %s is incomplete and cannot be removed: %s\n",
                     exporting->path, strerror(errno));
    }
    return err;
}

static int report_export(struct exporting *exporting) {
    plain_printf(stderr, "%llu dead letters exported\n",
                 (unsigned long long)(exporting->read - exporting->inexact_count));
    if (exporting->inexact_count == 0) {
        return EXIT_DONE;
    }
    plain_printf(stderr,
                 "casemill: %llu are left out, because JSON cannot hold their values: export %s%s "
                 "with --format msgpack\n",
                 (unsigned long long)exporting->inexact_count, buf_cstr(&exporting->inexact),
                 exporting->inexact_count > INEXACT_LISTED_MAX ? ", ..." : "");
    return EXIT_FAILED;
}

static int export_run(const struct options *options) {
    struct exporting exporting;
    struct db *db = NULL;
    struct diag diag = {0};
    int code = read_exporting(options, &exporting);
    if (code != EXIT_DONE) {
        return code;
    }
    exporting.choice.cases_only = !exporting.as_json; /* the others hold no case */
    code = database_open(options, DATABASE_MIGRATED, &db);
    if (code == EXIT_DONE && export_all(&exporting, db, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    } else if (code == EXIT_DONE) {
        code = report_export(&exporting);
    }
    db_close(&db);
    buf_free(&exporting.page.ids);
    buf_free(&exporting.inexact);
    dead_choice_free(&exporting.choice);
    return code;
}

static const struct option_row EXPORT_ROWS[] = {
    DEAD_CHOICE_ROWS,
    OPERATOR_WHY_ROW,
    {"--out", "FILE", "a new file, which its owner alone can read; - is standard output (-)"},
    {"--format", "FORMAT", "jsonl, or msgpack: exactly the bytes that were sent (jsonl)"},
    {NULL, NULL, NULL}};

const struct verb verb_dead_export = {
    .name = "dead export",
    .summary = "write the cases of dead letters, personal data, as a file for submit",
    .operands = "[LETTER...]",
    .rows = EXPORT_ROWS,
    .notes = "With --json each line is the whole dead letter, as from dead show --json.",
    .run = export_run,
};
