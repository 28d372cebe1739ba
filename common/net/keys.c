/* Key files are read whole and bounded; every fault is one line with file and line number, and no
 * text ever contains a secret. */
#include "net/keys.h"

#include "base/check.h"
#include "base/io.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define SECRET_WORD "secret "

enum { FILE_BYTES_MAX = 1 << 20, SECRET_FILE_BYTES_MAX = 1023, PATH_BYTES = 4096, RAW_BYTES = 32 };

struct entry {
    struct net_key key;
    char name[NET_KEY_NAME_MAX + 1];
};
struct net_keyring {
    struct entry *entries; /* by key, once read */
    size_t len, cap;
};

enum err net_key_pair_make(struct net_key_pair *pair, struct diag *diag) {
    if (zmq_curve_keypair(pair->public_key.text, pair->secret.text) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "cannot make a key: %s", zmq_strerror(errno));
    }
    return ERR_OK;
}

bool net_key_name_is_valid(struct span name) {
    bool is_valid = name.len > 0 && name.len <= NET_KEY_NAME_MAX && span_is_utf8(name) &&
                    name.ptr[0] != ' ' && name.ptr[name.len - 1] != ' ';
    for (size_t i = 0; is_valid && i < name.len; i++) {
        is_valid = name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f;
    }
    return is_valid;
}

/* 40 characters of Z85 for 32 bytes. */
static bool read_key(struct span text, struct net_key *key) {
    uint8_t raw[RAW_BYTES];
    if (text.len != NET_KEY_BYTES) {
        return false;
    }
    memcpy(key->text, text.ptr, text.len);
    key->text[text.len] = '\0';
    return strlen(key->text) == NET_KEY_BYTES && zmq_z85_decode(raw, key->text) != NULL;
}

struct lines {
    struct span rest;
    uint32_t number; /* of the line returned last */
};

/* The next line that is neither empty nor a comment. */
static bool next_line(struct lines *lines, struct span *line) {
    while (lines->rest.len > 0) {
        const uint8_t *end = memchr(lines->rest.ptr, '\n', lines->rest.len);
        size_t len = end == NULL ? lines->rest.len : (size_t)(end - lines->rest.ptr);
        size_t used = end == NULL ? len : len + 1;
        *line = span_make(lines->rest.ptr, len);
        lines->rest = span_make(lines->rest.ptr + used, lines->rest.len - used);
        lines->number++;
        if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
            line->len--;
        }
        bool is_comment =
            line->len > 0 && line->ptr[0] == '#' && (line->len == 1 || line->ptr[1] == ' ');
        if (line->len > 0 && !is_comment) {
            return true;
        }
    }
    return false;
}

static enum err read_entry(struct span line, const char *path, uint32_t number, struct entry *entry,
                           struct diag *diag) {
    if (span_starts(line, SECRET_WORD)) {
        return diag_fail_at(diag, ERR_INVALID, path, number, 0,
                            "this is a secret key; only the public one belongs here");
    }
    bool has_key = line.len > NET_KEY_BYTES && line.ptr[NET_KEY_BYTES] == ' ' &&
                   read_key(span_make(line.ptr, NET_KEY_BYTES), &entry->key);
    struct span name = has_key
                           ? span_make(line.ptr + NET_KEY_BYTES + 1, line.len - NET_KEY_BYTES - 1)
                           : SPAN_LIT("");
    if (!has_key || !net_key_name_is_valid(name)) {
        return diag_fail_at(diag, ERR_INVALID, path, number, 0,
                            "expected a public key of %d characters, a space and a name",
                            (int)NET_KEY_BYTES);
    }
    memcpy(entry->name, name.ptr, name.len);
    entry->name[name.len] = '\0';
    return ERR_OK;
}

enum err net_key_parse_secret(struct span text, const char *path, struct net_key_pair *pair,
                              struct diag *diag) {
    struct lines lines = {.rest = text};
    struct span line;
    struct net_key_pair read;
    struct span more;
    size_t word = sizeof(SECRET_WORD) - 1;
    if (!next_line(&lines, &line) || !span_starts(line, SECRET_WORD) ||
        !read_key(span_make(line.ptr + word, line.len - word), &read.secret) ||
        next_line(&lines, &more)) {
        return diag_fail(diag, ERR_INVALID,
                         "%s: not a secret key file; `casemill keys new` makes them", path);
    }
    if (zmq_curve_public(read.public_key.text, read.secret.text) != 0) {
        return diag_fail(diag, ERR_SYSTEM, "%s: %s", path, zmq_strerror(errno));
    }
    *pair = read;
    return ERR_OK;
}

