/* SPDX-License-Identifier: MIT */
/* The states of a message (states.def), the places and phases of a task. */
#ifndef PAWLI_STATE_H
#define PAWLI_STATE_H

#include "base/base.h"

enum state {
#define STATE(name, text, kind, meaning) STATE_##name,
#define EVENT(name, text, meaning)
#define EDGE(from, event, to)
#include "model/states.def"
#undef STATE
#undef EVENT
#undef EDGE
    STATE_COUNT
};

enum task_event {
#define STATE(name, text, kind, meaning)
#define EVENT(name, text, meaning) EVENT_##name,
#define EDGE(from, event, to)
#include "model/states.def"
#undef STATE
#undef EVENT
#undef EDGE
    EVENT_COUNT
};

/* What becomes of a task, as it is counted. */
enum counted {
#define COUNTED(name, text, meaning) COUNTED_##name,
#include "model/counted.def"
#undef COUNTED
    COUNTED_COUNT
};

enum state_kind { STATE_KIND_OPEN, STATE_KIND_ENDED, STATE_KIND_FINAL };

/* What is to be done with a task. RUN and FIRE are for workflows and schedules. */
enum phase { PHASE_SEND, PHASE_POLL, PHASE_PROBE, PHASE_COUNT };

/* Where a task is: in exactly one place. */
enum place { PLACE_NONE, PLACE_READY, PLACE_BLOCKED, PLACE_CLAIMED, PLACE_HELD, PLACE_ENDED, PLACE_COUNT };

const char *pawli_state_text(enum state state);
const char *pawli_state_meaning(enum state state);
bool pawli_state_parse(struct text text, enum state *state);
enum state_kind pawli_state_kind(enum state state);
const char *pawli_event_text(enum task_event event);
enum counted pawli_event_counted(enum task_event event);
const char *pawli_counted_text(enum counted counted);

/* The only way from one state to the next; false where the table has no such edge. */
bool pawli_state_next(enum state from, enum task_event event, enum state *to);

/* A task that is not ended shows its state by what is to be done with it. */
enum state pawli_state_of(enum phase phase, enum place place);
enum phase pawli_phase_of(enum state state);
const char *pawli_phase_text(enum phase phase);

#endif
