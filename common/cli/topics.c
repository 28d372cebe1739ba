/* See topics.h. */
#include "cli/topics.h"

#include "cli/dead/reasons.h"

#include <stddef.h>

#define REASON_LINE(word, meaning) "  " word ": " meaning "\n"

const struct topic help_topics[] = {
    {"addresses", "Addresses of brokers and of the database",
     "Each address has an option; without it a variable of the environment is read, and without\n"
     "that there is a default.\n"
     "\n"
     "  --broker      CASEMILL_INTAKE_CONNECT     tcp://127.0.0.1:5570 (submit)\n"
     "  --control     CASEMILL_CONTROL_BIND       control.sock in /var/lib/casemill/journal\n"
     "  --db          CASEMILL_POSTGRES_CONNINFO  none; a libpq connection string\n"
     "  --key         CASEMILL_KEYS_SECRET        none; the own secret key file\n"
     "  --broker-key  CASEMILL_KEYS_BROKER        none; the broker's public key file\n"
     "\n"
     "An address is tcp://HOST:PORT or ipc://PATH.  submit takes several brokers between commas\n"
     "and uses the next when one fails; top and status show several.\n"
     "Keys are required for tcp beyond loopback.\n"},
    {"dead-letters", "Cases without an outcome, and why",
     "A case that gets no outcome is stored as a dead letter, with its bytes and one of these\n"
     "reasons.  dead list shows them; repair the cause, then dead retry decides them again.\n"
     "dead export writes the cases as a file for their source; dead drop removes them.\n"
     "Every verb that shows or changes dead letters records --why with the name of the role.\n"
     "\n" DEAD_REASONS(REASON_LINE)},
    {"exit-codes", "Exit codes",
     "  0  done\n"
     "  1  failed; one line on standard error states the fault\n"
     "  2  usage: an unknown verb, option or word\n"
     "  3  of submit: all is done, but some cases are dead letters\n"
     "\n"
     "Results go to standard output, faults and progress to standard error.  A failed write of\n"
     "the output is a failure.\n"},
    {"json", "Answers with --json",
     "Every answer is one object on one line.  Its first member is schema_version, 1 today: it\n"
     "rises when a member goes or changes its meaning.  Rows are an array of objects, counts are\n"
     "numbers, a time is text as 2026-05-01T00:00:00Z, an absent value is null.\n"
     "\n"
     "Verbs that answer more than once print one such line each time: top, dead show,\n"
     "explain --file, verify, crash-test.  generate, evaluate, dead export and schema print\n"
     "files, which have no version.\n"},
    {"lanes", "Names of workers and lanes",
     "A worker has a name, HOST:PID, and each of its lanes has an id.  workers shows the ids, top\n"
     "and status their first digits.  retire and workers accept a worker's name, an id, or the\n"
     "first four or more digits of an id, when no other lane's id begins with them.\n"},
    {"settings", "Settings of broker and worker",
     "casemill-broker and casemill-worker read a YAML file (--config FILE); casemill.yaml(5)\n"
     "lists every key.  A variable CASEMILL_SECTION_NAME overrides the key section.name:\n"
     "CASEMILL_JOURNAL_PATH is journal.path.  An unknown key or variable is refused.\n"
     "\n"
     "  casemill-broker --config /etc/casemill/broker.yaml --check\n"
     "  casemill-worker --config /etc/casemill/worker.yaml --check\n"
     "\n"
     "print the settings in use and try a start.  casemill doctor does both, and more.\n"},
    {"shells", "Completion of verbs and options in a shell",
     "Packages install it.  Otherwise:\n"
     "\n"
     "  casemill completion bash >/etc/bash_completion.d/casemill\n"
     "  casemill completion zsh >/usr/local/share/zsh/site-functions/_casemill\n"},
    {"start", "First steps with an empty database",
     "  export CASEMILL_POSTGRES_CONNINFO='dbname=casemill'\n"
     "  casemill db migrate --rules /etc/casemill\n"
     "  casemill rules publish /etc/casemill\n"
     "  casemill rules activate ID --why 'first rules'\n"
     "  casemill doctor\n"
     "  casemill generate --cases 1000 | casemill submit --ack outcome -\n"
     "  casemill report\n"
     "\n"
     "rules publish prints the ID.  Broker and worker are services: casemill-broker(8),\n"
     "casemill-worker(8).\n"},
    {"times", "Times and dates",
     "A time is printed in UTC as 2026-05-01T00:00:00Z.  rules activate --from accepts that form,\n"
     "also with an offset: 2026-05-01T02:00:00+02:00.  A date is YYYY-MM-DD; a day of\n"
     "db purge --before is a day in UTC.\n"},
    {NULL, NULL, NULL},
};
