/* See rules/option.h. */
#include "cli/rules/option.h"

#include "base/mem.h"
#include "base/plain.h"

#include <inttypes.h>
#include <stdio.h>

int rules_option_load(const struct options *options, const char *dir, struct ruleset **ruleset) {
    uint32_t count = 0;
    while (option_all(options, "--set", count) != NULL) {
        count++;
    }
    const char **overrides = mem_zero(count, sizeof(*overrides));
    for (uint32_t i = 0; i < count; i++) {
        overrides[i] = option_all(options, "--set", i);
    }
    struct buf source = BUF_EMPTY;
    struct diag diag = {0};
    enum err err = ruleset_load_dir(dir, overrides, count, ruleset, &source, &diag);
    int code = err == ERR_OK ? EXIT_DONE : verb_fail(options, &diag, buf_span(&source));
    mem_free(overrides);
    buf_free(&source);
    return code;
}

const char *rules_option_dir(const struct options *options) {
    return option_operand_count(options) == 0 ? "config" : option_operand(options, 0);
}

bool rules_option_failed(struct ruleset *ruleset) {
    uint32_t passed = 0;
    uint32_t failed = 0;
    struct buf report = BUF_EMPTY;
    ruleset_test(ruleset, &passed, &failed, &report);
    if (failed > 0) {
        plain_printf(stderr, "%s%" PRIu32 " passed, %" PRIu32 " failed\n", buf_cstr(&report),
                     passed, failed);
    }
    buf_free(&report);
    return failed > 0;
}
