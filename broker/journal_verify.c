/* Reads a whole journal and reports its faults. */
#include "broker/journal_verify.h"

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "broker/journal_check.h"
#include "broker/journal_pages.h"
#include "broker/journal_salvage.h"
#include "wire/walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDS_MAX = 100, GROUP_BYTES_MAX = 8 << 20, GROUP_PUTS_MAX = 256 };
#define SPARE_BYTES ((int64_t)64 << 20)

struct records {
    struct journal_record *items;
    size_t len, cap;
    struct buf sources; /* NUL-terminated, in order */
};

static void write_line(struct verify_report *report, struct buf *line) {
    struct buf plain = BUF_EMPTY; /* a source's name and a path may hold anything */
    buf_byte(line, '\n');
    plain_lines(&plain, buf_span(line));
    report->unwritten = io_write_all(report->out, buf_span(&plain)) != ERR_OK || report->unwritten;
    buf_free(&plain);
    buf_free(line);
}

/* The id of the case at *offset, which moves behind it; false: nothing more can be read. */
static bool next_case_id(struct span body, size_t *offset, struct span *id) {
    struct walk_item item;
    struct walk_item first;
    size_t at = *offset;
    *id = SPAN_LIT("");
    if (at >= body.len || walk_value(body, offset) != ERR_OK ||
        walk_next(body, &at, &item) != ERR_OK ||
        (item.type != WALK_MAP && item.type != WALK_ARRAY)) {
        return false;
    }
    if (item.type == WALK_ARRAY) { /* a row */
        bool is_text =
            item.count > 0 && walk_next(body, &at, &first) == ERR_OK && first.type == WALK_STR;
        *id = is_text ? first.bytes : *id;
        return true;
    }
    for (uint32_t i = item.count; i > 0; i--) {
        struct walk_item key;
        struct walk_item value;
        size_t value_at = 0;
        if (walk_next(body, &at, &key) != ERR_OK) {
            return false;
        }
        value_at = at;
        if (walk_value(body, &at) != ERR_OK) {
            return false;
        }
        if (key.type == WALK_STR && span_is(key.bytes, "case_id") &&
            walk_next(body, &value_at, &value) == ERR_OK && value.type == WALK_STR) {
            *id = value.bytes;
        }
    }
    return true;
}

/* The cases begin at `offset`. */
static void write_case_ids(struct json *json, struct span body, size_t offset) {
    struct span id;
    json_key(json, "case_ids");
    json_array_open(json);
    for (uint32_t i = 0; i < IDS_MAX && next_case_id(body, &offset, &id); i++) {
        if (id.len > 0 && id.len <= WIRE_NAME_MAX && span_is_utf8(id)) {
            json_span(json, id);
        }
    }
    json_array_close(json);
}

/* Writes one line on a record and counts it; body is the readable part of it. */
static void verify_write_damaged(struct verify_report *report, const struct journal_record *record,
                                 const char *what, struct span body) {
    struct buf line = BUF_EMPTY;
    struct json json;
    char batch[UUID_TEXT_BYTES];
    report->damaged++;
    if (!report->json) {
        buf_str(&line, "damaged ");
    }
    json_init(&json, &line);
    json_object_open(&json);
    json_int(json_key(&json, "schema_version"), JSON_SCHEMA_VERSION);
    json_uint(json_key(&json, "seq"), record->seq);
    json_str(json_key(&json, "what"), what);
    if (record->source.len > 0) {
        uuid_format(&record->batch, batch);
        json_str(json_key(&json, "batch"), batch);
        json_key(&json, "source");
        json_span(&json, record->source);
        json_uint(json_key(&json, "cases"), record->count);
    }
    write_case_ids(&json, body, record->names_bytes);
    json_object_close(&json);
    write_line(report, &line);
}

