/* LMDB 0.9's file, as it is on little-endian 64-bit machines; pages of 4,096 bytes.
 *
 * page    0 number u64; 8 pad u16; 10 flags u16 (1 branch, 2 leaf, 4 overflow, 8 meta);
 *         12 lower u16, 14 upper u16 (overflow: 12 pages u32); 16 offsets of nodes u16 each; nodes
 * meta    pages 0 and 1: 16 magic u32; 20 version u32; 24 address; 32 map bytes u64;
 *         40 tree of free pages; 88 main tree; 136 last page u64; 144 transaction u64.
 *         The greater transaction is the latest; the other is the one before.
 * tree    48 bytes: 0 pad u32; 4 flags u16; 6 depth u16; 8 branch pages u64; 16 leaf pages u64;
 *         24 overflow pages u64; 32 entries u64; 40 root u64 (all ones: empty)
 * node    0 low u16; 2 high u16; 4 flags u16 (1 value elsewhere, 2 tree); 6 key bytes u16; key;
 *         value.  Leaf: low and high are the value's bytes.  Branch: low, high, flags are the
 *         child's number.
 * free    key transaction u64, value: count u64 and as many page numbers u64 */
#include "broker/journal_pages.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLAG_BRANCH = 1,
    FLAG_LEAF = 2,
    FLAG_OVERFLOW = 4,
    FLAG_META = 8,
    NODE_TREE = 2,
    TREE_BYTES = 48,
    TREE_INTEGER_KEY = 8,
    META_PAGES = 2,
    META_VERSION = 1,
    META_FREE_AT = 40,
    META_MAIN_AT = 88,
    DEPTH_MAX = 32,
    FREE_BYTES_MAX = 1 << 30
};
#define META_MAGIC 0xBEEFC0DEU

struct tree {
    uint16_t flags, depth;
    uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};
struct meta {
    struct tree free, main;
    uint64_t last_page, txn;
};
struct walk {
    int fd;
    const char *path;
    struct diag *diag;
    struct meta meta;
    uint64_t file_bytes;
    uint8_t *seen; /* one bit a page */
    uint64_t seen_count;
    bool bodies;
    const struct tree *tree; /* that is being walked, and its counts */
    struct tree found;
};
/* Where in a tree: keys are from low up to but not with high. */
struct location {
    uint64_t page;
    uint16_t level; /* 1: the root */
    struct span low, high;
    bool has_high;
};

static enum err fault(struct walk *walk, uint64_t page, const char *what) {
    return diag_fail(walk->diag, ERR_CORRUPT, "journal %s: page %llu: %s", walk->path,
                     (unsigned long long)page, what);
}

static enum err read_page(struct walk *walk, uint64_t number, uint8_t page[FORMAT_PAGE_BYTES]) {
    if (number >= walk->file_bytes / FORMAT_PAGE_BYTES) {
        return fault(walk, number, "is behind the end of the file, which was cut short");
    }
    ssize_t got =
        pread(walk->fd, page, FORMAT_PAGE_BYTES, (off_t)(number * (uint64_t)FORMAT_PAGE_BYTES));
    return got == FORMAT_PAGE_BYTES
               ? ERR_OK
               : diag_fail(walk->diag, ERR_IO, "journal %s: page %llu: %s", walk->path,
                           (unsigned long long)number, got < 0 ? strerror(errno) : "cut short");
}

static struct tree tree_decode(const uint8_t *at) {
    return (struct tree){.flags = get_le16(at + 4),
                         .depth = get_le16(at + 6),
                         .branch_pages = get_le64(at + 8),
                         .leaf_pages = get_le64(at + 16),
                         .overflow_pages = get_le64(at + 24),
                         .entries = get_le64(at + 32),
                         .root = get_le64(at + 40)};
}

