/* SPDX-License-Identifier: MIT */
/* The ledger, projections and counters: what a transition changes besides what it sends. */
#ifndef PAWL_LEDGER_H
#define PAWL_LEDGER_H

#include "pawl/operator.h"
#include "pawl/transition.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Amounts are decimals, as text, exact: -?digits[.digits], 38 digits at most, no exponent. As they come back they have no zeros behind
 * the last digit, and no point when they are whole. An asset has a scale, so many places behind the point; what is finer is
 * refused, never rounded.
 */
typedef struct pawl_post {
    size_t struct_size;    /* PAWL_POST sets it */
    const char *account;   /* a name that may have ':' and '/' */
    const char *asset;     /* a name; one that was not set before has 18 places */
    const char *delta;     /* a decimal: added to the balance */
    const char *expect;    /* the balance after it; another refuses the transition; NULL: any */
    const char *floor;     /* the lowest balance that is allowed after it; NULL: none */
    const char *reason;    /* UTF-8, up to 1,024 bytes; NULL: none */
    const char *reference; /* a key; NULL: none */
    uint64_t update_seq; /* the caller's own numbering, which goes forward only, for each account and asset; 0: none */
} pawl_post;
#define PAWL_POST .struct_size = sizeof(pawl_post)

/* A trade, as an event of the transition tells it. It makes no posts by itself. */
typedef struct pawl_fill {
    size_t struct_size;         /* PAWL_FILL sets it */
    uint32_t event;             /* index of the event among those of the transition */
    const char *trade_id;       /* a key, unique in the scope: a used one is a conflict */
    const char *market;         /* a name */
    const char *buyer, *seller; /* accounts */
    const char *price, *size;   /* decimals */
    const char *fee, *profit;   /* decimals; NULL: 0 */
} pawl_fill;
#define PAWL_FILL .struct_size = sizeof(pawl_fill)

/* Bytes under a name and a key, with a version: 1 when it is made, and one more with each change. */
typedef struct pawl_projection {
    size_t struct_size; /* PAWL_PROJECTION sets it */
    const char *name;   /* a name */
    const char *key;    /* a key */
    const void *data;
    size_t data_size;
    const char *content_type;    /* NULL: application/json when it parses as JSON */
    uint64_t expect_version;     /* see has_expect_version; 0: it is not there */
    uint32_t has_expect_version; /* 1: another version is a conflict */
    int32_t remove;              /* 1: it shall not be there; data is nothing */
} pawl_projection;
#define PAWL_PROJECTION .struct_size = sizeof(pawl_projection)

/*
 * Builders of a transition, as those of transition.h: an error is kept, and comes out of commit. What they add is written in the
 * transition's commit or not at all, in the order in which it was added.
 *
 * Shapes     4,096 of each kind in one transition.
 * Errors     of commit, besides its own:
 *            PAWL_EINVAL     no decimal, no name, an event that is not there
 *            PAWL_ELIMIT     over 38 digits, or finer than the asset
 *            PAWL_EREFUSED   below the floor, not what was expected, an update_seq or counter that goes back,
 *                            deltas that are not balanced; the text names account, asset, balance and delta
 *            PAWL_ECONFLICT  a trade id that was used, another version
 */
PAWL_API void pawl_transition_post(pawl_transition *transition, const pawl_post *post);
PAWL_API void
pawl_transition_balanced(pawl_transition *transition); /* refused unless the deltas of each asset sum to 0 */
PAWL_API void pawl_transition_fill(pawl_transition *transition, const pawl_fill *fill);
PAWL_API void pawl_transition_projection(pawl_transition *transition, const pawl_projection *projection);
PAWL_API void pawl_transition_counter(pawl_transition *transition, const char *name, uint64_t value); /* forward only */

/* ---- reading ---- */

typedef struct pawl_asset {
    size_t struct_size;
    const char *asset;
    uint32_t scale;    /* places behind the point */
    const char *error; /* of each of these: NULL; else it cannot be read, and nothing else of it means anything */
} pawl_asset;

typedef struct pawl_balance {
    size_t struct_size;
    const char *account, *asset, *balance;
    uint64_t entries, seq; /* how many made it, and the record of the last */
    uint64_t update_seq;   /* the highest that a post had; 0: none had */
    const char *error;
} pawl_balance;

typedef struct pawl_entry {
    size_t struct_size;
    uint64_t seq;   /* of its record */
    uint32_t index; /* among the posts of that */
    const char *account, *asset, *delta;
    const char *balance;            /* after it */
    const char *reason, *reference; /* NULL: none */
    uint64_t update_seq;
    const char *error;
} pawl_entry;

typedef struct pawl_fill_view {
    size_t struct_size;
    uint64_t seq;
    uint32_t event; /* index of the event in its record */
    const char *trade_id, *market, *buyer, *seller, *price, *size, *fee, *profit;
    const char *error;
} pawl_fill_view;

typedef struct pawl_projection_view {
    size_t struct_size;
    const char *name, *key, *content_type;
    const void *data;
    size_t data_size;
    uint64_t version, seq; /* seq: of the record that wrote it */
    const char *error;
} pawl_projection_view;

typedef struct pawl_counter {
    size_t struct_size;
    const char *name;
    uint64_t value, seq; /* seq: of the record that raised it last */
    const char *error;
} pawl_counter;

