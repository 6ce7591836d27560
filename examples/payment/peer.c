/* SPDX-License-Identifier: MIT */
/* The other side: its state is what comes of all that it was asked, in order. */
#include "peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIRKS_MAX 6
#define WORDS_MAX  (3 + QUIRKS_MAX)
#define KEY        PAWL_UUID_TEXT_SIZE

struct deal {
    char hash[KEY], proof[KEY];
    struct {
        char name[20];
        int left; /* < 0: always */
    } quirks[QUIRKS_MAX];
};

struct session {
    char key[KEY];
    bool expired;
    char prepared[100], sent[100]; /* what was answered: the same again gets the same; "": not asked yet */
};

enum effect_state { PENDING, SETTLED, FAILED, VANISHED, DEAD, REVOKED, FORCED };
static const char *const state_names[] = {"pending", "settled", "failed", "vanished", "dead", "revoked", "forced"};

struct effect {
    char hash[KEY], key[KEY];
    long amount;
    enum effect_state state;
    int emitted; /* so often */
};

struct peer {
    pthread_mutex_t lock;
    int file; /* < 0: none */
    struct deal *deals;
    struct session *sessions;
    struct effect *effects;
    size_t deal_count, session_count, effect_count;
};

/* One more of an array, zeroed. */
static void *add(void *array, size_t *count, size_t size)
{
    char *more = realloc(array, (*count + 1) * size);
    if (!more)
        abort();
    memset(more + *count * size, 0, size);
    ++*count;
    return more;
}

static void copy(char to[KEY], const char *from)
{
    snprintf(to, KEY, "%s", from);
}

/* ---- finding ---- */

static struct deal *find_deal(struct peer *peer, const char *hash)
{
    for (size_t i = 0; i < peer->deal_count; i++)
        if (strcmp(peer->deals[i].hash, hash) == 0)
            return &peer->deals[i];
    return NULL;
}

static struct session *find_session(struct peer *peer, const char *key)
{
    for (size_t i = 0; i < peer->session_count; i++)
        if (strcmp(peer->sessions[i].key, key) == 0)
            return &peer->sessions[i];
    return NULL;
}

/* The newest of an obligation that was not given back. */
static struct effect *find_effect(struct peer *peer, const char *hash)
{
    for (size_t i = peer->effect_count; i-- > 0;)
        if (strcmp(peer->effects[i].hash, hash) == 0 && peer->effects[i].state < REVOKED)
            return &peer->effects[i];
    return NULL;
}

static struct effect *effect_of(struct peer *peer, const char *key)
{
    for (size_t i = 0; i < peer->effect_count; i++)
        if (strcmp(peer->effects[i].key, key) == 0)
            return &peer->effects[i];
    return NULL;
}

/* Whether it shall behave so, once less from now on. */
static bool shall(struct peer *peer, const char *hash, const char *name)
{
    struct deal *deal = find_deal(peer, hash);
    for (int i = 0; deal && i < QUIRKS_MAX; i++)
        if (strcmp(deal->quirks[i].name, name) == 0 && deal->quirks[i].left != 0) {
            deal->quirks[i].left -= deal->quirks[i].left > 0;
            return true;
        }
    return false;
}

/* ---- what it is asked: the answer, NULL: it is lost ---- */

static const char *teach(struct peer *peer, const char *const words[], char text[100])
{
    (void)text;
    if (find_deal(peer, words[1]))
        return "ok taught";
    peer->deals = add(peer->deals, &peer->deal_count, sizeof *peer->deals);
    struct deal *deal = &peer->deals[peer->deal_count - 1];
    copy(deal->hash, words[1]);
    copy(deal->proof, words[2]);
    for (int i = 0; i < QUIRKS_MAX; i++) {
        const char *count = strchr(words[3 + i], '=');
        size_t size = count ? (size_t)(count - words[3 + i]) : strlen(words[3 + i]);
        snprintf(deal->quirks[i].name, sizeof deal->quirks[i].name, "%.*s", (int)size, words[3 + i]);
        deal->quirks[i].left = count ? (int)strtol(count + 1, NULL, 10) : -1;
    }
    return "ok taught";
}