bool pages_node_at(const uint8_t page[FORMAT_PAGE_BYTES], size_t at, struct pages_node *node) {
    if (at < PAGES_HEADER_BYTES || at + PAGES_NODE_BYTES > FORMAT_PAGE_BYTES || at % 2 != 0) {
        return false;
    }
    const uint8_t *ptr = page + at;
    size_t room = FORMAT_PAGE_BYTES - at - PAGES_NODE_BYTES;
    size_t key_bytes = get_le16(ptr + 6);
    *node = (struct pages_node){.flags = get_le16(ptr + 4),
                                .value_bytes =
                                    (uint32_t)get_le16(ptr) | ((uint32_t)get_le16(ptr + 2) << 16)};
    bool elsewhere = node->flags == PAGES_NODE_ELSEWHERE;
    size_t here = elsewhere ? sizeof(uint64_t) : node->value_bytes;
    if (node->flags > NODE_TREE || key_bytes > room || here > room - key_bytes) {
        return false;
    }
    node->key = span_make(ptr + PAGES_NODE_BYTES, key_bytes);
    const uint8_t *value = ptr + PAGES_NODE_BYTES + key_bytes;
    node->value = elsewhere ? SPAN_LIT("") : span_make(value, here);
    node->page = elsewhere ? get_le64(value) : 0;
    return true;
}

static enum err mark(struct walk *walk, uint64_t page) {
    if (page < META_PAGES || page > walk->meta.last_page) {
        return fault(walk, page, "is named and is none of the journal's");
    }
    uint8_t bit = (uint8_t)(1U << (page % 8));
    if ((walk->seen[page / 8] & bit) != 0) {
        return fault(walk, page, "is named twice");
    }
    walk->seen[page / 8] |= bit;
    walk->seen_count++;
    return ERR_OK;
}

static int key_cmp(const struct tree *tree, struct span a, struct span b) {
    if (tree->flags == TREE_INTEGER_KEY && a.len == 8 && b.len == 8) {
        uint64_t left = get_le64(a.ptr);
        uint64_t right = get_le64(b.ptr);
        return (left > right) - (left < right);
    }
    return span_cmp(a, b);
}

/* The head of a branch or leaf, and how many nodes it has. */
static enum err check_head(struct walk *walk, const struct location *location, const uint8_t *page,
                           uint32_t *nodes) {
    uint16_t flags = get_le16(page + 10);
    uint16_t lower = get_le16(page + 12);
    uint16_t upper = get_le16(page + 14);
    bool is_leaf = flags == FLAG_LEAF;
    if (get_le64(page) != location->page || (flags != FLAG_LEAF && flags != FLAG_BRANCH) ||
        lower < PAGES_HEADER_BYTES || lower % 2 != 0 || upper < lower ||
        upper > FORMAT_PAGE_BYTES || is_leaf != (location->level == walk->tree->depth)) {
        return fault(walk, location->page, "its head is damaged");
    }
    *nodes = (lower - PAGES_HEADER_BYTES) / 2U;
    return *nodes >= (is_leaf ? 1U : 2U)
               ? ERR_OK
               : fault(walk, location->page, "has fewer entries than it had");
}

static enum err mark_elsewhere(struct walk *walk, const struct pages_node *node) {
    uint64_t pages = ((uint64_t)node->value_bytes + PAGES_HEADER_BYTES + FORMAT_PAGE_BYTES - 1) /
                     FORMAT_PAGE_BYTES;
    if ((node->page + pages) * FORMAT_PAGE_BYTES > walk->file_bytes) {
        return fault(walk, node->page, "is behind the end of the file, which was cut short");
    }
    enum err err = ERR_OK;
    for (uint64_t i = 0; err == ERR_OK && i < pages; i++) {
        err = mark(walk, node->page + i);
    }
    walk->found.overflow_pages += pages;
    if (err == ERR_OK && walk->bodies) {
        uint8_t page[FORMAT_PAGE_BYTES];
        err = read_page(walk, node->page, page);
        if (err == ERR_OK &&
            (get_le64(page) != node->page || get_le16(page + 10) != FLAG_OVERFLOW ||
             get_le32(page + 12) != pages)) {
            err = fault(walk, node->page, "its head is damaged");
        }
    }
    return err;
}