enum err net_key_read_secret(const char *path, struct net_key_pair *pair, struct diag *diag) {
    char bytes[SECRET_FILE_BYTES_MAX + 1];
    size_t len = 0;
    enum err err = io_read_secret(path, bytes, sizeof(bytes), &len, diag);
    if (err == ERR_OK && len == sizeof(bytes)) {
        err = diag_fail(diag, ERR_TOO_LARGE, "%s: too long for a secret key file", path);
    }
    err = err == ERR_OK ? net_key_parse_secret(span_make(bytes, len), path, pair, diag) : err;
    explicit_bzero(bytes, sizeof(bytes));
    return err;
}

static enum err add_lines(struct net_keyring *ring, struct span text, const char *path,
                          struct diag *diag) {
    struct lines lines = {.rest = text};
    struct span line;
    while (next_line(&lines, &line)) {
        if (ring->len == NET_KEYS_MAX) {
            return diag_fail_at(diag, ERR_TOO_LARGE, path, lines.number, 0, "more than %d keys",
                                (int)NET_KEYS_MAX);
        }
        MEM_ROOM(ring->entries, ring->len, ring->cap, 16);
        enum err err = read_entry(line, path, lines.number, &ring->entries[ring->len], diag);
        if (err != ERR_OK) {
            return err;
        }
        ring->len++;
    }
    return ERR_OK;
}

static enum err add_file(struct net_keyring *ring, const char *path, struct diag *diag) {
    struct buf text = BUF_EMPTY;
    enum err err = io_read_file(path, FILE_BYTES_MAX, &text, diag);
    err = err == ERR_OK ? add_lines(ring, buf_span(&text), path, diag) : err;
    buf_free(&text);
    return err;
}

static enum err add_directory(struct net_keyring *ring, const char *path, struct diag *diag) {
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    enum err err = ERR_OK;
    const struct dirent *found = NULL;
    while (err == ERR_OK && (found = readdir(dir)) != NULL) {
        size_t len = strlen(found->d_name);
        char file[PATH_BYTES];
        if (len < 5 || strcmp(found->d_name + len - 4, ".pub") != 0) {
            continue;
        }
        int used = snprintf(file, sizeof(file), "%s/%s", path, found->d_name);
        err = used < (int)sizeof(file)
                  ? add_file(ring, file, diag)
                  : diag_fail(diag, ERR_INVALID, "%s: the path is too long", path);
    }
    (void)closedir(dir);
    return err;
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *first = a;
    const struct entry *second = b;
    int order = memcmp(first->key.text, second->key.text, NET_KEY_BYTES);
    return order != 0 ? order : strcmp(first->name, second->name);
}

/* The owner of a key must not depend on the order of files. */
static enum err sort(struct net_keyring *ring, const char *path, struct diag *diag) {
    if (ring->len > 0) {
        qsort(ring->entries, ring->len, sizeof(*ring->entries), compare_entries);
    }
    size_t kept = 0;
    for (size_t i = 0; i < ring->len; i++) {
        const struct entry *entry = &ring->entries[i];
        const struct entry *last = kept == 0 ? NULL : &ring->entries[kept - 1];
        bool is_same = last != NULL && memcmp(last->key.text, entry->key.text, NET_KEY_BYTES) == 0;
        if (is_same && strcmp(last->name, entry->name) != 0) {
            return diag_fail(diag, ERR_CONFLICT, "%s: one key is named both \"%s\" and \"%s\"",
                             path, last->name, entry->name);
        }
        if (!is_same) {
            ring->entries[kept++] = *entry;
        }
    }
    ring->len = kept;
    return ERR_OK;
}

/* err: of reading the entries.  *made is moved to *ring, or freed. */
static enum err finish(struct net_keyring **made, enum err err, const char *path,
                       struct net_keyring **ring, struct diag *diag) {
    err = err == ERR_OK ? sort(*made, path, diag) : err;
    if (err != ERR_OK) {
        net_keyring_free(made);
        return err;
    }
    *ring = *made;
    return ERR_OK;
}

enum err net_keyring_parse(struct span text, const char *path, struct net_keyring **ring,
                           struct diag *diag) {
    struct net_keyring *made = mem_zero(1, sizeof(*made));
    return finish(&made, add_lines(made, text, path, diag), path, ring, diag);
}

