/* SPDX-License-Identifier: MIT */
/* Exact decimals: a 128-bit whole number and a scale, at most 38 digits. Never a float. Text at every edge. */
#ifndef PAWLI_DECIMAL_H
#define PAWLI_DECIMAL_H

#include "base/base.h"

#define DECIMAL_DIGITS_MAX 38
#define DECIMAL_SCALE_MAX  38
#define DECIMAL_TEXT_MAX   (DECIMAL_DIGITS_MAX + 4) /* sign, "0.", NUL */

struct decimal {
    __int128 units; /* value = units / 10^scale */
    uint8_t scale;
};

/* "-12.50": digits, at most one point with a digit on both sides, no exponent, no plus, no blanks. */
bool pawli_decimal_parse(struct text text, struct decimal *value);
size_t pawli_decimal_format(struct decimal value, char out[DECIMAL_TEXT_MAX]); /* as many places as the scale says */

struct decimal pawli_decimal_trim(struct decimal value); /* the same without zeros behind the last digit */

/* The same value at another scale; false when digits would be lost or the number is too large. */
bool pawli_decimal_rescale(struct decimal value, uint8_t scale, struct decimal *result);

/* Both at the greater scale of the two; false when the result has over 38 digits. */
bool pawli_decimal_add(struct decimal a, struct decimal b, struct decimal *sum);
bool pawli_decimal_subtract(struct decimal a, struct decimal b, struct decimal *difference);
int pawli_decimal_compare(struct decimal a, struct decimal b); /* by value: 1.0 equals 1.00 */

#endif
