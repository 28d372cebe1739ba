/* Tests on text. */
#include "cel/functions.h"
#include "cel/regex.h"

static bool two_texts(const struct value *args, uint32_t count) {
    return count == 2 && args[0].kind == VAL_STRING && args[1].kind == VAL_STRING;
}

CEL_FUNCTION(op_starts_with) {
    if (!two_texts(args, count)) {
        return no_overload();
    }
    bool longer = args[0].len >= args[1].len;
    return value_bool(longer && span_eq(span_make(args[0].text, args[1].len), value_span(args[1])));
}

CEL_FUNCTION(op_ends_with) {
    if (!two_texts(args, count)) {
        return no_overload();
    }
    if (args[0].len < args[1].len) {
        return value_bool(false);
    }
    const char *tail = args[1].len == 0 ? args[0].text : args[0].text + (args[0].len - args[1].len);
    return value_bool(span_eq(span_make(tail, args[1].len), value_span(args[1])));
}

CEL_FUNCTION(op_contains) {
    if (!two_texts(args, count)) {
        return no_overload();
    }
    bool found =
        args[1].len == 0 ||
        (args[0].len != 0 && memmem(args[0].text, args[0].len, args[1].text, args[1].len) != NULL);
    return value_bool(found);
}

/* Only for a pattern that is not constant: a constant one is compiled with the program. */
CEL_FUNCTION(op_matches) {
    if (!two_texts(args, count)) {
        return no_overload();
    }
    if (!run_spend(run, 1 + args[0].len / 64U + args[1].len)) {
        return value_error(CEL_ERROR_STEPS);
    }
    struct regex *regex = regex_new(args[1].text, args[1].len);
    if (regex == NULL) {
        return value_error(CEL_ERROR_REGEX);
    }
    bool matches = regex_matches(regex, args[0].text, args[0].len);
    regex_free(regex);
    return value_bool(matches);
}
