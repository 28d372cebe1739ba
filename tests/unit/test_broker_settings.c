/* config/broker.yaml has the defaults of the settings table, and worker.yaml has nothing that
 * the broker refuses. */
#include "broker/settings_table.h"
#include "settings_page.h"

START_TEST(page_shows_every_key_and_others_are_ignored) {
    page_check("config/broker.yaml", BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS));
    page_ignores("config/worker.yaml", BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS), OTHER_SECTIONS);
}
END_TEST

int main(void) { return page_run("broker settings", page_shows_every_key_and_others_are_ignored); }
