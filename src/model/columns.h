/* SPDX-License-Identifier: MIT */
/* What each kind of row is made of, column by column. Whoever keeps, copies, compares, sends or prints rows asks these tables:
 * a store has no code for a kind of row. A row that is read is input, so its columns say too what they may hold: what cannot
 * be is refused here, for all kinds of rows and all stores.
 *
 * Between a store and a struct stands a value: one of the four types that every store has. */
#ifndef PAWLI_COLUMNS_H
#define PAWLI_COLUMNS_H

#include "base/arena.h"
#include "base/map.h"
#include "model/rows.h"

enum value_type { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT, VALUE_BLOB };

struct value {
    enum value_type type;
    int64_t number;    /* of VALUE_NUMBER */
    struct text bytes; /* of VALUE_TEXT, which is UTF-8, and VALUE_BLOB; somebody else's */
};

enum column_kind {
    COLUMN_U64,           /* uint64_t */
    COLUMN_U64_OR_NULL,   /* 0: absent */
    COLUMN_U32,           /* uint32_t, or an enum */
    COLUMN_U32_OR_NULL,   /* 0: absent */
    COLUMN_BOOL,          /* as 0 or 1 */
    COLUMN_TIME,          /* struct wall_time or boot_time, or an int64_t */
    COLUMN_TIME_BEFORE,   /* kept as how long it was before the time at `other`, whose column comes first */
    COLUMN_TIME_OR_NEVER, /* WALL_NEVER: absent */
    COLUMN_TIME_OR_NONE,  /* 0: absent */
    COLUMN_TEXT,          /* struct text */
    COLUMN_TEXT_OR_EMPTY, /* absent is kept as an empty text: a key has no NULL */
    COLUMN_BLOB,          /* struct text */
    COLUMN_BYTES,         /* an array of `size` bytes */
    COLUMN_UUID_OR_NULL,  /* nil: absent */
    COLUMN_CONTENT_TYPE,  /* struct text; JSON is absent, as most are */
    COLUMN_BODY,          /* struct text: a text where the content type at `other` is JSON, else a blob */
    COLUMN_BOUND_KEY,     /* struct text: a blob where the enum at `other` is BOUND_REQUEST, else a text */
    COLUMN_WORD,          /* an enum, as its word */
    COLUMN_DECIMAL,       /* struct decimal, as its text without idle zeros */
    COLUMN_JSON,          /* a struct that few rows have: one JSON object, absent in the others */
    COLUMN_SUM, /* no field: a store that keeps rows as text or bytes puts here a sum of all columns before it */
    COLUMN_KIND_COUNT
};

/* Of an enum. NULL: the value is kept as absent; so parse is told of the absent, too. */
struct words {
    const char *(*text)(unsigned value);
    bool (*parse)(struct text word, unsigned *value);
};

struct column;

/* A struct that is kept as a JSON object, by a table of its members or in a way of its own. */
struct form {
    size_t size, text; /* text: of a text in it, behind its beginning; 0: it has none */
    const struct column *members;
    size_t member_count;
    bool (*is_kept)(const void *at);                                /* else it is absent; NULL: where a member is not */
    bool (*is_good)(const void *at);                                /* of members that are; NULL: all are */
    struct text (*write)(const void *at, struct arena *arena);      /* absent: nothing to keep. NULL: by members */
    bool (*parse)(struct text json, void *at, struct arena *arena); /* `at` is zero */
};

struct column {
    const char *name;
    enum column_kind kind : 8;
    bool is_key : 1;    /* of those that one row is found by */
    bool is_needed : 1; /* a text or blob that cannot be absent */
    uint16_t offset;    /* of the field */
    uint16_t other;     /* of another field; see the kinds */
    int64_t min, max;   /* of a number or time; of a text or blob max is its size, 0: any */
    union {
        bool (*is_good)(struct text text, struct arena *arena); /* of a text that is there; NULL: all are */
        const struct words *words;
        const struct form *form;
        size_t size;
    };
};

