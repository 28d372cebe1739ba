/* The files that common tools write: every row of the table in common/client/README.md is read
 * correctly or refused in a line that states what to do. Each file is read three times: from
 * memory, packed as gzip, and from a pipe that gives one byte at a time. */
#include "cli/submit/csv.h"
#include "cli/submit/input.h"
#include "tests/unit/submit_fixture.h"

#include <pthread.h>

static struct schema *schema;

static void schema_make(void) {
    static const char text[] = "version: 1\n"
                               "title: \"t\"\n"
                               "facts:\n"
                               "  country: {type: iso, help: \"h\"}\n"
                               "  nations: {type: list, max: 4, of: {type: iso}, help: \"h\"}\n"
                               "  married: {type: bool, help: \"h\"}\n"
                               "  age: {type: int, help: \"h\"}\n"
                               "  note: {type: string, help: \"h\"}\n"
                               "  minor:\n"
                               "    type: record\n"
                               "    fields:\n"
                               "      alone: {type: bool, help: \"h\"}\n"
                               "      kin: {type: bool, help: \"h\"}\n"
                               "  fear:\n"
                               "    type: map\n"
                               "    max: 4\n"
                               "    keys: iso\n"
                               "    of: {type: enum, words: [yes1, no1]}\n"
                               "    help: \"h\"\n"
                               "  anchors:\n"
                               "    type: list\n"
                               "    max: 4\n"
                               "    of:\n"
                               "      type: record\n"
                               "      fields:\n"
                               "        adult: {type: bool, help: \"h\"}\n"
                               "    help: \"h\"\n";
    struct yaml_doc *doc = NULL;
    struct diag diag = {0};
    const char *const words[] = {"GT", "HN", "US"};
    ck_assert_msg(yaml_parse(span_str(text), "case.yaml", &doc, &diag) == ERR_OK, "%s", diag.text);
    ck_assert_msg(schema_load(doc, (struct vocabulary){words, 3}, &schema, &diag) == ERR_OK, "%s",
                  diag.text);
    yaml_doc_free(&doc);
}

static void schema_drop(void) { schema_free(&schema); }

static void files_drop(void) {
    static const char *const names[] = {"a.jsonl", "a.msgpack", "b.msgpack"};
    folder_drop(names, COUNT_OF(names));
}

/* --- gzip by hand: stored blocks ---------------------------------------------------------------
 */

static uint32_t crc32_of(struct span bytes) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
        }
    }
    return ~crc;
}

