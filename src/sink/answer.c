/* SPDX-License-Identifier: MIT */
/* What the sinks share; see answer.h. */
#include "sink/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "model/limits.h"

static void hand_back(struct send *send, enum verdict verdict, struct text error)
{
    PAWL_ASSERT(verdict < VERDICT_COUNT);
    bool is_taken = verdict == VERDICT_DELIVERED || verdict == VERDICT_SUBMITTED;
    send->verdict = verdict;
    send->error = error.data && !is_taken ? pawli_printable(send->arena, error, LIMIT_ERROR_TEXT) : (struct text){0};
    if (!is_taken && !send->error.data)
        send->error = TEXT("out of memory"); /* an arena that failed must not make a failure look like none */
    send->sink_data = NULL;
    send->done(send);
}

void pawli_look_done(struct send *send, enum finding finding, struct text error)
{
    static const enum verdict verdicts[PHASE_COUNT][FINDING_COUNT] = {
        [PHASE_POLL] = {[FINDING_HAPPENED] = VERDICT_DELIVERED,
                        [FINDING_DID_NOT] = VERDICT_UNCERTAIN,
                        [FINDING_HOPELESS] = VERDICT_DEAD,
                        [FINDING_NONE] = VERDICT_RETRY},
        [PHASE_PROBE] = {[FINDING_HAPPENED] = VERDICT_DELIVERED,
                         [FINDING_DID_NOT] = VERDICT_RETRY,
                         [FINDING_HOPELESS] = VERDICT_DEAD,
                         [FINDING_NONE] = VERDICT_UNCERTAIN}};
    PAWL_ASSERT(send->phase != PHASE_SEND && finding < FINDING_COUNT);
    send->fault = TARGET_FINE; /* who is asked may be another than the target: it is not held */
    hand_back(send, verdicts[send->phase][finding], error);
}

void pawli_send_done(struct send *send, enum verdict verdict, struct text error)
{
    if (send->phase == PHASE_SEND || verdict == VERDICT_RELEASED)
        hand_back(send, verdict, error);
    else
        pawli_look_done(send, FINDING_NONE, error);
}

static void fail(struct send *send, enum verdict verdict, const char *format, va_list arguments)
{
    char text[LIMIT_ERROR_TEXT + 1];
    vsnprintf(text, sizeof text, format, arguments);
    pawli_send_done(send, verdict, text_of(text));
}

void pawli_send_fail(struct send *send, enum verdict verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(send, verdict, format, arguments);
    va_end(arguments);
}

void pawli_send_unsent(struct send *send, enum verdict verdict, const char *format, ...)
{
    va_list arguments;
    send->is_unsent = true;
    va_start(arguments, format);
    fail(send, verdict, format, arguments);
    va_end(arguments);
}

enum verdict pawli_unsent_verdict(const struct send *send, bool was_reached)
{
    bool defers = send->message->sender || policy_get(&send->policy, POLICY_UNREACHABLE) == UNREACHABLE_DEFER;
    return defers && !was_reached ? VERDICT_DEFERRED : VERDICT_RETRY;
}

size_t pawli_send_fields(const struct send *send, struct send_field fields[SEND_FIELDS_MAX])
{
    const pawl_message_view *message = send->message;
    char original[PAWL_UUID_TEXT_SIZE];
    pawl_uuid_format(&message->resent_of, original);
    const struct {
        const char *name, *value; /* NULL: the message has none */
    } all[] = {{"pawl-attempt", pawli_arena_format(send->arena, "%" PRIu32, send->attempt).data},
               {"pawl-sender", message->sender},
               {"pawl-deadline",
                message->deadline_ms ? pawli_arena_format(send->arena, "%" PRId64, message->deadline_ms).data : NULL},
               {"pawl-key", message->key},
               {"pawl-original-id",
                uuid_is_nil(&message->resent_of) ? NULL : pawli_arena_text(send->arena, text_of(original)).data}};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].value)
            fields[count++] = (struct send_field){all[i].name, all[i].value};
    return pawli_arena_failed(send->arena) ? 0 : count;
}

/* The store let no control character in; a second look costs nothing, and a line break would add headers. */
static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F)
            return true;
    return false;
}

