/* The worker's settings: see settings.c. */
#include "manual/settings.h"
#include "worker/settings_table.h"

void manual_worker_rows(struct buf *out) {
    manual_setting_rows(out, WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS));
}
