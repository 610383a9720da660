/* Cells of a recording's rows; the rules are those of `kracked/format/cells.py`. */
#include "core.h"

#include <string.h>

enum { SECONDS_A_DAY = 86400, DAYS_AN_ERA = 146097, DAYS_TO_EPOCH = 719468 };

/* Write a scaled number with its decimals. */
char *decimal_write(char *to, int64_t number, unsigned decimals) {
    char digits[NUMBER_DIGITS];
    uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
    size_t length = (size_t)(digits_write(digits, (int64_t)size) - digits);
    if (number < 0) *to++ = '-';
    if (length <= decimals) {
        *to++ = '0';
        if (decimals) *to++ = '.';
        memset(to, '0', decimals - length);
        to += decimals - length;
        memcpy(to, digits, length);
        return to + length;
    }
    size_t whole = length - decimals;
    memcpy(to, digits, whole);
    to += whole;
    if (decimals) *to++ = '.';
    memcpy(to, digits + whole, decimals);
    return to + decimals;
}

static char *padded_write(char *to, uint64_t number, int length) {
    for (char *at = to + length; at-- > to; number /= 10) *at = (char)('0' + number % 10);
    return to + length;
}

/* Write the date of a day since the Unix epoch, of the proleptic Gregorian calendar.
 * Its years are counted from March, so that the leap day is a year's last. */
static char *date_write(char *to, uint64_t day) {
    uint64_t days = day + DAYS_TO_EPOCH, era = days / DAYS_AN_ERA, of_era = days % DAYS_AN_ERA;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;
    uint64_t of_month = of_year - (153 * month + 2) / 5 + 1;
    to = padded_write(to, era * 400 + year + (month >= 10), 4);
    *to++ = '-';
    to = padded_write(to, month < 10 ? month + 3 : month - 9, 2);
    *to++ = '-';
    return padded_write(to, of_month, 2);
}

/* Write a time in nanoseconds since the Unix epoch, which must not be before it. */
char *time_write(char *to, int64_t time) {
    uint64_t seconds = (uint64_t)time / 1000000000u, of_day = seconds % SECONDS_A_DAY;
    to = date_write(to, seconds / SECONDS_A_DAY);
    *to++ = 'T';
    to = padded_write(to, of_day / 3600, 2);
    *to++ = ':';
    to = padded_write(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = padded_write(to, of_day % 60, 2);
    *to++ = '.';
    to = padded_write(to, (uint64_t)time % 1000000000u, 9);
    *to++ = 'Z';
    return to;
}
