/* The alternate screen keeps the old text; keys arrive one by one and without echo. */
#include "cli/top/screen.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/plain.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define SCREEN_ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H"
#define LINE_END "\033[K\r\n" /* clears the rest of the line */
#define SCREEN_REST "\033[J"  /* clears the rest of the page */

struct top_screen {
    int signals;
    bool is_drawn;         /* on a terminal */
    bool has_keys;         /* standard input is one, too */
    struct termios before; /* its modes, when has_keys */
};

static void enter(struct top_screen *screen) {
    if (screen->has_keys) {
        struct termios now = screen->before;
        now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    if (screen->is_drawn) {
        enum err err = io_write_all(STDOUT_FILENO, SPAN_LIT(SCREEN_ENTER));
        (void)err; /* the first page shows it */
    }
}

static void leave(struct top_screen *screen) {
    if (screen->is_drawn) {
        enum err err = io_write_all(STDOUT_FILENO, SPAN_LIT(SCREEN_LEAVE));
        (void)err; /* a lost terminal needs nothing */
    }
    if (screen->has_keys) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    }
}

static int open_signals(void) {
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t set;
    CHECK(sigemptyset(&set) == 0);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        CHECK(sigaddset(&set, signals[i]) == 0);
    }
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    CHECK(fd >= 0);
    return fd;
}

struct top_screen *top_screen_open(bool is_plain) {
    struct top_screen *screen = mem_zero(1, sizeof(*screen));
    screen->signals = open_signals();
    screen->is_drawn = !is_plain && isatty(STDOUT_FILENO) == 1;
    screen->has_keys = screen->is_drawn && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    enter(screen);
    return screen;
}

void top_screen_close(struct top_screen **held) {
    if (*held != NULL) {
        leave(*held);
        (void)close((*held)->signals);
        mem_free(*held);
        *held = NULL;
    }
}

bool top_screen_is_drawn(const struct top_screen *screen) { return screen->is_drawn; }

void top_screen_size(struct top_size *size) {
    struct winsize window = {0};
    *size = (struct top_size){24, 80};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0) {
        *size = (struct top_size){window.ws_row, window.ws_col};
    }
}

void top_screen_fds(const struct top_screen *screen, int fds[2]) {
    fds[0] = screen->signals;
    fds[1] = screen->has_keys ? STDIN_FILENO : -1;
}

/* Stops as any program would, with the terminal restored. */
static void stop_and_go_on(struct top_screen *screen) {
    leave(screen);
    (void)raise(SIGSTOP);
    if (screen->has_keys && tcgetattr(STDIN_FILENO, &screen->before) != 0) {
        screen->has_keys = false;
    }
    enter(screen);
}

static enum top_event read_signals(struct top_screen *screen) {
    struct signalfd_siginfo info;
    enum top_event event = TOP_NOTHING;
    while (event != TOP_END &&
           read(screen->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        event = TOP_END;
        if (info.ssi_signo == SIGTSTP) {
            stop_and_go_on(screen);
            event = TOP_REDRAW;
        } else if (info.ssi_signo == SIGWINCH) {
            event = TOP_REDRAW;
        }
    }
    return event;
}

static enum top_event read_key(void) {
    char key = '\0';
    ssize_t got = read(STDIN_FILENO, &key, 1);
    if (got < 0 && errno == EINTR) {
        return TOP_NOTHING;
    }
    return got <= 0 || key == 'q' || key == 'Q' ? TOP_END : TOP_REDRAW;
}

enum top_event top_screen_read(struct top_screen *screen) {
    enum top_event event = read_signals(screen);
    int waiting = 0;
    bool has_key = screen->has_keys && ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0;
    if (event != TOP_END && has_key && waiting > 0) {
        event = read_key();
    }
    return event;
}

enum err top_screen_draw(struct top_screen *screen, struct span lines) {
    struct buf page = BUF_EMPTY;
    struct buf plain = BUF_EMPTY;
    CHECK(screen->is_drawn);
    plain_lines(&plain, lines);
    lines = buf_span(&plain);
    buf_str(&page, SCREEN_HOME);
    for (size_t at = 0; at < lines.len;) {
        const uint8_t *end = memchr(lines.ptr + at, '\n', lines.len - at);
        CHECK(end != NULL);
        size_t len = (size_t)(end - lines.ptr) - at;
        buf_append(&page, span_make(lines.ptr + at, len));
        at += len + 1;
        /* The last line ends without a newline: it would scroll a full page. */
        buf_str(&page, at < lines.len ? LINE_END : "\033[K");
    }
    buf_str(&page, SCREEN_REST);
    enum err err = io_write_all(STDOUT_FILENO, buf_span(&page));
    buf_free(&plain);
    buf_free(&page);
    return err;
}
