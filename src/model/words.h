/* SPDX-License-Identifier: MIT */
/* Enums that are kept as their words. */
#ifndef PAWLI_WORDS_H
#define PAWLI_WORDS_H

#include "model/columns.h"

extern const struct words pawli_words_of_states, pawli_words_of_hold_kinds, pawli_words_of_task_kinds,
    pawli_words_of_error_classes, pawli_words_of_durabilities, pawli_words_of_keeps, pawli_words_of_needs,
    pawli_words_of_resource_states;
/* Of a message that was purged; its task is not there any more. */
extern const struct words pawli_words_of_last_states;

#endif
