/* The clock of this host, by the kernel. */
#include "cli/doctor/check.h"

#include <sys/timex.h>

void doctor_clock(struct findings *findings) {
    struct timex state = {.modes = 0};
    int code = adjtimex(&state);
    if (code < 0) {
        finding_add(findings, "clock", FINDING_WARNING, "ask your time service",
                    "the kernel does not tell whether it is synchronized");
    } else if ((state.status & STA_UNSYNC) != 0) {
        finding_add(findings, "clock", FINDING_WARNING, "start chrony or systemd-timesyncd",
                    "no time service synchronizes it");
    } else {
        finding_add(findings, "clock", FINDING_OK, NULL, "synchronized");
    }
}
