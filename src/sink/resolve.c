/* SPDX-License-Identifier: MIT */
/* Look-ups on threads; see resolve.h. */
#include "sink/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>

#include "base/map.h"
#include "sink/answer.h"

#define BUCKETS    256
#define STACK_SIZE (256 * 1024)
#define FORGET_MS  60000 /* how often names that nobody asks for any more are forgotten */

/* A name. The loop's thread owns it, but for `resolution` while it is with a thread. */
struct lookup {
    struct lookup *next;   /* in its bucket */
    struct lookup *queued; /* in the list to or from the threads */
    struct name_wait *waits;
    bool is_under_way, has_begun; /* has_begun: the lock's */
    bool is_known;
    bool was_found; /* the last time that it was looked up */
    struct boot_time until;
    struct resolution resolution;
    char host[];
};

struct lookup_list {
    struct lookup *first, **last;
};

struct resolver {
    struct engine *engine;
    struct env *env;
    struct boot_time forget_at;
    struct lookup *buckets[BUCKETS];
    pthread_mutex_t lock;                            /* of what follows, which threads share */
    struct lookup_list asked, asked_again, answered; /* again: those that were found before */
    unsigned threads, holds;                         /* holds: the loop's one, and one a thread */
    unsigned first_time;                             /* threads with a name that was not found before */
    bool closed;
};

static void list_init(struct lookup_list *list)
{
    *list = (struct lookup_list){.last = &list->first};
}

static void list_add(struct lookup_list *list, struct lookup *lookup)
{
    lookup->queued = NULL;
    *list->last = lookup;
    list->last = &lookup->queued;
}

static struct lookup *list_take(struct lookup_list *list)
{
    struct lookup *lookup = list->first;
    if (lookup && !(list->first = lookup->queued))
        list->last = &list->first;
    return lookup;
}

/* ---- on a thread ---- */

static void look_up(struct lookup *lookup)
{
    struct resolution *found = &lookup->resolution;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    *found = (struct resolution){0};
    errno = 0;
    int problem = getaddrinfo(lookup->host, NULL, &hints, &list);
    int reason = errno;
    for (struct addrinfo *at = problem ? NULL : list; at && found->count < ADDRESSES_MAX; at = at->ai_next)
        found->count += pawli_address_of(at->ai_addr, at->ai_addrlen, &found->addresses[found->count]);
    if (list)
        freeaddrinfo(list);
    if (found->count > 0)
        return;
    found->was_local = problem == EAI_MEMORY || (problem != 0 && pawli_is_shortage(reason));
    snprintf(found->problem, sizeof found->problem, "cannot find the address of %.80s: %s", lookup->host,
             found->was_local        ? strerror(problem == EAI_MEMORY ? ENOMEM : reason)
             : problem == EAI_SYSTEM ? strerror(reason)
             : problem != 0          ? gai_strerror(problem)
                                     : "it has none");
}

/* The lock is held; false: this was the last hold, and all is freed. */
static bool let_go(struct resolver *resolver)
{
    bool last = --resolver->holds == 0;
    pthread_mutex_unlock(&resolver->lock);
    if (!last)
        return true;
    pthread_mutex_destroy(&resolver->lock);
    pawli_free(resolver);
    return false;
}

static bool may_take_new(const struct resolver *resolver)
{
    return resolver->first_time < LOOKUPS_MAX - LOOKUPS_RESERVED;
}

/* Names that were found before first; and some threads are for them alone, so that names that hang do not stop them. */
static struct lookup *take_name(struct resolver *resolver)
{
    struct lookup *lookup = list_take(&resolver->asked_again);
    if (!lookup && may_take_new(resolver) && (lookup = list_take(&resolver->asked)))
        resolver->first_time++;
    return lookup;
}

static void *run(void *data)
{
    struct resolver *resolver = data;
    struct lookup *lookup;
    pthread_mutex_lock(&resolver->lock);
    while ((lookup = take_name(resolver))) {
        bool was_found = lookup->was_found;
        lookup->has_begun = true;
        pthread_mutex_unlock(&resolver->lock);
        look_up(lookup);
        pthread_mutex_lock(&resolver->lock);
        resolver->first_time -= !was_found;
        if (resolver->closed) {
            pawli_free(lookup);
            continue;
        }
        list_add(&resolver->answered, lookup);
        pawli_engine_wake(resolver->engine);
    }
    resolver->threads--;
    let_go(resolver);
    return NULL;
}

/* ---- on the loop's thread ---- */

