/* SPDX-License-Identifier: MIT */
/* Payments that are killed anywhere, and go on.
 *   payment peer              is the other side, at peer.sock, and keeps what it did in peer.log
 *   payment run SEED COUNT    makes the first COUNT payments of a seed, as far as they were not made before: each meets something
 *                             else; and does what a person would about those that are stuck
 *   payment effects           prints what the other side took
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "payment.h"
#include "peer.h"

#define UUID PAWL_UUID_TEXT_SIZE

static pawl_error err;

static int need(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s. %s\n", err.text, err.hint);
        exit(pawl_status_exit(status));
    }
    return status;
}

static void need_system(const char *what, bool good)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
}

/* ---- the line to the other side: a connection for each request ---- */

static const struct sockaddr_un address = {AF_UNIX, "peer.sock"};

/* Up to the end of a line; < 0: it did not come to it. */
static int read_line(int fd, char *line, size_t room)
{
    size_t size = 0;
    ssize_t got;
    while (size < room && (got = read(fd, line + size, room - size)) > 0) {
        size += (size_t)got;
        if (line[size - 1] == '\n') {
            line[size - 1] = '\0';
            return 0;
        }
    }
    return -1;
}

static int ask(void *data, const char *request, char answer[PAYMENT_LINE], pawl_error *error)
{
    char line[PEER_LINE];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), size = snprintf(line, sizeof line, "%s\n", request);
    (void)data;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        if (fd >= 0)
            close(fd);
        return pawl_error_set(error, PAWL_EUNAVAIL, "the other side is not there");
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
    bool good = send(fd, line, (size_t)size, MSG_NOSIGNAL) == size && read_line(fd, answer, PAYMENT_LINE) == 0;
    close(fd);
    return good ? PAWL_OK : pawl_error_set(error, PAWL_EUNCERTAIN, "the other side did not answer");
}

static void serve(void)
{
    struct peer *peer = peer_open("peer.log");
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(address.sun_path);
    need_system("peer", peer && door >= 0 && bind(door, (const struct sockaddr *)&address, sizeof address) == 0 &&
                            listen(door, 64) == 0);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        char line[PEER_LINE], answer[PEER_LINE + 1];
        int fd = accept(door, NULL, NULL);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5}, sizeof(struct timeval));
        if (read_line(fd, line, sizeof line) == 0 && peer_answer(peer, line, answer)) {
            size_t size = strlen(answer);
            answer[size] = '\n';
            send(fd, answer, size + 1, MSG_NOSIGNAL);
        }
        close(fd);
    }
}

/* Until it is there: somebody starts it. */
static void ask_surely(const char *request, char answer[PAYMENT_LINE])
{
    while (ask(NULL, request, answer, &err) < 0)
        poll(NULL, 0, 10);
}

static void print_effects(void)
{
    char request[40], answer[PAYMENT_LINE];
    for (int i = 0;; i++) {
        snprintf(request, sizeof request, "effect %d", i);
        need(ask(NULL, request, answer, &err));
        if (strncmp(answer, "ok ", 3) != 0)
            return;
        *strrchr(answer, ' ') = '\0';
        printf("%s\n", answer + 3);
    }
}

/* ---- what a seed stands for: the same, whatever happened ---- */

struct fate {
    const char *quirks; /* of the other side */
    bool is_late;       /* its deadline is over already */
    bool is_told;       /* its proof comes by a signal */
    bool pays_again;    /* it is asked for a second time when it failed */
    bool is_cancelled;
};

