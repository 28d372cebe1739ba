/* Lines, unless the first character opens an array.  In an array a scanner counts brackets outside
 * strings up to the object's closing one; json_case.c checks the bytes in between. */
#include "cli/json_text.h"

enum { BLANK_BYTES_MAX = 1 << 20 }; /* before the first character, which decides the form */

enum err json_text_open(struct json_text *text, const char *path, size_t object_bytes_max,
                        struct diag *diag) {
    *text = (struct json_text){.state = JSON_TEXT_START};
    return lines_open(&text->lines, path, object_bytes_max, diag);
}

void json_text_open_bytes(struct json_text *text, struct span bytes, const char *path,
                          size_t object_bytes_max) {
    *text = (struct json_text){.state = JSON_TEXT_START};
    lines_open_bytes(&text->lines, bytes, path, object_bytes_max);
}

void json_text_close(struct json_text *text) { lines_close(&text->lines); }

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static enum err fail_here(struct json_text *text, enum err err, const char *what,
                          struct diag *diag) {
    const struct lines *lines = &text->lines;
    text->state = JSON_TEXT_END;
    return diag_fail_at(diag, err, feed_path(lines->feed), (uint32_t)lines->number + 1, 0, "%s",
                        what);
}

static enum err ends_early(struct json_text *text, struct diag *diag) {
    return fail_here(text, ERR_TRUNCATED,
                     "the file ends within its JSON array: make or copy it again", diag);
}

/* Skips white space; *byte is then the first other byte, not yet consumed. Errors: ERR_NOT_FOUND
 * the text ends before it. */
static enum err skip_blanks(struct lines *lines, uint8_t *byte, struct diag *diag) {
    for (;;) {
        struct span left = lines_left(lines);
        size_t count = 0;
        while (count < left.len && is_blank(left.ptr[count])) {
            count++;
        }
        if (count < left.len) {
            *byte = left.ptr[count];
            lines_skip(lines, count);
            return ERR_OK;
        }
        lines_skip(lines, count);
        enum err err = lines_more(lines, diag);
        if (err != ERR_OK) {
            return err;
        }
    }
}

/* Decides by the first character.  Empty lines before it stay, so that lines keep their numbers. */
static enum err begin(struct json_text *text, struct diag *diag) {
    struct lines *lines = &text->lines;
    size_t count = 0;
    for (;;) {
        struct span left = lines_left(lines);
        while (count < left.len && is_blank(left.ptr[count])) {
            count++;
        }
        if (count < left.len || count > BLANK_BYTES_MAX) {
            break;
        }
        enum err err = lines_more(lines, diag);
        if (err == ERR_NOT_FOUND) {
            break;
        }
        if (err != ERR_OK) {
            text->state = JSON_TEXT_END;
            return err;
        }
    }
    bool is_array = count < lines_left(lines).len && lines_left(lines).ptr[count] == '[';
    text->state = is_array ? JSON_TEXT_FIRST : JSON_TEXT_LINES;
    if (is_array) {
        lines_skip(lines, count + 1);
    }
    return ERR_OK;
}

static enum err next_line(struct json_text *text, struct span *line, bool *is_cut,
                          struct diag *diag) {
    for (;;) {
        enum err err = lines_next(&text->lines, line, is_cut, diag);
        if (err != ERR_OK) {
            text->state = JSON_TEXT_END;
            return err;
        }
        text->location = text->lines.number;
        for (size_t i = 0; i < line->len; i++) {
            if (!is_blank(line->ptr[i])) {
                return ERR_OK;
            }
        }
        if (*is_cut) {
            return ERR_OK;
        }
    }
}

/* The scanner's state in an object. */
struct scan {
    size_t at;
    size_t depth;
    bool is_in_string;
    bool is_escaped;
};

/* True when the object has ended; scan.at is then after it. */
static bool scan_on(struct scan *scan, struct span bytes) {
    for (; scan->at < bytes.len; scan->at++) {
        uint8_t byte = bytes.ptr[scan->at];
        if (scan->is_in_string) {
            scan->is_in_string = scan->is_escaped || byte != '"';
            scan->is_escaped = !scan->is_escaped && byte == '\\';
        } else if (byte == '"') {
            scan->is_in_string = true;
        } else if (byte == '{' || byte == '[') {
            scan->depth++;
        } else if ((byte == '}' || byte == ']') && --scan->depth == 0) {
            scan->at++;
            return true;
        }
    }
    return false;
}

static enum err take_object(struct json_text *text, struct span *object, struct diag *diag) {
    struct lines *lines = &text->lines;
    struct scan scan = {0};
    while (!scan_on(&scan, lines_left(lines))) {
        if (scan.at > lines->line_bytes_max) {
            break;
        }
        enum err err = lines_more(lines, diag);
        if (err == ERR_NOT_FOUND) {
            return ends_early(text, diag);
        }
        if (err != ERR_OK) {
            text->state = JSON_TEXT_END;
            return err;
        }
    }
    if (scan.at > lines->line_bytes_max) {
        return fail_here(text, ERR_TOO_LARGE,
                         "an object of the JSON array is larger than a case may be", diag);
    }
    *object = span_make(lines_left(lines).ptr, scan.at);
    lines_skip(lines, scan.at);
    text->location++;
    text->state = JSON_TEXT_NEXT;
    return ERR_OK;
}

static enum err array_ends(struct json_text *text, struct diag *diag) {
    uint8_t byte = 0;
    lines_skip(&text->lines, 1);
    enum err err = skip_blanks(&text->lines, &byte, diag);
    if (err == ERR_OK) {
        return fail_here(
            text, ERR_INVALID,
            "something follows the JSON array: expected one array, or one object per line", diag);
    }
    text->state = JSON_TEXT_END;
    return err;
}

static enum err next_element(struct json_text *text, struct span *object, struct diag *diag) {
    struct lines *lines = &text->lines;
    uint8_t byte = 0;
    bool is_first = text->state == JSON_TEXT_FIRST;
    enum err err = skip_blanks(lines, &byte, diag);
    if (err == ERR_OK && byte == ']') {
        return array_ends(text, diag);
    }
    if (err == ERR_OK && !is_first) {
        if (byte != ',') {
            return fail_here(text, ERR_INVALID, "expected a comma between objects of the array",
                             diag);
        }
        lines_skip(lines, 1);
        err = skip_blanks(lines, &byte, diag);
    }
    if (err == ERR_NOT_FOUND) {
        return ends_early(text, diag);
    }
    if (err != ERR_OK) {
        text->state = JSON_TEXT_END;
        return err;
    }
    if (byte != '{') {
        return fail_here(text, ERR_INVALID, "expected an array of JSON objects, one per case",
                         diag);
    }
    return take_object(text, object, diag);
}

enum err json_text_next(struct json_text *text, struct span *object, bool *is_cut,
                        struct diag *diag) {
    *is_cut = false;
    enum err err = text->state == JSON_TEXT_START ? begin(text, diag) : ERR_OK;
    if (err != ERR_OK) {
        return err;
    }
    switch (text->state) {
    case JSON_TEXT_LINES:
        return next_line(text, object, is_cut, diag);
    case JSON_TEXT_FIRST:
    case JSON_TEXT_NEXT:
        return next_element(text, object, diag);
    case JSON_TEXT_START:
    case JSON_TEXT_END:
        break;
    }
    return ERR_NOT_FOUND;
}
