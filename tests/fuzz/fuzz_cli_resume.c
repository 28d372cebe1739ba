/* The file of --resume: with any content it is accepted with its whole lines, or refused in one
 * line and left as it was. The accepted content is in range, and the next run finds an added
 * batch and the others. */
#include "base/buf.h"
#include "base/io.h"
#include "cli/submit/resume.h"
#include "fuzz_file.h"

enum { FILE_BYTES_MAX = 1 << 20, POSITIONS = 64 };

static const struct resume_target target = {
    .source = "north", .broker = "tcp://127.0.0.1:5570", .key = ""};
static const struct resume_batch added = {
    .id = {{7, 8, 9}}, .position = 5, .count = 1000, .dead = 3};

static void file_read(const struct fuzz_file *file, struct buf *bytes) {
    CHECK(io_read_file(file->path, FILE_BYTES_MAX, bytes, NULL) == ERR_OK);
}

static bool is_same(const struct resume_batch *a, const struct resume_batch *b) {
    return uuid_eq(&a->id, &b->id) && a->position == b->position && a->count == b->count &&
           a->dead == b->dead;
}

/* What the file remembers at small positions, the added batch's apart. */
static uint32_t batches_read(const struct resume *resume, struct resume_batch *batches) {
    uint32_t count = 0;
    for (uint64_t position = 0; position < POSITIONS; position++) {
        const struct resume_batch *batch = resume_at(resume, position);
        if (batch != NULL && position != added.position) {
            CHECK(batch->position == position);
            CHECK(batch->count > 0 && batch->dead <= batch->count);
            batches[count++] = *batch;
        }
    }
    return count;
}

static void again_check(const struct fuzz_file *file, const struct resume_batch *before,
                        uint32_t count) {
    struct resume *resume = NULL;
    struct resume_batch batches[POSITIONS];
    struct diag diag = {0};
    CHECK(resume_open(file->path, &target, &resume, &diag) == ERR_OK);
    const struct resume_batch *found = resume_at(resume, added.position);
    CHECK(found != NULL && is_same(found, &added));
    CHECK(batches_read(resume, batches) == count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(is_same(&batches[i], &before[i]));
    }
    resume_close(&resume);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct fuzz_file file;
    struct resume *resume = NULL;
    struct resume_batch batches[POSITIONS];
    struct buf left = BUF_EMPTY;
    struct diag diag = {0};
    fuzz_file_fill(&file, span_make(bytes, len));
    enum err err = resume_open(file.path, &target, &resume, &diag);
    file_read(&file, &left);
    if (err == ERR_OK) {
        CHECK(left.len > 0 && left.ptr[left.len - 1] == '\n');
        uint32_t count = batches_read(resume, batches);
        CHECK(resume_add(resume, &added) == ERR_OK);
        resume_close(&resume);
        again_check(&file, batches, count);
    } else {
        CHECK(resume == NULL);
        CHECK(err == ERR_INVALID || err == ERR_VERSION || err == ERR_CONFLICT);
        CHECK(diag.text[0] != '\0' && strchr(diag.text, '\n') == NULL);
        CHECK(span_eq(buf_span(&left), span_make(bytes, len)));
    }
    buf_free(&left);
    return 0;
}
