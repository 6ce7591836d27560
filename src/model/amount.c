/* SPDX-License-Identifier: MIT */
#include "model/amount.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* -?digits[.digits]: where its digits begin and end, without idle zeros. */
static bool find_digits(struct text text, size_t *first, size_t *end)
{
    size_t i = text.size > 0 && text.data[0] == '-', whole = i, point;
    while (i < text.size && is_digit(text.data[i]))
        i++;
    point = i;
    if (point == whole)
        return false;
    if (i < text.size && text.data[i] == '.')
        do
            i++;
        while (i < text.size && is_digit(text.data[i]));
    if (i < text.size || i == point + 1)
        return false;
    *end = i;
    if (i > point) {
        while (text.data[*end - 1] == '0')
            --*end;
        *end -= text.data[*end - 1] == '.';
    }
    for (*first = whole; *first + 1 < point && text.data[*first] == '0';)
        ++*first;
    return true;
}

int pawli_amount_read(const char *field, const char *given, struct decimal *value, pawl_error *err)
{
    char plain[DECIMAL_TEXT_MAX];
    struct text text = text_of(given);
    size_t first, end;
    if (!given || !find_digits(text, &first, &end))
        return pawli_hint(
            err, pawli_fail(err, PAWL_EINVAL, given ? "%s \"%.60s\" is no decimal" : "%s is missing", field, given),
            "write it as -12.5: digits, and digits behind a point");
    size_t sign = text.data[0] == '-', size = end - first;
    bool fits = sign + size < sizeof plain;
    if (fits) {
        plain[0] = '-';
        memcpy(plain + sign, text.data + first, size);
        fits = pawli_decimal_parse((struct text){plain, sign + size}, value);
    }
    return fits ? PAWL_OK
                : pawli_hint(err, pawli_fail(err, PAWL_ELIMIT, "%s has over 38 digits", field), "nothing is rounded");
}

const char *pawli_amount_text(struct decimal value, struct amount_text *out)
{
    pawli_decimal_format(pawli_decimal_trim(value), out->text);
    return out->text;
}

void pawli_amount_put(struct json_writer *writer, const char *name, struct decimal value)
{
    struct amount_text text;
    pawli_json_put_string(writer, name, pawli_amount_text(value, &text));
}
