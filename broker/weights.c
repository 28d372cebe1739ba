/* queue.weights: "name=3" of each source that gets more than one share. */
#include "broker/weights.h"

#include "base/check.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

enum { WEIGHT_MAX = 100 };

/* "name=3" -> name, 3. */
static bool parse_weight(const char *item, struct span *name, uint32_t *weight) {
    const char *equals = strrchr(item, '=');
    char *end = NULL;
    unsigned long value = equals == NULL ? 0 : strtoul(equals + 1, &end, 10);
    if (equals == NULL || equals == item || *end != '\0' || value < 1 || value > WEIGHT_MAX ||
        (size_t)(equals - item) > WIRE_NAME_MAX) {
        return false;
    }
    *name = span_make(item, (size_t)(equals - item));
    *weight = (uint32_t)value;
    return true;
}

enum err weights_check(const struct settings *settings, struct diag *diag) {
    const char *const *items = NULL;
    uint32_t count = settings_list(settings, "queue.weights", &items);
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        struct span name = {0};
        struct span other = {0};
        uint32_t weight = 0;
        if (!parse_weight(items[i], &name, &weight)) {
            err = settings_fail(settings, "queue.weights", ERR_INVALID, diag,
                                "\"%s\": wanted name=1..%d", items[i], WEIGHT_MAX);
        }
        for (uint32_t j = 0; err == ERR_OK && j < i; j++) {
            if (parse_weight(items[j], &other, &weight) && span_eq(name, other)) {
                err = settings_fail(settings, "queue.weights", ERR_INVALID, diag,
                                    "\"%.*s\" is named twice", SPAN_ARG(name));
            }
        }
    }
    return err;
}

void weights_take(struct core *core, const struct settings *before,
                  const struct settings *settings) {
    const struct settings *const both[] = {before, settings};
    for (size_t k = 0; k < COUNT_OF(both); k++) {
        const char *const *items = NULL;
        uint32_t count = both[k] == NULL ? 0 : settings_list(both[k], "queue.weights", &items);
        for (uint32_t i = 0; i < count; i++) {
            struct span name = {0};
            uint32_t weight = 0;
            bool is_weight = parse_weight(items[i], &name, &weight);
            CHECK(is_weight); /* weights_check has passed */
            /* A source that had a weight has none now, unless it is named again. */
            core_source_weight(core, name, both[k] == before ? 1 : weight);
        }
    }
}
