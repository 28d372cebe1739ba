/* Two passes: the first notes where headers and chunks are, the second reads bodies.  Nodes are
 * taken only from the offsets in a leaf's own table: a body may hold anything, also bytes that look
 * like a record. */
#include "broker/journal_salvage.h"

#include "base/mem.h"
#include "broker/journal_pack.h"
#include "broker/journal_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BRANCH_FLAG = 1, LEAF_FLAG = 2 };

struct location {
    uint64_t seq;
    uint64_t at;           /* in the file */
    uint64_t key;          /* of a header: its value's, and that of its body's chunks */
    uint32_t chunk, bytes; /* chunk: of a header in a pack its index there */
};
/* Among the chunks of a key, which hold `total` bytes. */
struct body_location {
    uint64_t key;
    uint32_t at, total;
};
struct locations {
    struct location *items;
    size_t len, cap;
};
struct salvage {
    int fd;
    struct locations headers, chunks;
    struct journal_totals totals; /* of the latest commit that left any */
    size_t next;                  /* header */
    struct body_location body;    /* of the record that salvage_next gave */
    uint8_t header[PACK_VALUE_BYTES_MAX];
};
_Static_assert((int)PACK_VALUE_BYTES_MAX >= (int)FORMAT_RECORD_BYTES_MAX, "a record fits as well");

static void add_location(struct locations *locations, struct location location) {
    MEM_ROOM(locations->items, locations->len, locations->cap, 1024);
    locations->items[locations->len++] = location;
}

static int by_seq_and_chunk(const void *left, const void *right) {
    const struct location *a = left;
    const struct location *b = right;
    if (a->seq != b->seq) {
        return a->seq < b->seq ? -1 : 1;
    }
    return a->chunk == b->chunk ? 0 : (a->chunk < b->chunk ? -1 : 1);
}

/* The live records of a pack whose entries are whole.  An older copy of it may hold more of them.
 */
static void take_pack(struct salvage *salvage, const struct pack *pack, struct span value,
                      uint64_t at) {
    for (uint32_t index = 0; pack_next_live(pack, &index); index++) {
        struct journal_record record;
        if (pack_record(pack, value, index, &record) == ERR_OK) {
            add_location(&salvage->headers, (struct location){.seq = record.seq,
                                                              .at = at,
                                                              .key = pack->first,
                                                              .chunk = index,
                                                              .bytes = (uint32_t)value.len});
        }
    }
}

static void take_node(struct salvage *salvage, const struct pages_node *node, const uint8_t *page,
                      uint64_t page_at) {
    struct journal_record record;
    struct journal_totals totals;
    struct pack pack;
    uint32_t version = 0;
    if (node->flags == 0 && pack_decode(node->key, node->value, &pack) == ERR_OK) {
        take_pack(salvage, &pack, node->value, page_at + (uint64_t)(node->value.ptr - page));
    } else if (node->key.len == FORMAT_RECORD_KEY_BYTES && node->flags == 0 &&
               node->value.len <= FORMAT_RECORD_BYTES_MAX &&
               format_record_decode(node->key, node->value, &record) == ERR_OK) {
        add_location(&salvage->headers,
                     (struct location){.seq = record.seq,
                                       .at = page_at + (uint64_t)(node->value.ptr - page),
                                       .key = record.seq,
                                       .bytes = (uint32_t)node->value.len});
    } else if (span_is(node->key, "s") &&
               format_state_decode(node->value, &totals, &version) == ERR_OK) {
        salvage->totals = totals.txn >= salvage->totals.txn ? totals : salvage->totals;
    } else if (node->key.len == FORMAT_CHUNK_KEY_BYTES && node->value_bytes >= 1 &&
               node->value_bytes <= FORMAT_CHUNK_BYTES) {
        uint64_t elsewhere = node->page * FORMAT_PAGE_BYTES + PAGES_HEADER_BYTES;
        uint64_t here = page_at + (uint64_t)(node->value.ptr - page);
        add_location(&salvage->chunks,
                     (struct location){.seq = get_be64(node->key.ptr),
                                       .chunk = get_be32(node->key.ptr + FORMAT_RECORD_KEY_BYTES),
                                       .at = node->page != 0 ? elsewhere : here,
                                       .bytes = node->value_bytes});
    }
}

/* A leaf by two of three signs, for one of them may be what is damaged.  The page of a body has one
 * of them at most, whatever the body holds; a branch has two and no leaf becomes one by a bit. */
static bool is_leaf(const uint8_t *page, uint64_t number) {
    uint16_t lower = get_le16(page + 12);
    uint16_t upper = get_le16(page + 14);
    int signs = (get_le64(page) == number) + (get_le16(page + 10) == LEAF_FLAG) +
                (lower > PAGES_HEADER_BYTES && lower <= upper && upper <= FORMAT_PAGE_BYTES);
    return signs >= 2 && get_le16(page + 10) != BRANCH_FLAG;
}

static void take_page(struct salvage *salvage, const uint8_t *page, uint64_t number) {
    struct pages_node node;
    if (!is_leaf(page, number)) {
        return;
    }
    size_t lower = get_le16(page + 12);
    size_t end = lower <= FORMAT_PAGE_BYTES ? lower : FORMAT_PAGE_BYTES; /* of the table */
    for (size_t at = PAGES_HEADER_BYTES; at + 2 <= end; at += 2) {
        size_t offset = get_le16(page + at);
        end = offset > at && offset < end ? offset : end; /* nodes begin behind the table */
        if (pages_node_at(page, offset, &node)) {
            take_node(salvage, &node, page, number * FORMAT_PAGE_BYTES);
        }
    }
}

