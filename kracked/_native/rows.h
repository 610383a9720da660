/* Rows of recordings: what `rows.c` makes and `blocks.c` gathers. */
#ifndef KRACKED_ROWS_H
#define KRACKED_ROWS_H

#include "binding.h"

enum { WIDE_LEVELS = 10, ROW_LENGTH = 256, CELL_LENGTH = 2 * DECIMAL_LENGTH + 2 };

/* --- attributes -------------------------------------------------------------------------- */

enum { TYPES_KNOWN = 3 };

/* An attribute, and where the objects of some types keep it: an order has five of them to read. */
typedef struct {
    const char *text;
    PyObject *name;
    PyTypeObject *types[TYPES_KNOWN];
    Py_ssize_t offsets[TYPES_KNOWN];
    unsigned next;
} Attribute;

extern Attribute of_symbol, of_precision, of_order_id;

/* The value of an attribute, a new reference; NULL with an error. */
PyObject *attribute(PyObject *object, Attribute *wanted);

/* --- text -------------------------------------------------------------------------------- */

/* Text that grows. */
typedef struct {
    char *start, *end, *limit;
} Rows;

bool rows_room(Rows *rows, size_t more);
size_t rows_length(const Rows *rows);
/* The text as a Python one, and forget it; its memory is kept. */
PyObject *rows_take(Rows *rows);

/* --- level 2 ----------------------------------------------------------------------------- */

/* A level in the last wide row, and its cells there. */
typedef struct {
    int64_t price, qty;
    unsigned length;
    char cells[CELL_LENGTH];
} Shown;

typedef struct {
    PyObject_HEAD PyObject *symbol, *precision;
    LevelBookObject *book;
    unsigned price_decimals, qty_decimals;
    Shown shown[2][WIDE_LEVELS];
    Py_ssize_t shown_count[2]; /* -1 before the first wide row */
    unsigned shown_decimals[2];
    Rows rows;
    Rows wide; /* wide rows that `blocks.c` has gathered */
} BookRowsObject;

extern PyTypeObject BookRowsType;

/* Apply an update; put its rows and the wide row. Return how many they are, -1 with an error:
 * one of OverflowError leaves everything as it was. */
Py_ssize_t book_rows_put(BookRowsObject *self, PyObject *event, long long seq, long long flags,
                         Rows *rows, Rows *wide);

/* --- level 3 ----------------------------------------------------------------------------- */

/* A change of an order, read from its event, which keeps it alive. */
typedef struct {
    PyObject *order;
    int64_t price, qty;
    char side, letter;
} OrderTold;

typedef struct {
    OrderTold *each; /* bids, then asks */
    size_t bids, count, room;
} OrdersTold;

typedef struct {
    long long seq, flags;
    unsigned price_decimals, qty_decimals;
} OrderFormat;

bool order_format_of(OrderFormat *format, PyObject *precision);
/* Read the orders of an update or a snapshot; false with an error. */
bool told_of(OrdersTold *orders, PyObject *event);
/* Put the rows of an update's orders, then of each that `cut` gives until it returns false. */
bool order_rows_put(PyObject *event, const OrderFormat *format, const OrdersTold *orders, Rows *rows,
                    bool (*cut)(void *owner, OrderTold *told), void *owner);

/* Add the gathering of rows and lines to the module. */
int blocks_add(PyObject *module);

#endif