static void ticket_of(const char *const words[], char ticket[KEY])
{
    char text[PEER_LINE];
    int size = snprintf(text, sizeof text, "ticket/%s/%s/%s", words[1], words[2], words[3]);
    pawl_uuid id = pawl_request_id_from(text, (size_t)size);
    pawl_uuid_format(&id, ticket);
}

static const char *prepare(struct peer *peer, const char *const words[], char text[100])
{
    char ticket[KEY];
    struct session *session = find_session(peer, words[1]), *before = find_session(peer, words[4]);
    if (shall(peer, words[2], "closed"))
        return "busy it is closed";
    if (session)
        return session->prepared;
    if (before)
        before->expired = true;
    peer->sessions = add(peer->sessions, &peer->session_count, sizeof *peer->sessions);
    session = &peer->sessions[peer->session_count - 1];
    copy(session->key, words[1]);
    ticket_of(words, ticket);
    if (shall(peer, words[2], "refuse_prepare"))
        snprintf(session->prepared, sizeof session->prepared, "no there is no route");
    else
        snprintf(session->prepared, sizeof session->prepared, "ok %s", ticket);
    snprintf(text, 100, "%s", session->prepared);
    return text;
}

static void take(struct peer *peer, const char *const words[])
{
    peer->effects = add(peer->effects, &peer->effect_count, sizeof *peer->effects);
    struct effect *effect = &peer->effects[peer->effect_count - 1];
    copy(effect->key, words[1]);
    copy(effect->hash, words[2]);
    effect->amount = strtol(words[3], NULL, 10);
    effect->state = shall(peer, words[2], "shy") ? SETTLED : PENDING;
    effect->emitted = 1;
}

/* A key that it knows takes nothing more; what vanished is there again. */
static const char *take_once(struct peer *peer, struct session *session, const char *const words[])
{
    char ticket[KEY];
    struct effect *effect = effect_of(peer, words[1]);
    ticket_of(words, ticket);
    if (effect && effect->state == VANISHED) {
        effect->state = PENDING;
        effect->emitted++;
    }
    if (session->sent[0])
        return session->sent;
    bool refused = strcmp(ticket, words[4]) != 0 || shall(peer, words[2], "refuse_send");
    snprintf(session->sent, sizeof session->sent, "%s", refused ? "no the route is closed" : "ok taken");
    if (!refused)
        take(peer, words);
    return session->sent;
}

static const char *send_it(struct peer *peer, const char *const words[], char text[100])
{
    struct session *session = find_session(peer, words[1]);
    if (shall(peer, words[2], "busy"))
        return "busy it is down";
    if (!session || session->expired)
        return "gone";
    if (shall(peer, words[2], "drop")) {
        session->expired = true;
        return NULL;
    }
    snprintf(text, 100, "%s", take_once(peer, session, words));
    if (shall(peer, words[2], "forget")) {
        session->expired = true;
        return NULL;
    }
    return shall(peer, words[2], "lose") ? NULL : text;
}

static const char *register_it(struct peer *peer, const char *const words[], char text[100])
{
    (void)text;
    return shall(peer, words[1], "refuse_register") ? "no it registers nobody today" : "ok registered";
}

static const char *look(struct peer *peer, const char *const words[], char text[100])
{
    struct effect *effect = find_effect(peer, words[1]);
    struct deal *deal = find_deal(peer, words[1]);
    if (!effect || !deal || effect->state == VANISHED)
        return "ok unknown";
    if (effect->state == PENDING) {
        if (shall(peer, words[1], "doubt"))
            return "ok doubted";
        if (shall(peer, words[1], "lie")) {
            snprintf(text, 100, "ok settled %s", deal->hash);
            return text;
        }
        if (shall(peer, words[1], "pending"))
            return "ok pending";
        effect->state = shall(peer, words[1], "vanish") ? VANISHED
                        : shall(peer, words[1], "dead") ? DEAD
                        : shall(peer, words[1], "fail") ? FAILED
                                                        : SETTLED;
    }
    if (effect->state == VANISHED)
        return "ok unknown";
    if (effect->state == SETTLED && shall(peer, words[1], "shy"))
        return "ok pending";
    snprintf(text, 100, effect->state == SETTLED ? "ok %s %s" : "ok %s", state_names[effect->state], deal->proof);
    return text;
}

