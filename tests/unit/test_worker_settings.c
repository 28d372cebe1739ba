/* config/worker.yaml says what the settings table says. */
#include "settings_page.h"
#include "worker/settings_table.h"

START_TEST(page_shows_every_key) {
    page_check("config/worker.yaml", WORKER_SETTINGS, COUNT_OF(WORKER_SETTINGS));
    ck_assert_ptr_nonnull(OTHER_SECTIONS[0]);
}
END_TEST

int main(void) { return page_run("worker settings", page_shows_every_key); }
