/* Defaults, then the file, then the environment; each may only set keys of the table. Nothing is
 * guessed: an unreadable or unknown value is an error at startup. */
#include "settings/settings.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/suggest.h"
#include "settings/settings_priv.h"
#include "yaml/yaml_doc.h"

#include <stdarg.h>
#include <stdio.h>

#define VARIABLE_PREFIX "CASEMILL_"

enum { SETTINGS_BYTES_MAX = 64 << 20, KEY_BYTES_MAX = 96 };

struct settings {
    const struct setting_row *rows;
    uint32_t count;
    struct setting *values; /* parallel to rows */
    const char *path;       /* of the file, or NULL; in the arena */
    const char *const *other_sections;
    struct arena arena;
};

static uint32_t find_row(const struct settings *settings, struct span key) {
    uint32_t row = 0;
    while (row < settings->count && !span_is(key, settings->rows[row].key)) {
        row++;
    }
    return row;
}

/* A row's variable: CASEMILL_ and the key in upper case, '.' as '_'. */
static struct span variable_of(const char *key, char name[KEY_BYTES_MAX]) {
    size_t len = sizeof(VARIABLE_PREFIX) - 1;
    CHECK(strlen(key) + len < KEY_BYTES_MAX);
    memcpy(name, VARIABLE_PREFIX, len);
    for (const char *at = key; *at != '\0'; at++) {
        bool lower = *at >= 'a' && *at <= 'z';
        name[len++] = *at == '.' ? '_' : lower ? (char)(*at - 'a' + 'A') : *at;
    }
    return span_make(name, len);
}

static void take_defaults(struct settings *settings) {
    for (uint32_t i = 0; i < settings->count; i++) {
        const struct setting_row *row = &settings->rows[i];
        CHECK(strchr(row->key, '.') != NULL);
        if (row->fallback != NULL) {
            char wanted[SETTING_WANTED_BYTES];
            CHECK(setting_read(row, span_str(row->fallback), &settings->arena, &settings->values[i],
                               wanted) == ERR_OK);
            settings->values[i].from = FROM_DEFAULT;
        }
    }
}

/* The items of a YAML list, written as in the environment. */
static enum err list_text(const struct yaml_doc *doc, const struct yaml_node *node, struct buf *out,
                          struct diag *diag) {
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        bool comma = item->kind == YAML_SCALAR && item->text.len != 0 &&
                     memchr(item->text.ptr, ',', item->text.len) != NULL;
        if (item->kind != YAML_SCALAR || item->text.len == 0 || comma) {
            return yaml_fail(doc, item, ERR_INVALID, diag, "expected a word without a comma");
        }
        buf_str(out, out->len == 0 ? "" : ",");
        buf_append(out, item->text);
    }
    return ERR_OK;
}

static enum err take_node(struct settings *settings, uint32_t row, const struct yaml_doc *doc,
                          const struct yaml_node *node, struct diag *diag) {
    const char *key = settings->rows[row].key;
    bool list = node->kind == YAML_SEQ && settings->rows[row].type == SETTING_LIST;
    if (yaml_is_null(node)) {
        return yaml_fail(doc, node, ERR_INVALID, diag,
                         "%s has no value; an empty one is written \"\"", key);
    }
    if (node->kind != YAML_SCALAR && !list) {
        return yaml_fail(doc, node, ERR_INVALID, diag, "%s: expected one value", key);
    }
    struct buf text = BUF_EMPTY;
    char wanted[SETTING_WANTED_BYTES];
    enum err err = ERR_OK;
    if (list) {
        err = list_text(doc, node, &text, diag);
    } else {
        buf_append(&text, node->text);
    }
    if (err == ERR_OK && setting_read(&settings->rows[row], buf_span(&text), &settings->arena,
                                      &settings->values[row], wanted) != ERR_OK) {
        err = yaml_fail(doc, node, ERR_INVALID, diag, "%s: expected %s", key, wanted);
    }
    settings->values[row].from = FROM_FILE;
    settings->values[row].line = node->line;
    settings->values[row].column = node->column;
    buf_free(&text);
    return err;
}

