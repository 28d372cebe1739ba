/* Purpose: loading a rule set from a directory of documents or from its canonical text. Both use
 * the same steps, so a published text has the meaning of its files. */
#include "rules/rules_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_BYTES_MAX = 1 << 20 };

/* --- from a directory --------------------------------------------------------------------------
 */

struct file_list {
    char **paths;
    uint32_t count, cap;
};

static void file_list_free(struct file_list *files) {
    for (uint32_t i = 0; i < files->count; i++) {
        mem_free(files->paths[i]);
    }
    mem_free(files->paths);
    *files = (struct file_list){0};
}

static int path_order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_document(const char *name) {
    size_t len = strlen(name);
    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".yaml") == 0;
}

static enum err file_list_read(const char *directory, struct file_list *files, struct diag *diag) {
    DIR *handle = opendir(directory);
    if (handle == NULL) {
        return diag_fail(diag, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", directory,
                         strerror(errno));
    }
    struct buf path = BUF_EMPTY;
    enum err err = ERR_OK;
    errno = 0;
    for (struct dirent *entry = readdir(handle); entry != NULL && err == ERR_OK;
         entry = readdir(handle)) {
        if (is_document(entry->d_name) && files->count == AGREEMENTS_MAX) {
            err = diag_fail(diag, ERR_TOO_LARGE, "%s: more than %d documents", directory,
                            AGREEMENTS_MAX);
        } else if (is_document(entry->d_name)) {
            MEM_ROOM(files->paths, files->count, files->cap, 16);
            buf_clear(&path);
            buf_printf(&path, "%s/%s", directory, entry->d_name);
            files->paths[files->count++] = mem_strdup(buf_cstr(&path));
        }
        errno = 0;
    }
    if (err == ERR_OK && errno != 0) {
        err = diag_fail(diag, ERR_IO, "%s: %s", directory, strerror(errno));
    }
    buf_free(&path);
    if (closedir(handle) != 0 && err == ERR_OK) {
        err = diag_fail(diag, ERR_IO, "%s: %s", directory, strerror(errno));
    }
    if (err == ERR_OK && files->count > 0) {
        qsort(files->paths, files->count, sizeof(*files->paths), path_order);
    }
    return err;
}

/* The words of the system's iso-codes, as the canonical text holds them. */
static enum err vocabulary_from_system(struct ruleset *ruleset, struct diag *diag) {
    struct vocabulary iso = {0};
    enum err err = vocabulary_load_iso(&iso, diag);
    if (err != ERR_OK) {
        return err;
    }
    struct buf words = BUF_EMPTY;
    for (uint32_t i = 0; i < iso.count; i++) {
        buf_printf(&words, "%s%s", i == 0 ? "" : " ", iso.words[i]);
    }
    err = ruleset_set_vocabulary(ruleset, buf_span(&words), diag);
    buf_free(&words);
    vocabulary_free(&iso);
    return err;
}

struct dir_load {
    struct ruleset *ruleset;
    const struct override *overrides;
    uint32_t override_count;
    struct diag *diag;
};

static enum err load_schema_file(const struct dir_load *load, const char *directory) {
    struct buf path = BUF_EMPTY;
    struct yaml_doc *yaml = NULL;
    buf_printf(&path, "%s/case.yaml", directory);
    enum err err = yaml_parse_file(buf_cstr(&path), &yaml, load->diag);
    buf_free(&path);
    return err == ERR_OK ? ruleset_set_schema(load->ruleset, yaml, load->diag) : err;
}

static enum err load_agreement_files(const struct dir_load *load, const char *directory) {
    struct buf path = BUF_EMPTY;
    struct file_list files = {0};
    buf_printf(&path, "%s/agreements", directory);
    enum err err = file_list_read(buf_cstr(&path), &files, load->diag);
    for (uint32_t i = 0; err == ERR_OK && i < files.count; i++) {
        struct yaml_doc *yaml = NULL;
        err = yaml_parse_file(files.paths[i], &yaml, load->diag);
        if (err == ERR_OK) {
            err = ruleset_add_agreement(load->ruleset, yaml, load->overrides, load->override_count,
                                        load->diag);
        }
    }
    file_list_free(&files);
    buf_free(&path);
    return err;
}

/* The caret is optional: if the file cannot be read again, source is empty. */
static void read_source(const struct diag *diag, struct buf *source) {
    struct diag ignored;
    if (diag == NULL || source == NULL || diag->line == 0 || diag->file[0] == '\0') {
        return;
    }
    if (io_read_file(diag->file, DOCUMENT_BYTES_MAX, source, &ignored) != ERR_OK) {
        buf_clear(source);
    }
}

