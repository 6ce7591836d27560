/* SPDX-License-Identifier: MIT */
/* The effect that adopts a restored or copied store. */
#include "commit/adopt.h"

static bool gather(struct unit *unit, struct effect *effect, struct view *view)
{
    (void)unit, (void)effect, (void)view;
    return true;
}

static int decide(struct unit *unit, struct effect *effect, struct view *view, pawl_error *err)
{
    struct adopt *adopt = (struct adopt *)effect;
    (void)unit;
    if (!pawli_view_touch(view, &view->store.slot))
        return pawli_no_memory(err);
    if (view->store.row.epoch == UINT16_MAX)
        return pawli_fail(err, PAWL_ELIMIT, "a store can be adopted %d times at most", UINT16_MAX - 1);
    adopt->epoch = ++view->store.row.epoch;
    view->store.row.last_token = 0;
    return PAWL_OK;
}

static void describe(const struct effect *effect, struct json_writer *writer)
{
    pawli_json_put_u64(writer, "epoch", ((const struct adopt *)effect)->epoch);
}

const struct effect_ops pawli_effect_adopt = {.name = "adopt",
                                              .size = sizeof(struct adopt),
                                              .adopts = true,
                                              .gather = gather,
                                              .decide = decide,
                                              .describe = describe};
