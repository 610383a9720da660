/* A harness for the core without Python: messages to books, what must always hold, and what must
 * hold when memory runs out.
 *
 * An input is three bytes (the depth, the decimals of prices, and which allocation fails; 0 for
 * none), then messages, one per line. `python -m tests.native.fuzz` builds it for libFuzzer; with
 * STANDALONE it runs files, each with every allocation failing in turn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define MUST(fact)                                               \
    do {                                                         \
        if (!(fact)) {                                           \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #fact); \
            abort();                                             \
        }                                                        \
    } while (0)

enum { QTY_DECIMALS = 8, MOST_CHANGES = 2 * MOST_ROWS };

static const size_t depths[] = {10, 1, 5, 25, 100, 0};

/* --- memory that runs out ----------------------------------------------------------------- */

static unsigned long allocations, failing;
static long held;

static void *resize(void *at, size_t size) {
    if (++allocations == failing) return NULL;
    void *got = realloc(at, size);
    if (got && !at) held++;
    return got;
}

static void release(void *at) {
    if (at) held--;
    free(at);
}

/* --- what must hold ----------------------------------------------------------------------- */

static void check_levels(const LevelSide *side, size_t depth) {
    size_t count = level_side_count(side), length = 0;
    char digits[sizeof side->digits];
    MUST(side->start <= side->end && side->end <= side->room && count <= depth);
    for (size_t at = side->start; at < side->end; at++) {
        const Level *level = &side->levels[side->slots[at]];
        char text[2 * NUMBER_DIGITS + NUMBER_DIGITS];
        MUST(at == side->start || side->keys[at - 1] < side->keys[at]);
        MUST(level->qty > 0);
        char *end = digits_write(digits_write(text, side->sign * side->keys[at]), level->qty);
        MUST((size_t)(end - text) == level->length && !memcmp(text, level->text, level->length));
        MUST(level_side_qty_at(side, side->sign * side->keys[at]) == level->qty);
    }
    for (size_t rank = 0; rank < count && rank < LEVELS_HASHED; rank++) {
        char *end = digits_write(digits + length, level_side_price(side, rank));
        length = (size_t)(digits_write(end, level_side_qty(side, rank)) - digits);
    }
    MUST(length == side->digits_length && !memcmp(digits, side->digits, length));
    uint8_t *seen = calloc(side->room + 1, 1);
    for (size_t at = 0; at < side->room; at++) {
        MUST(side->slots[at] < side->room && !seen[side->slots[at]]);
        seen[side->slots[at]] = 1;
    }
    free(seen);
}

static uint32_t hash_orders(const OrderSide *side, uint32_t crc) {
    size_t count = order_side_count(side), hashed = count < LEVELS_HASHED ? count : LEVELS_HASHED;
    for (size_t at = side->end; at-- > side->end - hashed;)
        for (Order *order = side->levels[at]->first; order; order = order->behind) {
            char text[3 * NUMBER_DIGITS];
            char *end = digits_write(digits_write(text, side->levels[at]->price), order->qty);
            crc = crc_of(crc, text, (size_t)(end - text));
        }
    return crc;
}

static void check_orders(OrderBook *book, size_t depth) {
    size_t orders = 0;
    for (int named = BIDS; named <= ASKS; named++) {
        const OrderSide *side = &book->sides[named];
        MUST(side->start <= side->end && side->end <= side->room);
        MUST(order_side_count(side) <= depth);
        for (size_t at = side->start; at < side->end; at++) {
            const OrderLevel *level = side->levels[at];
            size_t count = 0;
            const Order *ahead = NULL;
            MUST(at == side->start || side->keys[at - 1] < side->keys[at]);
            MUST(level->side == named && side->sign * level->price == side->keys[at]);
            for (Order *order = level->first; order; ahead = order, order = order->behind, count++) {
                MUST(order->ahead == ahead && order->level == level);
                MUST(names_find(&book->orders, order->name.hash, order->id, order->name.length) ==
                     &order->name);
            }
            MUST(count == level->count && count && level->last == ahead);
            orders += count;
        }
    }
    MUST(orders == book->orders.count);
    uint32_t expected = hash_orders(&book->sides[BIDS], hash_orders(&book->sides[ASKS], 0));
    MUST(order_book_hash(book) == expected);
}

/* --- messages ------------------------------------------------------------------------------ */

typedef struct {
    LevelSide sides[2];
    OrderBook orders;
    Message message;
    size_t depth;
    unsigned decimals;
} Books;

static uint32_t look(const Books *books) {
    uint32_t crc = 0;
    for (int named = BIDS; named <= ASKS; named++) {
        const LevelSide *side = &books->sides[named];
        for (size_t rank = 0; rank < level_side_count(side); rank++) {
            int64_t level[] = {level_side_price(side, rank), level_side_qty(side, rank)};
            crc = crc_of(crc, (const char *)level, sizeof level);
        }
    }
    return hash_orders(&books->orders.sides[BIDS], hash_orders(&books->orders.sides[ASKS], crc));
}

