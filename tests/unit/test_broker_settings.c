/* config/broker.yaml says what the settings table says. */
#include "broker/settings_table.h"
#include "settings_page.h"

START_TEST(page_shows_every_key) {
    page_check("config/broker.yaml", BROKER_SETTINGS, COUNT_OF(BROKER_SETTINGS));
    ck_assert_ptr_nonnull(OTHER_SECTIONS[0]);
}
END_TEST

int main(void) { return page_run("broker settings", page_shows_every_key); }