enum err ruleset_load_dir(const char *dir, const char *const *overrides, uint32_t override_count,
                          struct ruleset **ruleset, struct buf *source, struct diag *diag) {
    if (override_count > OVERRIDES_MAX) {
        return diag_fail(diag, ERR_TOO_LARGE, "more than %d overrides", OVERRIDES_MAX);
    }
    struct override *parsed = mem_zero(override_count, sizeof(*parsed));
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < override_count; i++) {
        err = override_parse(span_str(overrides[i]), &parsed[i], diag);
    }
    struct dir_load load = {.ruleset = ruleset_new(),
                            .overrides = parsed,
                            .override_count = override_count,
                            .diag = diag};
    if (err == ERR_OK) {
        err = vocabulary_from_system(load.ruleset, diag);
    }
    if (err == ERR_OK) {
        err = load_schema_file(&load, dir);
    }
    if (err == ERR_OK) {
        err = load_agreement_files(&load, dir);
    }
    if (err == ERR_OK) {
        err = ruleset_finish(load.ruleset, parsed, override_count, diag);
    }
    mem_free(parsed);
    if (err == ERR_OK) {
        *ruleset = load.ruleset;
    } else {
        ruleset_unref(&load.ruleset);
        read_source(diag, source);
    }
    return err;
}

/* --- from a text -------------------------------------------------------------------------------
 */

static enum err read_override_lines(struct span text, struct override *overrides, uint32_t *count,
                                    struct diag *diag) {
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        if (end == NULL || *count == OVERRIDES_MAX) {
            return diag_fail(diag, ERR_INVALID,
                             "rule set text: expected at most %d lines of "
                             "overrides, each with its newline",
                             OVERRIDES_MAX);
        }
        size_t len = (size_t)(end - text.ptr);
        enum err err = override_parse(span_make(text.ptr, len), &overrides[*count], diag);
        if (err != ERR_OK) {
            return err;
        }
        (*count)++;
        text = span_make(end + 1, text.len - len - 1);
    }
    return ERR_OK;
}

static enum err load_parts(struct ruleset *ruleset, const struct canonical *parts,
                           struct override *overrides, uint32_t override_count, struct diag *diag) {
    struct yaml_doc *yaml = NULL;
    enum err err = ruleset_set_vocabulary(ruleset, parts->vocabulary, diag);
    if (err == ERR_OK) {
        err = yaml_parse(parts->schema, "case.yaml", &yaml, diag);
    }
    if (err == ERR_OK) {
        err = ruleset_set_schema(ruleset, yaml, diag);
    }
    struct buf name = BUF_EMPTY;
    for (uint32_t i = 0; err == ERR_OK && i < parts->agreement_count; i++) {
        buf_clear(&name);
        buf_append(&name, parts->agreement_ids[i]);
        buf_str(&name, ".yaml");
        err = yaml_parse(parts->agreements[i], buf_cstr(&name), &yaml, diag);
        if (err == ERR_OK) {
            err = ruleset_add_agreement(ruleset, yaml, overrides, override_count, diag);
        }
    }
    buf_free(&name);
    return err == ERR_OK ? ruleset_finish(ruleset, overrides, override_count, diag) : err;
}

enum err ruleset_load_overridden(struct span text, const char *const *more, uint32_t more_count,
                                 struct ruleset **ruleset, struct diag *diag) {
    struct canonical *parts = mem_zero(1, sizeof(*parts));
    struct override *overrides = mem_zero(OVERRIDES_MAX, sizeof(*overrides));
    struct ruleset *fresh = ruleset_new();
    uint32_t count = 0;
    fresh->is_stored = true;
    enum err err = canonical_read(text, parts, diag);
    if (err == ERR_OK) {
        err = read_override_lines(parts->overrides, overrides, &count, diag);
    }
    for (uint32_t i = 0; err == ERR_OK && i < more_count; i++) {
        if (count == OVERRIDES_MAX) {
            err = diag_fail(diag, ERR_TOO_LARGE, "more than %d overrides", OVERRIDES_MAX);
        } else {
            err = override_parse(span_str(more[i]), &overrides[count++], diag);
        }
    }
    if (err == ERR_OK) {
        err = load_parts(fresh, parts, overrides, count, diag);
    }
    mem_free(parts);
    mem_free(overrides);
    if (err == ERR_OK) {
        *ruleset = fresh;
    } else {
        ruleset_unref(&fresh);
    }
    return err;
}

enum err ruleset_load_text(struct span text, struct ruleset **ruleset, struct diag *diag) {
    struct ruleset *fresh = NULL;
    enum err err = ruleset_load_overridden(text, NULL, 0, &fresh, diag);
    /* The loaded rule set must have the expected id: a text that is not canonical has another
     * one. */
    if (err == ERR_OK && !span_eq(text, buf_span(&fresh->text))) {
        ruleset_unref(&fresh);
        return diag_fail(diag, ERR_INVALID, "the rule set text is not in canonical form");
    }
    if (err == ERR_OK) {
        *ruleset = fresh;
    }
    return err;
}
