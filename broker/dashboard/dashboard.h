/* Purpose: the dashboard's page, as dashboard.html says it; the build makes it an array. */
#ifndef CASEMILL_BROKER_DASHBOARD_DASHBOARD_H
#define CASEMILL_BROKER_DASHBOARD_DASHBOARD_H

#include <stddef.h>

extern const unsigned char DASHBOARD_PAGE[];
extern const size_t DASHBOARD_PAGE_BYTES;

#endif