enum row_kind {
    ROW_STORE,
    ROW_COMMITTER,
    ROW_WORKER,
    ROW_SCOPE,
    ROW_LANE,
    ROW_TARGET,
    ROW_SENDER,
    ROW_HOLD,
    ROW_FLOW,
    ROW_QUEUE,
    ROW_RECORD,
    ROW_MESSAGE,
    ROW_BOUND,
    ROW_LINE,
    ROW_READY, /* a task: what is kept of it depends on where it is */
    ROW_BLOCKED,
    ROW_CLAIMED,
    ROW_HELD,
    ROW_ENDED,
    ROW_ATTEMPT,
    ROW_ASSET,
    ROW_ACCOUNT,
    ROW_ENTRY,
    ROW_FILL,
    ROW_PROJECTION,
    ROW_COUNTER,
    ROW_TYPE,
    ROW_SNAPSHOT,
    ROW_CHUNK,
    ROW_SUBSCRIPTION,
    ROW_WORKFLOW,
    ROW_KIND,
    ROW_SIGNAL,
    ROW_STEP,
    ROW_RESOURCE,
    ROW_RESOURCE_MOVE,
    ROW_SCHEDULE,
    ROW_KIND_COUNT
};

struct row_form {
    const char *name;
    size_t size; /* of the struct */
    const struct column *columns;
    size_t column_count, key_end; /* behind it no column is of the key */
    size_t owner; /* where in the struct the number of the scope or queue is that it belongs to; SIZE_MAX: to none */
    /* After reading: fills what follows from the rest; false: it cannot be. NULL: nothing. */
    bool (*complete)(void *row);
};

extern const struct row_form pawli_rows[ROW_KIND_COUNT];

union any_row {
    struct store_row store;
    struct committer_row committer;
    struct worker_row worker;
    struct scope_row scope;
    struct lane_row lane;
    struct target_row target;
    struct sender_row sender;
    struct hold_row hold;
    struct flow_row flow;
    struct queue_row queue;
    struct record_row record;
    struct message_row message;
    struct task_body body; /* of what a task carries, whatever its kind */
    struct bound_row bound;
    struct line_row line;
    struct task_row task;
    struct attempt_row attempt;
    struct asset_row asset;
    struct account_row account;
    struct entry_row entry;
    struct fill_row fill;
    struct projection_row projection;
    struct counter_row counter;
    struct type_row type;
    struct snapshot_row snapshot;
    struct chunk_row chunk;
    struct subscription_row subscription;
    struct workflow_row workflow;
    struct kind_row kind;
    struct signal_row signal;
    struct step_row step;
    struct resource_row resource;
    struct resource_move_row resource_move;
    struct schedule_row schedule;
};

static inline enum row_kind row_kind_of(enum place place)
{
    return ROW_READY + (place - PLACE_READY);
}

/* What a kind of column is, where it is as simple as most are. */
struct column_trait {
    uint8_t width; /* of a number, in bytes; 0: it is none */
    bool has_null; /* one number stands for the absent: */
    bool is_text;  /* as it stands there, or absent */
    bool is_zero;  /* absent is a field of zeros */
    int64_t null;
};
extern const struct column_trait pawli_column_traits[COLUMN_KIND_COUNT];

static inline int64_t number_in(const void *field, uint8_t width)
{
    return width == 8 ? *(const int64_t *)field : width == 4 ? *(const uint32_t *)field : *(const bool *)field;
}

/* False: it is none that may stand there. */
static inline bool set_number_in(const struct column *column, const struct column_trait *trait, void *field,
                                 int64_t number)
{
    if (number < column->min || number > column->max || (trait->has_null && number == trait->null))
        return false;
    if (trait->width == 8)
        *(int64_t *)field = number;
    else if (trait->width == 4)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(bool *)field = number;
    return true;
}

/* What of a row stands in a column. Only a JSON object is made, in the arena. */
struct value pawli_column_get(const struct column *column, const void *row, struct arena *arena);

/* Sets the field, which is zero; bytes are copied into the arena. False: such a value cannot be. */
bool pawli_column_set(const struct column *column, void *row, const struct value *value, struct arena *arena);

/* Whether a store that saved this row could read it back; what it takes is copied into the arena. */
bool pawli_row_is_sound(enum row_kind kind, const void *row, struct arena *arena);

/* The text of a field that is or has one, wherever it is kept; else NULL. */
struct text *pawli_column_text(const struct column *column, void *row);

/* By key: less than 0, 0, or more. Texts and blobs by their bytes, words by their text. `but`: the offset of a field that is
 * left out; SIZE_MAX: of none. */
int pawli_row_compare(enum row_kind kind, const void *a, const void *b, size_t but);
uint64_t pawli_row_hash(enum row_kind kind, const void *row, size_t but, uint64_t seed);

/* The columns of a key, one after the other; NULL: no further one. */
const struct column *pawli_next_key(enum row_kind kind, const struct column *last);

/* What a store keeps of a row, and nothing else of the struct; texts are shared. */
void pawli_row_keep(enum row_kind kind, const void *row, void *kept);

#endif