/* The numbers of free pages that one entry lists; each is seen here and nowhere else. */
static enum err mark_free(struct walk *walk, const struct pages_node *node, uint64_t of_page) {
    if (node->value_bytes < sizeof(uint64_t) || node->value_bytes > FREE_BYTES_MAX) {
        return fault(walk, of_page, "a list of free pages has a wrong length");
    }
    uint8_t *list = mem_alloc(node->value_bytes);
    bool got = true;
    if (node->page == 0) {
        memcpy(list, node->value.ptr, node->value_bytes);
    } else {
        off_t at = (off_t)(node->page * FORMAT_PAGE_BYTES + PAGES_HEADER_BYTES);
        got = pread(walk->fd, list, node->value_bytes, at) == (ssize_t)node->value_bytes;
    }
    uint64_t count = got ? get_le64(list) : 0;
    enum err err = !got || count > node->value_bytes / sizeof(uint64_t) - 1
                       ? fault(walk, of_page, "a list of free pages is damaged")
                       : ERR_OK;
    for (uint64_t i = 1; err == ERR_OK && i <= count; i++) {
        err = mark(walk, get_le64(list + i * sizeof(uint64_t)));
    }
    mem_free(list);
    return err;
}

static enum err walk_tree(struct walk *walk, const struct tree *tree, uint16_t flags);

static enum err take_leaf_node(struct walk *walk, const struct pages_node *node, uint64_t page) {
    enum err err = ERR_OK;
    walk->found.entries++;
    if (node->page != 0) {
        err = mark_elsewhere(walk, node);
    }
    if (err == ERR_OK && walk->tree->flags == TREE_INTEGER_KEY) {
        return mark_free(walk, node, page);
    }
    if (err == ERR_OK && node->flags == NODE_TREE) {
        /* Nor may the walk go as deep as there are pages. */
        if (walk->tree != &walk->meta.main) {
            return fault(walk, page, "a tree is where none can be");
        }
        if (node->value_bytes != TREE_BYTES) {
            return fault(walk, page, "a tree's head is damaged");
        }
        struct tree inner = tree_decode(node->value.ptr);
        return walk_tree(walk, &inner, 0);
    }
    return err;
}

static enum err walk_page(struct walk *walk, const struct location *location);

/* Reads the node; a branch's has its child's number for a page. */
static bool node_at(const uint8_t *page, bool is_leaf, uint32_t index, struct pages_node *node) {
    size_t at = get_le16(page + PAGES_HEADER_BYTES + 2 * (size_t)index);
    if (is_leaf) {
        return pages_node_at(page, at, node);
    }
    if (at < PAGES_HEADER_BYTES || at + PAGES_NODE_BYTES > FORMAT_PAGE_BYTES ||
        get_le16(page + at + 6) > FORMAT_PAGE_BYTES - at - PAGES_NODE_BYTES) {
        return false;
    }
    *node = (struct pages_node){
        .key = span_make(page + at + PAGES_NODE_BYTES, get_le16(page + at + 6)),
        .page = (uint64_t)get_le16(page + at) | ((uint64_t)get_le16(page + at + 2) << 16) |
                ((uint64_t)get_le16(page + at + 4) << 32)};
    return true;
}

/* Nodes fill their page from its end down to `upper`, without a gap. */
static bool nodes_fill(const uint8_t *page, bool is_leaf, uint32_t nodes) {
    size_t upper = get_le16(page + 14);
    size_t bytes = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        struct pages_node node;
        size_t at = get_le16(page + PAGES_HEADER_BYTES + 2 * (size_t)i);
        if (at < upper || !node_at(page, is_leaf, i, &node)) {
            return false;
        }
        size_t value = !is_leaf ? 0 : node.page != 0 ? sizeof(uint64_t) : node.value.len;
        bytes += (PAGES_NODE_BYTES + node.key.len + value + 1) / 2 * 2;
    }
    return upper + bytes == FORMAT_PAGE_BYTES;
}

