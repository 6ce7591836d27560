/* SPDX-License-Identifier: MIT */
/* The one thread that reads and prints sleeps on the input and on an eventfd that completions raise: so a receipt is
 * printed when it is there, not when the next line comes. Lines are answered in order from a ring. */
#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/limits.h"

#define IN_FLIGHT 4096
#define READ_SIZE ((size_t)256 * 1024)

struct lines {
    struct cli *cli;
    const struct cli_line_kind *kind;
    int input, wake;
    /* The input: text[begin, end) is not taken yet. */
    char *text;
    size_t begin, end, scanned; /* scanned: of the first line so far, without its end */
    bool is_begun, at_end;      /* is_begun: the first bytes were looked at */
    bool skips;                 /* the rest of a line that was over the limit */
    /* The ring: lines first .. next-1 are under way. */
    struct cli_line *ring;
    uint64_t first, next, number;
    pthread_mutex_t lock; /* of the is_done of lines */
    bool is_woken;
    /* How it went. */
    int first_bad;
    uint64_t good, bad;
    bool stops; /* takes no more lines: the store takes none, or nobody reads the answers */
    int told;   /* what the store said of itself, once for all lines that meet it */
};

void cli_line_done(struct cli_line *line, int status, const pawl_error *error)
{
    struct lines *lines = line->lines;
    const uint64_t one = 1;
    line->status = status;
    if (status < 0)
        line->error = *error;
    pthread_mutex_lock(&lines->lock);
    line->is_done = true;
    bool wakes = !lines->is_woken;
    lines->is_woken = true;
    pthread_mutex_unlock(&lines->lock);
    if (wakes && write(lines->wake, &one, sizeof one) < 0)
        PAWL_ASSERT(errno == EAGAIN); /* raised already */
}

static bool is_done(struct lines *lines, const struct cli_line *line)
{
    pthread_mutex_lock(&lines->lock);
    bool done = line->is_done;
    pthread_mutex_unlock(&lines->lock);
    return done;
}

/* ---- answers ---- */

/* Said of the store, not of the line: every other line would meet it too. */
static bool is_of_store(const pawl_error *error)
{
    int exit_status = pawl_status_exit(error->status);
    bool is_refused = error->status == PAWL_EREFUSED && error->native;
    return exit_status == 1 || exit_status == 6 || exit_status == 8 || is_refused;
}

/* Every line has its answer among the others, so that whoever reads them can count along. */
static void print_error(struct lines *lines, const struct cli_line *line)
{
    struct json_writer *out = cli_object(lines->cli);
    pawli_json_put_u64(out, "line", line->number);
    cli_put_error(out, line->status, &line->error, &line->request_id);
    cli_object_end(lines->cli);
    lines->stops |= ferror(stdout) != 0;
}

static void answer_line(struct lines *lines, struct cli_line *line)
{
    struct cli *cli = lines->cli;
    if (line->status == PAWL_OK) {
        lines->good++;
        if (cli->json || !cli->quiet)
            lines->kind->print(cli, line);
        lines->stops |= ferror(stdout) != 0;
        return;
    }
    bool of_store = is_of_store(&line->error);
    if (cli->json)
        print_error(lines, line);
    /* Of an unknown outcome every id is named: somebody has to ask for each. */
    if (!of_store || lines->told != line->status || line->status == PAWL_EUNCERTAIN)
        cli_report(cli, line->status, &line->error, &line->request_id, line->number);
    if (lines->bad++ == 0)
        lines->first_bad = line->status;
    if (of_store)
        lines->told = line->status;
    lines->stops |= of_store;
}

static void answer(struct lines *lines, struct cli_line *line)
{
    answer_line(lines, line);
    if (lines->kind->free)
        lines->kind->free(line);
}

static void print_answers(struct lines *lines)
{
    while (lines->first < lines->next && is_done(lines, &lines->ring[lines->first % IN_FLIGHT]))
        answer(lines, &lines->ring[lines->first++ % IN_FLIGHT]);
    cli_progress(lines->cli, "lines", lines->good + lines->bad, 0);
}

/* ---- lines ---- */

static bool is_blank(struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!strchr(" \t\r", text.data[i]) || text.data[i] == '\0')
            return false;
    return true;
}

static struct cli_line *open_line(struct lines *lines)
{
    struct cli_line *line = &lines->ring[lines->next++ % IN_FLIGHT];
    *line = (struct cli_line){.lines = lines, .number = lines->number};
    return line;
}

static void take_line(struct lines *lines, struct text text)
{
    lines->number++;
    if (is_blank(text))
        return;
    struct cli_line *line = open_line(lines);
    pawl_error error = {0};
    int status = lines->kind->submit(lines->cli, line, text, &error);
    if (status < 0)
        cli_line_done(line, status, &error);
}

/* A line over the limit is refused, and read past without keeping it. */
static void refuse_long(struct lines *lines)
{
    pawl_error error;
    lines->number++;
    int status = pawli_hint(&error,
                            pawli_fail(&error, PAWL_ELIMIT, "the line is over the limit of %d bytes", LIMIT_JSON),
                            "store large data elsewhere and put a reference to it here");
    cli_line_done(open_line(lines), status, &error);
    lines->skips = true;
    lines->begin = lines->end = lines->scanned = 0;
}

