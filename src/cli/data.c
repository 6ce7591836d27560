/* SPDX-License-Identifier: MIT */
/* Data arguments: literal, @FILE, or - for standard input. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "model/limits.h"

/* Reads one byte past the limit at most, so that nobody's memory is the limit. */
static int read_all(struct cli *cli, int fd, const char *field, const char *name, size_t limit, struct text *data)
{
    struct buffer buffer;
    buffer_init(&buffer, limit + 1);
    for (;;) {
        char chunk[65536];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            pawli_buffer_done(&buffer);
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "cannot read %s: %s", name, strerror(errno)),
                            "check the file that is given for %s; nothing was written", field);
        }
        if (got == 0)
            break;
        pawli_buffer_add(&buffer, chunk, (size_t)got);
        if (buffer.failed || buffer.size > limit) {
            pawli_buffer_done(&buffer);
            return cli_hint(cli, cli_fail(cli, PAWL_ELIMIT, "%s is over the limit of %zu bytes", field, limit),
                            "nothing was written; store large data elsewhere and put a reference to it here");
        }
    }
    *data = pawli_arena_text(&cli->arena, buffer_text(&buffer));
    pawli_buffer_done(&buffer);
    return data->data ? PAWL_OK : pawli_no_memory(&cli->error);
}

int cli_input(struct cli *cli, const char *name, int *ret_fd)
{
    if (strcmp(name, "-") == 0) {
        if (cli->read_stdin)
            return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "standard input is asked for twice"),
                            "use - once, and @FILE for the rest");
        cli->read_stdin = true;
        *ret_fd = STDIN_FILENO;
        return PAWL_OK;
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "cannot open \"%.150s\": %s", name, strerror(errno)),
                        "name a file that can be read, or - for standard input; nothing was written");
    *ret_fd = fd;
    return PAWL_OK;
}

/* Objects and arrays: of other texts nobody can tell what they were meant to be. */
static bool looks_like_json(struct text data)
{
    if (data.size >= 3 && memcmp(data.data, "\xEF\xBB\xBF", 3) == 0)
        data = (struct text){data.data + 3, data.size - 3};
    data = pawli_json_trim(data);
    return data.size > 0 && (data.data[0] == '{' || data.data[0] == '[');
}

int cli_body(struct cli *cli, const char *field, const char *text, struct text *body)
{
    const char *problem;
    size_t at;
    int status = cli_data(cli, field, text, LIMIT_BODY, body);
    if (status < 0 || pawli_json_check(*body, &problem, &at) != JSON_BAD)
        return status;
    if (cli_has(cli, "json-only"))
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "%s is not JSON: %s, at byte %zu", field, problem, at + 1),
                        "mend it, or leave --json-only out");
    if (looks_like_json(*body) && !cli_option(cli, "content-type"))
        cli_note(cli, "%s looks like JSON but is not (%s, at byte %zu): it is kept as application/octet-stream", field,
                 problem, at + 1);
    return PAWL_OK;
}

int cli_data(struct cli *cli, const char *field, const char *text, size_t limit, struct text *data)
{
    bool is_file = text[0] == '@';
    int fd;
    if (!is_file && strcmp(text, "-") != 0) {
        *data = text_of(text);
        return PAWL_OK;
    }
    int status = cli_input(cli, is_file ? text + 1 : text, &fd);
    if (status < 0)
        return status;
    status = read_all(cli, fd, field, is_file ? text + 1 : "standard input", limit, data);
    if (fd != STDIN_FILENO)
        close(fd);
    return status;
}
