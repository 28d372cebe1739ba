/* Purpose: the broker's page: the file beside this one, which the build makes an array. */
#ifndef CASEMILL_BROKER_DASHBOARD_DASHBOARD_H
#define CASEMILL_BROKER_DASHBOARD_DASHBOARD_H

#include <stddef.h>

extern const unsigned char DASHBOARD_PAGE[];
extern const size_t DASHBOARD_PAGE_BYTES;

#endif
