/* Purpose: the topics of `casemill help TOPIC`, which are sections of casemill(1). */
#ifndef CASEMILL_CLI_TOPICS_H
#define CASEMILL_CLI_TOPICS_H

/* text: paragraphs between empty lines; lines that begin with two spaces stay as they are. */
struct topic {
    const char *name, *title, *text;
};
extern const struct topic help_topics[]; /* sorted; ends with a NULL name */

#endif