/* Takes one line out of what was read; false: there is none that is whole. */
static bool next_line(struct lines *lines)
{
    char *begin = lines->text + lines->begin;
    size_t size = lines->end - lines->begin;
    char *newline = size > lines->scanned ? memchr(begin + lines->scanned, '\n', size - lines->scanned) : NULL;
    if (!newline && !(lines->at_end && size > 0)) {
        lines->scanned = size;
        if (size > LIMIT_JSON && !lines->skips)
            refuse_long(lines);
        else if (lines->skips)
            lines->begin = lines->end = lines->scanned = 0;
        return false;
    }
    size_t line_size = newline ? (size_t)(newline - begin) : size;
    lines->begin += line_size + (newline != NULL);
    lines->scanned = 0;
    if (lines->skips)
        lines->skips = false;
    else
        take_line(lines, (struct text){begin, line_size});
    return true;
}

/* A byte order mark before the first line: files of some editors begin with one. */
static void skip_mark(struct lines *lines)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t size = strlen(mark);
    if (lines->is_begun || lines->number > 0 || (lines->end < size && !lines->at_end))
        return;
    lines->is_begun = true;
    if (lines->end >= size && memcmp(lines->text, mark, size) == 0) {
        lines->begin = size;
        lines->scanned = 0;
    }
}

static int read_more(struct lines *lines)
{
    memmove(lines->text, lines->text + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    ssize_t got = read(lines->input, lines->text + lines->end, READ_SIZE);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return PAWL_OK;
    if (got < 0)
        return cli_hint(lines->cli, cli_fail(lines->cli, PAWL_EINVAL, "cannot read the input: %s", strerror(errno)),
                        "the lines before were written; give the rest again");
    lines->end += (size_t)got;
    lines->at_end = got == 0;
    skip_mark(lines);
    return PAWL_OK;
}

/* Sleeps until there is something to read, if that is wanted, or an answer. */
static int wait_for_something(struct lines *lines, bool reads)
{
    uint64_t count;
    struct pollfd fds[] = {{lines->wake, POLLIN, 0}, {reads ? lines->input : -1, POLLIN, 0}};
    fflush(stdout);
    if (poll(fds, 2, -1) < 0)
        return PAWL_OK;
    if (fds[0].revents) {
        if (read(lines->wake, &count, sizeof count) < 0)
            PAWL_ASSERT(errno == EAGAIN);
        pthread_mutex_lock(&lines->lock);
        lines->is_woken =
            false; /* after the read: who is done from here on raises it again, the rest is looked at now */
        pthread_mutex_unlock(&lines->lock);
    }
    return reads && fds[1].revents ? read_more(lines) : PAWL_OK;
}

const struct cli_line *cli_line_before(const struct cli_line *line, size_t index)
{
    struct lines *lines = line->lines;
    for (uint64_t at = lines->first; at + 1 < lines->next; at++) {
        const struct cli_line *other = &lines->ring[at % IN_FLIGHT];
        if (other != line && !is_done(lines, other) && index-- == 0)
            return other;
    }
    return NULL;
}

void cli_line_wait(const struct cli_line *line)
{
    wait_for_something(line->lines, false);
}

static int run(struct lines *lines)
{
    int status = PAWL_OK;
    while (status == PAWL_OK) {
        print_answers(lines);
        bool has_room = lines->next - lines->first < IN_FLIGHT;
        if (!lines->stops && has_room && next_line(lines))
            continue;
        bool wants_more = !lines->stops && !lines->at_end && has_room;
        if (!wants_more && lines->first == lines->next)
            break;
        status = wait_for_something(lines, wants_more);
    }
    while (lines->first < lines->next) { /* what is under way is answered, whatever happened to the input */
        wait_for_something(lines, false);
        print_answers(lines);
    }
    cli_progress(lines->cli, NULL, UINT64_MAX, 0);
    return status;
}

int cli_lines(struct cli *cli, const char *file, const struct cli_line_kind *kind)
{
    struct lines lines = {.cli = cli, .kind = kind, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    int status = cli_input(cli, file, &lines.input);
    if (status < 0) {
        close(lines.wake);
        return status;
    }
    pthread_mutex_init(&lines.lock, NULL);
    lines.text = pawli_alloc_raw(LIMIT_JSON + 2 * READ_SIZE);
    lines.ring = pawli_alloc(IN_FLIGHT * sizeof *lines.ring);
    if (lines.wake < 0)
        status = cli_fail(cli, PAWL_EUNAVAIL, "cannot make an event descriptor: %s", strerror(errno));
    else
        status = lines.text && lines.ring ? pawl_store_start(cli->store, &cli->error) : pawli_no_memory(&cli->error);
    if (status == PAWL_OK)
        status = run(&lines);
    if (status == PAWL_OK && lines.bad) {
        cli->reported = true;
        status = lines.first_bad;
        if (!cli->quiet && !cli->json)
            fprintf(stderr, "pawl: lines done: %llu, refused: %llu%s\n", (unsigned long long)lines.good,
                    (unsigned long long)lines.bad, lines.stops ? "; the rest was not tried" : "");
    }
    pawl_store_stop(cli->store);
    pawli_free(lines.ring);
    pawli_free(lines.text);
    pthread_mutex_destroy(&lines.lock);
    close(lines.wake);
    if (lines.input != STDIN_FILENO)
        close(lines.input);
    return status;
}