/* Writes the last line. */
static void verify_write_sum(struct verify_report *report, const char *what) {
    struct buf line = BUF_EMPTY;
    if (report->json) {
        buf_printf(&line, "{\"schema_version\":%d,\"%s\":%llu,\"cases\":%llu,\"damaged\":%llu}",
                   JSON_SCHEMA_VERSION, what, (unsigned long long)report->batches,
                   (unsigned long long)report->cases, (unsigned long long)report->damaged);
    } else {
        buf_printf(&line, "%llu batches %s, %llu cases, %llu damaged",
                   (unsigned long long)report->batches, what, (unsigned long long)report->cases,
                   (unsigned long long)report->damaged);
    }
    write_line(report, &line);
}

static void keep_record(const struct journal_record *record, void *context) {
    struct records *all = context;
    MEM_ROOM(all->items, all->len, all->cap, 256);
    all->items[all->len] = *record;
    all->items[all->len++].source.ptr = NULL; /* its bytes are in sources, which may still move */
    buf_append(&all->sources, record->source);
}

/* Reads the parts of one body into bytes; *length: up to the first that cannot be read at all. */
static bool body_holds(struct store *store, const struct journal_record *record, uint8_t *bytes,
                       uint32_t *length) {
    enum err names = check_names(store, record, bytes);
    bool holds = names == ERR_OK;
    *length = 0;
    if (names != ERR_OK && names != ERR_CORRUPT) {
        return false;
    }
    for (uint32_t part = 0; part < record->cut_count; part++) {
        uint32_t part_bytes = 0;
        enum err err = check_part(store, record, part, bytes + record->cuts[part], &part_bytes);
        if (err != ERR_OK && err != ERR_CORRUPT) {
            return false;
        }
        holds = holds && err == ERR_OK;
        *length = record->cuts[part] + part_bytes;
    }
    return holds && hash128_eq(hash128(span_make(bytes, record->bytes)), record->hash);
}

static void verify_bodies(struct store *store, struct records *all, struct verify_report *report) {
    size_t source_at = 0;
    uint8_t *bytes = mem_alloc(WIRE_BODY_BYTES_MAX);
    for (size_t i = 0; i < all->len; i++) {
        struct journal_record *record = &all->items[i];
        uint32_t length = 0;
        record->source.ptr = all->sources.ptr + source_at;
        source_at += record->source.len;
        report->batches++;
        report->cases += record->damage == JOURNAL_DAMAGE_HEADER ? 0 : record->count;
        bool readable = record->source.len > 0;
        bool holds = readable && body_holds(store, record, bytes, &length);
        if (record->damage == JOURNAL_DAMAGE_HEADER) {
            verify_write_damaged(report, record, "header", span_make(bytes, length));
        } else if (!holds) {
            verify_write_damaged(report, record, "body", span_make(bytes, length));
        }
    }
    mem_free(bytes);
}

static enum err verify_locked(const char *path, struct verify_report *report, struct diag *diag) {
    struct store *store = NULL;
    struct records all = {.sources = BUF_EMPTY};
    enum err err = check_in_child(path, diag);
    err = err != ERR_OK ? err : store_view(path, &store, diag);
    err = err != ERR_OK ? err : check_records(store, keep_record, &all, diag);
    if (err == ERR_OK) {
        verify_bodies(store, &all, report);
        verify_write_sum(report, "read");
    }
    store_close(&store);
    buf_free(&all.sources);
    mem_free(all.items);
    err = err != ERR_OK ? err : pages_check(path, true, diag); /* now with the bodies' own */
    return err == ERR_OK && report->damaged > 0
               ? diag_fail(diag, ERR_CORRUPT,
                           "journal %s: %llu batches are damaged: a broker goes on without them; "
                           "their sources have no DONE and send again",
                           path, (unsigned long long)report->damaged)
               : err;
}

