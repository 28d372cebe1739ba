/* See help.h.  man.c sets the same tables for man. */
#include "cli/help.h"

#include "base/plain.h"
#include "base/suggest.h"
#include "cli/common_rows.h"
#include "cli/examples.h"
#include "cli/topics.h"

#include <string.h>

enum { HELP_COLUMN = 30, LINE_COLUMNS = 106 };

/* Appends the text in lines of at most LINE_COLUMNS; each new one begins at `column`. */
static void put_wrapped(struct buf *out, const char *text, size_t column) {
    size_t at = column;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (at > column && at + word > LINE_COLUMNS) {
            out->len -= out->ptr[out->len - 1] == ' ' ? 1 : 0;
            buf_printf(out, "\n%*s", (int)column, "");
            at = column;
        }
        size_t spaces = strspn(text + word, " ");
        const char *newline = memchr(text, '\n', word + spaces);
        buf_append(out, span_make(text, word + spaces));
        at = newline == NULL ? at + word + spaces : (size_t)(text + word + spaces - newline);
        text += word + spaces;
    }
    buf_byte(out, '\n');
}

static void print_rows(const struct option_row *rows) {
    for (; rows->name != NULL; rows++) {
        struct buf option = BUF_EMPTY;
        buf_printf(&option, "  %s%s%s", rows->name, rows->argument == NULL ? "" : " ",
                   rows->argument == NULL ? "" : rows->argument);
        do {
            buf_byte(&option, ' ');
        } while (option.len < HELP_COLUMN + 2);
        put_wrapped(&option, rows->help, HELP_COLUMN + 2);
        plain_print(stdout, buf_span(&option));
        buf_free(&option);
    }
}

static void print_examples(const char *verb) {
    const char *head = "\nexamples:\n";
    for (const struct verb_example *row = verb_examples; row->verb != NULL; row++) {
        if (strcmp(row->verb, verb) == 0) {
            plain_printf(stdout, "%s  %s\n", head, row->command);
            head = "";
            if (row->what != NULL) {
                plain_printf(stdout, "      %s\n", row->what);
            }
        }
    }
}

void help_verb(const struct verb *verb) {
    plain_printf(stdout, "usage: casemill %s [OPTION...]%s%s\n\n%s\n", verb->name,
                 verb->operands[0] == '\0' ? "" : " ", verb->operands, verb->summary);
    if (verb->rows->name != NULL) {
        plain_printf(stdout, "\noptions:\n");
        print_rows(verb->rows);
    }
    plain_printf(stdout, "\noptions of every verb:\n");
    print_rows(common_rows);
    if (verb->notes != NULL) {
        plain_printf(stdout, "\n%s\n", verb->notes);
    }
    print_examples(verb->name);
}

void help_verbs(FILE *to, const struct verb *const *verbs, uint32_t verb_count, const char *group) {
    struct buf names = BUF_EMPTY;
    plain_printf(to, "usage: casemill %sVERB [OPTION...] [OPERAND...]\n\nverbs:\n", group);
    for (uint32_t i = 0; i < verb_count; i++) {
        if (strncmp(verbs[i]->name, group, strlen(group)) == 0) {
            plain_printf(to, "  %-*s%s\n", HELP_COLUMN, verbs[i]->name, verbs[i]->summary);
        }
    }
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        buf_printf(&names, "%s%s", topic == help_topics ? "" : ", ", topic->name);
    }
    plain_printf(to,
                 "\ntopics: %s\n\n"
                 "casemill help VERB and casemill help TOPIC show more; exit codes: 0 done, "
                 "1 failed, 2 usage; of submit also 3: some cases are dead letters.\n",
                 buf_cstr(&names));
    buf_free(&names);
}

bool help_topic(const char *name) {
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        if (strcmp(topic->name, name) == 0) {
            plain_printf(stdout, "%s\n\n%s", topic->title, topic->text);
            return true;
        }
    }
    return false;
}

void help_offer_topics(struct suggest *suggest) {
    for (const struct topic *topic = help_topics; topic->name != NULL; topic++) {
        suggest_offer(suggest, span_str(topic->name));
    }
}