/* Compares a node's key with its bounds, then checks its value or the page below it. */
static enum err take_node(struct walk *walk, const struct location *location, const uint8_t *page,
                          uint32_t index, bool is_last) {
    struct pages_node node;
    struct pages_node next = {.key = location->high};
    bool is_leaf = get_le16(page + 10) == FLAG_LEAF;
    CHECK(node_at(page, is_leaf, index, &node)); /* nodes_fill has seen them */
    CHECK(is_last || node_at(page, is_leaf, index + 1, &next));
    /* The first key of a branch means: everything below the second. */
    struct location below = {.page = node.page,
                             .level = (uint16_t)(location->level + 1),
                             .low = !is_leaf && index == 0 ? location->low : node.key,
                             .high = next.key,
                             .has_high = !is_last || location->has_high};
    if ((location->low.len > 0 && key_cmp(walk->tree, below.low, location->low) < 0) ||
        (below.has_high && key_cmp(walk->tree, below.low, below.high) >= 0)) {
        return fault(walk, location->page, "keys are out of order");
    }
    return is_leaf ? take_leaf_node(walk, &node, location->page) : walk_page(walk, &below);
}

static enum err walk_page(struct walk *walk, const struct location *location) {
    uint8_t page[FORMAT_PAGE_BYTES];
    uint32_t nodes = 0;
    if (location->level > DEPTH_MAX) {
        return fault(walk, location->page, "is too deep");
    }
    enum err err = mark(walk, location->page);
    err = err != ERR_OK ? err : read_page(walk, location->page, page);
    err = err != ERR_OK ? err : check_head(walk, location, page, &nodes);
    if (err == ERR_OK && !nodes_fill(page, get_le16(page + 10) == FLAG_LEAF, nodes)) {
        err = fault(walk, location->page, "an entry is damaged");
    }
    if (err == ERR_OK) {
        *(get_le16(page + 10) == FLAG_LEAF ? &walk->found.leaf_pages : &walk->found.branch_pages) +=
            1;
    }
    for (uint32_t i = 0; err == ERR_OK && i < nodes; i++) {
        err = take_node(walk, location, page, i, i + 1 == nodes);
    }
    return err;
}

static enum err walk_tree(struct walk *walk, const struct tree *tree, uint16_t flags) {
    const struct tree *outer = walk->tree;
    struct tree outer_found = walk->found;
    walk->tree = tree;
    walk->found = (struct tree){.root = tree->root};
    if (tree->flags != flags) {
        return fault(walk, tree->root, "its tree is of another kind");
    }
    enum err err = ERR_OK;
    if (tree->root != UINT64_MAX) {
        struct location root = {.page = tree->root, .level = 1};
        err = walk_page(walk, &root);
    }
    const struct tree *found = &walk->found;
    if (err == ERR_OK &&
        (found->branch_pages != tree->branch_pages || found->leaf_pages != tree->leaf_pages ||
         found->overflow_pages != tree->overflow_pages || found->entries != tree->entries)) {
        err = fault(walk, tree->root, "its tree does not hold what was committed");
    }
    walk->tree = outer;
    walk->found = outer_found;
    return err;
}

static enum err read_meta(struct walk *walk, uint64_t number, struct meta *meta) {
    uint8_t page[FORMAT_PAGE_BYTES];
    enum err err = read_page(walk, number, page);
    if (err != ERR_OK) {
        return err;
    }
    if (get_le64(page) != number || get_le16(page + 10) != FLAG_META ||
        get_le32(page + 16) != META_MAGIC) {
        return fault(walk, number, "is not the head of a journal");
    }
    if (get_le32(page + 20) != META_VERSION) {
        return diag_fail(walk->diag, ERR_VERSION, "journal %s: LMDB's file version is %u, not %d",
                         walk->path, get_le32(page + 20), META_VERSION);
    }
    if (get_le32(page + META_FREE_AT) != FORMAT_PAGE_BYTES) {
        return fault(walk, number, "its page size is not the journal's");
    }
    *meta = (struct meta){.free = tree_decode(page + META_FREE_AT),
                          .main = tree_decode(page + META_MAIN_AT),
                          .last_page = get_le64(page + 136),
                          .txn = get_le64(page + 144)};
    return ERR_OK;
}

