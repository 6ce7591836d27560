/* SPDX-License-Identifier: MIT */
#include "model/words.h"

#include "model/task_kind.h"

static const char *state_text(unsigned value)
{
    return pawli_state_text((enum state)value);
}

static bool state_parse(struct text word, unsigned *value)
{
    enum state state = STATE_PENDING;
    bool good = word.data && pawli_state_parse(word, &state);
    *value = state;
    return good && pawli_state_kind(state) != STATE_KIND_OPEN;
}

/* Of a message that was purged; its task is not there any more. */
static const char *last_state_text(unsigned value)
{
    return value == STATE_PENDING ? NULL : state_text(value);
}

static bool last_state_parse(struct text word, unsigned *value)
{
    *value = STATE_PENDING;
    return !word.data || state_parse(word, value);
}

static const char *hold_kind_text(unsigned value)
{
    return pawli_hold_kind_text((enum hold_kind)value);
}

static bool hold_kind_parse(struct text word, unsigned *value)
{
    enum hold_kind kind = HOLD_STORE;
    bool good = pawli_hold_kind_parse(word, &kind);
    *value = kind;
    return good;
}

static const char *task_kind_text(unsigned value)
{
    return pawli_task_kinds[value].name;
}

static bool task_kind_parse(struct text word, unsigned *value)
{
    for (*value = 0; *value < TASK_KIND_COUNT; ++*value)
        if (text_is(word, pawli_task_kinds[*value].name))
            return true;
    return false;
}

static const char *error_class_text(unsigned value)
{
    return pawli_error_class_text((enum error_class)value);
}

static bool error_class_parse(struct text word, unsigned *value)
{
    enum error_class class = ERROR_NONE;
    bool good = word.data && pawli_error_class_parse(word, &class);
    *value = class;
    return good;
}

static const char *resource_state_text(unsigned value)
{
    return pawli_resource_state_text((enum resource_state)value);
}

static bool resource_state_parse(struct text word, unsigned *value)
{
    enum resource_state state = RESOURCE_AVAILABLE;
    bool good = word.data && pawli_resource_state_parse(word, &state);
    *value = state;
    return good;
}

static const char *durability_text(unsigned value)
{
    return pawli_durability_text((enum durability)value);
}

static bool durability_parse(struct text word, unsigned *value)
{
    enum durability durability = DURABILITY_UNKNOWN;
    bool good = !word.data || pawli_durability_parse(word, &durability);
    *value = durability;
    return good;
}

static const char *keep_text(unsigned value)
{
    return pawli_keep_text((enum keep)value);
}

static bool keep_parse(struct text word, unsigned *value)
{
    enum keep keep = KEEP_FULL;
    bool good = word.data && pawli_keep_parse(word, &keep);
    *value = keep;
    return good;
}

static const char *needs_text(unsigned value)
{
    return pawli_needs_text((enum needs)value);
}

static bool needs_parse(struct text word, unsigned *value)
{
    enum needs needs = NEEDS_NOTHING;
    bool good = !word.data || pawli_needs_parse(word, &needs);
    *value = needs;
    return good;
}

const struct words pawli_words_of_states = {state_text, state_parse};
const struct words pawli_words_of_last_states = {last_state_text, last_state_parse};
const struct words pawli_words_of_hold_kinds = {hold_kind_text, hold_kind_parse};
const struct words pawli_words_of_task_kinds = {task_kind_text, task_kind_parse};
const struct words pawli_words_of_error_classes = {error_class_text, error_class_parse};
const struct words pawli_words_of_durabilities = {durability_text, durability_parse};
const struct words pawli_words_of_keeps = {keep_text, keep_parse};
const struct words pawli_words_of_needs = {needs_text, needs_parse};
const struct words pawli_words_of_resource_states = {resource_state_text, resource_state_parse};