static bool start_thread(struct resolver *resolver)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all); /* the program's signals are not for this thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, &attributes, run, resolver) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* Hands a name to a thread. */
static void ask(struct resolver *resolver, struct lookup *lookup)
{
    lookup->is_under_way = true;
    pthread_mutex_lock(&resolver->lock);
    lookup->has_begun = false;
    list_add(lookup->was_found ? &resolver->asked_again : &resolver->asked, lookup);
    bool worth_it = resolver->threads < LOOKUPS_MAX && (lookup->was_found || may_take_new(resolver));
    if (worth_it && start_thread(resolver)) {
        resolver->threads++;
        resolver->holds++;
    } else if (resolver->threads == 0) { /* no thread to be had: nobody will take it */
        list_init(&resolver->asked);
        list_init(&resolver->asked_again);
        lookup->resolution = (struct resolution){.was_local = true};
        snprintf(lookup->resolution.problem, sizeof lookup->resolution.problem, "no thread is free to find %.80s",
                 lookup->host);
        list_add(&resolver->answered, lookup);
        pawli_engine_wake(resolver->engine);
    }
    pthread_mutex_unlock(&resolver->lock);
}

static struct lookup **find(const struct resolver *resolver, const char *host)
{
    uint64_t hash = pawli_hash_bytes((uintptr_t)resolver, host, strlen(host));
    struct lookup **at = (struct lookup **)&resolver->buckets[hash % BUCKETS];
    while (*at && strcmp((*at)->host, host) != 0)
        at = &(*at)->next;
    return at;
}

const struct resolution *pawli_resolve(struct resolver *resolver, const char *host, struct name_wait *wait)
{
    static const struct resolution no_memory = {.was_local = true, .problem = "out of memory"};
    struct lookup **at = find(resolver, host), *lookup = *at;
    if (lookup && lookup->is_known && resolver->env->ops->boot_now(resolver->env).ns < lookup->until.ns)
        return &lookup->resolution;
    if (!lookup) {
        size_t size = strlen(host) + 1;
        lookup = pawli_alloc(sizeof *lookup + size);
        if (!lookup)
            return &no_memory;
        memcpy(lookup->host, host, size);
        *at = lookup;
    }
    wait->next = lookup->waits;
    wait->link = &lookup->waits;
    if (wait->next)
        wait->next->link = &wait->next;
    lookup->waits = wait;
    if (!lookup->is_under_way)
        ask(resolver, lookup);
    return NULL;
}

bool pawli_resolve_has_begun(const struct resolver *resolver, const char *host)
{
    const struct lookup *lookup = *find(resolver, host);
    pthread_mutex_lock((pthread_mutex_t *)&resolver->lock);
    bool begun = lookup && lookup->has_begun;
    pthread_mutex_unlock((pthread_mutex_t *)&resolver->lock);
    return begun;
}

void pawli_resolve_drop(struct name_wait *wait)
{
    if (!wait->link)
        return;
    *wait->link = wait->next;
    if (wait->next)
        wait->next->link = wait->link;
    wait->link = NULL;
}

static void forget(struct resolver *resolver, struct boot_time now)
{
    if (now.ns < resolver->forget_at.ns)
        return;
    resolver->forget_at = boot_after_ms(now, FORGET_MS);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lookup **at = &resolver->buckets[i]; *at;) {
            struct lookup *lookup = *at;
            if (lookup->is_under_way || lookup->waits || now.ns < lookup->until.ns) {
                at = &lookup->next;
                continue;
            }
            *at = lookup->next;
            pawli_free(lookup);
        }
}

void pawli_resolver_step(struct resolver *resolver, struct boot_time now)
{
    pthread_mutex_lock(&resolver->lock);
    struct lookup *answered = resolver->answered.first, *next;
    list_init(&resolver->answered);
    pthread_mutex_unlock(&resolver->lock);
    for (struct lookup *lookup = answered; lookup; lookup = next) {
        next = lookup->queued;
        lookup->is_under_way = false;
        lookup->is_known = true;
        lookup->was_found = lookup->resolution.count > 0;
        lookup->until = boot_after_ms(now, lookup->resolution.problem[0] ? FAILURE_MS : ANSWER_MS);
        while (lookup->waits) {
            struct name_wait *wait = lookup->waits;
            pawli_resolve_drop(wait);
            wait->answered(wait, &lookup->resolution); /* may ask again: for this name it is known now */
        }
    }
    forget(resolver, now);
}

struct resolver *pawli_resolver_new(struct engine *engine, struct env *env)
{
    struct resolver *resolver = pawli_alloc(sizeof *resolver);
    if (!resolver)
        return NULL;
    resolver->engine = engine;
    resolver->env = env;
    resolver->holds = 1;
    list_init(&resolver->asked);
    list_init(&resolver->asked_again);
    list_init(&resolver->answered);
    pthread_mutex_init(&resolver->lock, NULL);
    return resolver;
}

void pawli_resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->lock);
    resolver->closed = true;
    struct lookup_list *lists[] = {&resolver->asked, &resolver->asked_again, &resolver->answered};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (struct lookup *lookup; (lookup = list_take(lists[i]));)
            lookup->is_under_way = false; /* no thread has it, or will */
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct lookup *lookup = resolver->buckets[i], *next; lookup; lookup = next) {
            next = lookup->next;
            PAWL_ASSERT(!lookup->waits);
            if (!lookup->is_under_way)
                pawli_free(lookup);
        }
    let_go(resolver);
}