static const char *headers_problem(const pawl_message_view *message)
{
    if (message->content_type && has_control(message->content_type))
        return "the content type has a control character";
    if ((message->sender && has_control(message->sender)) || (message->key && has_control(message->key)))
        return "the sender or the key has a control character";
    for (size_t i = 0; i < message->header_count; i++)
        if (has_control(message->headers[i].name) || has_control(message->headers[i].value))
            return "a header has a control character";
    return NULL;
}

bool pawli_send_may_begin(struct send *send, const char *url_problem)
{
    const char *problem = url_problem ? NULL : headers_problem(send->message);
    if (url_problem)
        pawli_send_malformed(send, url_problem);
    else if (problem)
        pawli_send_fail(send, VERDICT_DEAD, "%s", problem);
    return !url_problem && !problem;
}

void pawli_send_delivered(struct send *send, enum durability durability, const char *format, ...)
{
    char text[LIMIT_ERROR_TEXT + 1];
    va_list arguments;
    va_start(arguments, format);
    int word = snprintf(text, sizeof text, "%s: ", pawli_durability_text(durability));
    vsnprintf(text + word, sizeof text - (size_t)word, format, arguments);
    va_end(arguments);
    send->durability = durability;
    send->response = pawli_printable(send->arena, text_of(text), LIMIT_ERROR_TEXT);
    pawli_send_done(send, VERDICT_DELIVERED, (struct text){0});
}

bool pawli_is_shortage(int problem)
{
    static const int shortages[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC, EDQUOT};
    for (size_t i = 0; i < COUNT_OF(shortages); i++)
        if (problem == shortages[i])
            return true;
    return false;
}

void pawli_send_malformed(struct send *send, const char *problem)
{
    send->fault = TARGET_MALFORMED;
    pawli_send_unsent(send, VERDICT_DEFERRED, "%s", problem);
}

/* The size of the character at the front, 0 when it cannot be shown. */
static size_t character_size(struct text rest)
{
    unsigned char first = (unsigned char)rest.data[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7F;
    size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (size > rest.size || !pawli_utf8_valid((struct text){rest.data, size}))
        return 0;
    return first == 0xC2 && (unsigned char)rest.data[1] < 0xA0 ? 0 : size; /* U+0080 to U+009F steer terminals */
}

struct text pawli_printable(struct arena *arena, struct text bytes, size_t size_max)
{
    char *out = pawli_arena_alloc_raw(arena, size_max + 1);
    if (!out)
        return (struct text){0};
    size_t size = 0;
    for (size_t i = 0; i < bytes.size;) {
        unsigned char c = (unsigned char)bytes.data[i];
        size_t taken = character_size((struct text){bytes.data + i, bytes.size - i});
        const char *shown = bytes.data + i;
        size_t shown_size = taken;
        if (taken == 0 || c == ' ') {
            shown = c >= 0x80 ? "?" : " ";
            shown_size = c >= 0x80 || (size > 0 && out[size - 1] != ' ');
        }
        if (size + shown_size > size_max)
            break;
        memcpy(out + size, shown, shown_size);
        size += shown_size;
        i += taken > 0 ? taken : 1;
    }
    while (size > 0 && out[size - 1] == ' ')
        size--;
    out[size] = '\0';
    return (struct text){out, size};
}

const char *pawli_url_path(const char *url)
{
    const char *colon = strchr(url, ':');
    return colon && colon[1] == '/' ? colon + 1 : NULL;
}

void pawli_path_free(char **path)
{
    free(*path);
}

char *pawli_path_allowed(const char *path, const char *const *folders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PAWL_AUTO(pawli_path_free) char *folder = realpath(folders[i], NULL);
        size_t size = folder ? strlen(folder) : 0;
        bool is_root = size == 1; /* it has everything below it */
        if (is_root || (size > 0 && strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0')))
            return PAWL_TAKE(folder);
    }
    return NULL;
}

int pawli_check_folders(const char *const *folders, size_t count, pawl_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct stat info;
        int problem = stat(folders[i], &info) < 0 ? errno : S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
        if (problem)
            return pawli_hint(err,
                              pawli_fail(err, PAWL_EINVAL, "the folder \"%.160s\" cannot be allowed: %s", folders[i],
                                         strerror(problem)),
                              "make it, or name another");
    }
    return PAWL_OK;
}
