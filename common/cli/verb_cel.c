/* `casemill cel`: one expression: its value, or the checker's result.  No broker, no database, no
 * rules. */
#include "base/json.h"
#include "base/plain.h"
#include "cel/cel.h"
#include "cli/answer.h"
#include "cli/cel_vars.h"
#include "cli/verb.h"

#include <inttypes.h>
#include <stdio.h>

enum { RUN_BYTES_MAX = 256 * 1024 * 1024 };

/* The compiler gives a byte; a person needs line and column. */
static void set_location(struct diag *diag, struct span source) {
    size_t offset = diag->offset < source.len ? diag->offset : source.len;
    diag->line = 1;
    diag->column = 1;
    for (size_t i = 0; i < offset; i++) {
        bool is_newline = source.ptr[i] == '\n';
        diag->line += is_newline ? 1 : 0;
        diag->column = is_newline ? 1 : diag->column + 1;
    }
    (void)snprintf(diag->file, sizeof(diag->file), "expression");
}

/* "unknown: x, y": the names that are missing. */
static void print_unknown(const struct cel_vars *vars, struct value value, struct buf *out) {
    struct path_set paths = {0};
    value_unknown_paths(value, &paths);
    const char *between = "unknown: ";
    for (uint32_t i = 0; i < vars->count; i++) {
        if (path_set_has(&paths, i)) {
            buf_printf(out, "%s%s", between, vars->names[i]);
            between = ", ";
        }
    }
}

static void print_result(const struct options *options, const char *key, const struct buf *text,
                         const struct cel_program *program) {
    if (!option_flag(options, "--json")) {
        plain_printf(stdout, "%.*s\n", SPAN_ARG(*text));
        return;
    }
    struct buf out = BUF_EMPTY;
    struct buf type = BUF_EMPTY;
    struct json json;
    cel_type_print(cel_program_type(program), &type);
    json_init(&json, &out);
    json_object_open(&json);
    json_span(json_key(&json, "type"), buf_span(&type));
    json_uint(json_key(&json, "cost"), cel_program_cost(program));
    json_span(json_key(&json, key), buf_span(text));
    json_object_close(&json);
    answer_print_json(NULL, &out);
    buf_free(&type);
}

static int evaluate(const struct options *options, const struct cel_env *env,
                    const struct cel_program *program, const struct cel_vars *vars) {
    struct arena arena;
    struct cel_run run;
    struct buf text = BUF_EMPTY;
    arena_init(&arena, RUN_BYTES_MAX);
    cel_run_init(&run, env, &arena);
    cel_run_begin(&run, vars->slots);
    struct value value = cel_run(&run, program);
    const char *key = "value";
    if (value.kind == VAL_ERROR) {
        key = "error";
        buf_printf(&text, "error: %s", cel_error_name((enum cel_error)value.aux));
    } else if (value.kind == VAL_UNKNOWN) {
        key = "unknown";
        print_unknown(vars, value, &text);
    } else {
        cel_value_print(value, &text);
    }
    print_result(options, key, &text, program);
    buf_free(&text);
    cel_run_fini(&run);
    arena_free(&arena);
    return value.kind == VAL_ERROR ? EXIT_FAILED : EXIT_DONE;
}

/* --check, --cost and --disassemble replace the value. */
static int describe(const struct options *options, const struct cel_program *program) {
    struct buf text = BUF_EMPTY;
    const char *key = "type";
    if (option_flag(options, "--disassemble")) {
        key = "nodes";
        cel_disassemble(program, &text);
        text.len -= 1; /* print_result ends the last line */
    } else if (option_flag(options, "--cost")) {
        key = "cost";
        buf_printf(&text, "%" PRIu64, cel_program_cost(program));
    } else {
        cel_type_print(cel_program_type(program), &text);
    }
    print_result(options, key, &text, program);
    buf_free(&text);
    return EXIT_DONE;
}

static int run_cel(const struct options *options) {
    if (option_operand_count(options) != 1) {
        return verb_usage(options, "which expression? one, in quotes");
    }
    struct span source = span_str(option_operand(options, 0));
    const char *path = option_str(options, "--vars", NULL);
    bool describes = option_flag(options, "--check") || option_flag(options, "--cost") ||
                     option_flag(options, "--disassemble");
    struct cel_env *env = cel_env_new();
    struct cel_program *program = NULL;
    struct cel_vars vars;
    struct diag diag = {0};
    cel_vars_init(&vars);
    int code = EXIT_DONE;
    if (path != NULL && cel_vars_load(&vars, env, path, &diag) != ERR_OK) {
        code = verb_fail(options, &diag, SPAN_LIT(""));
    } else if (cel_compile(env, source, NULL, &program, &diag) != ERR_OK ||
               (option_flag(options, "--check") &&
                (cel_program_lint(program, &diag) != ERR_OK ||
                 cel_program_lint_parts(program, &diag) != ERR_OK))) {
        set_location(&diag, source);
        code = verb_fail(options, &diag, source);
    } else {
        code = describes ? describe(options, program) : evaluate(options, env, program, &vars);
    }
    cel_program_free(&program);
    cel_vars_fini(&vars);
    cel_env_free(&env);
    return code;
}

/* A further line of a help text. */
#define GOES_ON "\n                                "

static const struct option_row CEL_ROWS[] = {
    {"--vars", "FILE",
     "names and values, one JSON object: plain (1 is an int, 1.5 a double), or" GOES_ON
     "typed: {\"uint\": \"1\"} {\"double\": \"1\"} {\"bytes\": \"00ff\"}" GOES_ON
     "{\"timestamp\": [\"SECONDS\", NANOS]} {\"duration\": [\"SECONDS\", NANOS]}" GOES_ON
     "{\"map\": [[KEY, VALUE], ...]} {\"date\": \"2020-01-31\"} {\"unknown\": []}"},
    {"--check", NULL, "print the type; refuse faults of a rule"},
    {"--cost", NULL, "print the largest number of steps of one evaluation"},
    {"--disassemble", NULL, "print the compiled nodes"},
    {NULL, NULL, NULL}};

const struct verb verb_cel = {
    .name = "cel",
    .summary = "evaluate one condition, or show its fault with line and column",
    .operands = "EXPR",
    .rows = CEL_ROWS,
    .run = run_cel,
};