static const struct fate fates[] = {
    {.quirks = ""},
    {.quirks = "pending=3"},
    {.quirks = "refuse_prepare=1", .pays_again = true},
    {.quirks = "refuse_prepare=1"},
    {.quirks = "refuse_send=1", .pays_again = true},
    {.quirks = "refuse_send"},
    {.quirks = "refuse_send refuse_revoke"},
    {.quirks = "busy=2"},
    {.quirks = "busy=6"},
    {.quirks = "lose=2"},
    {.quirks = "drop=1"},
    {.quirks = "forget=1"},
    {.quirks = "unsealed=1"},
    {.quirks = "lie=2"},
    {.quirks = "vanish=1"},
    {.quirks = "doubt=2"},
    {.quirks = "dead=1"},
    {.quirks = "fail=1"},
    {.quirks = "fail=1 refuse_revoke"},
    {.quirks = "refuse_register=1"},
    {.quirks = "pending", .is_late = true},
    {.quirks = "lie", .is_late = true},
    {.quirks = "shy", .is_told = true},
    {.quirks = "closed", .is_cancelled = true},
};
#define FATE_COUNT (sizeof fates / sizeof *fates)

static uint64_t draw(uint64_t seed, long number, uint64_t which)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + (uint64_t)number * 0xbf58476d1ce4e5b9u + which * 0x94d049bb133111ebu;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

struct payment_of_seed {
    struct obligation obligation;
    const struct fate *fate;
    char proof[UUID], hash[UUID], coins[60], request[60];
};

/* All fates, before it is by chance. */
static void make_payment(uint64_t seed, long number, struct payment_of_seed *p)
{
    int size = snprintf(p->request, sizeof p->request, "payment %ld of seed %llu", number, (unsigned long long)seed);
    pawl_uuid proof = pawl_request_id_from(p->request, (size_t)size);
    pawl_uuid_format(&proof, p->proof);
    pawl_uuid hash = pawl_request_id_from(p->proof, strlen(p->proof));
    pawl_uuid_format(&hash, p->hash);
    p->fate = &fates[number <= (long)FATE_COUNT ? (size_t)(number - 1) : draw(seed, number, 0) % FATE_COUNT];
    long half = 1 + (long)(draw(seed, number, 1) % 500);
    snprintf(p->coins, sizeof p->coins, "coin:%ld:a coin:%ld:b", number, number);
    p->obligation = (struct obligation){.hash = p->hash,
                                        .amount = 2 * half,
                                        .coins = p->coins,
                                        .deadline_ms = p->fate->is_late ? 1 : INT64_C(4102444800000),
                                        .coins_expire_ms = 1};
}

static void submit(struct wallet *wallet, const struct payment_of_seed *p, int again)
{
    char request[80];
    snprintf(request, sizeof request, "%s, %d", p->request, again);
    need(payment_submit(wallet, &p->obligation, request, &err));
}

/* It has its coins, the other side knows what awaits it, and it is on its way. */
static void begin(struct wallet *wallet, const struct payment_of_seed *p)
{
    char request[PEER_LINE], answer[PAYMENT_LINE], coin[40];
    snprintf(request, sizeof request, "teach %s %s %s", p->hash, p->proof, p->fate->quirks);
    ask_surely(request, answer);
    snprintf(coin, sizeof coin, "%.*s", (int)strcspn(p->coins, " "), p->coins);
    need(wallet_add_coin(wallet, coin, p->obligation.amount / 2, &err));
    need(wallet_add_coin(wallet, strchr(p->coins, ' ') + 1, p->obligation.amount / 2, &err));
    submit(wallet, p, 0);
}

static void send_signal(struct wallet *wallet, const char *hash, const char *name, const char *data)
{
    int status = pawl_workflow_signal(wallet->store,
                                      &(pawl_signal){PAWL_SIGNAL, .kind = PAYMENT_KIND, .id = hash, .name = name,
                                                     .data = data, .data_size = strlen(data), .dedupe = name},
                                      NULL, &err);
    if (status != PAWL_EREFUSED) /* it ended meanwhile */
        need(status);
}

/* Under one request: it is asked for once, however often it runs. */
static void cancel(struct wallet *wallet, const char *hash)
{
    int status = pawl_workflow_steer(
        wallet->store, &(pawl_steering){PAWL_STEERING, .kind = PAYMENT_KIND, .id = hash, .what = PAWL_STEER_CANCEL},
        &(pawl_operation){PAWL_OPERATION, .reason = "nobody answers",
                          .request_id = pawl_request_id_from(hash, strlen(hash))},
        NULL, &err);
    if (status != PAWL_EREFUSED) /* it ended meanwhile */
        need(status);
}