enum err net_keyring_read(const char *path, struct net_keyring **ring, struct diag *diag) {
    struct net_keyring *made = mem_zero(1, sizeof(*made));
    struct stat status;
    bool is_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    enum err err = is_directory ? add_directory(made, path, diag) : add_file(made, path, diag);
    return finish(&made, err, path, ring, diag);
}

void net_keyring_free(struct net_keyring **ring) {
    if (*ring != NULL) {
        mem_free((*ring)->entries);
        mem_free(*ring);
        *ring = NULL;
    }
}

size_t net_keyring_count(const struct net_keyring *ring) { return ring->len; }

static int compare_key(const void *key, const void *entry) {
    return memcmp(key, ((const struct entry *)entry)->key.text, NET_KEY_BYTES);
}

const char *net_keyring_name(const struct net_keyring *ring, struct span key) {
    if (key.len != NET_KEY_BYTES || ring->len == 0) {
        return NULL;
    }
    const struct entry *entry =
        bsearch(key.ptr, ring->entries, ring->len, sizeof(*ring->entries), compare_key);
    return entry == NULL ? NULL : entry->name;
}

void net_keyring_each(const struct net_keyring *ring,
                      void (*show)(const char *key, const char *name, void *context),
                      void *context) {
    for (size_t i = 0; i < ring->len; i++) {
        show(ring->entries[i].key.text, ring->entries[i].name, context);
    }
}

enum err net_key_read_public(const char *path, struct net_key *key, struct diag *diag) {
    struct net_keyring *ring = NULL;
    enum err err = net_keyring_read(path, &ring, diag);
    if (err == ERR_OK && ring->len != 1) {
        err =
            diag_fail(diag, ERR_INVALID, "%s: expected one public key, found %zu", path, ring->len);
    }
    if (err == ERR_OK) {
        *key = ring->entries[0].key;
    }
    net_keyring_free(&ring);
    return err;
}

enum err net_curve_read(const char *secret_path, const char *server_path, struct net_curve *curve,
                        struct diag *diag) {
    struct net_curve read = {0};
    if (secret_path[0] == '\0' || server_path[0] == '\0') {
        return diag_fail(diag, ERR_INVALID, "%s",
                         secret_path[0] == '\0'
                             ? "the broker's public key is given, but no secret key of our own"
                             : "a secret key is given, but not the broker's public key");
    }
    enum err err = net_key_read_secret(secret_path, &read.own, diag);
    err = err == ERR_OK ? net_key_read_public(server_path, &read.server, diag) : err;
    if (err == ERR_OK) {
        *curve = read;
    }
    return err;
}

/* O_EXCL: an existing key may be the only copy. */
static enum err write_new(const char *path, mode_t mode, struct span text, struct diag *diag) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return diag_fail(diag, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "%s: %s", path,
                         strerror(errno));
    }
    enum err err = fchmod(fd, mode) == 0 ? io_write_all(fd, text) : ERR_IO;
    err = err == ERR_OK && fsync(fd) != 0 ? ERR_IO : err;
    if (close(fd) != 0 || err != ERR_OK) {
        (void)unlink(path);
        return diag_fail(diag, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return ERR_OK;
}

enum err net_key_write_pair(const char *dir, const char *name, const struct net_key_pair *pair,
                            struct diag *diag) {
    char path[PATH_BYTES];
    if (!net_key_name_is_valid(span_str(name)) || strchr(name, '/') != NULL || name[0] == '.') {
        return diag_fail(diag, ERR_INVALID,
                         "\"%s\": a name is UTF-8 of at most %d bytes, without / and control "
                         "characters, and does not begin with a dot or space",
                         name, (int)NET_KEY_NAME_MAX);
    }
    if (snprintf(path, sizeof(path), "%s/%s.key", dir, name) >= (int)sizeof(path)) {
        return diag_fail(diag, ERR_INVALID, "%s: the path is too long", dir);
    }
    struct buf text = BUF_EMPTY;
    buf_printf(&text, "# the secret key of %s: it stays with its owner, mode 0600\n%s%s\n", name,
               SECRET_WORD, pair->secret.text);
    enum err err = write_new(path, 0600, buf_span(&text), diag);
    if (err == ERR_OK) {
        char secret_path[PATH_BYTES];
        memcpy(secret_path, path, sizeof(path));
        (void)snprintf(path, sizeof(path), "%s/%s.pub", dir, name);
        buf_clear(&text);
        buf_printf(&text, "%s %s\n", pair->public_key.text, name);
        err = write_new(path, 0644, buf_span(&text), diag);
        if (err != ERR_OK) {
            (void)unlink(secret_path);
        }
    }
    buf_free(&text);
    return err;
}
