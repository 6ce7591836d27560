/* SPDX-License-Identifier: MIT */
/* The Gregorian calendar, also before it was begun: days counted from 1970-01-01, a Thursday. And what
 * reckoning with times needs besides. */
#ifndef PAWLI_CIVIL_H
#define PAWLI_CIVIL_H

#include "base/base.h"

#define DAY_S           INT64_C(86400)
#define CIVIL_CYCLE_S   (146097 * DAY_S) /* 400 years, after which dates and days of the week come again */
#define CIVIL_CYCLE     400
#define CIVIL_MONTH_MAX 12

struct civil {
    int64_t year;
    int month, day; /* from 1 */
};

/* Towards the past, where / goes towards 1970. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int civil_days_of_month(int64_t year, int month)
{
    return month == 2 ? 28 + civil_is_leap(year) : 30 + ((month + (month > 7)) & 1);
}

/* Years begin in March here, so that the day that leap years have more is their last. */
static inline int64_t civil_day(struct civil date)
{
    int64_t year = date.year - (date.month <= 2), era = floor_div(year, CIVIL_CYCLE), of_era = year - era * CIVIL_CYCLE;
    int64_t of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline struct civil civil_of_day(int64_t day)
{
    int64_t era = floor_div(day + 719468, 146097), of_era = day + 719468 - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * of_year + 2) / 153);
    struct civil date = {.month = month < 10 ? month + 3 : month - 9,
                         .day = (int)(of_year - (153 * month + 2) / 5 + 1)};
    date.year = year + era * CIVIL_CYCLE + (date.month <= 2);
    return date;
}

static inline int civil_weekday(int64_t day) /* 0: Sunday */
{
    return (int)(day + 4 - 7 * floor_div(day + 4, 7));
}

#endif
