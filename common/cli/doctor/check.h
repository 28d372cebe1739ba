/* Purpose: the checks of `casemill doctor`.  Each appends its rows; none changes anything. */
#ifndef CASEMILL_CLI_DOCTOR_CHECK_H
#define CASEMILL_CLI_DOCTOR_CHECK_H

#include "cli/doctor/findings.h"
#include "cli/verb.h"

/* settings.c: --check of both programs, the paths, and the disk of the journal. */
void doctor_settings(const struct options *options, struct findings *findings);
/* clock.c */
void doctor_clock(struct findings *findings);
/* running.c: the broker over its control socket, and the operator's keys. */
void doctor_keys(const struct options *options, struct findings *findings);
void doctor_broker(const struct options *options, struct findings *findings);
/* database.c: reachable, encoding, migrations, roles, sync settings, clock, rule set. */
void doctor_database(const struct options *options, struct findings *findings);

#endif