/* What a person does about one that is stuck: allows what costs where the other side does not give it back, else lets it try on. */
static void help(struct wallet *wallet, const pawl_workflow_view *view)
{
    if (strcmp(view->stuck_why, "exhausted") != 0 && strcmp(view->stuck_why, "crashes") != 0)
        send_signal(wallet, view->id, "escalate", "true");
    int status = pawl_workflow_steer(
        wallet->store, &(pawl_steering){PAWL_STEERING, .kind = PAYMENT_KIND, .id = view->id, .what = PAWL_STEER_RETRY},
        &(pawl_operation){PAWL_OPERATION, .reason = "it was stuck"}, NULL, &err);
    if (status != PAWL_EREFUSED)
        need(status);
}

/* Whether it is paid. */
static bool end(struct wallet *wallet, const char *hash)
{
    for (;;) {
        pawl_workflows *found = NULL;
        int status = pawl_executor_drive(wallet->executor, PAYMENT_KIND, hash, 1, 10000, &found, &err);
        const pawl_workflow_view *view = pawl_workflows_get(found, 0);
        if (!view)
            need(status);
        bool is_paid = strcmp(view->status, "finished") == 0, has_failed = strcmp(view->status, "failed") == 0;
        if (strcmp(view->status, "stuck") == 0)
            help(wallet, view);
        pawl_workflows_free(found);
        if (is_paid || has_failed)
            return is_paid;
    }
}

/* It may die at any moment, and often: that is no reason to set a payment apart. */
static void set_policy(struct wallet *wallet)
{
    const pawl_setting settings[] = {{"backoff_ms", "1"}, {"backoff_max_ms", "20"}, {"crash_limit", "1000000"}};
    need(pawl_asset_set(wallet->store, "sat", 0,
                        &(pawl_operation){PAWL_OPERATION, .request_id = pawl_request_id_from("sat", 3)}, &err));
    need(pawl_kind_set(wallet->store, PAYMENT_KIND, settings, sizeof settings / sizeof *settings,
                       &(pawl_operation){PAWL_OPERATION, .request_id = pawl_request_id_from("policy", 6)}, &err));
}

static void run(struct wallet *wallet, uint64_t seed, long count)
{
    struct payment_of_seed p;
    set_policy(wallet);
    need(wallet_init(wallet, &err));
    need(pawl_executor_start(wallet->executor, &err));
    for (long number = 1; number <= count; number++) {
        make_payment(seed, number, &p);
        begin(wallet, &p);
        if (p.fate->is_told)
            send_signal(wallet, p.hash, "settled", p.proof);
    }
    for (long number = 1; number <= count; number++) {
        make_payment(seed, number, &p);
        if (p.fate->is_cancelled)
            cancel(wallet, p.hash);
        bool is_paid = end(wallet, p.hash);
        if (!is_paid && p.fate->pays_again) {
            submit(wallet, &p, 1);
            is_paid = end(wallet, p.hash);
        }
        printf("%ld %s %s\n", number, p.hash, is_paid ? "paid" : "failed");
        fflush(stdout);
    }
    wallet_done(wallet);
}

int main(int count, char **words)
{
    const char *url = getenv("PAWL_STORE"), *command = count > 1 ? words[1] : "";
    struct wallet wallet = {.ask = ask, .poll_ms = 5, .margin_ms = 60000, .grace_ms = 3600000};
    if (count == 2 && strcmp(command, "peer") == 0)
        serve();
    if (count == 2 && strcmp(command, "effects") == 0) {
        print_effects();
        return 0;
    }
    if (count != 4 || strcmp(command, "run") != 0) {
        fprintf(stderr, "usage: payment peer, payment run SEED COUNT, or payment effects\n");
        return 2;
    }
    need(pawl_store_open(url ? url : "sqlite:payment.db", NULL, &wallet.store, &err));
    run(&wallet, strtoull(words[2], NULL, 10), strtol(words[3], NULL, 10));
    pawl_store_close(wallet.store);
    return 0;
}