static bool read_at(int fd, uint64_t at, uint8_t *bytes, size_t length) {
    return pread(fd, bytes, length, (off_t)at) == (ssize_t)length;
}

enum err salvage_open(const char *path, struct salvage **held, struct diag *diag) {
    struct buf file = BUF_EMPTY;
    uint8_t page[FORMAT_PAGE_BYTES];
    buf_printf(&file, "%s/data.mdb", path);
    int fd = open(buf_cstr(&file), O_RDONLY | O_CLOEXEC);
    buf_free(&file);
    if (fd < 0) {
        return diag_fail(diag, ERR_IO, "journal %s: data.mdb: %s", path, strerror(errno));
    }
    struct salvage *salvage = mem_zero(1, sizeof(*salvage));
    salvage->fd = fd;
    off_t end = lseek(fd, 0, SEEK_END);
    for (uint64_t number = 0; end > 0 && number < (uint64_t)end / FORMAT_PAGE_BYTES; number++) {
        /* A page that the disk does not give is one of those that cannot be saved. */
        if (read_at(fd, number * FORMAT_PAGE_BYTES, page, sizeof(page))) {
            take_page(salvage, page, number);
        }
    }
    struct locations *headers = &salvage->headers;
    struct locations *chunks = &salvage->chunks;
    if (headers->len > 0) {
        qsort(headers->items, headers->len, sizeof(*headers->items), by_seq_and_chunk);
    }
    if (chunks->len > 0) {
        qsort(chunks->items, chunks->len, sizeof(*chunks->items), by_seq_and_chunk);
    }
    *held = salvage;
    return ERR_OK;
}

void salvage_close(struct salvage **held) {
    struct salvage *salvage = *held;
    if (salvage != NULL) {
        (void)close(salvage->fd);
        mem_free(salvage->headers.items);
        mem_free(salvage->chunks.items);
        mem_free(salvage);
        *held = NULL;
    }
}

/* Reads the header at a location, and where its body is; false when it does not hold. */
static bool read_header(struct salvage *salvage, const struct location *location,
                        struct journal_record *record) {
    uint8_t key[FORMAT_RECORD_KEY_BYTES];
    struct span value = span_make(salvage->header, location->bytes);
    struct pack pack;
    format_record_key(location->key, key);
    if (!read_at(salvage->fd, location->at, salvage->header, location->bytes)) {
        return false;
    }
    if (pack_decode(span_make(key, sizeof(key)), value, &pack) == ERR_OK) {
        salvage->body = (struct body_location){
            .key = pack.first, .at = pack.slots[location->chunk].body_at, .total = pack.body_bytes};
        return pack_record(&pack, value, location->chunk, record) == ERR_OK;
    }
    enum err err = format_record_decode(span_make(key, sizeof(key)), value, record);
    salvage->body = (struct body_location){.key = location->key, .total = record->bytes};
    return err == ERR_OK;
}

bool salvage_next(struct salvage *salvage, struct journal_record *record) {
    const struct locations *headers = &salvage->headers;
    while (salvage->next < headers->len) {
        const struct location *location = &headers->items[salvage->next++];
        bool is_copy = salvage->next < headers->len && location[1].seq == location->seq;
        if (!is_copy && read_header(salvage, location, record)) {
            return true;
        }
    }
    return false;
}

/* The first or last location noted for a chunk; NULL when there is none. */
static const struct location *find_chunk(const struct locations *chunks, uint64_t seq,
                                         uint32_t chunk, bool last) {
    /* The last is before the first of the chunk behind it. */
    struct location wanted = {.seq = seq, .chunk = last ? chunk + 1 : chunk};
    size_t low = 0;
    size_t high = chunks->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_seq_and_chunk(&chunks->items[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low = last ? low - 1 : low; /* wraps when there is none: not below len */
    return low < chunks->len && chunks->items[low].seq == seq && chunks->items[low].chunk == chunk
               ? &chunks->items[low]
               : NULL;
}

static enum err read_body(struct salvage *salvage, const struct journal_record *record,
                          uint8_t *bytes, uint32_t *length, bool last) {
    const struct body_location *body = &salvage->body;
    *length = 0;
    while (*length < record->bytes) {
        uint32_t chunk = (body->at + *length) / FORMAT_CHUNK_BYTES;
        uint32_t skip = (body->at + *length) % FORMAT_CHUNK_BYTES;
        uint32_t left = body->total - chunk * FORMAT_CHUNK_BYTES;
        uint32_t wanted = left < FORMAT_CHUNK_BYTES ? left : FORMAT_CHUNK_BYTES;
        uint32_t here =
            record->bytes - *length < wanted - skip ? record->bytes - *length : wanted - skip;
        const struct location *location = find_chunk(&salvage->chunks, body->key, chunk, last);
        if (location == NULL || location->bytes != wanted ||
            !read_at(salvage->fd, location->at + skip, bytes + *length, here)) {
            return ERR_CORRUPT;
        }
        *length += here;
    }
    return hash128_eq(hash128(span_make(bytes, *length)), record->hash) ? ERR_OK : ERR_CORRUPT;
}

enum err salvage_body(struct salvage *salvage, const struct journal_record *record, uint8_t *bytes,
                      uint32_t *length) {
    /* Old copies of a leaf hold the same chunk, unless one of them is damaged. */
    enum err err = read_body(salvage, record, bytes, length, true);
    return err == ERR_OK ? err : read_body(salvage, record, bytes, length, false);
}

struct journal_totals salvage_totals(const struct salvage *salvage) {
    return salvage->totals;
}
