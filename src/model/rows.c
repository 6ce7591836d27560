/* SPDX-License-Identifier: MIT */
#include "model/rows.h"

#include <strings.h>

static const char *const error_classes[ERROR_CLASS_COUNT] = {
    [ERROR_NONE] = "none",           [ERROR_TRANSIENT] = "transient", [ERROR_PERMANENT] = "permanent",
    [ERROR_UNKNOWN] = "unknown",     [ERROR_EXPIRED] = "expired",     [ERROR_STOPPED] = "stopped",
    [ERROR_CANCELLED] = "cancelled",
};

const char *pawli_error_class_text(enum error_class class)
{
    PAWL_ASSERT(class < ERROR_CLASS_COUNT);
    return error_classes[class];
}

bool pawli_error_class_parse(struct text text, enum error_class *class)
{
    for (enum error_class c = 0; c < ERROR_CLASS_COUNT; c++)
        if (text_is(text, error_classes[c])) {
            *class = c;
            return true;
        }
    return false;
}

static const char *const durabilities[DURABILITY_COUNT] = {
    [DURABILITY_RECEIVED] = "received", [DURABILITY_STORED] = "stored", [DURABILITY_REPLICATED] = "replicated"};

const char *pawli_durability_text(enum durability durability)
{
    PAWL_ASSERT(durability < DURABILITY_COUNT);
    return durabilities[durability];
}

bool pawli_durability_parse(struct text text, enum durability *durability)
{
    for (enum durability d = DURABILITY_UNKNOWN + 1; d < DURABILITY_COUNT; d++)
        if (text_is(text, durabilities[d])) {
            *durability = d;
            return true;
        }
    return false;
}

static const char *const resource_states[RESOURCE_STATE_COUNT] = {[RESOURCE_AVAILABLE] = "available",
                                                                  [RESOURCE_HELD] = "held",
                                                                  [RESOURCE_CONSUMED] = "consumed",
                                                                  [RESOURCE_WITHDRAWN] = "withdrawn"};

const char *pawli_resource_state_text(enum resource_state state)
{
    PAWL_ASSERT(state < RESOURCE_STATE_COUNT);
    return resource_states[state];
}

bool pawli_resource_state_parse(struct text text, enum resource_state *state)
{
    for (enum resource_state s = 0; s < RESOURCE_STATE_COUNT; s++)
        if (text_is(text, resource_states[s])) {
            *state = s;
            return true;
        }
    return false;
}

const char *pawli_keep_text(enum keep keep)
{
    static const char *const texts[KEEP_COUNT] = {
        [KEEP_FULL] = "full", [KEEP_REFERENCE] = "reference", [KEEP_NONE] = "none"};
    PAWL_ASSERT(keep < KEEP_COUNT);
    return texts[keep];
}

static bool is_word(struct text text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

bool pawli_keep_parse(struct text text, enum keep *keep)
{
    for (enum keep k = 0; k < KEEP_COUNT; k++)
        if (is_word(text, pawli_keep_text(k))) {
            *keep = k;
            return true;
        }
    return false;
}

const char *pawli_needs_text(enum needs needs)
{
    PAWL_ASSERT(needs < NEEDS_COUNT);
    return needs == NEEDS_FILL ? "fill" : NULL;
}

bool pawli_needs_parse(struct text text, enum needs *needs)
{
    *needs = NEEDS_FILL;
    return text_is(text, "fill");
}

const char *pawli_hold_kind_text(enum hold_kind kind)
{
    static const char *const texts[HOLD_KIND_COUNT] = {
        [HOLD_STORE] = "store", [HOLD_LANE] = "lane", [HOLD_TARGET] = "target", [HOLD_QUEUE] = "queue"};
    PAWL_ASSERT(kind < HOLD_KIND_COUNT);
    return texts[kind];
}

bool pawli_hold_kind_parse(struct text text, enum hold_kind *kind)
{
    for (enum hold_kind k = 0; k < HOLD_KIND_COUNT; k++)
        if (text_is(text, pawli_hold_kind_text(k))) {
            *kind = k;
            return true;
        }
    return false;
}

void pawli_hold_unreadable(struct hold_row *hold)
{
    hold->code = hold->code.data ? hold->code : TEXT("damaged");
    hold->reason = TEXT("the hold cannot be read");
    hold->since = (struct wall_time){0};
    hold->until = WALL_NEVER;
    hold->before_ms = 0;
}
