/* Books, numbers and checksums of Kraken's `book` and `level3` channels, without Python.
 *
 * The rules are those of `kracked/protocol/codec.py` and `kracked/book/`, which stay the reference.
 * Text is ASCII between two pointers; what is scanned must be followed by a zero byte, at the latest
 * where the buffer ends.
 *
 * Source: docs.kraken.com/api/docs/guides/spot-ws-book-v2, .../spot-ws-l3-v2
 */
#ifndef KRACKED_CORE_H
#define KRACKED_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEVELS_HASHED = 10, MOST_DECIMALS = 18, MOST_ROWS = 5000 };

/* Largest scaled number: sums and keys of both signs stay inside 64 bits. */
#define LARGEST ((int64_t)1 << 62)

typedef enum { DONE, NOT_UNDERSTOOD, NO_MEMORY } Outcome;

typedef struct {
    const char *at;
    size_t length;
} Text;

/* --- memory.c ---------------------------------------------------------------------------- */

/* Functions that behave as realloc and free do. */
typedef struct {
    void *(*resize)(void *held, size_t size);
    void (*release)(void *held);
} Allocator;

extern Allocator core_memory; /* to be changed before anything is allocated */

void *core_resize(void *held, size_t size);
void *core_zeroed(size_t count, size_t size);
void core_free(void *held);

/* --- crc.c ------------------------------------------------------------------------------- */

void crc_prepare(void);
uint32_t crc_of(uint32_t crc, const char *at, size_t length);
uint32_t crc_joined(uint32_t first, uint32_t second, size_t length);

/* --- scan.c: a message to rows ----------------------------------------------------------- */

typedef struct {
    uint64_t digits;
    unsigned decimals;
} Number;

typedef enum { ADD, MODIFY, DELETE } Action;

/* One level of `book`, or one order of `level3`. */
typedef struct {
    Number price, qty;
    Text order_id, timestamp;
    Action action;
    unsigned members;
} Row;

typedef struct {
    bool level3;
    Text symbol, timestamp; /* the timestamp is empty when there is none */
    uint32_t checksum;
    Row *rows; /* bids, then asks */
    size_t bids, asks, room;
} Message;

/* Read an update. NOT_UNDERSTOOD is no verdict: the Python codec reads the message then. */
Outcome message_read(Message *message, const char *data, size_t length);
void message_free(Message *message);
void line_read(const char *data, size_t length, Text *message, uint64_t *received);

/* Scale a number to `decimals`; false when it has more of them or is too large. */
bool number_scale(Number number, unsigned decimals, int64_t *scaled);

/* --- names.c: a table of things by their text -------------------------------------------- */

typedef struct {
    uint32_t hash;
    uint32_t length;
    const char *text;
} Name;

typedef struct {
    Name **slots; /* open addressing, linear probing */
    size_t room, count;
} Names;

uint32_t name_hash(const char *text, size_t length);
Name *names_find(const Names *names, uint32_t hash, const char *text, size_t length);
bool names_reserve(Names *names, size_t more);
void names_insert(Names *names, Name *name); /* room must be reserved */
void names_remove(Names *names, Name *name);
void names_free(Names *names);

/* --- what both books share --------------------------------------------------------------- */

typedef enum {
    NOTHING,
    NEGATIVE,
    NOT_HELD,
    BEYOND_DEPTH,
    HELD_ALREADY,
    NO_QUANTITY,
    OTHER_NUMBERS,
    ORDER_NOT_HELD,
    ORDER_BEYOND_DEPTH,
} Contradiction;

enum { BIDS, ASKS };

enum { NUMBER_DIGITS = 20 };

/* Write a number and return its end; there must be room for NUMBER_DIGITS. */
char *digits_write(char *to, int64_t number);

/* --- cells.c: cells of a recording's rows ------------------------------------------------- */

enum { TIME_LENGTH = 30, DECIMAL_LENGTH = NUMBER_DIGITS + MOST_DECIMALS + 3 };

/* Each returns the end of what it has written. */
char *decimal_write(char *to, int64_t number, unsigned decimals);
char *time_write(char *to, int64_t time);

/* --- levels.c: level 2 ------------------------------------------------------------------- */

typedef struct {
    int64_t price, qty;
} LevelChange;

typedef struct SortedLevels SortedLevels; /* free them with `core_free` */

/* A level without its key. The text is price and quantity as the checksum hashes them. */
typedef struct {
    int64_t qty;
    unsigned price_length, length;
    char text[2 * NUMBER_DIGITS];
} Level;

