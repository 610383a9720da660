/* A level 3 book: every visible order in its queue; the rules are those of `kracked/book/l3.py`. */
#include "core.h"

#include <string.h>

void order_book_init(OrderBook *book, void (*release)(void *)) {
    *book = (OrderBook){0};
    book->sides[BIDS].sign = 1;
    book->sides[ASKS].sign = -1;
    book->release = release;
}

/* --- memory: all of it is got before a message is applied ---------------------------------- */

static bool grow(void *array, size_t *room, size_t wanted, size_t size) {
    void *held;
    if (wanted <= *room) return true;
    size_t more = *room ? *room : 16;
    while (more < wanted) more *= 2;
    memcpy(&held, array, sizeof held); /* `array` points to a pointer of any type */
    void *grown = core_resize(held, more * size);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return true;
}

size_t order_side_count(const OrderSide *side) { return side->end - side->start; }

static bool side_reserve(OrderSide *side, size_t more) {
    size_t count = order_side_count(side), wanted = 2 * (count + more), room = side->room;
    if (!grow(&side->far_keys, &side->far_room, more, sizeof *side->far_keys)) return false;
    if (side->end + more <= side->room) return true;
    if (!grow(&side->keys, &room, wanted, sizeof *side->keys)) return false;
    if (!grow(&side->levels, &side->room, wanted, sizeof *side->levels)) return false;
    memmove(side->keys, side->keys + side->start, count * sizeof *side->keys);
    memmove(side->levels, side->levels + side->start, count * sizeof *side->levels);
    side->start = 0;
    side->end = count;
    return true;
}

static bool levels_prepare(OrderBook *book, size_t count) {
    size_t held = order_side_count(&book->sides[BIDS]) + order_side_count(&book->sides[ASKS]);
    size_t all = held + book->spare_count + count;
    if (!grow(&book->spare, &book->spare_room, all, sizeof *book->spare)) return false;
    while (book->spare_count < count) {
        OrderLevel *level = core_zeroed(1, sizeof *level);
        if (!level) return false;
        book->spare[book->spare_count++] = level;
    }
    return true;
}

static bool orders_prepare(OrderChange *changes, size_t count) {
    for (; count--; changes++) {
        if (changes->action == DELETE) continue;
        size_t length = changes->order_id.length;
        Order *order = length <= UINT32_MAX ? core_resize(NULL, sizeof *order + length) : NULL;
        if (!order) return false;
        memcpy(order->id, changes->order_id.at, length);
        order->name = (Name){name_hash(order->id, length), (uint32_t)length, order->id};
        changes->fresh = order;
    }
    return true;
}

bool order_book_prepare(OrderBook *book, OrderChange *bids, size_t bid_count, OrderChange *asks,
                        size_t ask_count) {
    return side_reserve(&book->sides[BIDS], bid_count + ask_count) &&
           side_reserve(&book->sides[ASKS], bid_count + ask_count) &&
           names_reserve(&book->orders, bid_count + ask_count) &&
           levels_prepare(book, bid_count + ask_count) && orders_prepare(bids, bid_count) &&
           orders_prepare(asks, ask_count);
}

void order_changes_discard(OrderChange *changes, size_t count) {
    for (; count--; changes++) {
        core_free(changes->fresh);
        changes->fresh = NULL;
    }
}

static void order_free(OrderBook *book, Order *order) {
    if (book->release) book->release(order->payload);
    core_free(order);
}

/* --- levels ------------------------------------------------------------------------------ */

/* The place of a key, or where it would be. */
static size_t place_of(const OrderSide *side, int64_t key) {
    return side->start + keys_find(side->keys + side->start, order_side_count(side), key);
}

OrderLevel *order_side_at(const OrderSide *side, int64_t price) {
    size_t at = place_of(side, side->sign * price);
    return at < side->end && side->keys[at] == side->sign * price ? side->levels[at] : NULL;
}

static void move(OrderSide *side, size_t to, size_t from, size_t count) {
    memmove(side->keys + to, side->keys + from, count * sizeof *side->keys);
    memmove(side->levels + to, side->levels + from, count * sizeof *side->levels);
}

/* Insert an empty level at a place; what lies on its shorter side moves. Return its new place. */
static size_t level_insert(OrderBook *book, OrderSide *side, size_t at, int64_t price) {
    OrderLevel *level = book->spare[--book->spare_count];
    level->price = price;
    level->first = level->last = NULL;
    level->count = level->text_length = 0;
    level->side = side == &book->sides[ASKS];
    level->text_current = true;
    if (side->start && at - side->start < side->end - at) {
        move(side, side->start - 1, side->start, at - side->start);
        side->start--;
        at--;
    } else {
        move(side, at + 1, at, side->end - at);
        side->end++;
    }
    side->keys[at] = side->sign * price;
    side->levels[at] = level;
    return at;
}