static enum err unknown_key(const struct settings *settings, const struct yaml_doc *doc,
                            const struct yaml_node *node, struct span key, struct diag *diag) {
    struct suggest suggest;
    suggest_init(&suggest, key);
    for (uint32_t i = 0; i < settings->count; i++) {
        suggest_offer(&suggest, span_str(settings->rows[i].key));
    }
    return yaml_fail(doc, node, ERR_INVALID, diag, "unknown setting %.*s%s%.*s%s", SPAN_ARG(key),
                     SUGGEST_ARG(suggest));
}

static enum err take_section(struct settings *settings, const struct yaml_doc *doc,
                             const struct yaml_node *section, struct diag *diag) {
    if (yaml_is_null(section)) {
        return ERR_OK; /* all of it is commented out */
    }
    if (section->kind != YAML_MAP) {
        return yaml_fail(doc, section, ERR_INVALID, diag, "expected a section: a map of settings");
    }
    struct buf key = BUF_EMPTY;
    enum err err = ERR_OK;
    for (const struct yaml_node *node = section->first; node != NULL && err == ERR_OK;
         node = node->next) {
        buf_clear(&key);
        buf_append(&key, section->key->text);
        buf_byte(&key, '.');
        buf_append(&key, node->key->text);
        uint32_t row = find_row(settings, buf_span(&key));
        err = row == settings->count ? unknown_key(settings, doc, node->key, buf_span(&key), diag)
                                     : take_node(settings, row, doc, node, diag);
    }
    buf_free(&key);
    return err;
}

static enum err take_file(struct settings *settings, const char *path, struct diag *diag) {
    struct yaml_doc *doc = NULL;
    enum err err = yaml_parse_file(path, &doc, diag);
    if (err != ERR_OK) {
        return err;
    }
    const struct yaml_node *root = yaml_root(doc);
    if (!yaml_is_null(root) && root->kind != YAML_MAP) {
        err = yaml_fail(doc, root, ERR_INVALID, diag, "expected a map of sections");
    }
    for (const struct yaml_node *section = root->first; section != NULL && err == ERR_OK;
         section = section->next) {
        err = take_section(settings, doc, section, diag);
    }
    yaml_doc_free(&doc);
    return err;
}

static bool of_other_program(struct span name, const char *const *other_sections) {
    struct span rest =
        span_make(name.ptr + sizeof(VARIABLE_PREFIX) - 1, name.len - (sizeof(VARIABLE_PREFIX) - 1));
    for (size_t i = 0; other_sections != NULL && other_sections[i] != NULL; i++) {
        char upper[KEY_BYTES_MAX];
        struct span section = variable_of(other_sections[i], upper);
        section = span_make(section.ptr + sizeof(VARIABLE_PREFIX) - 1,
                            section.len - (sizeof(VARIABLE_PREFIX) - 1));
        bool is_key = strchr(other_sections[i], '.') != NULL;
        if ((is_key && span_eq(rest, section)) ||
            (rest.len > section.len && rest.ptr[section.len] == '_' &&
             span_eq(span_make(rest.ptr, section.len), section))) {
            return true;
        }
    }
    return false;
}

/* "tcp://10.0.0.1:5570": the form of a service's address, and of no setting's value. */
static bool is_service_address(const char *value) {
    return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0 ||
           strncmp(value, "sctp://", 7) == 0;
}

/* NAME_PORT_5570_TCP, and the same with the suffix _PROTO, _PORT or _ADDR. */
static bool is_port_of_service(struct span name) {
    static const char *const parts[] = {"_PROTO", "_PORT", "_ADDR"};
    static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (span_ends(name, parts[i])) {
            name.len -= strlen(parts[i]);
            break;
        }
    }
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (span_ends(name, protocols[i])) {
            size_t end = name.len - strlen(protocols[i]);
            size_t at = end;
            while (at > 0 && name.ptr[at - 1] >= '0' && name.ptr[at - 1] <= '9') {
                at--;
            }
            return at < end && span_ends(span_make(name.ptr, at), "_PORT_");
        }
    }
    return false;
}

/* Kubernetes sets variables for each service of a namespace in every container. The variables of a
 * service named casemill or casemill-* have the same prefix as settings. */