enum err verify_run(const char *path, struct verify_report *report, struct diag *diag) {
    int lock_fd = -1;
    struct stat stat_of;
    if (stat(path, &stat_of) != 0) {
        return diag_fail(diag, ERR_NOT_FOUND, "journal %s: there is none", path);
    }
    enum err err = journal_lock(path, &lock_fd, diag);
    err = err != ERR_OK ? err : verify_locked(path, report, diag);
    if (lock_fd >= 0) {
        (void)close(lock_fd);
    }
    return err;
}

/* The live sequence numbers, ascending, where LMDB can still read them; known is false otherwise.
 */
struct live {
    uint64_t *seqs;
    size_t len, at;
    bool known;
};

static void write_seq(const struct journal_record *record, void *context) {
    const int *fd = context;
    if (write(*fd, &record->seq, sizeof(record->seq)) != (ssize_t)sizeof(record->seq)) {
        _exit(1);
    }
}

/* In a child, which damage may kill. */
static void write_live(const char *path, int fd) {
    struct store *store = NULL;
    struct diag diag = {0};
    enum err err = store_view(path, &store, &diag);
    err = err != ERR_OK ? err : check_records(store, write_seq, &fd, &diag);
    _exit(err == ERR_OK ? 0 : 1);
}

static enum err find_live(const char *path, struct live *live, struct diag *diag) {
    struct buf bytes = BUF_EMPTY;
    int fds[2];
    if (pipe(fds) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "pipe: %s", strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        check_die_quietly();
        write_live(path, fds[1]);
    }
    (void)close(fds[1]);
    ssize_t got = child < 0 ? -1 : 1;
    while (got > 0) {
        got = read(fds[0], buf_room(&bytes, 1 << 16), 1 << 16);
        bytes.len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fds[0]);
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    live->len = bytes.len / sizeof(uint64_t);
    live->seqs = mem_zero(live->len, sizeof(uint64_t));
    if (live->len > 0) {
        memcpy(live->seqs, bytes.ptr, live->len * sizeof(uint64_t));
    }
    live->known = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    buf_free(&bytes);
    return ERR_OK;
}

/* What goes into the new journal with the next commit. */
struct rescue {
    struct store *into;
    struct store_group group;
    size_t bytes;
    struct blob_account account;
    struct verify_report *report;
    uint64_t seq_xor;
};

static enum err commit_group(struct rescue *rescue, struct diag *diag) {
    struct store_group *group = &rescue->group;
    enum err err = group->put_count == 0 ? ERR_OK : store_commit(rescue->into, group);
    for (uint32_t i = 0; err == ERR_OK && i < group->put_count; i++) {
        err = group->puts[i].outcome == JOURNAL_DURABLE ? ERR_OK : ERR_FULL;
    }
    store_group_clear_puts(group);
    rescue->bytes = 0;
    return err == ERR_OK ? err
                         : diag_fail(diag, err, "journal %s: cannot be written: %s",
                                     rescue->into->path, err_text(err));
}

static enum err keep_body(struct rescue *rescue, const struct journal_record *record,
                          struct span body, struct diag *diag) {
    struct blob *blob = blob_new(&rescue->account, body.len);
    memcpy(blob->bytes, body.ptr, body.len);
    store_group_put(&rescue->group, record, blob);
    rescue->bytes += body.len;
    rescue->seq_xor ^= record->seq;
    rescue->report->batches++;
    rescue->report->cases += record->count;
    return rescue->bytes >= GROUP_BYTES_MAX || rescue->group.put_count == GROUP_PUTS_MAX
               ? commit_group(rescue, diag)
               : ERR_OK;
}

/* Names the live ones below seq, whose headers were not found. */
static void report_headerless(struct live *live, uint64_t seq, struct verify_report *report) {
    for (; live->at < live->len && live->seqs[live->at] < seq; live->at++) {
        struct journal_record lost = {.seq = live->seqs[live->at]};
        verify_write_damaged(report, &lost, "header", SPAN_LIT(""));
    }
}

