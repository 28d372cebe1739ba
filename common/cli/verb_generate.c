/* casemill generate: writes invented cases, for a demo, a test or a load run. */
#include "cli/invent.h"
#include "cli/json_case.h"
#include "cli/progress.h"
#include "cli/verb.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { WRITE_BYTES = 1 << 20, CASES_MAX = 999999999, PERCENT_MAX = 90 };

struct generation {
    struct invent_options invent;
    int64_t case_count;
    bool is_msgpack;
    const char *path; /* "-" is stdout */
};

static enum err percent_option(const struct options *options, const char *name, uint32_t *percent) {
    int64_t value = 0;
    enum err err = option_int(options, name, 0, 0, PERCENT_MAX, &value);
    *percent = (uint32_t)value;
    return err;
}

static enum err format_option(const struct options *options, bool *is_msgpack) {
    const char *format = option_str(options, "--format", "jsonl");
    *is_msgpack = strcmp(format, "msgpack") == 0;
    if (*is_msgpack || strcmp(format, "jsonl") == 0) {
        return ERR_OK;
    }
    (void)verb_usage(options, "--format is jsonl or msgpack, not \"%s\"", format);
    return ERR_INVALID;
}

static enum err generation_read(const struct options *options, struct generation *generation) {
    struct invent_options *invent = &generation->invent;
    int64_t seed = 0;
    if (option_int(options, "--cases", 1000, 0, CASES_MAX, &generation->case_count) != ERR_OK ||
        option_int(options, "--seed", 1, 0, INT64_MAX, &seed) != ERR_OK ||
        option_date(options, "--from", "2019-09-01", &invent->from) != ERR_OK ||
        option_date(options, "--to", "2021-03-31", &invent->to) != ERR_OK) {
        return ERR_INVALID;
    }
    if (invent->from > invent->to) {
        (void)verb_usage(options, "--from is later than --to");
        return ERR_INVALID;
    }
    invent->seed = (uint64_t)seed;
    generation->path = option_str(options, "--out", "-");
    bool are_read =
        percent_option(options, "--bad", &invent->bad_percent) == ERR_OK &&
        percent_option(options, "--duplicates", &invent->duplicates_percent) == ERR_OK &&
        format_option(options, &generation->is_msgpack) == ERR_OK;
    return are_read ? ERR_OK : ERR_INVALID;
}

/* Appends case `index` in the format asked for. */
static enum err case_append(const struct generation *generation, uint64_t index, struct buf *line,
                            struct buf *out) {
    if (!generation->is_msgpack) {
        invent_case(&generation->invent, index, out);
        buf_byte(out, '\n');
        return ERR_OK;
    }
    buf_clear(line);
    invent_case(&generation->invent, index, line);
    return json_case_encode(buf_span(line), out, NULL);
}

static enum err write_cases(const struct generation *generation, int fd,
                            struct progress *progress) {
    struct buf line = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    enum err err = ERR_OK;
    for (int64_t i = 0; i < generation->case_count && err == ERR_OK; i++) {
        err = case_append(generation, (uint64_t)i, &line, &out);
        if (err == ERR_OK && out.len >= WRITE_BYTES) {
            err = io_write_all(fd, buf_span(&out));
            buf_clear(&out);
            progress_step(progress, (uint64_t)i + 1);
        }
    }
    if (err == ERR_OK) {
        err = io_write_all(fd, buf_span(&out));
    }
    buf_free(&line);
    buf_free(&out);
    return err;
}

static enum err generation_run(const struct generation *generation, struct diag *diag) {
    bool to_stdout = strcmp(generation->path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO
                       : open(generation->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return diag_fail(diag, ERR_IO, "%s cannot be opened: %s", generation->path,
                         strerror(errno));
    }
    struct progress progress;
    progress_init(&progress, "cases", (uint64_t)generation->case_count);
    enum err err = write_cases(generation, fd, &progress);
    if (!to_stdout && close(fd) != 0 && err == ERR_OK) {
        err = ERR_IO;
    }
    if (err != ERR_OK) {
        return diag_fail(diag, err, "%s cannot be written: %s",
                         to_stdout ? "standard output" : generation->path, strerror(errno));
    }
    progress_end(&progress, (uint64_t)generation->case_count);
    return ERR_OK;
}

static int generate(const struct options *options) {
    struct generation generation = {.path = NULL};
    if (generation_read(options, &generation) != ERR_OK) {
        return EXIT_USAGE;
    }
    struct diag diag;
    enum err err = generation_run(&generation, &diag);
    return err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, span_make(NULL, 0));
}

const struct verb verb_generate = {
    .name = "generate",
    .summary = "write invented cases, the same for the same seed",
    .operands = "",
    .rows =
        (const struct option_row[]){
            {"--cases", "N", "how many (1000)"},
            {"--seed", "S", "another seed, other cases (1)"},
            {"--from", "DATE", "first reference date (2019-09-01)"},
            {"--to", "DATE", "last reference date (2021-03-31)"},
            {"--bad", "PERCENT", "cases that cannot be decoded (0)"},
            {"--duplicates", "PERCENT", "cases that repeat an earlier one (0)"},
            {"--format", "FORMAT", "jsonl or msgpack (jsonl)"},
            {"--out", "FILE", "output file; - is standard output (-)"},
            {NULL, NULL, NULL},
        },
    .run = generate,
};
