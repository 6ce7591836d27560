/* SPDX-License-Identifier: MIT */
#include "base/decimal.h"

static __int128 power_of_ten(unsigned exponent)
{
    __int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static bool fits(__int128 units)
{
    __int128 limit = power_of_ten(DECIMAL_DIGITS_MAX);
    return units < limit && units > -limit;
}

bool pawli_decimal_parse(struct text text, struct decimal *value)
{
    size_t i = 0;
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative)
        i++;
    struct decimal result = {0};
    bool in_fraction = false;
    size_t digits = 0, whole_digits = 0;
    for (; i < text.size; i++) {
        char c = text.data[i];
        if (c == '.' && !in_fraction && digits > 0) {
            in_fraction = true;
            whole_digits = digits;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        if (result.units >= power_of_ten(DECIMAL_DIGITS_MAX - 1))
            return false; /* a 39th digit */
        result.units = result.units * 10 + (c - '0');
        result.scale += in_fraction;
        digits++;
        if (result.scale > DECIMAL_SCALE_MAX)
            return false;
    }
    if (digits == 0 || (in_fraction && digits == whole_digits))
        return false;
    if (negative)
        result.units = -result.units;
    *value = result;
    return true;
}

size_t pawli_decimal_format(struct decimal value, char out[DECIMAL_TEXT_MAX])
{
    char reversed[DECIMAL_TEXT_MAX];
    size_t count = 0, size = 0;
    bool negative = value.units < 0;
    unsigned __int128 units = negative ? (unsigned __int128)0 - (unsigned __int128)value.units
                                       : (unsigned __int128)value.units;
    do {
        reversed[count++] = (char)('0' + (int)(units % 10));
        units /= 10;
        if (count == value.scale && value.scale > 0) {
            reversed[count++] = '.';
            if (units == 0)
                reversed[count++] = '0';
        }
    } while (units != 0 || count < (value.scale ? (size_t)value.scale + 2 : 1));
    if (negative)
        out[size++] = '-';
    while (count > 0)
        out[size++] = reversed[--count];
    out[size] = '\0';
    return size;
}

struct decimal pawli_decimal_trim(struct decimal value)
{
    for (; value.scale > 0 && value.units % 10 == 0; value.scale--)
        value.units /= 10;
    return value;
}

bool pawli_decimal_rescale(struct decimal value, uint8_t scale, struct decimal *result)
{
    if (scale > DECIMAL_SCALE_MAX)
        return false;
    __int128 units = value.units;
    if (scale < value.scale) {
        __int128 divisor = power_of_ten(value.scale - scale);
        if (units % divisor != 0)
            return false;
        units /= divisor;
    } else if (scale > value.scale &&
               __builtin_mul_overflow(units, power_of_ten((unsigned)(scale - value.scale)), &units)) {
        return false;
    }
    if (!fits(units))
        return false;
    *result = (struct decimal){units, scale};
    return true;
}

static unsigned __int128 size_of(__int128 units)
{
    return units < 0 ? (unsigned __int128)0 - (unsigned __int128)units : (unsigned __int128)units;
}

/* Adds places to a size. One of 39 digits may still lead to a sum of 38; false from 2 * 10^38 on, where none does. */
static bool raise_scale(unsigned __int128 *size, unsigned places)
{
    for (; places > 0; places--) {
        if (*size >= 2 * (unsigned __int128)power_of_ten(DECIMAL_DIGITS_MAX - 1))
            return false;
        *size *= 10;
    }
    return true;
}

bool pawli_decimal_add(struct decimal a, struct decimal b, struct decimal *sum)
{
    uint8_t scale = a.scale > b.scale ? a.scale : b.scale;
    unsigned __int128 size_a = size_of(a.units), size_b = size_of(b.units);
    if (!raise_scale(&size_a, (unsigned)(scale - a.scale)) || !raise_scale(&size_b, (unsigned)(scale - b.scale)))
        return false;
    bool is_same_sign = (a.units < 0) == (b.units < 0), a_leads = is_same_sign || size_a >= size_b;
    unsigned __int128 size = is_same_sign ? size_a + size_b : a_leads ? size_a - size_b : size_b - size_a;
    if (size >=
        (unsigned __int128)power_of_ten(DECIMAL_DIGITS_MAX)) /* the sizes are below 2 and 1 * 10^38: no overflow */
        return false;
    bool is_negative = a_leads ? a.units < 0 : b.units < 0;
    *sum = (struct decimal){is_negative ? -(__int128)size : (__int128)size, scale};
    return true;
}

bool pawli_decimal_subtract(struct decimal a, struct decimal b, struct decimal *difference)
{
    b.units = -b.units;
    return pawli_decimal_add(a, b, difference);
}

int pawli_decimal_compare(struct decimal a, struct decimal b)
{
    if ((a.units < 0) != (b.units < 0))
        return a.units < 0 ? -1 : 1;
    /* Compare whole parts, then the fractions at one scale: raising the whole number could overflow. */
    __int128 divisor_a = power_of_ten(a.scale), divisor_b = power_of_ten(b.scale);
    __int128 whole_a = a.units / divisor_a, whole_b = b.units / divisor_b;
    if (whole_a != whole_b)
        return whole_a < whole_b ? -1 : 1;
    __int128 rest_a = a.units % divisor_a, rest_b = b.units % divisor_b;
    if (a.scale < b.scale)
        rest_a *= power_of_ten((unsigned)(b.scale - a.scale));
    else
        rest_b *= power_of_ten((unsigned)(a.scale - b.scale));
    return (rest_a > rest_b) - (rest_a < rest_b);
}