static bool of_kubernetes(struct span name, const char *value) {
    static const char mark[] = "_SERVICE_PORT_"; /* and the name of a port */
    return span_ends(name, "_SERVICE_HOST") || span_ends(name, "_SERVICE_PORT") ||
           memmem(name.ptr, name.len, mark, sizeof(mark) - 1) != NULL ||
           (span_ends(name, "_PORT") && is_service_address(value)) || is_port_of_service(name);
}

/* docker/compose.yaml reads the database's password from this variable. */
static bool of_compose(struct span name) { return span_is(name, VARIABLE_PREFIX "DB_PASSWORD"); }

static enum err unknown_variable(const struct settings *settings, struct span name,
                                 struct diag *diag) {
    struct suggest suggest;
    char best[KEY_BYTES_MAX] = "";
    suggest_init(&suggest, name);
    for (uint32_t i = 0; i < settings->count; i++) {
        char candidate[KEY_BYTES_MAX];
        size_t before = suggest.best_distance;
        suggest_offer(&suggest, variable_of(settings->rows[i].key, candidate));
        if (suggest.best_distance < before) {
            memcpy(best, candidate, suggest.best.len);
            best[suggest.best.len] = '\0';
        }
    }
    return best[0] == '\0' ? diag_fail(diag, ERR_INVALID, "unknown variable %.*s", SPAN_ARG(name))
                           : diag_fail(diag, ERR_INVALID, "unknown variable %.*s, did you mean %s?",
                                       SPAN_ARG(name), best);
}

/* Texts name the variable and the expected form, never the value: it may be a password. */
static enum err take_variable(struct settings *settings, const char *entry,
                              const char *const *other_sections, struct diag *diag) {
    const char *equals = strchr(entry, '=');
    size_t prefix = sizeof(VARIABLE_PREFIX) - 1;
    if (equals == NULL || strncmp(entry, VARIABLE_PREFIX, prefix) != 0) {
        return ERR_OK;
    }
    struct span name = span_make(entry, (size_t)(equals - entry));
    for (uint32_t i = 0; i < settings->count; i++) {
        char own[KEY_BYTES_MAX];
        if (span_eq(name, variable_of(settings->rows[i].key, own))) {
            char wanted[SETTING_WANTED_BYTES];
            if (setting_read(&settings->rows[i], span_str(equals + 1), &settings->arena,
                             &settings->values[i], wanted) != ERR_OK) {
                return diag_fail(diag, ERR_INVALID, "%.*s: expected %s", SPAN_ARG(name), wanted);
            }
            settings->values[i].from = FROM_ENVIRONMENT;
            return ERR_OK;
        }
    }
    return of_other_program(name, other_sections) || of_kubernetes(name, equals + 1) ||
                   of_compose(name)
               ? ERR_OK
               : unknown_variable(settings, name, diag);
}

static enum err check_required(const struct settings *settings, const char *path,
                               struct diag *diag) {
    for (uint32_t i = 0; i < settings->count; i++) {
        char variable[KEY_BYTES_MAX];
        if (settings->values[i].from == FROM_NOWHERE) {
            return diag_fail_at(diag, ERR_INVALID, path, 0, 0, "%s must be set (or %.*s): %s",
                                settings->rows[i].key,
                                SPAN_ARG(variable_of(settings->rows[i].key, variable)),
                                settings->rows[i].help);
        }
    }
    return ERR_OK;
}

enum err settings_load(const struct setting_row *rows, uint32_t count, const char *path,
                       char *const *environ_block, const char *const *other_sections,
                       struct settings **settings, struct diag *diag) {
    struct settings *made = mem_zero(1, sizeof(*made));
    arena_init(&made->arena, SETTINGS_BYTES_MAX);
    made->rows = rows;
    made->count = count;
    made->other_sections = other_sections;
    made->values = mem_zero(count, sizeof(*made->values));
    made->path = path == NULL ? NULL : (const char *)arena_copy(&made->arena, span_str(path)).ptr;
    take_defaults(made);
    enum err err = path == NULL ? ERR_OK : take_file(made, path, diag);
    for (size_t i = 0; err == ERR_OK && environ_block != NULL && environ_block[i] != NULL; i++) {
        err = take_variable(made, environ_block[i], other_sections, diag);
    }
    if (err == ERR_OK) {
        err = check_required(made, path, diag);
    }
    if (err != ERR_OK) {
        settings_free(&made);
        return err;
    }
    *settings = made;
    return ERR_OK;
}

