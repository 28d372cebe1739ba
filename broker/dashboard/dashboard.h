/* Purpose: the dashboard's page, style and script: the files beside this one, which the build makes
 * arrays. */
#ifndef CASEMILL_BROKER_DASHBOARD_DASHBOARD_H
#define CASEMILL_BROKER_DASHBOARD_DASHBOARD_H

#include <stddef.h>

extern const unsigned char DASHBOARD_PAGE[];
extern const size_t DASHBOARD_PAGE_BYTES;
extern const unsigned char DASHBOARD_STYLE[];
extern const size_t DASHBOARD_STYLE_BYTES;
extern const unsigned char DASHBOARD_SCRIPT[];
extern const size_t DASHBOARD_SCRIPT_BYTES;

#endif
