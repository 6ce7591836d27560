/* SPDX-License-Identifier: MIT */
#include "model/state.h"

struct state_row {
    const char *text, *meaning;
    enum state_kind kind;
};

#define EVENT(name, text, meaning)
#define EDGE(from, event, to)
static const struct state_row states[] = {
#define STATE(name, text, kind, meaning) [STATE_##name] = {text, meaning, STATE_KIND_##kind},
#include "model/states.def"
#undef STATE
};
#undef EVENT
#undef EDGE

#define STATE(name, text, kind, meaning)
#define EDGE(from, event, to)
static const char *const event_texts[] = {
#define EVENT(name, text, meaning) [EVENT_##name] = text,
#include "model/states.def"
#undef EVENT
};
#undef EDGE

/* 0 is "no edge", so the targets are stored one up. */
#define EVENT(name, text, meaning)
static const unsigned char edges[STATE_COUNT][EVENT_COUNT] = {
#define EDGE(from, event, to) [STATE_##from][EVENT_##event] = STATE_##to + 1,
#include "model/states.def"
#undef EDGE
};
#undef EVENT
#undef STATE

const char *pawli_state_text(enum state state)
{
    PAWL_ASSERT(state < STATE_COUNT);
    return states[state].text;
}

const char *pawli_state_meaning(enum state state)
{
    PAWL_ASSERT(state < STATE_COUNT);
    return states[state].meaning;
}

enum state_kind pawli_state_kind(enum state state)
{
    PAWL_ASSERT(state < STATE_COUNT);
    return states[state].kind;
}

bool pawli_state_parse(struct text text, enum state *state)
{
    for (enum state s = 0; s < STATE_COUNT; s++)
        if (text_is(text, states[s].text)) {
            *state = s;
            return true;
        }
    return false;
}

const char *pawli_event_text(enum task_event event)
{
    PAWL_ASSERT(event < EVENT_COUNT);
    return event_texts[event];
}

enum counted pawli_event_counted(enum task_event event)
{
    static const enum counted counted[] = {
        [EVENT_CLAIM] = COUNTED_CLAIMED,     [EVENT_EXPIRE] = COUNTED_EXPIRED, [EVENT_DELIVER] = COUNTED_DELIVERED,
        [EVENT_SUBMIT] = COUNTED_AWAITING,   [EVENT_RETRY] = COUNTED_RETRIED,  [EVENT_EXHAUST] = COUNTED_DEAD,
        [EVENT_EXHAUST_HOLD] = COUNTED_HELD, [EVENT_REFUSE] = COUNTED_DEAD,    [EVENT_DEFER] = COUNTED_DEFERRED,
        [EVENT_RELEASE] = COUNTED_RELEASED,  [EVENT_RESEND] = COUNTED_RESENT,  [EVENT_GIVE_UP] = COUNTED_DEAD,
        [EVENT_SUSPECT] = COUNTED_UNCERTAIN, [EVENT_POISON] = COUNTED_HELD,    [EVENT_RENEW] = COUNTED_RENEWED,
        [EVENT_CANCEL] = COUNTED_CANCELLED,  [EVENT_STEP] = COUNTED_STEPPED,   [EVENT_STOP] = COUNTED_DEAD};
    static_assert(COUNT_OF(counted) == EVENT_COUNT, "each event is counted as something");
    PAWL_ASSERT(event < EVENT_COUNT);
    return counted[event];
}

const char *pawli_counted_text(enum counted counted)
{
    static const char *const texts[] = {
#define COUNTED(name, text, meaning) [COUNTED_##name] = text,
#include "model/counted.def"
#undef COUNTED
    };
    PAWL_ASSERT(counted < COUNTED_COUNT);
    return texts[counted];
}

bool pawli_state_next(enum state from, enum task_event event, enum state *to)
{
    PAWL_ASSERT(from < STATE_COUNT);
    PAWL_ASSERT(event < EVENT_COUNT);
    if (edges[from][event] == 0)
        return false;
    *to = (enum state)(edges[from][event] - 1);
    return true;
}

enum state pawli_state_of(enum phase phase, enum place place)
{
    static const enum state waiting[PHASE_COUNT] = {
        [PHASE_SEND] = STATE_PENDING, [PHASE_POLL] = STATE_AWAITING, [PHASE_PROBE] = STATE_UNCERTAIN};
    PAWL_ASSERT(phase < PHASE_COUNT);
    PAWL_ASSERT(place != PLACE_ENDED);
    return place == PLACE_CLAIMED && phase == PHASE_SEND ? STATE_CLAIMED : waiting[phase];
}

const char *pawli_phase_text(enum phase phase)
{
    static const char *const texts[PHASE_COUNT] = {"send", "poll", "probe"};
    PAWL_ASSERT(phase < PHASE_COUNT);
    return texts[phase];
}

enum phase pawli_phase_of(enum state state)
{
    return state == STATE_AWAITING ? PHASE_POLL : state == STATE_UNCERTAIN ? PHASE_PROBE : PHASE_SEND;
}
