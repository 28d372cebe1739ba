/* See lane_choice.h. */
#include "cli/lane_choice.h"

#include "base/suggest.h"

#include <string.h>

static const char *text_of(const json_t *lane, const char *member) {
    const char *text = json_string_value(json_object_get(lane, member));
    return text == NULL ? "" : text;
}

static bool is_named(const json_t *lane, const char *wanted) {
    return strcmp(text_of(lane, "name"), wanted) == 0 || strcmp(text_of(lane, "lane"), wanted) == 0;
}

static bool has_digits(const json_t *lane, const char *wanted) {
    size_t len = strlen(wanted);
    return len >= LANE_DIGITS_MIN && strncmp(text_of(lane, "lane"), wanted, len) == 0;
}

static uint32_t count_lanes(const json_t *lanes, const char *wanted,
                            bool (*fits)(const json_t *lane, const char *wanted)) {
    uint32_t count = 0;
    size_t i = 0;
    const json_t *lane = NULL;
    json_array_foreach(lanes, i, lane) { count += fits(lane, wanted) ? 1 : 0; }
    return count;
}

static enum err not_found(const json_t *lanes, const char *wanted, struct diag *diag) {
    struct suggest suggest;
    suggest_init(&suggest, span_str(wanted));
    size_t i = 0;
    const json_t *lane = NULL;
    json_array_foreach(lanes, i, lane) { suggest_offer(&suggest, span_str(text_of(lane, "name"))); }
    return diag_fail(diag, ERR_NOT_FOUND, "no worker or lane \"%s\"%s%.*s%s; see: casemill workers",
                     wanted, SUGGEST_ARG(suggest));
}

enum err lane_choice_keep(json_t *lanes, const char *wanted, struct diag *diag) {
    if (wanted == NULL) {
        return ERR_OK;
    }
    bool by_name = count_lanes(lanes, wanted, is_named) > 0;
    uint32_t count = by_name ? 1 : count_lanes(lanes, wanted, has_digits);
    if (count == 0) {
        return not_found(lanes, wanted, diag);
    }
    if (count > 1) {
        return diag_fail(diag, ERR_CONFLICT,
                         "the ids of %u lanes begin with \"%s\": give more digits", count, wanted);
    }
    for (size_t i = json_array_size(lanes); i-- > 0;) {
        const json_t *lane = json_array_get(lanes, i);
        if (!(by_name ? is_named(lane, wanted) : has_digits(lane, wanted))) {
            (void)json_array_remove(lanes, i);
        }
    }
    return ERR_OK;
}

enum err lane_choice_name(struct span workers, const char *wanted, struct buf *name,
                          struct diag *diag) {
    json_t *lanes =
        json_loadb((const char *)workers.ptr, workers.len, JSON_REJECT_DUPLICATES, NULL);
    enum err err = json_is_array(lanes)
                       ? lane_choice_keep(lanes, wanted, diag)
                       : diag_fail(diag, ERR_VERSION, "the broker's answer is not a JSON array");
    if (err == ERR_OK) {
        const json_t *lane = json_array_get(lanes, 0);
        buf_str(name, is_named(lane, wanted) ? wanted : text_of(lane, "lane"));
    }
    json_decref(lanes);
    return err;
}
