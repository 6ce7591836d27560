/* SPDX-License-Identifier: MIT */
/* Amounts at the edge: decimals out of a caller's text, and into the one form in which they are shown. */
#ifndef PAWLI_AMOUNT_H
#define PAWLI_AMOUNT_H

#include "base/decimal.h"
#include "base/json.h"

struct amount_text {
    char text[DECIMAL_TEXT_MAX];
};

/* EINVAL: it is no decimal; ELIMIT: it has over 38 digits. Idle zeros count as none. */
int pawli_amount_read(const char *field, const char *text, struct decimal *value, pawl_error *err);

const char *pawli_amount_text(struct decimal value, struct amount_text *out); /* without idle zeros */
void pawli_amount_put(struct json_writer *writer, const char *name, struct decimal value);

#endif
