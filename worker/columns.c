/* A few are kept: clients that send at the same time rarely have more than one array each. */
#include "worker/columns.h"

enum err columns_for(struct columns_kept *kept, const struct schema *schema, struct span names,
                     struct case_columns **columns) {
    for (uint32_t i = 0; i < COLUMNS_KEPT_MAX; i++) {
        if (kept->items[i] != NULL && case_columns_are(kept->items[i], schema, names)) {
            *columns = case_columns_ref(kept->items[i]);
            return ERR_OK;
        }
    }
    struct case_columns *made = NULL;
    enum err err = case_columns_new(schema, names, &made);
    if (err != ERR_OK) {
        return err;
    }
    case_columns_unref(&kept->items[kept->next]);
    kept->items[kept->next] = made;
    kept->next = (kept->next + 1) % COLUMNS_KEPT_MAX;
    *columns = case_columns_ref(made);
    return ERR_OK;
}

void columns_forget(struct columns_kept *kept) {
    for (uint32_t i = 0; i < COLUMNS_KEPT_MAX; i++) {
        case_columns_unref(&kept->items[i]);
    }
    kept->next = 0;
}
