/* SPDX-License-Identifier: MIT */
/* The model: what pawl decides, written a second time from the design (3.1 to 3.3, 4.1, 5) and from nothing else. It is the
 * oracle of the property test, so it is slow and plain on purpose: arrays, scans over all of them, a copy of everything
 * where something may have to be undone. It includes nothing of src/.
 *
 * Names, keys and bodies are places in pools.h; content is equal where they are. Identities that the library draws (message
 * ids, tokens, digests) are filled in by whoever compares: the model knows messages by their number. */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "ops.h"
#include "pools.h"

#define NEVER INT64_MAX

/* ---- states and events: the table of the design, 3.3 ---- */

enum model_state { PENDING, CLAIMED, AWAITING, UNCERTAIN, DELIVERED, DEAD, CANCELLED, MODEL_STATES };

enum model_event {
    DO_CLAIM,
    DO_EXPIRE,
    DO_DELIVER,
    DO_SUBMIT,
    DO_RETRY,
    DO_EXHAUST,
    DO_EXHAUST_HOLD,
    DO_REFUSE,
    DO_DEFER,
    DO_RELEASE,
    DO_RESEND,
    DO_GIVE_UP,
    DO_SUSPECT,
    DO_POISON,
    DO_RENEW,
    DO_CANCEL,
    DO_STEP, /* of workflows alone */
    DO_STOP,
    MODEL_EVENTS
};

const char *model_state_text(enum model_state state);
const char *model_event_text(enum model_event event);
bool model_next(enum model_state from, enum model_event event, enum model_state *to);

/* ---- policies ---- */

enum model_policy_key { /* in the order in which a policy is printed */
                        POLICY_max_attempts,
                        POLICY_backoff_ms,
                        POLICY_backoff_max_ms,
                        POLICY_backoff_shape,
                        POLICY_backoff_offset,
                        POLICY_jitter_percent,
                        POLICY_lease_ms,
                        POLICY_timeout_ms,
                        POLICY_age_limit_ms,
                        POLICY_crash_limit,
                        POLICY_unknown,
                        POLICY_exhausted,
                        POLICY_accept,
                        POLICY_key_dead,
                        POLICY_key_release,
                        POLICY_key_concurrency,
                        POLICY_concurrency,
                        POLICY_lane_concurrency,
                        POLICY_rate,
                        POLICY_burst,
                        POLICY_breaker,
                        POLICY_breaker_open_ms,
                        POLICY_breaker_disable,
                        POLICY_slow_start_ms,
                        POLICY_retry_budget_percent,
                        POLICY_probe_backoff_ms,
                        POLICY_probe_limit_ms,
                        POLICY_poll_deadline_ms,
                        POLICY_keep_ms,
                        POLICY_keep_delivered_ms,
                        POLICY_keep_dead_ms,
                        POLICY_dedupe_keep_ms,
                        MODEL_POLICY_KEYS,
                        ASKED_probe = MODEL_POLICY_KEYS, /* of targets: who is asked for outcomes; no policy */
                        ASKED_poll,
                        MODEL_SETTING_KEYS
};

/* The words of rate and breaker, in the order of their texts. */
enum model_rate { RATE_NONE, RATE_2_A_SECOND, RATE_1_IN_10_S, RATE_5_A_MINUTE };
enum model_breaks { BREAKER_OFF, BREAKER_HALF_OF_2, BREAKER_ALL_OF_3, BREAKER_FIFTH_OF_1 };

struct model_policy {
    bool is_set[MODEL_POLICY_KEYS];
    int64_t values[MODEL_POLICY_KEYS];
};

const char *model_policy_key_text(enum model_policy_key key);
const char *model_policy_word(enum model_policy_key key, int64_t value); /* NULL: the key is a number */

/* ---- what is kept ---- */

enum model_phase { MODEL_SEND, MODEL_POLL, MODEL_PROBE }; /* what a message is claimed for */
enum model_class { CLASS_NONE, CLASS_TRANSIENT, CLASS_PERMANENT, CLASS_UNKNOWN, CLASS_EXPIRED };
enum model_hold { HOLD_NONE, HOLD_EXHAUSTED, HOLD_UNCERTAIN, HOLD_AWAITING, HOLD_CRASHES };
enum model_reason { REASON_NONE, REASON_GIVEN, REASON_EXPIRED, REASON_MAX_ATTEMPTS, REASON_PERMANENT, REASON_GAVE_UP };
#define ERROR_OWN          (-1) /* an error text of pawl's own words */
#define CONSUMER_NONE      0
#define BY_PAWL            (-1)
#define BY_CONSUMER(place) (100 + (place))