static void level_erase(OrderBook *book, OrderSide *side, size_t at) {
    book->spare[book->spare_count++] = side->levels[at];
    if (at - side->start < side->end - at) {
        move(side, side->start + 1, side->start, at - side->start);
        side->start++;
    } else {
        move(side, at, at + 1, side->end - at - 1);
        side->end--;
    }
}

/* The first of the levels that the checksum hashes, the worst of them. */
static size_t worst_hashed(const OrderSide *side) {
    size_t count = order_side_count(side);
    return side->end - (count > LEVELS_HASHED ? LEVELS_HASHED : count);
}

enum { ORDER_DIGITS = 2 * NUMBER_DIGITS };

static size_t order_digits(const Order *order, char *to) {
    return (size_t)(digits_write(digits_write(to, order->level->price), order->qty) - to);
}

/* Add an order's digits to the text of its level, unless there is no room left for them. */
static void text_append(OrderLevel *level, const Order *order) {
    if (!level->text_current || level->text_room - level->text_length < ORDER_DIGITS) {
        level->text_current = false;
        return;
    }
    level->text_length += order_digits(order, level->text + level->text_length);
}

static void text_write(OrderLevel *level) {
    size_t wanted = level->count * ORDER_DIGITS + 4 * ORDER_DIGITS;
    if (wanted > level->text_room) {
        char *text = core_resize(level->text, wanted);
        if (!text) return; /* the digits are hashed order by order then */
        level->text = text;
        level->text_room = wanted;
    }
    level->text_length = 0;
    level->text_current = true;
    for (Order *order = level->first; order; order = order->behind) text_append(level, order);
}

static void side_hash(OrderSide *side) {
    size_t worst = worst_hashed(side);
    side->crc = 0;
    side->hashed_length = 0;
    for (size_t at = side->end; at-- > worst;) {
        OrderLevel *level = side->levels[at];
        if (!level->text_current) text_write(level);
        if (level->text_current) {
            side->crc = crc_of(side->crc, level->text, level->text_length);
            side->hashed_length += level->text_length;
            continue;
        }
        for (Order *order = level->first; order; order = order->behind) {
            char digits[ORDER_DIGITS];
            size_t length = order_digits(order, digits);
            side->crc = crc_of(side->crc, digits, length);
            side->hashed_length += length;
        }
    }
    side->touched = false;
}

uint32_t order_book_hash(OrderBook *book) {
    OrderSide *bids = &book->sides[BIDS], *asks = &book->sides[ASKS];
    if (bids->touched) side_hash(bids);
    if (asks->touched) side_hash(asks);
    return crc_joined(asks->crc, bids->crc, bids->hashed_length);
}

/* --- orders ------------------------------------------------------------------------------ */

/* Note a contradiction below the levels that the checksum covers; above, that decides. */
static void contradict(OrderSide *side, Contradiction what, int64_t price) {
    bool unseen = order_side_count(side) >= LEVELS_HASHED &&
                  side->sign * price < side->keys[side->end - LEVELS_HASHED];
    if (unseen && side->limit > LEVELS_HASHED) {
        side->contradiction = what;
        side->contradicted_price = price;
        side->touched = true;
    }
}

static void add(OrderBook *book, OrderSide *side, OrderChange *change) {
    if (change->qty <= 0) contradict(side, NO_QUANTITY, change->price);
    int64_t key = side->sign * change->price;
    size_t at = place_of(side, key);
    if (at == side->end || side->keys[at] != key) {
        if (side->end - at >= side->limit && side->limit > LEVELS_HASHED)
            side->far_keys[side->far_count++] = key;
        at = level_insert(book, side, at, change->price);
    }
    OrderLevel *level = side->levels[at];
    Order *order = change->fresh;
    change->fresh = NULL;
    order->level = level;
    order->qty = change->qty;
    order->payload = change->payload;
    change->payload = NULL;
    order->ahead = level->last;
    order->behind = NULL;
    if (level->last) level->last->behind = order;
    else level->first = order;
    level->last = order;
    level->count++;
    text_append(level, order);
    names_insert(&book->orders, &order->name);
    if (at + LEVELS_HASHED >= side->end) side->touched = true;
}

static void removed(OrderBook *book, Order *order, int named_side) {
    OrderLevel *level = order->level;
    OrderSide *side = &book->sides[level->side];
    if (level->side != named_side) book->disturbed = true; /* an impossible message */
    if (order->ahead) order->ahead->behind = order->behind;
    else level->first = order->behind;
    if (order->behind) order->behind->ahead = order->ahead;
    else level->last = order->ahead;
    level->count--;
    level->text_current = false;
    names_remove(&book->orders, &order->name);
    order_free(book, order);
    size_t at = place_of(side, side->sign * level->price);
    if (at + LEVELS_HASHED >= side->end) side->touched = true;
    if (!level->first) level_erase(book, side, at);
}

static void deleted(OrderBook *book, OrderSide *side, const OrderChange *change, Order *held,
                    int named_side) {
    if (change->price != held->level->price || (change->qty && change->qty != held->qty))
        contradict(side, OTHER_NUMBERS, change->price);
    removed(book, held, named_side);
}