static const char *give_back(struct peer *peer, const char *const words[], char text[100])
{
    struct effect *effect = find_effect(peer, words[1]);
    (void)text;
    if (shall(peer, words[1], "refuse_revoke"))
        return "no it was passed on";
    if (effect && effect->state == SETTLED)
        return "no it is settled";
    if (effect)
        effect->state = REVOKED;
    return "ok revoked";
}

static const char *be_forced(struct peer *peer, const char *const words[], char text[100])
{
    struct effect *effect = find_effect(peer, words[1]);
    (void)text;
    if (effect)
        effect->state = FORCED;
    return "ok forced";
}

static const char *tell_effect(struct peer *peer, const char *const words[], char text[100])
{
    size_t index = strtoul(words[1], NULL, 10);
    if (index >= peer->effect_count)
        return "none";
    const struct effect *effect = &peer->effects[index];
    snprintf(text, 100, "ok %s %ld %s %d", effect->hash, effect->amount, state_names[effect->state], effect->emitted);
    return text;
}

static const struct {
    const char *name;
    const char *(*answer)(struct peer *peer, const char *const words[], char text[100]);
} requests[] = {{"teach", teach}, {"prepare", prepare},  {"send", send_it},    {"register", register_it},
                {"look", look},   {"revoke", give_back}, {"force", be_forced}, {"effect", tell_effect}};

static bool answer_line(struct peer *peer, const char *request, char answer[PEER_LINE])
{
    char line[PEER_LINE], text[100], seal[KEY], *rest = line;
    const char *words[WORDS_MAX], *found = "no such request";
    snprintf(line, sizeof line, "%s", request);
    for (int i = 0; i < WORDS_MAX; i++) {
        const char *word = strsep(&rest, " ");
        words[i] = word ? word : "";
    }
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (strcmp(requests[i].name, words[0]) == 0)
            found = requests[i].answer(peer, words, text);
    if (!found)
        return false;
    peer_seal(request, found, seal);
    bool is_sealed = strcmp(words[0], "send") != 0 || !shall(peer, words[2], "unsealed");
    snprintf(answer, PEER_LINE, "%s %s", found, is_sealed ? seal : "none");
    return true;
}

/* Between the two who have the secret it is as good as a signature. */
void peer_seal(const char *request, const char *answer, char seal[PAWL_UUID_TEXT_SIZE])
{
    char text[2 * PEER_LINE];
    int size = snprintf(text, sizeof text, "the secret of this channel/%s/%s", request, answer);
    pawl_uuid id = pawl_request_id_from(text, (size_t)size);
    pawl_uuid_format(&id, seal);
}

/* ---- its life ---- */

bool peer_answer(struct peer *peer, const char *request, char answer[PEER_LINE])
{
    pthread_mutex_lock(&peer->lock);
    bool is_kept = peer->file < 0 || strncmp(request, "effect", 6) == 0;
    if (!is_kept) {
        char line[PEER_LINE + 1];
        int size = snprintf(line, sizeof line, "%s\n", request);
        is_kept = size < (int)sizeof line && write(peer->file, line, (size_t)size) == size &&
                  fdatasync(peer->file) == 0;
    }
    bool is_answered = is_kept && answer_line(peer, request, answer);
    pthread_mutex_unlock(&peer->lock);
    return is_answered;
}

/* A last line that was not written whole was never answered. */
static void do_again(struct peer *peer)
{
    char line[PEER_LINE + 1], answer[PEER_LINE];
    FILE *file = fdopen(dup(peer->file), "r");
    long whole = 0;
    if (!file)
        abort();
    while (fgets(line, sizeof line, file) && strchr(line, '\n')) {
        line[strcspn(line, "\n")] = '\0';
        answer_line(peer, line, answer);
        whole = ftell(file);
    }
    fclose(file);
    if (ftruncate(peer->file, whole) < 0)
        abort();
}

struct peer *peer_open(const char *path)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    pthread_mutex_init(&peer->lock, NULL);
    peer->file = path ? open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (path && peer->file < 0) {
        free(peer);
        return NULL;
    }
    if (path)
        do_again(peer);
    return peer;
}

void peer_close(struct peer *peer)
{
    if (peer->file >= 0)
        close(peer->file);
    pthread_mutex_destroy(&peer->lock);
    free(peer->deals);
    free(peer->sessions);
    free(peer->effects);
    free(peer);
}