enum err settings_load_again(const struct settings *settings, char *const *environ_block,
                             struct settings **fresh, struct diag *diag) {
    return settings_load(settings->rows, settings->count, settings->path, environ_block,
                         settings->other_sections, fresh, diag);
}

void settings_log_reload(const struct settings *start, const struct settings *now,
                         const struct settings *fresh) {
    uint32_t changed = 0;
    CHECK(start->rows == fresh->rows && now->rows == fresh->rows);
    for (uint32_t i = 0; i < fresh->count; i++) {
        const struct setting_row *row = &fresh->rows[i];
        const struct settings *in_use = row->reloadable ? now : start;
        if (strcmp(in_use->values[i].text, fresh->values[i].text) == 0) {
            continue;
        }
        if (row->reloadable) {
            changed++;
        } else {
            LOG(EV_SETTING_WAITS, "setting=%s", row->key);
        }
    }
    LOG(EV_SETTINGS_LOADED, "changed=%u", changed);
}

void settings_free(struct settings **settings) {
    if (*settings != NULL) {
        arena_free(&(*settings)->arena);
        mem_free((*settings)->values);
        mem_free(*settings);
        *settings = NULL;
    }
}

static const struct setting *get(const struct settings *settings, const char *key,
                                 unsigned type_set) {
    uint32_t row = find_row(settings, span_str(key));
    CHECK(row < settings->count);
    CHECK((type_set >> settings->rows[row].type & 1U) != 0);
    return &settings->values[row];
}

const char *settings_str(const struct settings *settings, const char *key) {
    return get(settings, key, 1U << SETTING_STRING)->text;
}

int64_t settings_int(const struct settings *settings, const char *key) {
    return get(settings, key, 1U << SETTING_INT | 1U << SETTING_BYTES | 1U << SETTING_MS)->number;
}

bool settings_bool(const struct settings *settings, const char *key) {
    return get(settings, key, 1U << SETTING_BOOL)->number != 0;
}

uint32_t settings_list(const struct settings *settings, const char *key,
                       const char *const **items) {
    const struct setting *setting = get(settings, key, 1U << SETTING_LIST);
    *items = setting->items;
    return setting->item_count;
}

bool settings_is_default(const struct settings *settings, const char *key) {
    return settings->values[find_row(settings, span_str(key))].from == FROM_DEFAULT;
}

enum err settings_fail(const struct settings *settings, const char *key, enum err err,
                       struct diag *diag, const char *format, ...) {
    uint32_t row = find_row(settings, span_str(key));
    char text[DIAG_TEXT_MAX];
    char variable[KEY_BYTES_MAX];
    va_list arguments;
    CHECK(row < settings->count);
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const struct setting *setting = &settings->values[row];
    if (setting->from == FROM_FILE) {
        return diag_fail_at(diag, err, settings->path, setting->line, setting->column, "%s: %s",
                            key, text);
    }
    if (setting->from == FROM_ENVIRONMENT) {
        return diag_fail(diag, err, "%.*s: %s", SPAN_ARG(variable_of(key, variable)), text);
    }
    return diag_fail(diag, err, "%s: %s", key, text);
}

/* A connection string may hold a password as `password=` or between ':' and '@' of a URI. */
static bool holds_password(const char *text) {
    const char *host = strstr(text, "://");
    const char *at = host == NULL ? NULL : strchr(host, '@');
    bool in_uri = at != NULL && memchr(host + 3, ':', (size_t)(at - host) - 3) != NULL;
    return in_uri || strstr(text, "password") != NULL;
}

void settings_print(const struct settings *settings, struct buf *out) {
    static const char *const from[] = {[FROM_NOWHERE] = "nowhere",
                                       [FROM_DEFAULT] = "default",
                                       [FROM_FILE] = "file",
                                       [FROM_ENVIRONMENT] = "environment"};
    for (uint32_t i = 0; i < settings->count; i++) {
        const struct setting *setting = &settings->values[i];
        const char *text = holds_password(setting->text) ? "(not shown)" : setting->text;
        buf_printf(out, "%s: %s  # %s\n", settings->rows[i].key, text[0] == '\0' ? "\"\"" : text,
                   from[setting->from]);
    }
}