static void gzip_append(struct buf *out, struct span bytes) {
    size_t at = 0;
    buf_append(out, SPAN_LIT("\x1f\x8b\x08\0\0\0\0\0\0\xff"));
    do {
        size_t count = bytes.len - at < UINT16_MAX ? bytes.len - at : UINT16_MAX;
        buf_byte(out, at + count == bytes.len ? 1 : 0);
        buf_le16(out, (uint16_t)count);
        buf_le16(out, (uint16_t)~count);
        buf_append(out, span_make(bytes.ptr + at, count));
        at += count;
    } while (at < bytes.len);
    buf_le32(out, crc32_of(bytes));
    buf_le32(out, (uint32_t)bytes.len);
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* The cases as JSON, each behind its place; a fault as its line and text.  No schema's order is
 * needed to compare them. */
static void read_all(struct submit_input *input, enum err err, struct diag *diag,
                     struct buf *text) {
    struct buf one = BUF_EMPTY;
    uint64_t place = 0;
    while (err == ERR_OK) {
        buf_clear(&one);
        err = submit_input_next(input, &one, &place, diag);
        if (err == ERR_OK) {
            struct json json;
            buf_printf(text, "%llu ", (unsigned long long)place);
            json_init(&json, text);
            ck_assert_int_eq(json_case_decode(buf_span(&one), &json), ERR_OK);
            buf_byte(text, '\n');
        } else {
            ck_assert_uint_eq(one.len, 0);
        }
    }
    if (diag->text[0] != '\0') {
        ck_assert_ptr_null(strchr(diag->text, '\n'));
        buf_printf(text, "%u: %s\n", diag->line, diag->text);
    }
    ck_assert(input == NULL || submit_input_next(input, &one, &place, diag) == ERR_NOT_FOUND);
    buf_free(&one);
}

static void read_bytes(struct span bytes, enum submit_format format, struct buf *text) {
    struct submit_input *input = NULL;
    struct diag diag = {0};
    enum err err = submit_input_open_bytes(bytes, "f", format, schema, &input, &diag);
    read_all(input, err, &diag, text);
    submit_input_close(&input);
}

struct drip {
    struct span bytes;
    int fd;
};

static void *drip_run(void *context) {
    struct drip *drip = context;
    for (size_t i = 0; i < drip->bytes.len; i++) {
        ssize_t wrote = write(drip->fd, drip->bytes.ptr + i, 1);
        (void)wrote; /* the reader may have had enough */
    }
    (void)close(drip->fd);
    return NULL;
}

static void read_pipe(struct span bytes, enum submit_format format, struct buf *text) {
    struct submit_input *input = NULL;
    struct diag diag = {0};
    char path[32];
    int ends[2];
    pthread_t thread;
    ck_assert_int_eq(pipe(ends), 0);
    struct drip drip = {bytes, ends[1]};
    ck_assert_int_eq(pthread_create(&thread, NULL, drip_run, &drip), 0);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    enum err err = submit_input_open(path, format, schema, &input, &diag);
    read_all(input, err, &diag, text);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    submit_input_close(&input);
    (void)close(ends[0]);
}

/* `expected` is the output of read_all; of a fault its text need only contain `expected`. */
static void assert_file(const char *name, struct span bytes, enum submit_format format,
                        const char *expected) {
    struct buf packed = BUF_EMPTY;
    gzip_append(&packed, bytes);
    for (int way = 0; way < 3; way++) {
        struct buf text = BUF_EMPTY;
        if (way == 0) {
            read_bytes(bytes, format, &text);
        } else if (way == 1) {
            read_bytes(buf_span(&packed), format, &text);
        } else {
            read_pipe(bytes, format, &text);
        }
        ck_assert_msg(strcmp(buf_cstr(&text), expected) == 0, "%s, way %d:\n%sexpected:\n%s", name,
                      way, buf_cstr(&text), expected);
        buf_free(&text);
    }
    buf_free(&packed);
}

struct row {
    const char *name;
    enum submit_format format;
    struct span bytes;
    const char *expected;
};
#define FILE_OF(literal) SPAN_LIT(literal)
#define CASE_A "{\"case_id\":\"a\"}"
#define CASE_B "{\"case_id\":\"b\"}"

static void assert_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_file(rows[i].name, rows[i].bytes, rows[i].format, rows[i].expected);
    }
}

