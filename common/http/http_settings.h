/* Purpose: the settings http.* of a program: their rows, their check and what they mean to
 * http_start.  Both servers have the same ones; only the default of http.bind differs. */
#ifndef CASEMILL_HTTP_HTTP_SETTINGS_H
#define CASEMILL_HTTP_HTTP_SETTINGS_H

#include "http/http.h"
#include "settings/settings.h"

#define HTTP_SETTING(key, type, fallback, reloadable, help)                                        \
    { key, type, fallback, 0, 0, reloadable, help }
/* Rows of the program's table. */
#define HTTP_SETTINGS(bind)                                                                        \
    HTTP_SETTING("http.bind", SETTING_STRING, bind, false, "status, health, metrics; off: none"),  \
        HTTP_SETTING("http.token", SETTING_STRING, "", true,                                       \
                     "file of the token that a request needs; empty: none, on loopback only"),     \
        HTTP_SETTING("http.public", SETTING_LIST, "", true,                                        \
                     "readable without the token: metrics, health (/healthz, /readyz)"),           \
        HTTP_SETTING("http.hosts", SETTING_LIST, "", true,                                         \
                     "names that a request may have in Host, beside its own address")

/* Whether http.bind names an address, not off. */
bool http_is_on(const struct settings *settings);
/* http_settings_check checks what a start checks, also the token's file, but does not bind.
 * Errors: as http_start, with the place of the setting. */
MUST_USE enum err http_settings_check(const struct settings *settings, struct diag *diag);
/* http_settings_read fills the options, bind with "" if it is off; their texts live as long as the
 * settings.
 * Order: after http_settings_check. */
void http_settings_read(const struct settings *settings, struct http_options *options);

#endif