struct model_content {
    int64_t scope, lane, target, sender, key, priority, data, content_type, headers, deadline;
};

struct model_message {
    bool exists; /* false: purged */
    struct model_content content;
    uint64_t in_scope; /* which of its scope it is; the first is 1 */
    int64_t dedupe, request, max_attempts;
    uint64_t seq;
    int64_t created, available, expires; /* expires NEVER: none of its own */
    int64_t origin_op, origin_index;
    pawl_uuid id; /* nil until the library said it */
    bool has_fingerprint;
    uint8_t fingerprint[32]; /* as the library said it */

    enum model_state state;
    int64_t due, due_least; /* least: how early jitter may have made it */
    bool due_is_own;        /* it is still the message's own date */
    uint32_t attempts, deferrals, crashes;
    uint32_t retries, earlier; /* by operators; attempts before the last of them */
    int64_t retried;           /* when; 0: never */
    enum model_hold hold;
    int64_t until; /* awaiting: by when the outcome must come */

    bool in_line, has_key;
    uint64_t order; /* its number, or its predecessor's */

    /* Awaiting is polled for, uncertain probed: its target is asked, else a person decides; somebody has it to ask. */
    bool is_asked, is_looking;
    uint64_t reporter;            /* who handed it over, while its target is asked; 0: none */
    uint32_t looks, looks_before; /* all; those for an outcome that it waited for before */

    uint64_t token; /* of the claim, or of the one that submitted it; 0: none */
    int64_t consumer, claimed_at, lease, lease_wall;
    uint64_t boot, process; /* the boot of the lease; the process that it ends with, 0: none */

    enum model_class error;
    int64_t error_text, error_at;
    int64_t remote;
    int64_t updated, ended_at;
    enum model_reason reason;
    int64_t reason_text, by;
    int64_t successor;  /* number; 0: none */
    uint64_t resent_of; /* number; 0: none */
    bool touched;       /* since it was compared last */
};

struct model_attempt {
    uint64_t number;
    uint32_t ordinal, n;
    int64_t began, ended, worker, text;
    const char *verdict, *phase;
    enum model_class error;
};

struct model_token {
    uint64_t number, token;
    int64_t op; /* the claim that made it */
};

/* A dedupe key or the request id of an enqueue, bound in a queue. */
struct model_bound {
    bool exists, is_request;
    int64_t scope, lane, target, key;
    uint64_t first;    /* the message that was made under it: its content is what a repetition must repeat */
    int64_t until;     /* NEVER while it, or a successor, exists */
    bool is_forgotten; /* it binds nothing, and is remembered until the sweep after that */
    int64_t remembered;
};

struct model_queue {
    int64_t scope, lane, target;
    uint64_t late; /* messages that were made again, as their key was forgotten */
};

struct model_event_kept {
    int64_t topic, type, key, data, content_type, keep, stream;
};

/* What an operator asked for: all of it is the content of his record. */
struct model_asked {
    enum op_kind kind;
    int64_t scope, lane, target, outcome, url, secret, code, until, reason, actor, move, state, key, limit;
    pawl_uuid id;
    struct model_change {
        bool sets, unsets;
        int64_t value;
    } changes[MODEL_SETTING_KEYS];
};

struct model_record {
    int64_t scope;
    uint64_t seq;
    pawl_uuid request;
    int64_t type, ref, content_type, command, response, digests, received, duration, committed;
    bool of_operator;
    struct model_asked asked;
    struct model_moved {
        enum model_state before, after;
        uint64_t successor;
        uint64_t matched, count, refused; /* of a filter: count were moved */
    } moved;
    struct model_event_kept events[MAX_EVENTS];
    int64_t event_count;
    uint64_t messages[MAX_MESSAGES];
    int64_t message_count;
    uint8_t digest[32];
    bool has_digest;
};

struct model_subject_hold {
    bool exists;
    int64_t scope, lane, target; /* scope 0: the store's own */
    int64_t code, reason, actor, since, until;
    int64_t before; /* how long it lasted before since */
};

/* What the limits of a lane, or of a target, were told. Nanoseconds since the boot but for until. */
struct model_flow {
    int64_t scope, lane, target; /* 0: not of one */
    uint64_t boot_number;
    int64_t rate_next; /* when the next would come if all came evenly */
    enum { FLOW_CLOSED, FLOW_OPEN, FLOW_HEALING } breaker;
    int64_t opened, until, calls, failures; /* how often in a row; the hold's end, of the wall clock */
    int64_t normal, sent, since; /* successes in 1000 s, as it was learned; what is counted now, and since when */
    int64_t healed, pace_next, retry_next;
};