START_TEST(json_as_tools_write_it) {
    const struct row rows[] = {
        {"a byte order mark", SUBMIT_JSONL, FILE_OF("\xef\xbb\xbf" CASE_A "\r\n" CASE_B),
         "1 " CASE_A "\n2 " CASE_B "\n"},
        {"a mark alone", SUBMIT_JSONL, FILE_OF("\xef\xbb\xbf"), ""},
        {"no byte at all", SUBMIT_JSONL, FILE_OF(""), ""},
        {"blank lines", SUBMIT_JSONL, FILE_OF("\n\n" CASE_A "\n \t\r\n" CASE_B "\n\n"),
         "3 " CASE_A "\n5 " CASE_B "\n"},
        {"an array", SUBMIT_JSONL, FILE_OF("[" CASE_A "," CASE_B "]"),
         "1 " CASE_A "\n2 " CASE_B "\n"},
        {"an array over lines", SUBMIT_JSONL,
         FILE_OF("\xef\xbb\xbf\n [\r\n  {\n    \"case_id\": \"]}\\\"[\"\n  }\n ,\n" CASE_B "]\n\n"),
         "1 {\"case_id\":\"]}\\\"[\"}\n2 " CASE_B "\n"},
        {"an empty array", SUBMIT_JSONL, FILE_OF(" [ ] "), ""},
        {"an array cut short", SUBMIT_JSONL, FILE_OF("[" CASE_A ",\n{\"case_id\": \"b"),
         "1 " CASE_A "\n2: the file ends within its JSON array: make or copy it again\n"},
        {"an array cut between", SUBMIT_JSONL, FILE_OF("[" CASE_A ","),
         "1 " CASE_A "\n1: the file ends within its JSON array: make or copy it again\n"},
        {"an array of something else", SUBMIT_JSONL, FILE_OF("[1]"),
         "1: expected an array of JSON objects, one per case\n"},
        {"no comma", SUBMIT_JSONL, FILE_OF("[" CASE_A "\n" CASE_B "]"),
         "1 " CASE_A "\n2: expected a comma between objects of the array\n"},
        {"a comma before the end", SUBMIT_JSONL, FILE_OF("[" CASE_A ",]"),
         "1 " CASE_A "\n1: expected an array of JSON objects, one per case\n"},
        {"two arrays", SUBMIT_JSONL, FILE_OF("[" CASE_A "]\n[" CASE_B "]"),
         "1 " CASE_A "\n2: something follows the JSON array: expected one array, or one "
         "object per line\n"},
        {"a bad object of an array", SUBMIT_JSONL, FILE_OF("[" CASE_A ",{\"case_id\" secret}]"),
         "1 " CASE_A "\n2: not JSON (byte 17): expected one JSON object per line\n"},
        {"UTF-16, least byte first", SUBMIT_JSONL, FILE_OF("\xff\xfe{\0\"\0"),
         "0: f is UTF-16 text: save the file as UTF-8\n"},
        {"UTF-16, highest byte first", SUBMIT_JSONL, FILE_OF("\xfe\xff\0{\0\""),
         "0: f is UTF-16 text: save the file as UTF-8\n"},
        {"UTF-16 without its mark", SUBMIT_JSONL, FILE_OF("{\0\"\0"),
         "0: f is UTF-16 text: save the file as UTF-8\n"},
        {"a ZIP", SUBMIT_JSONL, FILE_OF("PK\x03\x04..."),
         "0: f is a ZIP file or an Excel workbook: unpack it, or save the sheet as CSV UTF-8\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        /* A path of its own is in the messages of the pipe. */
        if (strstr(rows[i].expected, "0: f is") == NULL) {
            assert_rows(&rows[i], 1);
        } else {
            struct buf text = BUF_EMPTY;
            read_bytes(rows[i].bytes, rows[i].format, &text);
            ck_assert_str_eq(buf_cstr(&text), rows[i].expected);
            buf_free(&text);
        }
    }
}
END_TEST

#define HEAD "case_id,revision,married,country,nations,age,note\n"

START_TEST(csv_as_tools_write_it) {
    const struct row rows[] = {
        {"TRUE and FALSE", SUBMIT_CSV,
         FILE_OF("\xef\xbb\xbf" HEAD "a,0,TRUE,,,,\r\nb,0,FALSE,,,,\r\nc,0,True,,,,\nd,0,tRue,,,,"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{\"married\":true}}\n"
         "3 {\"case_id\":\"b\",\"revision\":0,\"facts\":{\"married\":false}}\n"
         "4 {\"case_id\":\"c\",\"revision\":0,\"facts\":{\"married\":true}}\n"
         "5 {\"case_id\":\"d\",\"revision\":0,\"facts\":{\"married\":\"tRue\"}}\n"},
        {"rows of empty cells", SUBMIT_CSV,
         FILE_OF(HEAD ",,,,,,\na,0,,,,,\n,,,\n\"\",,,,, ,\n\n,,,,,,\n"),
         "3 {\"case_id\":\"a\",\"revision\":0,\"facts\":{}}\n"},
        {"semicolons", SUBMIT_CSV,
         FILE_OF("case_id;revision;nations\r\na;0;\"GT;HN\"\r\nb;0;GT\r\n"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{\"nations\":[\"GT\",\"HN\"]}}\n"
         "3 {\"case_id\":\"b\",\"revision\":0,\"facts\":{\"nations\":[\"GT\"]}}\n"},
        {"tabs", SUBMIT_CSV, FILE_OF("case_id\trevision\tnations\na\t0\tGT;HN\n\t\t\n"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{\"nations\":[\"GT\",\"HN\"]}}\n"},
        {"Excel's line", SUBMIT_CSV, FILE_OF("sep=;\r\ncase_id;revision\r\na;0\r\n"),
         "3 {\"case_id\":\"a\",\"revision\":0,\"facts\":{}}\n"},
        {"a newline in a cell", SUBMIT_CSV,
         FILE_OF("case_id,note,revision\r\na,\"one\r\n\ntwo \"\"quoted\"\", three\",0\r\nb,,0\r\n"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{\"note\":\"one\\u000d\\u000a\\u000atwo "
         "\\\"quoted\\\", three\"}}\n"
         "5 {\"case_id\":\"b\",\"revision\":0,\"facts\":{}}\n"},
        {"a quote within a cell opens none", SUBMIT_CSV,
         FILE_OF("case_id,note,revision\na,5\" pipe,0\nb,,0\n"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{\"note\":\"5\\\" pipe\"}}\n"
         "3 {\"case_id\":\"b\",\"revision\":0,\"facts\":{}}\n"},
        {"a quote that is not closed", SUBMIT_CSV,
         FILE_OF("case_id,note,revision\na,,0\nb,\"x,0\nc,,0\n"),
         "2 {\"case_id\":\"a\",\"revision\":0,\"facts\":{}}\n"
         "3: a quote opens a cell here and does not close it: close it, or double each quote "
         "within quotes\n"},
        {"a NUL in a number", SUBMIT_CSV, FILE_OF("case_id,revision\na,7\0 junk\n"),
         "2: column 2: a NUL byte, which no text may hold; save the file as UTF-8\n"},
        {"what is no number", SUBMIT_CSV,
         FILE_OF("case_id,revision,age\na,\"\n7\",0x10\nb, 7,7 \nc,+7,-7\n"),
         "2 {\"case_id\":\"a\",\"revision\":\"\\u000a7\",\"facts\":{\"age\":\"0x10\"}}\n"
         "4 {\"case_id\":\"b\",\"revision\":\" 7\",\"facts\":{\"age\":\"7 \"}}\n"
         "5 {\"case_id\":\"c\",\"revision\":7,\"facts\":{\"age\":-7}}\n"},
        {"no header", SUBMIT_CSV, FILE_OF("Jane Roe,1990-01-01,US\n"),
         "1: no column is known: expected a header row first, as case_id,revision,...\n"},
        {"no header, words alone", SUBMIT_CSV, FILE_OF("Jane,Roe,US\n"),
         "1: no column is known: expected a header row first, as case_id,revision,...\n"},
        {"a header of another tongue", SUBMIT_CSV, FILE_OF("case_id,Jane Roe\n"),
         "1: column 2: there is no fact \"?\"\n"},
        {"a misspelt column", SUBMIT_CSV, FILE_OF("case_id,minor.alon\n"),
         "1: column 2: there is no fact \"minor.alon\", did you mean minor.alone?\n"},
        {"no byte at all", SUBMIT_CSV, FILE_OF(""),
         "1: expected a header row: case_id,revision,...\n"},
        {"a header alone", SUBMIT_CSV, FILE_OF(HEAD), ""},
        {"MessagePack", SUBMIT_MSGPACK,
         FILE_OF("\x81\xa1"
                 "a\x01\x81\xa1"
                 "b\x02"),
         "1 {\"a\":1}\n2 {\"b\":2}\n"},
    };
    assert_rows(rows, COUNT_OF(rows));
}
END_TEST

/* gzip as it comes: members joined, padding, damage, a cut; never more in memory than one case. */
START_TEST(gzip_as_it_comes) {
    struct buf two = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    gzip_append(&two, SPAN_LIT(CASE_A "\n"
                                      "{\"case_"));
    gzip_append(&two, SPAN_LIT("id\":\"b\"}\n"));
    read_bytes(buf_span(&two), SUBMIT_JSONL, &text);
    ck_assert_str_eq(buf_cstr(&text), "1 " CASE_A "\n2 " CASE_B "\n");
    size_t whole = two.len;
    buf_append(&two, SPAN_LIT("\0\0\0\0"));
    buf_clear(&text);
    read_bytes(buf_span(&two), SUBMIT_JSONL, &text);
    ck_assert_str_eq(buf_cstr(&text), "1 " CASE_A "\n2 " CASE_B "\n");
    buf_str(&two, "more");
    buf_clear(&text);
    read_bytes(buf_span(&two), SUBMIT_JSONL, &text);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "0: f is gzip, but damaged"));
    for (size_t cut = 3; cut < whole; cut++) {
        buf_clear(&text);
        read_bytes(span_make(two.ptr, cut), SUBMIT_JSONL, &text);
        bool is_first_alone = strcmp(buf_cstr(&text), "1 " CASE_A "\n2: ") > 0 &&
                              strstr(buf_cstr(&text), "the line ends too early") != NULL;
        ck_assert_msg(is_first_alone || strstr(buf_cstr(&text), "gzip that ends too early") != NULL,
                      "cut at %zu: %s", cut, buf_cstr(&text));
    }
    buf_clear(&two);
    gzip_append(&two, SPAN_LIT(CASE_A "\n" CASE_B));
    for (size_t at = 10; at < two.len; at++) { /* after the header, which has nothing of use */
        two.ptr[at] ^= 1;
        buf_clear(&text);
        read_bytes(buf_span(&two), SUBMIT_JSONL, &text);
        two.ptr[at] ^= 1;
        ck_assert_msg(strstr(buf_cstr(&text), "0: f is gzip") != NULL,
                      "a flipped bit at %zu is not noticed: %s", at, buf_cstr(&text));
    }
    buf_clear(&two);
    struct buf inner = BUF_EMPTY;
    gzip_append(&inner, SPAN_LIT(CASE_A));
    gzip_append(&two, buf_span(&inner));
    buf_clear(&text);
    read_bytes(buf_span(&two), SUBMIT_JSONL, &text);
    ck_assert_str_eq(buf_cstr(&text), "0: f is gzip within gzip: unpack it once\n");
    buf_free(&inner);
    buf_free(&two);
    buf_free(&text);
}
END_TEST

/* What is too large is refused by size, and no buffer grows with what the file claims. */
START_TEST(what_never_ends_is_bounded) {
    enum { BYTES = SUBMIT_CASE_BYTES_MAX + (1 << 20) };
    struct buf file = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    buf_str(&file, "case_id,revision\na,\"");
    for (int i = 0; i < BYTES; i++) {
        buf_byte(&file, i % 100 == 0 ? '\n' : 'x');
    }
    buf_str(&file, "\"\n"); /* it does end, but too late */
    read_bytes(buf_span(&file), SUBMIT_CSV, &text);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "2: a quote opens a cell here"));
    memcpy(file.ptr, "[{\"\": \"            ", 19);
    buf_clear(&text);
    read_bytes(buf_span(&file), SUBMIT_JSONL, &text);
    ck_assert_str_eq(buf_cstr(&text),
                     "1: an object of the JSON array is larger than a case may be\n");
    buf_free(&file);
    buf_free(&text);
}
END_TEST

/* --- one format after the other ----------------------------------------------------------------
 */

START_TEST(csv_rows_are_typed_by_the_schema) {
    struct csv *csv = NULL;
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    ck_assert_msg(csv_open(SPAN_LIT("case_id,revision,as_of,minor.kin,country,nations,married,age,"
                                    "fear"),
                           schema, &csv, &diag) == ERR_OK,
                  "%s", diag.text);
    ck_assert_int_eq(
        csv_encode(csv, SPAN_LIT("a,0,2020-01-02,true,US,GT;HN,false,30,GT=yes1"), &out, &diag),
        ERR_OK);
    assert_json(buf_span(&out),
                "{\"case_id\":\"a\",\"revision\":0,\"as_of\":\"2020-01-02\",\"facts\":{"
                "\"country\":\"US\",\"nations\":[\"GT\",\"HN\"],\"married\":false,\"age\":30,"
                "\"minor\":{\"kin\":true},\"fear\":{\"GT\":\"yes1\"}}}");
    buf_clear(&out);
    /* Empty cells are absent, ';' is the empty list, what is not of its type stays text. */
    ck_assert_int_eq(csv_encode(csv, SPAN_LIT("\"q\"\"1,\",x,,,,;,maybe,3y,"), &out, &diag),
                     ERR_OK);
    assert_json(buf_span(&out), "{\"case_id\":\"q\\\"1,\",\"revision\":\"x\",\"facts\":{"
                                "\"nations\":[],\"married\":\"maybe\",\"age\":\"3y\"}}");
    buf_clear(&out);
    ck_assert_int_eq(csv_encode(csv, SPAN_LIT("a,0"), &out, &diag), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(diag.text, "expected 9 cells, found 2"));
    ck_assert_int_eq(csv_encode(csv, SPAN_LIT("\"a,0,,,,,,,"), &out, &diag), ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    csv_close(&csv);
    buf_free(&out);
}
END_TEST

START_TEST(csv_columns_must_be_known_and_flat) {
    static const struct {
        const char *header;
        const char *says;
    } list[] = {
        {"case_id,maried", "did you mean married?"},
        {"case_id,case_id", "occurs twice"},
        {"case_id,anchors", "JSON lines"},
        {"case_id,minor", "minor"},
        {"case_id,\"married", "quote"},
    };
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct csv *csv = NULL;
        struct diag diag = {0};
        ck_assert_int_eq(csv_open(span_str(list[i].header), schema, &csv, &diag), ERR_INVALID);
        ck_assert_msg(strstr(diag.text, list[i].says) != NULL, "%s: %s", list[i].header, diag.text);
        ck_assert_ptr_null(csv);
    }
}
END_TEST

START_TEST(json_lines_give_cases_and_places) {
    const char *path =
        file_with("a.jsonl", SPAN_LIT("{\"case_id\":\"a\"}\r\n\n  \n{\"case_id\":\"b\"}\nnot json\n"
                                      "{\"case_id\":\"c\"}\n"));
    struct submit_input *input = NULL;
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    uint64_t place = 0;
    ck_assert_int_eq(submit_input_open(path, SUBMIT_JSONL, NULL, &input, &diag), ERR_OK);
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_OK);
    ck_assert_uint_eq(place, 1);
    assert_json(buf_span(&out), "{\"case_id\":\"a\"}");
    buf_clear(&out);
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_OK);
    ck_assert_uint_eq(place, 4);
    buf_clear(&out);
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_INVALID);
    ck_assert_uint_eq(diag.line, 5);
    ck_assert_ptr_nonnull(strstr(diag.file, "a.jsonl"));
    ck_assert_ptr_null(strstr(diag.text, "not json")); /* never the content */
    ck_assert_uint_eq(out.len, 0);
    ck_assert_uint_eq(submit_input_location(input), 5);
    ck_assert(!submit_input_is_ended(input)); /* the next line may be read */
    diag = (struct diag){0};
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_OK);
    ck_assert_uint_eq(place, 6);
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_NOT_FOUND);
    ck_assert_str_eq(diag.text, "");
    submit_input_close(&input);
    buf_free(&out);
}
END_TEST

/* Three maps, the middle one larger than what one read brings. */
START_TEST(messagepack_maps_follow_each_other) {
    enum { BIG = 3 << 20 };
    struct buf file = BUF_EMPTY;
    buf_append(&file, SPAN_LIT("\x81\xa1"
                               "a\x01\x81\xa1"
                               "b\xc6"));
    buf_be32(&file, BIG);
    for (int i = 0; i < BIG; i++) {
        buf_byte(&file, 0xc1);
    }
    buf_append(&file, SPAN_LIT("\x81\xa1"
                               "c\x03"));
    const char *path = file_with("a.msgpack", buf_span(&file));
    struct submit_input *input = NULL;
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    uint64_t place = 0;
    ck_assert_int_eq(submit_input_open(path, SUBMIT_MSGPACK, NULL, &input, &diag), ERR_OK);
    static const size_t sizes[] = {4, 8 + BIG, 4};
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_OK);
        ck_assert_uint_eq(out.len, sizes[i]);
        ck_assert_uint_eq(place, i + 1);
        buf_clear(&out);
    }
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_NOT_FOUND);
    submit_input_close(&input);
    path = file_with("b.msgpack", SPAN_LIT("\x80\x82\x01"));
    ck_assert_int_eq(submit_input_open(path, SUBMIT_MSGPACK, NULL, &input, &diag), ERR_OK);
    ck_assert_int_eq(submit_input_next(input, &out, &place, &diag), ERR_OK);
    ck_assert_int_ne(submit_input_next(input, &out, &place, &diag), ERR_OK);
    ck_assert_uint_eq(diag.line, 2);
    submit_input_close(&input);
    buf_free(&out);
    buf_free(&file);
}
END_TEST

