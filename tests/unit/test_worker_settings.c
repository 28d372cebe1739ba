/* config/worker.yaml has the defaults of the settings table, and broker.yaml has nothing that
 * the worker refuses. */
#include "settings_page.h"
#include "worker/settings_table.h"

START_TEST(page_shows_every_key_and_others_are_ignored) {
    page_check("config/worker.yaml", WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS));
    page_ignores("config/broker.yaml", WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS), OTHER_SECTIONS);
}
END_TEST

int main(void) { return page_run("worker settings", page_shows_every_key_and_others_are_ignored); }
