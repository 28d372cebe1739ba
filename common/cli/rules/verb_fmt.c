/* `casemill rules fmt`: documents in one style (config/README.md).  Only white space changes, so
 * the meaning does not; the id of a rule set depends on the bytes, so it changes. */
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/plain.h"
#include "cli/answer.h"
#include "cli/rules/option.h"
#include "yaml/yaml_format.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DOCUMENT_BYTES_MAX = 1 << 20 };

struct files {
    char **paths;
    uint32_t count, cap;
};

static void file_add(struct files *files, const char *path) {
    MEM_ROOM(files->paths, files->count, files->cap, 16);
    files->paths[files->count++] = mem_strdup(path);
}

static int path_order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds DIR/(*).yaml. */
static enum err files_of(const char *dir, struct files *files, struct diag *diag) {
    DIR *handle = opendir(dir);
    if (handle == NULL) {
        return diag_fail(diag, ERR_NOT_FOUND, "%s: %s", dir, strerror(errno));
    }
    struct buf path = BUF_EMPTY;
    for (struct dirent *entry = readdir(handle); entry != NULL; entry = readdir(handle)) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".yaml") == 0) {
            buf_clear(&path);
            buf_printf(&path, "%s/%s", dir, entry->d_name);
            file_add(files, buf_cstr(&path));
        }
    }
    buf_free(&path);
    (void)closedir(handle);
    return ERR_OK;
}

/* One file, or a directory's case schema and agreements. */
static enum err files_find(const char *name, struct files *files, struct diag *diag) {
    struct stat status;
    if (stat(name, &status) != 0) {
        return diag_fail(diag, ERR_NOT_FOUND, "%s: %s", name, strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
        file_add(files, name);
        return ERR_OK;
    }
    struct buf path = BUF_EMPTY;
    buf_printf(&path, "%s/agreements", name);
    enum err err = files_of(buf_cstr(&path), files, diag);
    buf_clear(&path);
    buf_printf(&path, "%s/case.yaml", name);
    file_add(files, buf_cstr(&path));
    buf_free(&path);
    if (err == ERR_OK && files->count > 0) {
        qsort(files->paths, files->count, sizeof(*files->paths), path_order);
    }
    return err;
}

/* *changed: the file is not in style.  A fault is already reported. */
static int format_file(const struct options *options, const char *path, bool *changed) {
    struct yaml_doc *doc = NULL;
    struct buf source = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = io_read_file(path, DOCUMENT_BYTES_MAX, &source, &diag);
    if (err == ERR_OK) {
        err = yaml_parse(buf_span(&source), path, &doc, &diag);
    }
    if (err == ERR_OK) {
        err = yaml_format(doc, &text, &diag);
    }
    *changed = err == ERR_OK && !span_eq(buf_span(&source), buf_span(&text));
    if (*changed && !option_flag(options, "--check")) {
        err = io_write_file(path, buf_span(&text), &diag);
    }
    int code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, buf_span(&source));
    yaml_doc_free(&doc);
    buf_free(&source);
    buf_free(&text);
    return code;
}

static int format_all(const struct options *options, const struct files *files) {
    bool is_check = option_flag(options, "--check");
    bool as_json = option_flag(options, "--json");
    int code = EXIT_DONE;
    uint32_t count = 0;
    struct buf out = BUF_EMPTY;
    struct json json;
    json_init(&json, &out);
    json_array_open(&json);
    for (uint32_t i = 0; i < files->count; i++) {
        bool changed = false;
        int one = format_file(options, files->paths[i], &changed);
        code = one == EXIT_DONE ? code : one;
        count += changed ? 1 : 0;
        if (changed && !as_json) {
            plain_printf(stdout, "%s%s\n", files->paths[i], is_check ? ": not in style" : "");
        }
        json_object_open(&json);
        json_str(json_key(&json, "file"), files->paths[i]);
        json_bool(json_key(&json, "changed"), changed);
        json_object_close(&json);
    }
    json_array_close(&json);
    if (as_json) {
        answer_print_json("files", &out);
    }
    buf_free(&out);
    return code == EXIT_DONE && is_check && count > 0 ? EXIT_FAILED : code;
}

static int run_fmt(const struct options *options) {
    struct files files = {0};
    struct diag diag = {0};
    enum err err = ERR_OK;
    uint32_t count = option_operand_count(options);
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        err = files_find(option_operand(options, i), &files, &diag);
    }
    if (count == 0) {
        err = files_find(rules_option_dir(options), &files, &diag);
    }
    int code =
        err == ERR_OK ? format_all(options, &files) : verb_fail(options, &diag, SPAN_LIT(""));
    for (uint32_t i = 0; i < files.count; i++) {
        mem_free(files.paths[i]);
    }
    mem_free(files.paths);
    return code;
}

static const struct option_row FMT_ROWS[] = {
    {"--check", NULL, "change nothing; list the files that are not in style, and fail"},
    {NULL, NULL, NULL}};

const struct verb verb_rules_fmt = {
    .name = "rules fmt",
    .summary = "rule documents in one style; comments and meaning stay",
    .operands = "[DIR|FILE...]",
    .rows = FMT_ROWS,
    .run = run_fmt,
};