START_TEST(formats_by_name_and_ending) {
    enum submit_format format = SUBMIT_CSV;
    ck_assert_int_eq(submit_format_of(NULL, "-", &format), ERR_OK);
    ck_assert_int_eq(format, SUBMIT_JSONL);
    ck_assert_int_eq(submit_format_of(NULL, "x.csv", &format), ERR_OK);
    ck_assert_int_eq(format, SUBMIT_CSV);
    ck_assert_int_eq(submit_format_of("msgpack", "x.csv", &format), ERR_OK);
    ck_assert_int_eq(format, SUBMIT_MSGPACK);
    ck_assert_int_eq(submit_format_of(NULL, "x.json", &format), ERR_OK);
    ck_assert_int_eq(format, SUBMIT_JSONL);
    ck_assert_int_eq(submit_format_of(NULL, "x.tsv.gz", &format), ERR_OK);
    ck_assert_int_eq(format, SUBMIT_CSV);
    ck_assert_int_eq(submit_format_of(NULL, "x.gz", &format), ERR_UNKNOWN);
    ck_assert_int_eq(submit_format_of(NULL, "x.txt", &format), ERR_UNKNOWN);
    ck_assert_int_eq(submit_format_of("xml", "x.csv", &format), ERR_UNKNOWN);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli files");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, schema_make, schema_drop);
    tcase_add_checked_fixture(tests, folder_make, files_drop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, json_as_tools_write_it);
    tcase_add_test(tests, csv_as_tools_write_it);
    tcase_add_test(tests, gzip_as_it_comes);
    tcase_add_test(tests, what_never_ends_is_bounded);
    tcase_add_test(tests, csv_rows_are_typed_by_the_schema);
    tcase_add_test(tests, csv_columns_must_be_known_and_flat);
    tcase_add_test(tests, json_lines_give_cases_and_places);
    tcase_add_test(tests, messagepack_maps_follow_each_other);
    tcase_add_test(tests, formats_by_name_and_ending);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