struct model_lane {
    int64_t scope, name;
    struct model_policy policy;
};

struct model_target {
    bool exists;
    int64_t scope, name, url, secret;
    int64_t asked[2]; /* probe, poll: places of POOL_ASKED; 0: none */
    struct model_policy policy;
};

#define MODEL_MESSAGES  1200
#define MODEL_RECORDS   3000
#define MODEL_ATTEMPTS  12000
#define MODEL_TOKENS    6000
#define MODEL_PROCESSES 2

/* Deliberate mistakes: the test of the test. */
enum model_mistake {
    MISTAKE_NONE,
    MISTAKE_TOKEN_IGNORED,
    MISTAKE_CAP_OFF_BY_ONE,
    MISTAKE_NO_PROMOTION,
    MISTAKE_RETRY_TOO_LATE,
    MISTAKE_DEDUPE_IGNORES_CONTENT,
    MISTAKE_PRIORITY_REVERSED,
    MISTAKE_LEASE_ON_WALL_CLOCK,
    MISTAKE_AGE_BY_WALL_CLOCK,
    MISTAKE_PAUSE_AGES,
    MISTAKE_RETENTION_FORGOTTEN,
    MISTAKE_HOLD_OF_TARGET_IGNORED,
    MISTAKE_BLOCK_SKIPS,
    MISTAKE_TARGET_LOSES_TO_LANE,
    MISTAKE_HALF_A_TRANSITION,
    MISTAKE_DEFERRAL_KEEPS_ATTEMPT,
    MISTAKE_DEDUPE_FORGOTTEN,
    MISTAKE_DEDUPE_NEVER_FORGOTTEN,
    MISTAKE_KEY_IGNORED,
    MISTAKE_ATTEMPT_NOT_COUNTED,
    MISTAKE_SUCCESSOR_GOES_LAST,
    MISTAKE_REPLAY_IGNORES_CONTENT,
    MISTAKE_UNKNOWN_IS_FAILED,
    MISTAKE_CHAIN_TORN,
    MISTAKE_RETRY_KEEPS_ATTEMPTS,
    MISTAKE_RETRY_KEEPS_AGE,
    MISTAKE_RESEND_MOVES,
    MISTAKE_ACCEPT_IGNORED,
    MISTAKE_KEY_STAYS,
    MISTAKE_REPLACED_IS_RETRIED,
    MISTAKE_LATE_IS_NEW,
    MISTAKE_ONE_OF_A_KEY,
    MISTAKE_RATE_IGNORED,
    MISTAKE_RATE_NOT_GIVEN_BACK,
    MISTAKE_BREAKER_HOLDS_NOTHING,
    MISTAKE_BREAKER_NEVER_GIVES_UP,
    MISTAKE_OLD_FAILURE_IS_A_TRIAL,
    MISTAKE_NO_SLOW_START,
    MISTAKE_NO_RETRY_BUDGET,
    MISTAKE_LOOK_COUNTS_AS_ATTEMPT,
    MISTAKE_UNKNOWN_IS_NOT_ASKED,
    MISTAKE_NOTHING_HAPPENED_IS_DEAD,
    MISTAKE_REPORTER_FORGOTTEN,
    MISTAKE_LOST_LOOK_IS_OVER,
    MISTAKE_ASKED_FOR_EVER,
    MISTAKES
};
const char *model_mistake_text(enum model_mistake mistake);

struct model {
    enum model_mistake mistake;
    int64_t wall, boot; /* milliseconds */
    uint64_t boot_number;
    struct model_clock {
        bool was_seen;
        int64_t wall, boot; /* as of the last commit */
        uint64_t boot_number;
        int64_t steady_wall, steady_boot; /* where the run of both began */
        int64_t jumped_to, jumped;        /* the last jump ahead; how much older than it is anything may look */
    } clock;
    uint64_t processes[MODEL_PROCESSES]; /* incarnations */
    uint64_t last_process;
    int64_t op; /* whose messages and tokens are being made */
    int64_t op_messages;

