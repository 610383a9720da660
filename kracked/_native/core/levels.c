/* One side of a level 2 book; the rules are those of `kracked/book/side.py`. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

char *digits_write(char *to, int64_t number) {
    static const char pairs[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243"
        "4445464748495051525354555657585960616263646566676869707172737475767778798081828384858687"
        "888990919293949596979899";
    char reversed[2 * NUMBER_DIGITS] = {0};
    char *first = reversed + NUMBER_DIGITS;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    while (rest >= 100) {
        first -= 2;
        memcpy(first, pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest >= 10) {
        first -= 2;
        memcpy(first, pairs + 2 * rest, 2);
    } else {
        *--first = (char)('0' + rest);
    }
    if (number < 0) *--first = '-';
    memcpy(to, first, NUMBER_DIGITS); /* a fixed length is two moves; the rest is overwritten */
    return to + (reversed + NUMBER_DIGITS - first);
}

/* Search near the best level first: most changes are there. */
size_t keys_find(const int64_t *keys, size_t count, int64_t key) {
    size_t low = 0, high = count, step = 8;
    while (step < count && keys[count - step] >= key) {
        high = count - step;
        step *= 4;
    }
    if (step < count) low = count - step;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (keys[middle] < key) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* --- places ------------------------------------------------------------------------------ */

size_t level_side_count(const LevelSide *side) { return side->end - side->start; }

static const Level *level_at(const LevelSide *side, size_t at) {
    return &side->levels[side->slots[at]];
}

int64_t level_side_price(const LevelSide *side, size_t rank) {
    return side->sign * side->keys[side->end - 1 - rank];
}

int64_t level_side_qty(const LevelSide *side, size_t rank) {
    return level_at(side, side->end - 1 - rank)->qty;
}

/* The place of a key, or where it would be. */
static size_t place_of(const LevelSide *side, int64_t key) {
    return side->start + keys_find(side->keys + side->start, level_side_count(side), key);
}

int64_t level_side_qty_at(const LevelSide *side, int64_t price) {
    size_t at = place_of(side, side->sign * price);
    bool held = at < side->end && side->keys[at] == side->sign * price;
    return held ? level_at(side, at)->qty : 0;
}

static void reverse(uint32_t *slots, size_t from, size_t to) {
    for (; from + 1 < to; from++, to--) {
        uint32_t slot = slots[from];
        slots[from] = slots[to - 1];
        slots[to - 1] = slot;
    }
}

/* Move the levels to the beginning of the arrays; the free places change sides with them. */
static void close_up(LevelSide *side) {
    size_t count = level_side_count(side);
    memmove(side->keys, side->keys + side->start, count * sizeof *side->keys);
    reverse(side->slots, 0, side->start);
    reverse(side->slots, side->start, side->end);
    reverse(side->slots, 0, side->end);
    side->start = 0;
    side->end = count;
}

static bool grow(LevelSide *side, size_t room) {
    if (room > UINT32_MAX) return false;
    int64_t *keys = core_resize(side->keys, room * sizeof *keys);
    if (keys) side->keys = keys;
    uint32_t *slots = keys ? core_resize(side->slots, room * sizeof *slots) : NULL;
    if (slots) side->slots = slots;
    Level *levels = slots ? core_resize(side->levels, room * sizeof *levels) : NULL;
    if (!levels) return false;
    side->levels = levels;
    for (; side->room < room; side->room++) side->slots[side->room] = (uint32_t)side->room;
    return true;
}

bool level_side_reserve(LevelSide *side, size_t more) {
    if (more > side->far_room) {
        int64_t *far = core_resize(side->far, more * sizeof *far);
        if (!far) return false;
        side->far = far;
        side->far_room = more;
    }
    if (side->end + more <= side->room) return true;
    size_t wanted = 2 * (level_side_count(side) + more), room = side->room ? side->room : 64;
    while (room < wanted) room *= 2;
    if (room > side->room && !grow(side, room)) return false;
    close_up(side);
    return true;
}

/* --- changes ----------------------------------------------------------------------------- */

static void contradict(LevelSide *side, Contradiction what, int64_t price) {
    side->contradiction = what;
    side->contradicted_price = price;
}

/* Whether a removed level should be held here, where the checksum does not cover it. */
static bool missed(const LevelSide *side, size_t at) {
    size_t count = level_side_count(side), limit = side->limit;
    return side->end - at >= LEVELS_HASHED && LEVELS_HASHED < limit &&
           (at > side->start || count < limit);
}

static void write_level(LevelSide *side, size_t at, int64_t price, int64_t qty) {
    Level *level = &side->levels[side->slots[at]];
    char *after_price = digits_write(level->text, price);
    level->qty = qty;
    level->price_length = (unsigned)(after_price - level->text);
    level->length = (unsigned)(digits_write(after_price, qty) - level->text);
}

static void rewrite_qty(LevelSide *side, size_t at, int64_t qty) {
    Level *level = &side->levels[side->slots[at]];
    level->qty = qty;
    level->length = (unsigned)(digits_write(level->text + level->price_length, qty) - level->text);
}

/* Move what lies on the shorter side of the new level. */
static void insert(LevelSide *side, size_t at, int64_t key, int64_t qty) {
    size_t before = at - side->start, after = side->end - at;
    uint32_t slot;
    if (side->start && before < after) {
        slot = side->slots[--side->start];
        memmove(side->keys + side->start, side->keys + side->start + 1, before * sizeof *side->keys);
        memmove(side->slots + side->start, side->slots + side->start + 1,
                before * sizeof *side->slots);
        at--;
    } else {
        slot = side->slots[side->end++];
        memmove(side->keys + at + 1, side->keys + at, after * sizeof *side->keys);
        memmove(side->slots + at + 1, side->slots + at, after * sizeof *side->slots);
    }
    side->keys[at] = key;
    side->slots[at] = slot;
    write_level(side, at, side->sign * key, qty);
}

static void erase(LevelSide *side, size_t at) {
    uint32_t slot = side->slots[at];
    size_t before = at - side->start, after = side->end - at - 1;
    if (before < after) {
        memmove(side->keys + side->start + 1, side->keys + side->start, before * sizeof *side->keys);
        memmove(side->slots + side->start + 1, side->slots + side->start,
                before * sizeof *side->slots);
        side->slots[side->start++] = slot;
    } else {
        memmove(side->keys + at, side->keys + at + 1, after * sizeof *side->keys);
        memmove(side->slots + at, side->slots + at + 1, after * sizeof *side->slots);
        side->slots[--side->end] = slot;
    }
}

static void join_digits(LevelSide *side) {
    char *end = side->digits;
    size_t count = level_side_count(side);
    size_t worst = side->end - (count > LEVELS_HASHED ? LEVELS_HASHED : count);
    for (size_t at = side->end; at-- > worst;) {
        const Level *level = level_at(side, at);
        memcpy(end, level->text, sizeof level->text); /* a fixed length is fast */
        end += level->length;
    }
    side->digits_length = (size_t)(end - side->digits);
}

static bool drop_surplus(LevelSide *side, size_t depth) {
    size_t count = level_side_count(side), surplus = count > depth ? count - depth : 0;
    bool beyond = false;
    for (size_t at = 0; at < side->far_count && !beyond; at++) {
        size_t held = place_of(side, side->far[at]);
        beyond = held < side->start + surplus && side->keys[held] == side->far[at];
        if (beyond) contradict(side, BEYOND_DEPTH, side->sign * side->far[at]);
    }
    side->start += surplus;
    side->surplus = surplus;
    return beyond || depth < LEVELS_HASHED;
}

bool level_side_apply(LevelSide *side, const LevelChange *changes, size_t count, size_t depth) {
    bool touched = false;
    side->far_count = side->surplus = 0;
    for (; count--; changes++) {
        int64_t qty = changes->qty, key = side->sign * changes->price;
        size_t at = place_of(side, key);
        if (at + LEVELS_HASHED >= side->end) touched = true;
        if (at < side->end && side->keys[at] == key) {
            if (qty > 0) {
                rewrite_qty(side, at, qty);
                continue;
            }
            erase(side, at);
            if (qty) {
                contradict(side, NEGATIVE, changes->price);
                touched = true;
            }
        } else if (qty > 0) {
            if (side->end - at >= side->limit && side->limit > LEVELS_HASHED)
                side->far[side->far_count++] = key; /* unless a better one is still removed */
            insert(side, at, key, qty);
        } else if (qty || missed(side, at)) {
            contradict(side, qty ? NEGATIVE : NOT_HELD, changes->price);
            touched = true;
        }
    }
    touched = (level_side_count(side) > depth && drop_surplus(side, depth)) || touched;
    if (touched) join_digits(side);
    return touched;
}

void level_side_cut(LevelSide *side, size_t depth) {
    side->far_count = 0;
    drop_surplus(side, depth);
    join_digits(side);
}

/* --- whole sides ------------------------------------------------------------------------- */

typedef struct {
    int64_t key, qty;
    size_t order;
} Sortable;

static int by_key(const void *one, const void *other) {
    const Sortable *left = one, *right = other;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

struct SortedLevels {
    size_t count;
    Sortable rows[];
};

SortedLevels *level_side_prepare(LevelSide *side, const LevelChange *levels, size_t count) {
    SortedLevels *sorted = core_resize(NULL, sizeof *sorted + count * sizeof *sorted->rows);
    if (!sorted || !level_side_reserve(side, count)) {
        core_free(sorted);
        return NULL;
    }
    sorted->count = count;
    for (size_t at = 0; at < count; at++)
        sorted->rows[at] = (Sortable){side->sign * levels[at].price, levels[at].qty, at};
    qsort(sorted->rows, count, sizeof *sorted->rows, by_key);
    return sorted;
}

/* Hold the best `depth` of these levels; the last quantity of a price counts. */
void level_side_replace(LevelSide *side, const SortedLevels *levels, size_t depth) {
    const Sortable *sorted = levels->rows;
    size_t count = levels->count, earliest = count, first = 0; /* of a price: its first row */
    side->contradiction = NOTHING;
    side->end = side->start = 0;
    for (size_t at = 0; at < count; at++) {
        if (sorted[at].key != sorted[first].key) first = at;
        if (at + 1 < count && sorted[at + 1].key == sorted[at].key) continue; /* not the last */
        if (sorted[at].qty > 0) {
            insert(side, side->end, sorted[at].key, sorted[at].qty);
        } else if (sorted[at].qty < 0 && sorted[first].order < earliest) {
            earliest = sorted[first].order;
            contradict(side, NEGATIVE, side->sign * sorted[at].key);
        }
    }
    level_side_cut(side, depth);
}

/* Hold the levels of another side of the same sign. */
bool level_side_copy(LevelSide *to, const LevelSide *from) {
    size_t count = level_side_count(from);
    if (!level_side_reserve(to, count)) return false;
    to->start = to->end = 0;
    for (size_t at = from->start; at < from->end; at++) {
        to->keys[to->end] = from->keys[at];
        to->levels[to->slots[to->end++]] = *level_at(from, at);
    }
    join_digits(to);
    return true;
}

void level_side_free(LevelSide *side) {
    core_free(side->keys);
    core_free(side->slots);
    core_free(side->levels);
    core_free(side->far);
}
