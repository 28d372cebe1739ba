/* The cost of the journal's format: groups of batches put in one commit each, every group
 * deleted in the commit after it. The baseline appends the same bytes in the same groups to a
 * file, with a sync after each group.
 *   bench_journal DIR BODY_BYTES CASES BATCHES_A_GROUP GROUPS
 *     prints: batches_a_second appended_a_second journal_bytes payload_bytes
 * journal_bytes is the size of the journal's file with all groups in it, before any is deleted. */
#include "base/clock.h"
#include "base/mem.h"
#include "broker/journal_check.h"
#include "broker/journal_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUDGET_BYTES ((int64_t)4 << 30)
static const char SOURCE[] = "benchmark";

struct load {
    const char *dir;
    uint32_t body_bytes, cases, batches, groups;
    struct blob_account account;
    struct blob *body; /* of every batch, and its sums: intake has made them */
    struct hash128 hash;
    uint64_t sum;
};

static void fail(const char *what) {
    (void)fprintf(stderr, "bench_journal: %s\n", what);
    exit(1);
}

static void add_batch(const struct load *load, struct store_group *group, uint64_t seq) {
    struct journal_record record = {.seq = seq,
                                    .hash = load->hash,
                                    .count = load->cases,
                                    .bytes = load->body_bytes,
                                    .ack = WIRE_ACK_JOURNAL,
                                    .priority = WIRE_NORMAL,
                                    .accepted_at = clock_wall_us(),
                                    .source = SPAN_LIT(SOURCE),
                                    .mode = WORK_INTAKE,
                                    .extra = SPAN_LIT(""),
                                    .cut_count = 1,
                                    .sums = {load->sum}};
    memcpy(record.batch.bytes, &seq, sizeof(seq));
    store_group_put(group, &record, blob_ref(load->body));
}

static void commit(struct store *store, struct store_group *group) {
    if (store_commit(store, group) != ERR_OK || !group->deleted) {
        fail("a commit failed");
    }
    for (uint32_t i = 0; i < group->put_count; i++) {
        if (group->puts[i].outcome != JOURNAL_DURABLE) {
            fail("a batch found no room");
        }
    }
    store_group_clear_puts(group);
    group->delete_count = 0;
}

/* Seconds of all groups; the last one's deletes are counted, too. */
static double journal_s(const struct load *load, struct store *store, uint64_t *seq) {
    struct store_group group = {.headers = BUF_EMPTY};
    int64_t start = clock_mono_ns();
    for (uint32_t g = 0; g <= load->groups; g++) {
        for (uint32_t i = 0; g > 0 && i < load->batches; i++) {
            store_group_delete(&group, *seq - load->batches + i);
        }
        for (uint32_t i = 0; g < load->groups && i < load->batches; i++) {
            add_batch(load, &group, (*seq)++);
        }
        commit(store, &group);
    }
    double took = (double)(clock_mono_ns() - start) / 1e9;
    store_group_free(&group);
    return took;
}

static double append_s(const struct load *load) {
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/appended", load->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    size_t bytes = (size_t)load->body_bytes * load->batches;
    uint8_t *group = mem_alloc(bytes);
    for (uint32_t i = 0; i < load->batches; i++) {
        memcpy(group + (size_t)i * load->body_bytes, load->body->bytes, load->body_bytes);
    }
    int64_t start = clock_mono_ns();
    for (uint32_t g = 0; g < load->groups; g++) {
        if (fd < 0 || write(fd, group, bytes) != (ssize_t)bytes || fdatasync(fd) != 0) {
            fail("appending failed");
        }
    }
    double took = (double)(clock_mono_ns() - start) / 1e9;
    (void)close(fd);
    (void)unlink(path);
    mem_free(group);
    return took;
}

/* The size of the file with every group in it. */
static uint64_t filled_bytes(const struct load *load, struct store *store, uint64_t seq) {
    struct store_group group = {.headers = BUF_EMPTY};
    MDB_envinfo info;
    for (uint32_t g = 0; g < load->groups; g++) {
        for (uint32_t i = 0; i < load->batches; i++) {
            add_batch(load, &group, seq++);
        }
        commit(store, &group);
    }
    store_group_free(&group);
    if (mdb_env_info(store->env, &info) != 0) {
        fail("the journal does not say how large it is");
    }
    return ((uint64_t)info.me_last_pgno + 1) * FORMAT_PAGE_BYTES;
}

static struct store *open_store(const struct load *load, const char *name) {
    char path[4096];
    struct store *store = NULL;
    struct diag diag = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", load->dir, name);
    if (mkdir(path, 0700) != 0 || store_open(path, BUDGET_BYTES, &store, &diag) != ERR_OK) {
        fail(diag.text[0] == '\0' ? "the directory is not a new one" : diag.text);
    }
    return store;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        (void)fprintf(stderr, "usage: bench_journal DIR BODY_BYTES CASES BATCHES_A_GROUP GROUPS\n");
        return 2;
    }
    struct load load = {.dir = argv[1],
                        .body_bytes = (uint32_t)strtoul(argv[2], NULL, 10),
                        .cases = (uint32_t)strtoul(argv[3], NULL, 10),
                        .batches = (uint32_t)strtoul(argv[4], NULL, 10),
                        .groups = (uint32_t)strtoul(argv[5], NULL, 10)};
    if (load.body_bytes == 0 || load.cases == 0 || load.batches == 0 || load.groups == 0) {
        fail("the numbers have to be above 0");
    }
    load.body = blob_new(&load.account, load.body_bytes);
    for (uint32_t i = 0; i < load.body_bytes; i++) {
        load.body->bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
    load.hash = hash128(blob_span(load.body));
    load.sum = hash64(blob_span(load.body));
    uint64_t seq = 1;
    struct store *store = open_store(&load, "journal");
    (void)journal_s(&load, store, &seq); /* warm: its pages are there */
    double put = journal_s(&load, store, &seq);
    double appended = append_s(&load);
    store_close(&store);
    store = open_store(&load, "filled");
    uint64_t filled = filled_bytes(&load, store, 1);
    store_close(&store);
    double batches = (double)load.batches * load.groups;
    (void)printf("%.6g %.6g %llu %llu\n", batches / put, batches / appended,
                 (unsigned long long)filled,
                 (unsigned long long)load.body_bytes * load.batches * load.groups);
    blob_unref(&load.body);
    return 0;
}