/* What holds for all events of a type. */
typedef struct pawl_type {
    size_t struct_size;
    const char *type;
    const char *needs; /* "fill"; NULL: nothing */
    int32_t keep;      /* enum pawl_keep, where the event itself does not say */
    uint32_t critical; /* 1: always full */
    const char *error;
} pawl_type;

enum pawl_ledger_kind {
    PAWL_ASSETS,      /* by name */
    PAWL_BALANCES,    /* by account and asset */
    PAWL_ENTRIES,     /* the oldest first */
    PAWL_FILLS,       /* the oldest first */
    PAWL_PROJECTIONS, /* of a name, by key */
    PAWL_COUNTERS,    /* by name */
    PAWL_TYPES        /* of events, by name */
};

/* Which, and from where on: a page goes on behind the last item of the one before. Fields that a kind does not know are not
 * looked at. */
typedef struct pawl_ledger_query {
    size_t struct_size;                      /* PAWL_LEDGER_QUERY sets it */
    int32_t kind;                            /* enum pawl_ledger_kind */
    uint32_t limit;                          /* 1 to 10,000; 0: 10,000 */
    const char *account, *asset;             /* of balances and entries; NULL: of all */
    const char *trade_id;                    /* of fills: that one; NULL: all */
    const char *name;                        /* of projections, which need it; of counters and types: that one */
    const char *key;                         /* of projections: that one */
    const char *prefix;                      /* of projections: whose keys begin so */
    const char *after_account, *after_asset; /* of balances: behind that one */
    const char *after_key;                   /* of projections */
    uint64_t after_seq;                      /* of entries and fills: behind the record, or, with has_after_index, */
    uint32_t after_index;                    /* behind that entry or event of it */
    uint32_t has_after_index;
} pawl_ledger_query;
#define PAWL_LEDGER_QUERY .struct_size = sizeof(pawl_ledger_query)

/* A page, in memory of its own; what is in it lives as long as it does. NULL for an index that is not there, or of another kind. */
typedef struct pawl_ledger pawl_ledger;

/*
 * pawl_ledger_list: a page of what the ledger of the scope holds, as of one moment. What is not there is an empty page.
 *
 * Errors     PAWL_EINVAL  a name, key or limit; PAWL_ECORRUPT  what was asked for by itself cannot be read
 */
PAWL_API int pawl_ledger_list(pawl_store *store, const pawl_ledger_query *query, pawl_ledger **ret_ledger,
                              pawl_error *err);
PAWL_API size_t pawl_ledger_count(const pawl_ledger *ledger);
PAWL_API int pawl_ledger_has_more(const pawl_ledger *ledger);
PAWL_API void pawl_ledger_free(pawl_ledger *ledger); /* NULL is fine */
PAWL_API const pawl_asset *pawl_ledger_asset(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_balance *pawl_ledger_balance(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_entry *pawl_ledger_entry(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_fill_view *pawl_ledger_fill(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_projection_view *pawl_ledger_projection(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_counter *pawl_ledger_counter(const pawl_ledger *ledger, size_t index);
PAWL_API const pawl_type *pawl_ledger_type(const pawl_ledger *ledger, size_t index);

/*
 * pawl_asset_set: how many places an asset has behind the point, 0 to 38. Once, and before its first post: else it is refused,
 * unless it is so already.
 *
 * Errors     PAWL_EINVAL, PAWL_EREFUSED, PAWL_ECONFLICT (the request id had other content)
 */
PAWL_API int pawl_asset_set(pawl_store *store, const char *asset, uint32_t scale, const pawl_operation *operation,
                            pawl_error *err);

/*
 * pawl_type_set: what holds for events of a type, from now on; what is stored stays. Keys that are not given stay, an empty
 *   value unsets one.
 *       needs     "fill": each of its events has exactly one fill, else the transition is PAWL_EINVAL, also under a request id
 *                 that is bound. Once a scope has such a type, a fill of an event of another one is PAWL_EINVAL too.
 *       keep      "full" (the default), "reference" or "none", in letters of any case: how much of them stays where the event
 *                 itself does not say. What is no such word is full: pawl_keep_parse says whether it is one.
 *       critical  "1": all of it stays, whatever else is said.
 * pawl_type_preset: "s3" sets L2Update critical=1 and OrderFilled needs=fill.
 *
 * Errors     PAWL_EINVAL, PAWL_ECONFLICT (the request id had other content)
 */
PAWL_API int pawl_type_set(pawl_store *store, const char *type, const pawl_setting *settings, size_t count,
                           const pawl_operation *operation, pawl_error *err);
PAWL_API int pawl_type_preset(pawl_store *store, const char *preset, const pawl_operation *operation, pawl_error *err);

/* What pawl_ledger_check found. */
typedef struct pawl_ledger_checked {
    size_t struct_size;         /* PAWL_LEDGER_CHECKED sets it */
    uint64_t accounts, entries; /* balances and entries that were recomputed */
    uint32_t ok;
    const char *what;              /* of the first that is bad: what is wrong with it; static */
    char account[129], asset[129]; /* "": not known */
    uint64_t seq;                  /* of the record; 0: not known */
} pawl_ledger_checked;
#define PAWL_LEDGER_CHECKED .struct_size = sizeof(pawl_ledger_checked)

/*
 * pawl_ledger_check: recomputes each balance of the scope from its entries, and compares the entries with what the records say
 * that was posted. What is wrong is no error: ret_checked says the first.
 */
PAWL_API int pawl_ledger_check(pawl_store *store, pawl_ledger_checked *ret_checked, pawl_error *err);

#ifdef __cplusplus
}
#endif

#endif
