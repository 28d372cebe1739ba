/* Purpose: the worker's page: the file beside this one, which the build makes an array. */
#ifndef CASEMILL_WORKER_DASHBOARD_DASHBOARD_H
#define CASEMILL_WORKER_DASHBOARD_DASHBOARD_H

#include <stddef.h>

extern const unsigned char WORKER_PAGE[];
extern const size_t WORKER_PAGE_BYTES;

#endif
