/* Purpose: help for people, from the tables of verbs, options, examples and topics. */
#ifndef CASEMILL_CLI_HELP_H
#define CASEMILL_CLI_HELP_H

#include "cli/verb.h"

#include <stdio.h>

/* help_verb prints the page of --help. */
void help_verb(const struct verb *verb);
/* help_verbs prints the list of verbs; group is "" for all, or the first word of a group with its
 * space: "rules ". */
void help_verbs(FILE *to, const struct verb *const *verbs, uint32_t verb_count, const char *group);
/* help_topic prints a topic; false: there is none of that name. */
bool help_topic(const char *name);
struct suggest;
void help_offer_topics(struct suggest *suggest);

#endif