    size_t message_count, attempt_count, token_count, bound_count, queue_count, record_count, hold_count, lane_count,
        target_count, flow_count;
    struct model_message messages[MODEL_MESSAGES];
    struct model_bound bounds[MODEL_MESSAGES];
    struct model_queue queues[40];
    struct model_subject_hold holds[100];
    struct model_lane lanes[20];
    struct model_target targets[20];
    struct model_flow flows[40];
    struct model_attempt attempts[MODEL_ATTEMPTS];
    struct model_token tokens[MODEL_TOKENS];
    struct model_record records[MODEL_RECORDS];
};

/* What happened, over all runs: every edge must, every kind of answer must. */
struct model_counts {
    uint64_t edges[MODEL_STATES][MODEL_EVENTS];
};
extern struct model_counts model_counts;

void model_init(struct model *model, enum model_mistake mistake);
void model_copy(struct model *to, const struct model *from);

/* A commit: the store sees the clocks. */
void model_see_clocks(struct model *model);

/* ---- looking (model.c) ---- */

/* How much of the time since then its queue was held. */
int64_t model_paused_since(const struct model *model, const struct model_message *message, int64_t from);

struct model_message *model_message(struct model *model, uint64_t number); /* NULL: 0, or purged */
struct model_message *model_find_origin(struct model *model, int64_t op, int64_t index);
int64_t model_policy_value(const struct model_policy *policy, enum model_policy_key key); /* or the default */
int64_t model_policy_of(const struct model *model, const struct model_message *message, enum model_policy_key key);
int64_t model_policy_of_queue(const struct model *model, int64_t scope, int64_t lane, int64_t target,
                              enum model_policy_key key);
uint32_t model_cap(const struct model *model, const struct model_message *message);
int64_t model_end_of(const struct model *model, int64_t start, int64_t ms);
int64_t model_bound_until(const struct model *model, const struct model_bound *bound);
bool model_holds(const struct model *model, const struct model_subject_hold *hold); /* what it is on */
int64_t model_held_for(const struct model *model, const struct model_subject_hold *hold);
int64_t model_expiry(const struct model *model, const struct model_message *message);
bool model_is_overdue(const struct model *model, const struct model_message *message);
bool model_is_ready(const struct model_message *message); /* pending, not behind another, not held apart */
bool model_is_lost(const struct model *model, const struct model_message *message);
bool model_is_held(const struct model *model, int64_t scope, int64_t lane, int64_t target);
uint64_t model_head(const struct model *model, int64_t scope); /* the last seq */
const struct model_record *model_record_by_seq(const struct model *model, int64_t scope, uint64_t seq);
const struct model_record *model_record_by_id(const struct model *model, int64_t scope, const pawl_uuid *id);
struct model_bound *model_bound(struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_request,
                                int64_t key);

/* ---- moving single messages (model.c) ---- */

int64_t model_after(int64_t from, int64_t ms);
int64_t model_backoff(const struct model *model, const struct model_message *message, enum model_policy_key of,
                      uint32_t n);
enum model_event model_event_of_unasked(const struct model *model, const struct model_message *message);
enum model_event model_event_of_unknown(const struct model *model, const struct model_message *message);
void model_enter_line(struct model *model, struct model_message *message);
void model_leave_line(struct model *model, struct model_message *message);
void model_fail(struct model *model, struct model_message *message, enum model_class class, int64_t text);
void model_note_attempt(struct model *model, struct model_message *message, const char *verdict, enum model_class class,
                        int64_t text);
void model_pend(struct model *model, struct model_message *message, enum model_event event, int64_t due);
void model_hold_apart(struct model *model, struct model_message *message, enum model_event event, enum model_hold hold,
                      int64_t until);
void model_end(struct model *model, struct model_message *message, enum model_event event, enum model_reason reason,
               int64_t by);
void model_ask(struct model *model, struct model_message *message, enum model_event event, int64_t due, int64_t until);
void model_expire(struct model *model, struct model_message *message);
void model_lose(struct model *model, struct model_message *message);
void model_settle_lost(struct model *model);
void model_take(struct model *model, struct model_message *message, int64_t consumer, int64_t lease, uint64_t process,
                uint64_t token);

/* ---- what limits a lane and a target (flow.c) ---- */

/* How many may be claimed, by what each says; SIZE_MAX: it says nothing. */
size_t model_room(struct model *model, int64_t scope, int64_t lane, int64_t target, bool by_hand); /* all of them */
size_t model_cap_room(const struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_lane,
                      bool by_hand);
size_t model_rate_room(struct model *model, int64_t scope, int64_t lane, int64_t target, bool is_lane);
size_t model_breaker_room(struct model *model, int64_t scope, int64_t lane, int64_t target);