static enum err rescue_all(struct rescue *rescue, struct salvage *salvage, struct live *live,
                           struct diag *diag) {
    struct journal_record record;
    uint8_t *bytes = mem_alloc(WIRE_BODY_BYTES_MAX);
    enum err err = ERR_OK;
    live->len = live->known ? live->len : 0;
    while (err == ERR_OK && salvage_next(salvage, &record)) {
        report_headerless(live, record.seq, rescue->report);
        bool is_live = live->at < live->len && live->seqs[live->at] == record.seq;
        live->at += is_live ? 1 : 0;
        uint32_t length = 0;
        if (live->known && !is_live) {
            continue; /* done long ago */
        }
        if (salvage_body(salvage, &record, bytes, &length) == ERR_OK) {
            err = keep_body(rescue, &record, span_make(bytes, length), diag);
        } else {
            verify_write_damaged(rescue->report, &record, "body", span_make(bytes, length));
        }
    }
    mem_free(bytes);
    if (err == ERR_OK) {
        report_headerless(live, UINT64_MAX, rescue->report);
    }
    enum err committed = commit_group(rescue, diag);
    return err != ERR_OK ? err : committed;
}

static enum err rescue_into(const char *path, const char *into, struct verify_report *report,
                            struct diag *diag) {
    struct live live = {NULL, 0, 0, false};
    struct salvage *salvage = NULL;
    struct rescue *rescue = mem_zero(1, sizeof(*rescue));
    struct buf file = BUF_EMPTY;
    struct stat stat_of = {0};
    buf_printf(&file, "%s/data.mdb", path);
    enum err err =
        stat(buf_cstr(&file), &stat_of) == 0
            ? find_live(path, &live, diag)
            : diag_fail(diag, ERR_NOT_FOUND, "journal %s: data.mdb: %s", path, strerror(errno));
    buf_free(&file);
    rescue->report = report;
    err = err != ERR_OK ? err : salvage_open(path, &salvage, diag);
    err =
        err != ERR_OK ? err : store_open(into, stat_of.st_size + SPARE_BYTES, &rescue->into, diag);
    err = err != ERR_OK ? err : rescue_all(rescue, salvage, &live, diag);
    if (err == ERR_OK) {
        verify_write_sum(report, "saved");
        struct journal_totals last = salvage_totals(salvage);
        bool all = live.known
                       ? report->damaged == 0
                       : report->batches == last.live_count && rescue->seq_xor == last.live_xor;
        err = all ? ERR_OK
                  : diag_fail(
                        diag, ERR_CORRUPT,
                        "journal %s: of %llu batches at the last commit that can be seen, %s: "
                        "%llu are saved; sources send what has no DONE",
                        path, (unsigned long long)last.live_count,
                        live.known ? "those named are lost" : "some are lost or were done before",
                        (unsigned long long)report->batches);
    }
    store_close(&rescue->into);
    salvage_close(&salvage);
    mem_free(live.seqs);
    store_group_free(&rescue->group);
    mem_free(rescue);
    return err;
}

enum err verify_salvage(const char *path, const char *into, struct verify_report *report,
                        struct diag *diag) {
    int fds[2] = {-1, -1};
    struct buf file = BUF_EMPTY;
    struct stat stat_of;
    buf_printf(&file, "%s/data.mdb", into);
    bool taken = stat(buf_cstr(&file), &stat_of) == 0;
    buf_free(&file);
    if (taken) {
        return diag_fail(diag, ERR_CONFLICT, "journal %s: there is one already", into);
    }
    enum err err = stat(path, &stat_of) == 0
                       ? journal_lock(path, &fds[0], diag)
                       : diag_fail(diag, ERR_NOT_FOUND, "journal %s: there is none", path);
    err = err != ERR_OK ? err : journal_lock(into, &fds[1], diag);
    err = err != ERR_OK ? err : rescue_into(path, into, report, diag);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    return err;
}