static bool scale(const Books *books, const Row *row, int64_t *price, int64_t *qty) {
    return number_scale(row->price, books->decimals, price) &&
           number_scale(row->qty, QTY_DECIMALS, qty);
}

/* False when nothing was changed. */
static bool apply_levels(Books *books) {
    Message *message = &books->message;
    size_t count = message->bids + message->asks, counts[] = {message->bids, message->asks};
    LevelChange *changes = calloc(count + 1, sizeof *changes);
    bool fine = changes != NULL;
    for (size_t at = 0; fine && at < count; at++)
        fine = scale(books, &message->rows[at], &changes[at].price, &changes[at].qty);
    if (fine && books->decimals == 3) { /* as a snapshot */
        SortedLevels *sorted[2];
        sorted[BIDS] = level_side_prepare(&books->sides[BIDS], changes, counts[BIDS]);
        sorted[ASKS] = level_side_prepare(&books->sides[ASKS], changes + counts[BIDS], counts[ASKS]);
        fine = sorted[BIDS] && sorted[ASKS];
        for (int named = BIDS; fine && named <= ASKS; named++)
            level_side_replace(&books->sides[named], sorted[named], books->depth);
        core_free(sorted[BIDS]);
        core_free(sorted[ASKS]);
    } else if (fine) {
        fine = level_side_reserve(&books->sides[BIDS], counts[BIDS]) &&
               level_side_reserve(&books->sides[ASKS], counts[ASKS]);
        for (int named = BIDS; fine && named <= ASKS; named++)
            level_side_apply(&books->sides[named], changes + (named ? counts[BIDS] : 0),
                             counts[named], books->depth);
    }
    free(changes);
    return fine;
}

static bool apply_orders(Books *books) {
    Message *message = &books->message;
    size_t count = message->bids + message->asks;
    OrderChange *changes = calloc(count + 1, sizeof *changes), *asks = changes + message->bids;
    bool fine = changes != NULL;
    for (size_t at = 0; fine && at < count; at++) {
        changes[at].order_id = message->rows[at].order_id;
        changes[at].action = books->decimals == 3 ? ADD : message->rows[at].action;
        fine = scale(books, &message->rows[at], &changes[at].price, &changes[at].qty);
    }
    OrderBook *book = &books->orders;
    fine = fine && order_book_prepare(book, changes, message->bids, asks, message->asks);
    if (fine && books->decimals == 3) {
        order_book_replace(book, changes, message->bids, asks, message->asks, books->depth);
    } else if (fine) {
        order_side_apply(book, BIDS, changes, message->bids, books->depth);
        order_side_apply(book, ASKS, asks, message->asks, books->depth);
        if (book->disturbed) order_book_cut(book, books->depth);
    }
    order_changes_discard(changes, count);
    free(changes);
    return fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool prepared;
    if (!prepared) crc_prepare();
    prepared = true;
    if (size < 3) return 0;
    core_memory = (Allocator){resize, release};
    allocations = 0;
    failing = data[2];
    Books books = {.depth = depths[data[0] % 6], .decimals = data[1] % 8};
    books.sides[BIDS].sign = 1;
    books.sides[ASKS].sign = -1;
    for (int named = BIDS; named <= ASKS; named++)
        books.sides[named].limit = books.orders.sides[named].limit = books.depth;
    order_book_init(&books.orders, NULL);
    char *text = malloc(size - 2); /* of its own, so that reading beyond its end is seen */
    memcpy(text, data + 3, size - 3);
    text[size - 3] = 0;
    for (char *at = text, *end = text + size - 3; at <= end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        Text line;
        uint64_t received;
        line_read(at, (size_t)(line_end - at), &line, &received);
        uint32_t before = look(&books);
        if (message_read(&books.message, line.at, line.length) == DONE) {
            bool applied = books.message.level3 ? apply_orders(&books) : apply_levels(&books);
            MUST(applied || look(&books) == before);
        }
        check_levels(&books.sides[BIDS], books.depth);
        check_levels(&books.sides[ASKS], books.depth);
        check_orders(&books.orders, books.depth);
        at = line_end + 1;
    }
    message_free(&books.message);
    level_side_free(&books.sides[BIDS]);
    level_side_free(&books.sides[ASKS]);
    order_book_free(&books.orders);
    free(text);
    MUST(held == 0);
    return 0;
}

#ifdef STANDALONE
int main(int count, char **paths) {
    static uint8_t data[1 << 20];
    unsigned long runs = 0;
    for (int at = 1; at < count; at++) {
        FILE *file = fopen(paths[at], "rb");
        MUST(file);
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        for (unsigned fail = 0; fail < 256; fail++, runs++) {
            data[2] = (uint8_t)fail;
            LLVMFuzzerTestOneInput(data, size);
            if (allocations < fail) break; /* none was left to fail */
        }
    }
    printf("%lu runs\n", runs);
    return 0;
}
#endif
