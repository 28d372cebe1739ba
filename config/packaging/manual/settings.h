/* Purpose: settings as paragraphs of casemill.yaml(5). */
#ifndef CASEMILL_MANUAL_SETTINGS_H
#define CASEMILL_MANUAL_SETTINGS_H

#include "base/buf.h"
#include "settings/settings.h"

void manual_setting_rows(struct buf *out, const struct setting_row *rows, uint32_t count);
void manual_worker_rows(struct buf *out); /* the worker's */

#endif
