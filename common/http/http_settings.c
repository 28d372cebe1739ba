/* Settings to options.  The check names the setting at fault; http_start repeats it. */
#include "http/http_settings.h"

#include <string.h>

static const struct {
    const char *word;
    unsigned page;
} PUBLIC[] = {{"metrics", HTTP_PUBLIC_METRICS}, {"health", HTTP_PUBLIC_HEALTH}};

bool http_is_on(const struct settings *settings) {
    const char *bind = settings_str(settings, "http.bind");
    return bind[0] != '\0' && strcmp(bind, "off") != 0;
}

/* 0: there is no such word. */
static unsigned page_of(const char *word) {
    for (size_t i = 0; i < COUNT_OF(PUBLIC); i++) {
        if (strcmp(word, PUBLIC[i].word) == 0) {
            return PUBLIC[i].page;
        }
    }
    return 0;
}

void http_settings_read(const struct settings *settings, struct http_options *options) {
    const char *const *words = NULL;
    uint32_t count = settings_list(settings, "http.public", &words);
    *options = (struct http_options){
        .bind = http_is_on(settings) ? settings_str(settings, "http.bind") : "",
        .token_path = settings_str(settings, "http.token")};
    for (uint32_t i = 0; i < count; i++) {
        options->public_pages |= page_of(words[i]);
    }
    options->host_count = settings_list(settings, "http.hosts", &options->hosts);
}

static enum err check_lists(const struct settings *settings, struct diag *diag) {
    const char *const *words = NULL;
    struct diag why = {0};
    uint32_t count = settings_list(settings, "http.public", &words);
    for (uint32_t i = 0; i < count; i++) {
        if (page_of(words[i]) == 0) {
            return settings_fail(settings, "http.public", ERR_INVALID, diag,
                                 "\"%s\" is neither metrics nor health", words[i]);
        }
    }
    count = settings_list(settings, "http.hosts", &words);
    for (uint32_t i = 0; i < count; i++) {
        if (http_host_check(words[i], &why) != ERR_OK) {
            return settings_fail(settings, "http.hosts", why.err, diag, "%s", why.text);
        }
    }
    return ERR_OK;
}

enum err http_settings_check(const struct settings *settings, struct diag *diag) {
    struct diag why = {0};
    const char *token = settings_str(settings, "http.token");
    enum err err = check_lists(settings, diag);
    if (err != ERR_OK || !http_is_on(settings)) {
        return err;
    }
    struct http_options options;
    http_settings_read(settings, &options);
    if (http_bind_check(&options, &why) != ERR_OK) {
        return settings_fail(settings, "http.bind", why.err, diag, "%s", why.text);
    }
    if (token[0] != '\0' && http_token_check(token, &why) != ERR_OK) {
        return settings_fail(settings, "http.token", why.err, diag, "%s", why.text);
    }
    return ERR_OK;
}
