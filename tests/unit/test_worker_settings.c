/* config/worker.yaml says what the settings table says, and broker.yaml nothing that is refused. */
#include "settings_page.h"
#include "worker/settings_table.h"

START_TEST(page_shows_every_key_and_others_are_ignored) {
    page_check("config/worker.yaml", WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS));
    page_ignores("config/broker.yaml", WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS), OTHER_SECTIONS);
}
END_TEST

int main(void) { return page_run("worker settings", page_shows_every_key_and_others_are_ignored); }
