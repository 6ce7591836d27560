/* SPDX-License-Identifier: MIT */
/* Folding the journal through a program in any language: a record a line into it, an answer a line out of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "base/codec.h"
#include "cli/commands.h"
#include "cli/shadow.h"
#include "model/check.h"
#include "model/limits.h"
#include "model/view_json.h"
#include "pawl/replay.h"

extern char **environ;

struct folding {
    struct cli *cli;
    const char *program;
    pid_t process;
    FILE *to, *from;
    char *answer; /* getline's */
    size_t answer_room;
    uint8_t post[LIMIT_STATE_DIGEST];
    struct buffer snapshot;
    bool is_shadow;
    struct text would[SHADOW_COUNT]; /* of the answer, until the next one */
    uint64_t differences;
};

static int cannot(struct cli *cli, const char *what, const char *program, int code)
{
    return cli_hint(cli, cli_fail(cli, PAWL_EUNAVAIL, "%s \"%.300s\": %s", what, program, strerror(code)),
                    "--exec takes a file that can be run, by its path or as the shell would find it");
}

/* Its standard error is ours. */
static int start(struct folding *f)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0)
        return cannot(f->cli, "cannot make a pipe to", f->program, errno);
    if (pipe2(out, O_CLOEXEC) < 0) {
        int code = errno;
        close(in[0]);
        close(in[1]);
        return cannot(f->cli, "cannot make a pipe from", f->program, code);
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    char *words[] = {(char *)f->program, NULL};
    signal(SIGPIPE, SIG_IGN); /* a program that ends early is a difference */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* which is ignored here */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    int code = posix_spawnp(&f->process, f->program, &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    f->to = fdopen(in[1], "w");
    f->from = fdopen(out[0], "r");
    return code == 0 && f->to && f->from ? PAWL_OK : cannot(f->cli, "cannot run", f->program, code ? code : ENOMEM);
}

/* It sees the end of its input, and is waited for. */
static int end(struct folding *f)
{
    int state = 0;
    if (f->to)
        fclose(f->to);
    if (f->from)
        fclose(f->from);
    free(f->answer);
    pawli_buffer_done(&f->snapshot);
    if (f->process > 0)
        while (waitpid(f->process, &state, 0) < 0 && errno == EINTR)
            ;
    return state;
}

static int refuse_answer(struct folding *f, uint64_t seq, const char *why)
{
    return cli_hint(f->cli,
                    cli_fail(f->cli, PAWL_EINVAL, "the answer to record %" PRIu64 " %s: %.200s", seq, why,
                             cli_safe(&f->cli->arena, pawli_json_trim(text_of(f->answer))).data),
                    "PROGRAM prints one line for each line it reads: {\"post\": HEX}, or {} where it has none");
}

static bool take_shadow(struct folding *f, struct text name, struct text value)
{
    for (enum shadow_kind kind = 0; kind < SHADOW_COUNT; kind++)
        if (pawli_json_name_is(name, cli_shadow_names[kind]) && pawli_json_type(value) == JSON_ARRAY) {
            f->would[kind] = value;
            return true;
        }
    return false;
}

static int read_answer(struct folding *f, uint64_t seq, pawl_applied *applied)
{
    struct text name, value, line = pawli_json_trim(text_of(f->answer));
    struct arena *arena = &f->cli->arena;
    if (!pawli_json_is(line, '{', arena))
        return refuse_answer(f, seq, "is no JSON object");
    struct json_walk walk = pawli_json_walk(line);
    while (pawli_json_member(&walk, &name, &value)) {
        if (f->is_shadow && take_shadow(f, name, value))
            continue;
        if (!pawli_json_name_is(name, "post"))
            return refuse_answer(f, seq, "has an unknown member");
        if (pawli_json_type(value) == JSON_NULL)
            continue;
        struct text hex = pawli_json_type(value) == JSON_STRING ? pawli_json_string(arena, value) : (struct text){0};
        if (!hex.data || hex.size % 2 || hex.size / 2 > sizeof f->post || !pawli_unhex(hex, f->post, hex.size / 2))
            return refuse_answer(f, seq, "has a post that is not hexadecimal, of at most 64 bytes");
        applied->state_post = hex.size ? f->post : NULL;
        applied->state_post_size = hex.size / 2;
    }
    return PAWL_OK;
}

/* One that ends early has no answer, which is a difference; where there is nothing to compare it has not applied the record. */
static int ended(struct folding *f, const pawl_record *record)
{
    if (!record->state_post)
        return cli_hint(
            f->cli,
            cli_fail(f->cli, PAWL_EUNAVAIL, "the program ended before it answered record %" PRIu64, record->seq),
            "PROGRAM answers each line that it reads, with {} where it has no digest");
    cli_note(f->cli, "the program ended before it answered record %" PRIu64, record->seq);
    return PAWL_OK;
}

static int apply(void *data, const pawl_record *record, pawl_applied *applied, pawl_error *err)
{
    struct folding *f = data;
    struct buffer line;
    (void)err; /* the command's own */
    buffer_init(&line, SIZE_MAX / 2);
    struct json_writer writer = {&line, false};
    pawli_json_open(&writer, '{');
    pawli_api_put_record(&writer, record);
    pawli_json_close(&writer, '}');
    pawli_buffer_add(&line, "\n", 1);
    bool written = fwrite(line.data, 1, line.size, f->to) == line.size && fflush(f->to) == 0;
    pawli_buffer_done(&line);
    if (!written || getline(&f->answer, &f->answer_room, f->from) <= 0)
        return ended(f, record);
    memset(f->would, 0, sizeof f->would);
    int status = read_answer(f, record->seq, applied);
    if (status == PAWL_OK && f->is_shadow)
        status = cli_shadow_compare(f->cli, record, f->would, &f->differences);
    return status;
}

/* The whole snapshot is one line, which the program does not answer. */
static int restore(void *data, const void *bytes, size_t size, pawl_error *err)
{
    struct folding *f = data;
    if (size) {
        pawli_buffer_add(&f->snapshot, bytes, size);
        return f->snapshot.failed ? pawli_no_memory(err) : PAWL_OK;
    }
    struct text all = buffer_text(&f->snapshot), type = pawli_content_type_of(all);
    struct buffer line;
    buffer_init(&line, SIZE_MAX / 2);
    struct json_writer writer = {&line, false};
    pawli_json_open(&writer, '{');
    pawli_body_json(&writer, "snapshot", type.data, all);
    pawli_json_close(&writer, '}');
    pawli_buffer_add(&line, "\n", 1);
    bool failed = line.failed || !type.data;
    if (!failed) /* one that does not read is found by its missing answers */
        fwrite(line.data, 1, line.size, f->to);
    pawli_buffer_done(&line);
    pawli_buffer_done(&f->snapshot);
    return failed ? pawli_no_memory(err) : PAWL_OK;
}

static int read_range(struct cli *cli, pawl_replay_options *options)
{
    int64_t first = 1, last = 0;
    const char *from = cli_option(cli, "from");
    bool is_snapshot = from && strcmp(from, "snapshot") == 0;
    options->restore = is_snapshot ? restore : NULL;
    int status = is_snapshot ? PAWL_OK : cli_option_number(cli, "from", 1, INT64_MAX - 1, &first);
    if (status == PAWL_OK)
        status = cli_option_number(cli, "to", 1, INT64_MAX - 1, &last);
    options->from_seq = is_snapshot ? 0 : (uint64_t)first;
    options->to_seq = (uint64_t)last;
    return status;
}

static int print(struct cli *cli, const pawl_replayed *replayed)
{
    char recorded[2 * LIMIT_STATE_DIGEST + 1], computed[2 * LIMIT_STATE_DIGEST + 1];
    pawli_hex(replayed->recorded, replayed->recorded_size, recorded);
    pawli_hex(replayed->computed, replayed->computed_size, computed);
    if (cli->json) {
        pawli_api_put_replayed(cli_object(cli), cli->scope, replayed);
        cli_object_end(cli);
    } else if (replayed->ok) {
        cli_say(cli, "%" PRIu64 " records, %" PRIu64 " with a state digest, all as they were recorded",
                replayed->records, replayed->compared);
    }
    if (replayed->ok)
        return PAWL_OK;
    return cli_hint(cli,
                    cli_fail(cli, PAWL_ECORRUPT,
                             "record %" PRIu64 ": the recorded digest is %s, the program came to %s",
                             replayed->diff_seq, recorded, *computed ? computed : "none"),
                    "see it with \"pawl journal show %" PRIu64 "\"; the program, or what it began from, is another",
                    replayed->diff_seq);
}

int cli_journal_replay(struct cli *cli)
{
    struct folding f = {.cli = cli, .program = cli_option(cli, "exec")};
    pawl_replay_options options = {PAWL_REPLAY_OPTIONS, .apply = apply, .data = &f};
    pawl_replayed replayed = {PAWL_REPLAYED};
    if (!f.program)
        return cli_hint(cli, cli_fail(cli, PAWL_EINVAL, "the program is missing"),
                        "--exec PROGRAM: it reads a record a line and prints {\"post\": HEX} for each");
    buffer_init(&f.snapshot, SIZE_MAX / 2);
    f.is_shadow = cli_has(cli, "shadow");
    options.goes_on = f.is_shadow;
    int status = read_range(cli, &options);
    if (status == PAWL_OK)
        status = start(&f);
    if (status == PAWL_OK)
        status = pawl_replay(cli->store, &options, &replayed, &cli->error);
    int state = end(&f);
    if (status < 0)
        return status;
    if (replayed.ok && state != 0)
        return cli_fail(cli, PAWL_EUNAVAIL, "the program failed at the end: %s %d",
                        WIFSIGNALED(state) ? "signal" : "exit status",
                        WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    status = print(cli, &replayed);
    if (status == PAWL_OK && f.differences)
        status = cli_hint(
            cli, cli_fail(cli, PAWL_ECORRUPT, "the program would do %" PRIu64 " things otherwise", f.differences),
            "each is a line above; nothing was sent");
    return status;
}
