/* What the parts of the Python face share. */
#ifndef KRACKED_BINDING_H
#define KRACKED_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core/core.h"

#define BOOK_HEAD                                                       \
    PyObject_HEAD PyObject *last; /* the event that was applied last */ \
    PyObject *pending;            /* a later message, as bytes and time; NULL without one */ \
    uint32_t computed;                                                  \
    char verified;                                                      \
    Py_ssize_t depth;                                                   \
    unsigned long long verified_updates /* by a reader, since it was taken */

typedef struct {
    BOOK_HEAD;
} BookHead;

typedef struct {
    BOOK_HEAD;
    uint32_t asks_crc;
    LevelSide sides[2];
} LevelBookObject;

extern PyTypeObject LevelBookType;
extern PyObject *action_words[3]; /* OrderAction.ADD, MODIFY, DELETE */

/* A scaled number of a Python integer; OverflowError when this book cannot hold it. */
int scaled_of(PyObject *number, int64_t *scaled);
/* Rows of (price, qty) as changes; free them with PyMem_Free. */
LevelChange *level_changes(PyObject *rows, size_t *count);
bool level_book_reserve(LevelBookObject *self, size_t bids, size_t asks);
/* Apply changes of both sides, for which room is reserved. */
void level_book_update(LevelBookObject *self, const LevelChange *bids, size_t bid_count,
                       const LevelChange *asks, size_t ask_count);

/* Add the rows of recordings to the module. */
int rows_add(PyObject *module);

#endif
