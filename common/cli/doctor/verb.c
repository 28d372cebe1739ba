/* `casemill doctor`: what is wrong on this host, and what to do about it. */
#include "cli/verb.h"
#include "cli/doctor/check.h"

static int doctor_run(const struct options *options) {
    struct findings findings = {.count = 0};
    doctor_settings(options, &findings);
    doctor_clock(&findings);
    doctor_keys(options, &findings);
    doctor_broker(options, &findings);
    doctor_database(options, &findings);
    findings_print(&findings, option_flag(options, "--json"));
    int code = findings_have_fault(&findings) ? EXIT_FAILED : EXIT_DONE;
    findings_free(&findings);
    return code;
}

static const struct option_row DOCTOR_ROWS[] = {
    {"--broker-config", "FILE", "settings of the broker (the installed broker.yaml, if it exists)"},
    {"--worker-config", "FILE", "settings of the worker (the installed worker.yaml, if it exists)"},
    {NULL, NULL, NULL},
};

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "check settings, paths, disk, clock, keys, broker, database and rule set",
    .operands = "",
    .rows = DOCTOR_ROWS,
    .notes =
        "Each line is ok, or states what to do.  It changes nothing.  Exit code 1: there is a "
        "fault;\n"
        "warnings alone are 0.  Run it as the user of the services, so that their rights count.",
    .run = doctor_run,
};