/* Keys ascend towards the best level, which is last: a bid's price, an ask's price negated.
 *
 * The levels held are those from `start` to `end`. Every place of `slots` names another level of
 * `levels`; the places outside name the free ones. */
typedef struct {
    int64_t *keys;
    uint32_t *slots;
    Level *levels;
    size_t start, end, room;
    size_t limit; /* levels that the exchange shows; 0 while that is not known */
    int64_t *far; /* keys of this message that were new beyond the limit */
    size_t far_count, far_room;
    size_t surplus; /* levels that this message cut: their keys still stand before `start` */
    int sign;
    Contradiction contradiction;
    int64_t contradicted_price;
    char digits[(2 * LEVELS_HASHED + 1) * NUMBER_DIGITS]; /* what the checksum hashes */
    size_t digits_length;
} LevelSide;

size_t level_side_count(const LevelSide *side);
int64_t level_side_price(const LevelSide *side, size_t rank); /* rank 0 is the best */
int64_t level_side_qty(const LevelSide *side, size_t rank);
/* The quantity at a price; 0 where there is no level. */
int64_t level_side_qty_at(const LevelSide *side, int64_t price);
bool level_side_copy(LevelSide *to, const LevelSide *from);
bool level_side_reserve(LevelSide *side, size_t more);
/* Room for as many changes must be reserved. True when a hashed level changed. */
bool level_side_apply(LevelSide *side, const LevelChange *changes, size_t count, size_t depth);
/* Get all memory that holding exactly these levels can need; NULL without it, and nothing changed. */
SortedLevels *level_side_prepare(LevelSide *side, const LevelChange *levels, size_t count);
/* Hold exactly these, as they were prepared. */
void level_side_replace(LevelSide *side, const SortedLevels *levels, size_t depth);
void level_side_cut(LevelSide *side, size_t depth);
/* The position of a key, or where it would be. */
size_t keys_find(const int64_t *keys, size_t count, int64_t key);
void level_side_free(LevelSide *side);

/* --- orders.c: level 3 ------------------------------------------------------------------- */

typedef struct Order Order;
typedef struct OrderLevel OrderLevel;

struct Order {
    Name name;
    Order *ahead, *behind;
    OrderLevel *level;
    int64_t qty;
    void *payload; /* the owner's; handed to `release` when the book lets it go */
    char id[];
};

struct OrderLevel {
    int64_t price;
    Order *first, *last;
    size_t count;
    int side;
    char *text; /* digits of all orders; NULL when they must be written anew */
    size_t text_length, text_room;
    bool text_current;
};

typedef struct {
    Text order_id;
    int64_t price, qty;
    Action action;
    void *payload; /* NULL when the book has taken it */
    Order *fresh;  /* prepared by `order_book_prepare`; NULL when the book has taken it */
} OrderChange;

typedef struct {
    int64_t *keys; /* as in a LevelSide, the levels held are those from `start` to `end` */
    OrderLevel **levels;
    size_t start, end, room;
    size_t limit;
    int64_t *far_keys;
    size_t far_count, far_room;
    int sign;
    bool touched;
    uint32_t crc; /* of the orders that the checksum hashes */
    size_t hashed_length;
    Contradiction contradiction;
    int64_t contradicted_price;
} OrderSide;

typedef struct {
    OrderSide sides[2];
    Names orders;
    OrderLevel **spare;
    size_t spare_count, spare_room;
    bool disturbed; /* a change of one side took an order from the other */
    void (*release)(void *payload);
} OrderBook;

size_t order_side_count(const OrderSide *side);
/* The level at a price; NULL where there is none. */
OrderLevel *order_side_at(const OrderSide *side, int64_t price);
void order_book_init(OrderBook *book, void (*release)(void *));
/* Get all memory that the changes can need. After it, applying cannot fail. */
bool order_book_prepare(OrderBook *book, OrderChange *bids, size_t bid_count, OrderChange *asks,
                        size_t ask_count);
/* Free what was prepared and not used. */
void order_changes_discard(OrderChange *changes, size_t count);
/* True when a hashed level changed. The book takes the payloads of the orders that it holds. */
bool order_side_apply(OrderBook *book, int side, OrderChange *changes, size_t count, size_t depth);
/* Hold exactly these orders, all of action ADD. */
void order_book_replace(OrderBook *book, OrderChange *bids, size_t bid_count, OrderChange *asks,
                        size_t ask_count, size_t depth);
void order_book_cut(OrderBook *book, size_t depth);
/* The checksum; only a side whose hashed levels changed is hashed anew. */
uint32_t order_book_hash(OrderBook *book);
void order_book_free(OrderBook *book);

#endif