/* The value of a key on a tree's only leaf; false when it is not there. */
static bool leaf_value(struct walk *walk, uint64_t number, const char *key,
                       uint8_t page[FORMAT_PAGE_BYTES], struct span *value) {
    if (read_page(walk, number, page) != ERR_OK || get_le16(page + 10) != FLAG_LEAF) {
        return false;
    }
    size_t lower = get_le16(page + 12);
    for (size_t at = PAGES_HEADER_BYTES; at < lower && at + 2 <= FORMAT_PAGE_BYTES; at += 2) {
        struct pages_node node;
        if (pages_node_at(page, get_le16(page + at), &node) && span_is(node.key, key)) {
            *value = node.value;
            return true;
        }
    }
    return false;
}

/* A damaged number can make LMDB take the commit before the last for the last; then the other head
 * leads to totals that are later. */
static enum err check_no_later(struct walk *walk, const struct meta *other) {
    uint8_t page[FORMAT_PAGE_BYTES];
    struct span value;
    struct journal_totals totals;
    uint32_t version = 0;
    struct diag *diag = walk->diag;
    walk->diag = NULL; /* the pages of an older commit may be anything by now */
    bool found = leaf_value(walk, other->main.root, "state", page, &value) &&
                 value.len == TREE_BYTES &&
                 leaf_value(walk, tree_decode(value.ptr).root, "s", page, &value) &&
                 format_state_decode(value, &totals, &version) == ERR_OK;
    walk->diag = diag;
    return found && totals.txn > walk->meta.txn
               ? diag_fail(diag, ERR_CORRUPT, "journal %s: its last commit cannot be seen",
                           walk->path)
               : ERR_OK;
}

static enum err check_all(struct walk *walk) {
    struct meta first;
    struct meta second;
    enum err err = read_meta(walk, 0, &first);
    err = err != ERR_OK ? err : read_meta(walk, 1, &second);
    if (err != ERR_OK) {
        return err;
    }
    bool second_is_later = first.txn < second.txn;
    walk->meta = second_is_later ? second : first;
    if (walk->meta.last_page > walk->file_bytes) { /* far from it: no memory for a wild number */
        return fault(walk, second_is_later, "its last page cannot be");
    }
    err = check_no_later(walk, second_is_later ? &first : &second);
    if (err != ERR_OK) {
        return err;
    }
    walk->seen = mem_zero(walk->meta.last_page / 8 + 1, 1);
    err = walk_tree(walk, &walk->meta.free, TREE_INTEGER_KEY);
    err = err != ERR_OK ? err : walk_tree(walk, &walk->meta.main, 0);
    unsigned long long seen = walk->seen_count + META_PAGES;
    unsigned long long pages = walk->meta.last_page + 1;
    if (err == ERR_OK && seen != pages) {
        err = diag_fail(walk->diag, ERR_CORRUPT,
                        "journal %s: %llu of its %llu pages are accounted for", walk->path, seen,
                        pages);
    }
    mem_free(walk->seen);
    return err;
}

enum err pages_check(const char *path, bool bodies, struct diag *diag) {
    struct buf file = BUF_EMPTY;
    buf_printf(&file, "%s/data.mdb", path);
    struct stat stat_of;
    struct walk walk = {.fd = open(buf_cstr(&file), O_RDONLY | O_CLOEXEC),
                        .path = path,
                        .diag = diag,
                        .bodies = bodies};
    buf_free(&file);
    if (walk.fd < 0 || fstat(walk.fd, &stat_of) != 0) {
        int why = errno;
        if (walk.fd >= 0) {
            (void)close(walk.fd);
        }
        return diag_fail(diag, ERR_IO, "journal %s: data.mdb: %s", path, strerror(why));
    }
    walk.file_bytes = (uint64_t)stat_of.st_size;
    enum err err = check_all(&walk);
    (void)close(walk.fd);
    return err;
}