/* So many were claimed to be sent. */
void model_flow_took(struct model *model, int64_t scope, int64_t lane, int64_t target, size_t count);

/* A send that was claimed ends so; before it moves. */
void model_flow_ended(struct model *model, const struct model_message *message, enum model_event event);

/* When a send that failed has its turn, if its backoff ends at `due`. */
int64_t model_flow_turn(struct model *model, const struct model_message *message, int64_t due);

/* A hold is set, as of now: its own, or a worker's or pawl's (operate.c). */
void model_put_hold(struct model *model, const struct model_subject_hold *hold);

/* ---- outcomes that are asked for (look.c) ---- */

const char *model_phase_text(const struct model_message *message);
bool model_can_ask(const struct model *model, const struct model_message *message, bool is_probe);
int64_t model_first_look(const struct model *model, const struct model_message *message);
void model_suspect(struct model *model, struct model_message *message); /* its outcome is not known */
void model_look(struct model *model, struct model_message *message, int64_t consumer, int64_t lease, uint64_t process);
void model_look_again(struct model *model, struct model_message *message, int64_t due); /* who looked is done with it */

/* What who looks found out; the result, as of a settlement. */
int model_settle_look(struct model *model, struct model_message *message, const struct op_settlement *asked);

/* The time is over in which an outcome had to come; whether it was one that was handed over. */
bool model_sweep_unasked(struct model *model, struct model_message *message);

/* ---- what is wrong by itself (check.c): a set of these, 0 when nothing is ---- */

#define WRONG_USAGE 1 /* PAWL_EINVAL */
#define WRONG_LIMIT 2 /* PAWL_ELIMIT */

int model_check_message(const struct model *model, const struct op_message *message, bool in_transition);
int model_check_settlement(const struct op_settlement *settlement);
int model_check_transition(const struct model *model, const struct op *op);
int model_check_claim(const struct op *op);
int model_check_operation(const struct op *op);
int64_t model_content_type(int64_t given, int64_t data);

int model_extend(struct model *model, struct model_message *message, const struct op_settlement *asked);

/* After n of them, with the backoff of sends, or when asked for. */
void model_pend_for_retry(struct model *model, struct model_message *message, enum model_event event,
                          const struct op_settlement *asked, uint32_t n);

/* ---- calls (calls.c). Each answers a status; what is refused changes nothing. ---- */

struct model_enqueued {
    int status;
    bool replayed;
    uint64_t number;
    enum model_state state;
};

int model_enqueue(struct model *model, int64_t scope, const struct op_message *messages, int64_t count,
                  struct model_enqueued *results);

/* Adds what is not there yet; seq of the record that makes it, 0 outside one. */
int model_enqueue_one(struct model *model, int64_t scope, const struct op_message *asked, uint64_t seq,
                      struct model_enqueued *result);
uint64_t model_add(struct model *model, const struct model_message *message);

/* A settlement whose names were looked up. */
struct model_settlement {
    uint64_t number; /* 0: no message has that id */
    uint64_t token;
    struct op_settlement asked;
};

struct model_settled {
    int result; /* enum pawl_result */
    bool has_state;
    enum model_state state;
};

int model_settle(struct model *model, const struct op *op, const struct model_settlement *settlements,
                 struct model_settled *results);

/* What a claim would look at: what is due, in the order in which it is taken. */
size_t model_due(struct model *model, const struct op *op, uint64_t *numbers);

/* named: the message with the id of the claim, 0 when no message has it. The tokens are filled in by whoever compares. */
size_t model_claim(struct model *model, const struct op *op, uint64_t named, uint64_t *numbers);

int model_transition(struct model *model, const struct op *op, uint64_t expect_seq,
                     const struct model_settlement *settlements, const pawl_uuid *request,
                     struct model_record **ret_record, bool *ret_replayed);
struct model_record *model_append(struct model *model, const struct model_record *record);

/* ---- operators and time (operate.c) ---- */

bool model_has_successor(const struct model *model, const struct model_message *message); /* that is kept */

/* number 0: no message has that id */
int model_move(struct model *model, const struct op *op, uint64_t number, const pawl_uuid *id, const pawl_uuid *request,
               struct model_moved *moved, bool *replayed);
int model_move_all(struct model *model, const struct op *op, const pawl_uuid *request, struct model_moved *moved,
                   bool *replayed);
int model_change(struct model *model, const struct op *op, const pawl_uuid *request, bool *replayed);

struct model_swept {
    uint32_t expired, purged, suspected, forgotten;
};
void model_sweep(struct model *model, struct model_swept *swept);

#endif
