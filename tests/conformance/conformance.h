/* SPDX-License-Identifier: MIT */
/* One suite for every store. A case is written once, over the public interface, and runs on each store of the table in
 * conformance.c; a store conforms when every case passes. Worlds are simulated: clocks stand still unless a case moves
 * them, so a case can say to the millisecond what must happen when. Names that begin with a number of the acceptance list
 * (a17_…) are its cases. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include "env/sim/sim.h"
#include "faulty.h"

struct kind {
    const char *name;
    const char *url; /* %s: a folder of the case's own */
    bool is_durable;
    bool is_into; /* beside tables of another program that have the names of the store's own */
};

struct world {
    const struct kind *kind;
    struct env *env;
    pawl_store *store;                    /* scope "default" */
    char folder[64], url[160], file[160]; /* file: the database, where there is one */
    uint64_t seed;
};

struct conformance_case {
    const char *name;
    void (*run)(struct world *w);
};
#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }

extern const struct kind kinds[];
extern const size_t kind_count;

/* The last error: every call of a case gives it. */
extern pawl_error err;

int run_on_every_store(const struct conformance_case *cases, size_t count);
void open_world(struct world *w, const struct kind *kind, uint64_t seed);
void close_world(struct world *w);

/* ---- shorthands; each fails the case where the call does ---- */

#define LANE   "email"
#define TARGET "mailer"

static inline struct text bytes(const void *data, size_t size)
{
    return (struct text){data, size};
}
#define assert_bytes(data, size, expected) assert_true(text_is(bytes((data), (size)), (expected)))
#define assert_id(a, b)                                                                                                \
    do {                                                                                                               \
        pawl_uuid a_ = (a), b_ = (b);                                                                                  \
        assert_memory_equal(&a_, &b_, sizeof a_);                                                                      \
    } while (0)

int64_t now_ms(const struct world *w);
pawl_uuid make_id(unsigned n); /* the same for the same number */

/* A message to LANE and TARGET with a payload; the rest as the caller fills it in. */
#define MESSAGE(payload, ...)                                                                                          \
    (&(pawl_message){PAWL_MESSAGE, .lane = LANE, .target = TARGET, .data = (payload), .data_size = strlen(payload),    \
                     __VA_ARGS__})

pawl_enqueued add(struct world *w, const pawl_message *message); /* must be added, or be there */
int try_add(struct world *w, const pawl_message *message);       /* a status */
pawl_messages *get(struct world *w, pawl_uuid id);               /* free it */
void assert_state(struct world *w, pawl_uuid id, const char *state);
pawl_queue_stats stats(struct world *w); /* of LANE and TARGET; zero when there is no such queue. Texts are gone. */

/* Claims of LANE and TARGET. */
#define CLAIM(...) (&(pawl_claim_options){PAWL_CLAIM_OPTIONS, .lane = LANE, .target = TARGET, __VA_ARGS__})
pawl_messages *claim(struct world *w, const pawl_claim_options *options);

/* Claims one, which must be there; or asserts that there is none. */
struct held {
    pawl_uuid id;
    uint64_t token;
    uint32_t attempts;
    int64_t lease_until;
};
struct held claim_one(struct world *w, const pawl_claim_options *options);
void claim_none(struct world *w, const pawl_claim_options *options);

#define SETTLE(held, what, ...)                                                                                        \
    (&(pawl_settlement){PAWL_SETTLEMENT, .id = (held).id, .token = (held).token, .verdict = PAWL_VERDICT_##what,       \
                        __VA_ARGS__})
int settle(struct world *w, const pawl_settlement *settlement); /* enum pawl_result */
int claim_and(struct world *w, int verdict);                    /* the next one, and says so */

pawl_swept sweep(struct world *w);

/* An operator with a reason; `n` is the request id. */
#define BECAUSE(n) (&(pawl_operation){PAWL_OPERATION, .request_id = make_id(n), .reason = "test", .actor = "ops"})
void set_lane(struct world *w, const char *key, const char *value);   /* a policy of LANE */
void set_target(struct world *w, const char *key, const char *value); /* a setting of TARGET */

size_t count_records(struct world *w); /* of scope "default"; at most 1,000 */

/* Everything must fit: every chain, every message in one place and counted. Ends most cases. */
void verify(struct world *w);

#endif
