/* `casemill completion`: a script that completes verbs, options and topics, from the tables of
 * verbs.  Values are completed as files; bash and zsh have their own ways to quote them. */
#include "base/plain.h"
#include "cli/common_rows.h"
#include "cli/topics.h"
#include "cli/verb_table.h"

#include <stdio.h>
#include <string.h>

static const struct verb *const VERBS[] = {
#define VERB_ROW(name) &verb_##name,
    VERB_TABLE(VERB_ROW)
#undef VERB_ROW
};

/* Calls `put` with each name once: first words, or the second words of a group. */
static void each_word(struct buf *out, const char *group,
                      void (*put)(struct buf *out, struct span word, const char *summary)) {
    size_t len = strlen(group);
    struct span last = {0};
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        const char *name = VERBS[i]->name;
        if (len > 0 && (strncmp(name, group, len) != 0 || name[len] != ' ')) {
            continue;
        }
        const char *word = len == 0 ? name : name + len + 1;
        struct span found = span_make(word, strcspn(word, " "));
        bool is_group = word[found.len] == ' ';
        if (last.ptr == NULL || !span_eq(last, found)) {
            put(out, found, is_group ? "several verbs" : VERBS[i]->summary);
        }
        last = found;
    }
}

/* Calls `put` with the name of each group. */
static void each_group(struct buf *out, void (*put)(struct buf *out, const char *group)) {
    char last[64] = "";
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        const char *space = strchr(VERBS[i]->name, ' ');
        char group[sizeof(last)];
        if (space == NULL) {
            continue;
        }
        (void)snprintf(group, sizeof(group), "%.*s", (int)(space - VERBS[i]->name), VERBS[i]->name);
        if (strcmp(group, last) != 0) {
            put(out, group);
            (void)snprintf(last, sizeof(last), "%s", group);
        }
    }
}

/* --- bash --- */

static void bash_word(struct buf *out, struct span word, const char *summary) {
    (void)summary;
    buf_printf(out, " %.*s", SPAN_ARG(word));
}

static void bash_group(struct buf *out, const char *group) {
    buf_printf(out, "        %s) words='", group);
    each_word(out, group, bash_word);
    buf_str(out, "' ;;\n");
}

static void bash_options(struct buf *out, const struct option_row *rows, bool with_argument) {
    for (; rows->name != NULL; rows++) {
        if (!with_argument || rows->argument != NULL) {
            buf_printf(out, " %s", rows->name);
        }
    }
}

static void put_topics(struct buf *out) {
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        buf_printf(out, " %s", topic->name);
    }
}

static void put_bash(struct buf *out) {
    buf_str(out,
            "# Completion of casemill for bash, made by `casemill completion bash`.\n"
            "_casemill() {\n"
            "    local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words='' values=''\n"
            "    COMPREPLY=()\n"
            "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
            "        words='help --help --version");
    each_word(out, "", bash_word);
    buf_str(out, "'\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n        case $verb in\n"
                 "        help) words='");
    each_word(out, "", bash_word);
    put_topics(out);
    buf_str(out, "' ;;\n");
    each_group(out, bash_group);
    buf_str(out, "        esac\n    fi\n"
                 "    case \"$verb ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        bool has_group = strchr(VERBS[i]->name, ' ') != NULL;
        buf_printf(out, "    '%s%s'*)\n        [ -n \"$words\" ] || words='", VERBS[i]->name,
                   has_group ? "" : " ");
        bash_options(out, VERBS[i]->rows, false);
        bash_options(out, common_rows, false);
        buf_str(out, "'\n        values='");
        bash_options(out, VERBS[i]->rows, true);
        bash_options(out, common_rows, true);
        buf_str(out, "' ;;\n");
    }
    buf_str(out, "    esac\n"
                 "    case \" $values \" in\n"
                 "    *\" ${COMP_WORDS[COMP_CWORD - 1]} \"*) return ;;\n"
                 "    esac\n"
                 "    case $current in\n"
                 "    -*) ;;\n"
                 "    *) case $words in *--db*) return ;; esac ;;\n"
                 "    esac\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                 "}\n"
                 "complete -o default -F _casemill casemill\n");
}

/* --- zsh --- */

/* As a text of _describe and _arguments: in single quotes, without the marks of zsh. */
static void zsh_text(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_str(out, "'\\''");
        } else if (*text == ':' || *text == '[' || *text == ']') {
            buf_printf(out, "\\%c", *text);
        } else {
            buf_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
        }
    }
}

static void zsh_word(struct buf *out, struct span word, const char *summary) {
    buf_printf(out, "            '%.*s:", SPAN_ARG(word));
    zsh_text(out, summary);
    buf_str(out, "'\n");
}

static void zsh_group(struct buf *out, const char *group) {
    buf_printf(out, "        %s) words_of=(\n", group);
    each_word(out, group, zsh_word);
    buf_str(out, "        ) ;;\n");
}

static void zsh_options(struct buf *out, const struct option_row *rows) {
    for (; rows->name != NULL; rows++) {
        buf_printf(out, "            '*%s%s[", rows->name, rows->argument == NULL ? "" : "=");
        zsh_text(out, rows->help);
        buf_byte(out, ']');
        if (rows->argument != NULL) {
            buf_byte(out, ':');
            zsh_text(out, rows->argument);
            buf_str(out, ":_files");
        }
        buf_str(out, "'\n");
    }
}

static void put_zsh(struct buf *out) {
    buf_str(out, "#compdef casemill\n"
                 "# Completion of casemill for zsh, made by `casemill completion zsh`.\n"
                 "_casemill() {\n"
                 "    local -a words_of options_of\n"
                 "    if (( CURRENT == 2 )); then\n"
                 "        words_of=(\n            'help:help about a verb or a topic'\n");
    each_word(out, "", zsh_word);
    buf_str(out, "        )\n        _describe verb words_of\n        return\n    fi\n"
                 "    if (( CURRENT == 3 )); then\n        case $words[2] in\n"
                 "        help) words_of=(\n");
    each_word(out, "", zsh_word);
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        zsh_word(out, span_str(topic->name), topic->title);
    }
    buf_str(out, "        ) ;;\n");
    each_group(out, zsh_group);
    buf_str(out, "        esac\n"
                 "        if (( $#words_of )); then _describe verb words_of; return; fi\n    fi\n"
                 "    case \"$words[2] $words[3]\" in\n");
    for (size_t i = 0; i < COUNT_OF(VERBS); i++) {
        bool has_group = strchr(VERBS[i]->name, ' ') != NULL;
        buf_printf(out, "    '%s%s'*) options_of=(\n", VERBS[i]->name, has_group ? "" : " ");
        zsh_options(out, VERBS[i]->rows);
        zsh_options(out, common_rows);
        buf_str(out, "        ) ;;\n");
    }
    buf_str(out, "    esac\n    _arguments $options_of '*:operand:_files'\n}\n_casemill \"$@\"\n");
}

static int completion_run(const struct options *options) {
    const char *shell = option_operand_count(options) == 1 ? option_operand(options, 0) : "";
    struct buf out = BUF_EMPTY;
    if (strcmp(shell, "bash") == 0) {
        put_bash(&out);
    } else if (strcmp(shell, "zsh") == 0) {
        put_zsh(&out);
    } else {
        return verb_usage(options, "for which shell? bash or zsh");
    }
    plain_print(stdout, buf_span(&out));
    buf_free(&out);
    return EXIT_DONE;
}

const struct verb verb_completion = {
    .name = "completion",
    .summary = "print a script that completes verbs and options in a shell",
    .operands = "bash|zsh",
    .rows = verb_no_options,
    .run = completion_run,
};
