/* One inflate stream, reset for each member. */
#include "cli/submit/gunzip.h"

#include "base/mem.h"

#define ZLIB_CONST /* its input is const */
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* the largest window, and a gzip header */

struct gunzip {
    z_stream stream;
    bool is_open;  /* within a member */
    bool had_some; /* a member has ended */
};

struct gunzip *gunzip_new(void) {
    return mem_zero(1, sizeof(struct gunzip));
}

void gunzip_free(struct gunzip **gunzip) {
    if (*gunzip == NULL) {
        return;
    }
    if ((*gunzip)->is_open) {
        (void)inflateEnd(&(*gunzip)->stream); /* nothing to lose: the input is borrowed */
    }
    mem_free(*gunzip);
    *gunzip = NULL;
}

bool gunzip_is_whole(const struct gunzip *gunzip) { return gunzip->had_some && !gunzip->is_open; }

static void skip_zeros(struct span *packed) {
    size_t i = 0;
    while (i < packed->len && packed->ptr[i] == 0) {
        i++;
    }
    *packed = span_make(packed->ptr + i, packed->len - i);
}

static enum err begin(struct gunzip *gunzip) {
    gunzip->stream = (z_stream){0};
    if (inflateInit2(&gunzip->stream, GZIP_WINDOW_BITS) != Z_OK) {
        return ERR_SYSTEM;
    }
    gunzip->is_open = true;
    return ERR_OK;
}

enum err gunzip_step(struct gunzip *gunzip, struct span *packed, uint8_t *room, size_t room_bytes,
                     size_t *made) {
    *made = 0;
    if (!gunzip->is_open) {
        if (gunzip->had_some) {
            skip_zeros(packed);
        }
        if (packed->len == 0) {
            return ERR_OK;
        }
        enum err err = begin(gunzip);
        if (err != ERR_OK) {
            return err;
        }
    }
    z_stream *stream = &gunzip->stream;
    uInt given = (uInt)(packed->len < UINT32_MAX ? packed->len : UINT32_MAX);
    uInt wanted = (uInt)(room_bytes < UINT32_MAX ? room_bytes : UINT32_MAX);
    stream->next_in = packed->ptr;
    stream->avail_in = given;
    stream->next_out = room;
    stream->avail_out = wanted;
    int result = inflate(stream, Z_NO_FLUSH);
    *packed = span_make(packed->ptr + (given - stream->avail_in),
                        packed->len - (given - stream->avail_in));
    *made = wanted - stream->avail_out;
    if (result == Z_STREAM_END) {
        (void)inflateEnd(stream);
        gunzip->is_open = false;
        gunzip->had_some = true;
        return ERR_OK;
    }
    if (result == Z_MEM_ERROR) {
        return ERR_SYSTEM;
    }
    /* Z_BUF_ERROR: no input or no room is left, which is no fault. */
    return result == Z_OK || result == Z_BUF_ERROR ? ERR_OK : ERR_CORRUPT;
}