static void modified(OrderBook *book, OrderSide *side, OrderChange *change, Order *held) {
    OrderLevel *level = held->level;
    if (book->release) book->release(held->payload);
    held->payload = change->payload;
    held->qty = change->qty;
    level->text_current = false;
    change->payload = NULL;
    size_t at = place_of(side, side->sign * level->price);
    if (at + LEVELS_HASHED >= side->end) side->touched = true;
    if (change->qty <= 0) contradict(side, NO_QUANTITY, change->price);
}

/* Handle a change of an order that is not held: it never came, or it was cut with its level. */
static void missed(OrderSide *side, const OrderChange *change) {
    int64_t key = side->sign * change->price;
    size_t count = order_side_count(side);
    if (count < side->limit || (count && key >= side->keys[side->start]))
        contradict(side, ORDER_NOT_HELD, change->price);
}

static Order *find(const OrderBook *book, const OrderChange *change) {
    const Text *id = &change->order_id;
    uint32_t hash = change->fresh ? change->fresh->name.hash : name_hash(id->at, id->length);
    return (Order *)names_find(&book->orders, hash, id->at, id->length);
}

static void cut(OrderBook *book, OrderSide *side, size_t depth) {
    size_t count = order_side_count(side), surplus = count > depth ? count - depth : 0;
    size_t first = side->start + surplus; /* of those that stay */
    for (size_t at = 0; at < side->far_count; at++) {
        size_t held = place_of(side, side->far_keys[at]);
        if (held < first && side->keys[held] == side->far_keys[at])
            contradict(side, ORDER_BEYOND_DEPTH, side->sign * side->far_keys[at]);
    }
    side->far_count = 0;
    for (; side->start < first; side->start++) {
        OrderLevel *level = side->levels[side->start];
        for (Order *order = level->first, *behind; order; order = behind) {
            behind = order->behind;
            names_remove(&book->orders, &order->name);
            order_free(book, order);
        }
        book->spare[book->spare_count++] = level;
    }
    if (depth < LEVELS_HASHED) side->touched = true;
}

bool order_side_apply(OrderBook *book, int named, OrderChange *changes, size_t count, size_t depth) {
    OrderSide *side = &book->sides[named];
    for (; count--; changes++) {
        Order *held = find(book, changes);
        bool here = held && held->level->side == named;
        if (!held) {
            if (changes->action == ADD) add(book, side, changes);
            else missed(side, changes);
        } else if (changes->action == DELETE) {
            deleted(book, side, changes, held, named);
        } else if (changes->action == MODIFY && here && held->level->price == changes->price) {
            modified(book, side, changes, held);
        } else { /* an order of a new price loses its place */
            if (changes->action == ADD || !here)
                contradict(&book->sides[held->level->side], HELD_ALREADY, held->level->price);
            removed(book, held, named);
            add(book, side, changes);
        }
    }
    if (order_side_count(side) > depth || side->far_count) cut(book, side, depth);
    return side->touched;
}

void order_book_cut(OrderBook *book, size_t depth) {
    order_side_apply(book, BIDS, NULL, 0, depth);
    order_side_apply(book, ASKS, NULL, 0, depth);
    book->sides[BIDS].touched = book->sides[ASKS].touched = true;
    book->disturbed = false;
}

static void side_fill(OrderBook *book, int named, OrderChange *orders, size_t count) {
    OrderSide *side = &book->sides[named];
    size_t limit = side->limit;
    side->contradiction = NOTHING;
    side->touched = true;
    side->limit = 0; /* the whole book comes at once, in any order */
    for (; count--; orders++) { /* the last row of an id counts */
        Order *held = find(book, orders);
        if (held) removed(book, held, named);
        add(book, side, orders);
    }
    side->limit = limit;
}

static void clear(OrderBook *book) {
    for (int named = BIDS; named <= ASKS; named++) {
        OrderSide *side = &book->sides[named];
        side->far_count = 0;
        cut(book, side, 0);
    }
}

/* Hold exactly these orders; what they need was prepared while the book held the others. */
void order_book_replace(OrderBook *book, OrderChange *bids, size_t bid_count, OrderChange *asks,
                        size_t ask_count, size_t depth) {
    clear(book);
    side_fill(book, BIDS, bids, bid_count);
    order_side_apply(book, BIDS, NULL, 0, depth);
    side_fill(book, ASKS, asks, ask_count);
    order_book_cut(book, depth);
}

void order_book_free(OrderBook *book) {
    clear(book);
    while (book->spare_count) {
        core_free(book->spare[book->spare_count - 1]->text);
        core_free(book->spare[--book->spare_count]);
    }
    core_free(book->spare);
    for (int named = BIDS; named <= ASKS; named++) {
        core_free(book->sides[named].keys);
        core_free(book->sides[named].levels);
        core_free(book->sides[named].far_keys);
    }
    names_free(&book->orders);
}
