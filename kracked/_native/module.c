/* The Python face of the core: two kinds of book, and a reader that takes messages to them.
 *
 * A reader makes the same event objects as `kracked.protocol.codec`, with the same values. What it
 * does not understand it leaves untouched, for the codec.
 */
#include "rows.h"

#include <structmember.h>

enum { INTERFACE = 2 }; /* as in __init__.py: to be raised when the names of the module change */

PyObject *action_words[3];
static PyObject *order_type;      /* OrderChange */
static PyObject *name_action, *name_order_id, *name_price, *name_qty, *zero;

/* --- what both books share --------------------------------------------------------------- */

typedef struct {
    BOOK_HEAD;
    OrderBook book;
} OrderBookObject;

#define BOOK_MEMBERS(type)                                                                     \
    {"last", T_OBJECT, offsetof(type, last), 0, "The event that was applied last."},           \
    {"pending", T_OBJECT, offsetof(type, pending), 0, "A message after `last`, and its time."},  \
    {"computed", T_UINT, offsetof(type, computed), 0, "The checksum of what is held."},        \
    {"verified", T_BOOL, offsetof(type, verified), 0, "Whether the last message was proven."}, \
    {"depth", T_PYSSIZET, offsetof(type, depth), 0, "Levels a side that are held."},           \
    {"verified_updates", T_ULONGLONG, offsetof(type, verified_updates), 0,                     \
     "Updates that a reader applied and verified."}

static int side_index(PyObject *arg) {
    long index = PyLong_AsLong(arg);
    if (index == BIDS || index == ASKS) return (int)index;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a side is 0 (bids) or 1 (asks)");
    return -1;
}

int scaled_of(PyObject *number, int64_t *scaled) {
    long long value = PyLong_AsLongLong(number);
    if (value == -1 && PyErr_Occurred()) return -1;
    if (value > LARGEST || value < -LARGEST) {
        PyErr_SetString(PyExc_OverflowError, "a number of more than 62 bits");
        return -1;
    }
    *scaled = value;
    return 0;
}

static PyObject *contradiction_of(Contradiction what, int64_t price) {
    if (what == NOTHING) Py_RETURN_NONE;
    return Py_BuildValue("iL", (int)what, (long long)price);
}

static int limit_of(PyObject *arg, size_t *limit) {
    Py_ssize_t value = PyLong_AsSsize_t(arg);
    if (value == -1 && PyErr_Occurred()) return -1;
    *limit = value < 0 ? 0 : (size_t)value;
    return 0;
}

/* Raise what kept a book from a change. A book that could not take one for want of memory is as it
 * was, and is not proven any more. */
static PyObject *not_changed(BookHead *self) {
    if (!PyErr_Occurred()) PyErr_NoMemory();
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) self->verified = 0;
    return NULL;
}

/* After an event was not made: true when the codec shall read the message, with the memory that
 * there may be then. What was not read has changed nothing. */
static bool codec_may_try(void) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return !PyErr_Occurred();
}

static size_t depth_of(const BookHead *self) { return self->depth < 0 ? 0 : (size_t)self->depth; }

/* --- level 2 ------------------------------------------------------------------------------ */

static PyObject *level_book_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    LevelBookObject *self = (LevelBookObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->last = Py_NewRef(Py_None);
    self->sides[BIDS].sign = 1;
    self->sides[ASKS].sign = -1;
    return (PyObject *)self;
}

static void level_book_dealloc(LevelBookObject *self) {
    Py_CLEAR(self->last);
    Py_CLEAR(self->pending);
    level_side_free(&self->sides[BIDS]);
    level_side_free(&self->sides[ASKS]);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static uint32_t level_side_crc(const LevelSide *side, uint32_t crc) {
    return crc_of(crc, side->digits, side->digits_length);
}

static void level_book_hash(LevelBookObject *self) {
    self->asks_crc = level_side_crc(&self->sides[ASKS], 0);
    self->computed = level_side_crc(&self->sides[BIDS], self->asks_crc);
}

LevelChange *level_changes(PyObject *rows, size_t *count) {
    PyObject *fast = PySequence_Fast(rows, "levels are a sequence");
    if (!fast) return NULL;
    Py_ssize_t length = PySequence_Fast_GET_SIZE(fast);
    LevelChange *changes = PyMem_New(LevelChange, length + 1);
    if (!changes) PyErr_NoMemory();
    for (Py_ssize_t at = 0; changes && at < length; at++) {
        PyObject *row = PySequence_Fast_GET_ITEM(fast, at);
        bool fine = PyTuple_Check(row) && PyTuple_GET_SIZE(row) == 2;
        if (!fine) PyErr_SetString(PyExc_TypeError, "a level is a tuple of price and quantity");
        if (!fine || scaled_of(PyTuple_GET_ITEM(row, 0), &changes[at].price) ||
            scaled_of(PyTuple_GET_ITEM(row, 1), &changes[at].qty)) {
            PyMem_Free(changes);
            changes = NULL;
        }
    }
    Py_DECREF(fast);
    *count = (size_t)length;
    return changes;
}

void level_book_update(LevelBookObject *self, const LevelChange *bids, size_t bid_count,
                       const LevelChange *asks, size_t ask_count) {
    size_t depth = depth_of((BookHead *)self);
    bool touched = bid_count && level_side_apply(&self->sides[BIDS], bids, bid_count, depth);
    if (ask_count && level_side_apply(&self->sides[ASKS], asks, ask_count, depth)) {
        self->asks_crc = level_side_crc(&self->sides[ASKS], 0);
        touched = true;
    }
    if (touched) self->computed = level_side_crc(&self->sides[BIDS], self->asks_crc);
}

static void level_book_judge(LevelBookObject *self, uint32_t stated) {
    self->verified = self->computed == stated && self->sides[BIDS].contradiction == NOTHING &&
                     self->sides[ASKS].contradiction == NOTHING;
}

bool level_book_reserve(LevelBookObject *self, size_t bids, size_t asks) {
    return level_side_reserve(&self->sides[BIDS], bids) &&
           level_side_reserve(&self->sides[ASKS], asks);
}

static PyObject *level_book_change(LevelBookObject *self, PyObject *args, bool whole) {
    PyObject *bid_rows, *ask_rows;
    size_t bid_count, ask_count, depth = depth_of((BookHead *)self);
    if (!PyArg_ParseTuple(args, "OO", &bid_rows, &ask_rows)) return NULL;
    LevelChange *bids = level_changes(bid_rows, &bid_count);
    LevelChange *asks = bids ? level_changes(ask_rows, &ask_count) : NULL;
    bool done = asks && level_book_reserve(self, bid_count, ask_count);
    if (done && whole) {
        SortedLevels *sorted_bids = level_side_prepare(&self->sides[BIDS], bids, bid_count);
        SortedLevels *sorted_asks = level_side_prepare(&self->sides[ASKS], asks, ask_count);
        done = sorted_bids && sorted_asks;
        if (done) {
            level_side_replace(&self->sides[BIDS], sorted_bids, depth);
            level_side_replace(&self->sides[ASKS], sorted_asks, depth);
            level_book_hash(self);
        }
        core_free(sorted_bids);
        core_free(sorted_asks);
    } else if (done) {
        level_book_update(self, bids, bid_count, asks, ask_count);
    }
    PyMem_Free(bids);
    PyMem_Free(asks);
    if (done) Py_RETURN_NONE;
    return not_changed((BookHead *)self);
}

static PyObject *level_book_apply(LevelBookObject *self, PyObject *args) {
    return level_book_change(self, args, false);
}

static PyObject *level_book_replace(LevelBookObject *self, PyObject *args) {
    return level_book_change(self, args, true);
}

static PyObject *level_book_set_limit(LevelBookObject *self, PyObject *arg) {
    size_t limit;
    if (limit_of(arg, &limit)) return NULL;
    self->sides[BIDS].limit = self->sides[ASKS].limit = limit;
    Py_RETURN_NONE;
}

static PyObject *level_book_cut(LevelBookObject *self, PyObject *Py_UNUSED(none)) {
    level_side_cut(&self->sides[BIDS], depth_of((BookHead *)self));
    level_side_cut(&self->sides[ASKS], depth_of((BookHead *)self));
    level_book_hash(self);
    Py_RETURN_NONE;
}

static PyObject *level_pair(const LevelSide *side, size_t rank) {
    return Py_BuildValue("LL", (long long)level_side_price(side, rank),
                         (long long)level_side_qty(side, rank));
}

static PyObject *level_book_count(LevelBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    return index < 0 ? NULL : PyLong_FromSize_t(level_side_count(&self->sides[index]));
}

static PyObject *level_book_levels(LevelBookObject *self, PyObject *args) {
    PyObject *side_arg;
    Py_ssize_t start, stop;
    if (!PyArg_ParseTuple(args, "Onn", &side_arg, &start, &stop)) return NULL;
    int index = side_index(side_arg);
    if (index < 0) return NULL;
    LevelSide *side = &self->sides[index];
    Py_ssize_t count = (Py_ssize_t)level_side_count(side);
    if (start < 0) start = 0;
    if (stop > count) stop = count;
    PyObject *levels = PyList_New(stop > start ? stop - start : 0);
    for (Py_ssize_t rank = start; levels && rank < stop; rank++) {
        PyObject *level = level_pair(side, (size_t)rank);
        if (level) PyList_SET_ITEM(levels, rank - start, level);
        else Py_CLEAR(levels);
    }
    return levels;
}

static PyObject *level_book_qty_at(LevelBookObject *self, PyObject *args) {
    PyObject *side_arg, *price;
    int64_t scaled;
    if (!PyArg_ParseTuple(args, "OO", &side_arg, &price)) return NULL;
    int index = side_index(side_arg);
    if (index < 0 || scaled_of(price, &scaled)) return NULL;
    return PyLong_FromLongLong(level_side_qty_at(&self->sides[index], scaled));
}

static PyObject *level_book_digits(LevelBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    if (index < 0) return NULL;
    LevelSide *side = &self->sides[index];
    return PyBytes_FromStringAndSize(side->digits, (Py_ssize_t)side->digits_length);
}

static PyObject *level_book_limit(LevelBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    return index < 0 ? NULL : PyLong_FromSize_t(self->sides[index].limit);
}

static PyObject *level_book_contradiction(LevelBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    if (index < 0) return NULL;
    return contradiction_of(self->sides[index].contradiction, self->sides[index].contradicted_price);
}

static PyObject *level_book_forgive(LevelBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    if (index < 0) return NULL;
    self->sides[index].contradiction = NOTHING;
    Py_RETURN_NONE;
}

static PyObject *level_book_copy(LevelBookObject *self, PyObject *Py_UNUSED(none)) {
    LevelBookObject *made = (LevelBookObject *)level_book_new(&LevelBookType, NULL, NULL);
    if (!made) return NULL;
    if (!level_side_copy(&made->sides[BIDS], &self->sides[BIDS]) ||
        !level_side_copy(&made->sides[ASKS], &self->sides[ASKS])) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    made->depth = self->depth;
    made->computed = self->computed;
    made->asks_crc = self->asks_crc;
    return (PyObject *)made;
}

static PyMemberDef level_book_members[] = {BOOK_MEMBERS(LevelBookObject), {NULL}};

static PyMethodDef level_book_methods[] = {
    {"apply", (PyCFunction)level_book_apply, METH_VARARGS, "Apply changes of bids and of asks."},
    {"replace", (PyCFunction)level_book_replace, METH_VARARGS, "Hold exactly these bids and asks."},
    {"set_limit", (PyCFunction)level_book_set_limit, METH_O, "Set the levels that are shown."},
    {"cut", (PyCFunction)level_book_cut, METH_NOARGS, "Drop the levels below `depth`."},
    {"count", (PyCFunction)level_book_count, METH_O, "Return the levels of a side."},
    {"levels", (PyCFunction)level_book_levels, METH_VARARGS, "Return levels by rank, best first."},
    {"qty_at", (PyCFunction)level_book_qty_at, METH_VARARGS, "Return the quantity at a price."},
    {"digits", (PyCFunction)level_book_digits, METH_O, "Return what the checksum hashes."},
    {"limit", (PyCFunction)level_book_limit, METH_O, "Return the levels that are shown."},
    {"contradiction", (PyCFunction)level_book_contradiction, METH_O, "Return a code and a price."},
    {"forgive", (PyCFunction)level_book_forgive, METH_O, "Forget the contradiction of a side."},
    {"copy", (PyCFunction)level_book_copy, METH_NOARGS, "Return a copy of the levels."},
    {NULL},
};

PyTypeObject LevelBookType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.LevelBook",
    .tp_doc = "The levels of a level 2 book.",
    .tp_basicsize = sizeof(LevelBookObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = level_book_new,
    .tp_dealloc = (destructor)level_book_dealloc,
    .tp_methods = level_book_methods,
    .tp_members = level_book_members,
};

/* --- level 3 ------------------------------------------------------------------------------ */

static void release_payload(void *payload) { Py_XDECREF((PyObject *)payload); }

static PyObject *order_book_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    OrderBookObject *self = (OrderBookObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->last = Py_NewRef(Py_None);
    order_book_init(&self->book, release_payload);
    return (PyObject *)self;
}

static void order_book_dealloc(OrderBookObject *self) {
    Py_CLEAR(self->last);
    Py_CLEAR(self->pending);
    order_book_free(&self->book);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static void order_changes_free(OrderChange *changes, size_t count) {
    if (!changes) return;
    order_changes_discard(changes, count);
    for (size_t at = 0; at < count; at++) Py_XDECREF((PyObject *)changes[at].payload);
    PyMem_Free(changes);
}

static int order_number(PyObject *order, PyObject *name, int64_t *number) {
    PyObject *value = PyObject_GetAttr(order, name);
    int failed = !value || scaled_of(value, number);
    Py_XDECREF(value);
    return failed;
}

static int order_change(PyObject *order, OrderChange *change) {
    if (!order_type || !Py_IS_TYPE(order, (PyTypeObject *)order_type)) {
        PyErr_SetString(PyExc_TypeError, "an order is an OrderChange");
        return -1;
    }
    PyObject *action = PyObject_GetAttr(order, name_action);
    PyObject *id = PyObject_GetAttr(order, name_order_id); /* the order keeps it alive */
    Py_ssize_t length;
    const char *text = id && PyUnicode_Check(id) ? PyUnicode_AsUTF8AndSize(id, &length) : NULL;
    if (id && !text) { /* not a text, or half a surrogate pair: the Python book holds those */
        PyErr_Clear();
        PyErr_SetString(PyExc_OverflowError, "an order id that is no text");
    }
    Py_XDECREF(action);
    Py_XDECREF(id);
    if (!action || !text) return -1;
    change->order_id = (Text){text, (size_t)length};
    change->action = action == action_words[DELETE] ? DELETE : action == action_words[MODIFY] ? MODIFY : ADD;
    return order_number(order, name_price, &change->price) || order_number(order, name_qty, &change->qty);
}

/* Events of orders as changes; free them with `order_changes_free`. */
static OrderChange *order_changes(PyObject *orders, size_t *count) {
    PyObject *fast = PySequence_Fast(orders, "orders are a sequence");
    if (!fast) return NULL;
    size_t length = (size_t)PySequence_Fast_GET_SIZE(fast);
    OrderChange *changes = PyMem_Calloc(length + 1, sizeof *changes);
    if (!changes) PyErr_NoMemory();
    for (size_t at = 0; changes && at < length; at++) {
        PyObject *order = PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)at);
        if (order_change(order, &changes[at])) {
            order_changes_free(changes, length);
            changes = NULL;
        } else {
            changes[at].payload = Py_NewRef(order);
        }
    }
    Py_DECREF(fast);
    *count = length;
    return changes;
}

/* Apply changes of both sides, for which all memory is prepared. */
static void order_book_update(OrderBookObject *self, OrderChange *bids, size_t bid_count,
                              OrderChange *asks, size_t ask_count) {
    size_t depth = depth_of((BookHead *)self);
    OrderBook *book = &self->book;
    bool touched = bid_count && order_side_apply(book, BIDS, bids, bid_count, depth);
    if (ask_count) touched |= order_side_apply(book, ASKS, asks, ask_count, depth);
    if (book->disturbed) {
        order_book_cut(book, depth);
        touched = true;
    }
    if (touched) self->computed = order_book_hash(book);
}

static void order_book_judge(OrderBookObject *self, uint32_t stated) {
    self->verified = self->computed == stated &&
                     self->book.sides[BIDS].contradiction == NOTHING &&
                     self->book.sides[ASKS].contradiction == NOTHING;
}

static PyObject *order_book_change(OrderBookObject *self, PyObject *args, bool whole) {
    PyObject *bid_rows, *ask_rows;
    size_t bid_count = 0, ask_count = 0;
    if (!PyArg_ParseTuple(args, "OO", &bid_rows, &ask_rows)) return NULL;
    OrderChange *bids = order_changes(bid_rows, &bid_count);
    OrderChange *asks = bids ? order_changes(ask_rows, &ask_count) : NULL;
    for (size_t at = 0; whole && asks && at < bid_count; at++) bids[at].action = ADD;
    for (size_t at = 0; whole && asks && at < ask_count; at++) asks[at].action = ADD;
    bool done = asks && order_book_prepare(&self->book, bids, bid_count, asks, ask_count);
    if (done && whole) {
        order_book_replace(&self->book, bids, bid_count, asks, ask_count, depth_of((BookHead *)self));
        self->computed = order_book_hash(&self->book);
    } else if (done) {
        order_book_update(self, bids, bid_count, asks, ask_count);
    }
    order_changes_free(bids, bid_count);
    order_changes_free(asks, ask_count);
    if (done) Py_RETURN_NONE;
    return not_changed((BookHead *)self);
}

static PyObject *order_book_apply(OrderBookObject *self, PyObject *args) {
    return order_book_change(self, args, false);
}

static PyObject *order_book_replace_all(OrderBookObject *self, PyObject *args) {
    return order_book_change(self, args, true);
}

static PyObject *order_book_set_limit(OrderBookObject *self, PyObject *arg) {
    size_t limit;
    if (limit_of(arg, &limit)) return NULL;
    self->book.sides[BIDS].limit = self->book.sides[ASKS].limit = limit;
    Py_RETURN_NONE;
}

static PyObject *order_book_cut_all(OrderBookObject *self, PyObject *Py_UNUSED(none)) {
    order_book_cut(&self->book, depth_of((BookHead *)self));
    self->computed = order_book_hash(&self->book);
    Py_RETURN_NONE;
}

static PyObject *order_book_count(OrderBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    return index < 0 ? NULL : PyLong_FromSize_t(order_side_count(&self->book.sides[index]));
}

static PyObject *order_book_held(OrderBookObject *self, PyObject *Py_UNUSED(none)) {
    return PyLong_FromSize_t(self->book.orders.count);
}

/* The events of a level's orders, in queue order. */
static PyObject *level_orders(const OrderLevel *level) {
    PyObject *orders = PyList_New((Py_ssize_t)level->count);
    Py_ssize_t at = 0;
    for (Order *order = level->first; orders && order; order = order->behind)
        PyList_SET_ITEM(orders, at++, Py_NewRef((PyObject *)order->payload));
    return orders;
}

static PyObject *level_of(const OrderLevel *level) {
    PyObject *orders = level_orders(level);
    return orders ? Py_BuildValue("iLN", level->side, (long long)level->price, orders) : NULL;
}

static PyObject *order_book_level(OrderBookObject *self, PyObject *args) {
    PyObject *side_arg;
    Py_ssize_t rank;
    if (!PyArg_ParseTuple(args, "On", &side_arg, &rank)) return NULL;
    int index = side_index(side_arg);
    if (index < 0) return NULL;
    OrderSide *side = &self->book.sides[index];
    if (rank < 0 || (size_t)rank >= order_side_count(side)) {
        PyErr_SetObject(PyExc_IndexError, PyTuple_GET_ITEM(args, 1));
        return NULL;
    }
    return level_of(side->levels[side->end - 1 - (size_t)rank]);
}

static PyObject *order_book_at(OrderBookObject *self, PyObject *args) {
    PyObject *side_arg, *price;
    int64_t scaled;
    if (!PyArg_ParseTuple(args, "OO", &side_arg, &price)) return NULL;
    int index = side_index(side_arg);
    if (index < 0 || scaled_of(price, &scaled)) return NULL;
    OrderLevel *level = order_side_at(&self->book.sides[index], scaled);
    if (!level) Py_RETURN_NONE;
    return level_of(level);
}

static Order *order_named(OrderBookObject *self, PyObject *id) {
    Py_ssize_t length;
    const char *text = PyUnicode_Check(id) ? PyUnicode_AsUTF8AndSize(id, &length) : NULL;
    if (!text) { /* no such id is ever held here */
        PyErr_Clear();
        return NULL;
    }
    uint32_t hash = name_hash(text, (size_t)length);
    return (Order *)names_find(&self->book.orders, hash, text, (size_t)length);
}

static PyObject *order_book_order(OrderBookObject *self, PyObject *id) {
    Order *order = order_named(self, id);
    return Py_NewRef(order ? (PyObject *)order->payload : Py_None);
}

static PyObject *order_book_level_of(OrderBookObject *self, PyObject *id) {
    Order *order = order_named(self, id);
    if (!order) Py_RETURN_NONE;
    return level_of(order->level);
}

static PyObject *order_book_limit(OrderBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    return index < 0 ? NULL : PyLong_FromSize_t(self->book.sides[index].limit);
}

static PyObject *order_book_contradiction(OrderBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    if (index < 0) return NULL;
    OrderSide *side = &self->book.sides[index];
    return contradiction_of(side->contradiction, side->contradicted_price);
}

static PyObject *order_book_forgive(OrderBookObject *self, PyObject *arg) {
    int index = side_index(arg);
    if (index < 0) return NULL;
    self->book.sides[index].contradiction = NOTHING;
    Py_RETURN_NONE;
}

static PyMemberDef order_book_members[] = {BOOK_MEMBERS(OrderBookObject), {NULL}};

static PyMethodDef order_book_methods[] = {
    {"apply", (PyCFunction)order_book_apply, METH_VARARGS, "Apply changes of bids and of asks."},
    {"replace", (PyCFunction)order_book_replace_all, METH_VARARGS, "Hold exactly these orders."},
    {"set_limit", (PyCFunction)order_book_set_limit, METH_O, "Set the levels that are shown."},
    {"cut", (PyCFunction)order_book_cut_all, METH_NOARGS, "Drop the levels below `depth`."},
    {"count", (PyCFunction)order_book_count, METH_O, "Return the levels of a side."},
    {"held", (PyCFunction)order_book_held, METH_NOARGS, "Return the number of orders."},
    {"level", (PyCFunction)order_book_level, METH_VARARGS, "Return side, price, orders of a rank."},
    {"at", (PyCFunction)order_book_at, METH_VARARGS, "Return side, price, orders at a price."},
    {"order", (PyCFunction)order_book_order, METH_O, "Return an order as last reported."},
    {"level_of", (PyCFunction)order_book_level_of, METH_O, "Return the level of an order."},
    {"limit", (PyCFunction)order_book_limit, METH_O, "Return the levels that are shown."},
    {"contradiction", (PyCFunction)order_book_contradiction, METH_O, "Return a code and a price."},
    {"forgive", (PyCFunction)order_book_forgive, METH_O, "Forget the contradiction of a side."},
    {NULL},
};

static PyTypeObject OrderBookType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.OrderBook",
    .tp_doc = "The orders of a level 3 book.",
    .tp_basicsize = sizeof(OrderBookObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = order_book_new,
    .tp_dealloc = (destructor)order_book_dealloc,
    .tp_methods = order_book_methods,
    .tp_members = order_book_members,
};

/* --- the reader --------------------------------------------------------------------------- */

/* A book that the reader may change, by symbol and channel. */
typedef struct {
    Name name;
    PyObject *symbol, *precision, *book;
    unsigned price_decimals, qty_decimals;
    Text last_message; /* of the run that is under way */
    uint64_t last_received;
} Watched;

typedef struct {
    PyObject_HEAD PyObject *book_update, *orders_update, *order_change;
    PyObject *decoded, *refuted; /* what to call for a message that is left, for a refuted book */
    Names watched[2];            /* of `book`, of `level3` */
    Message message;
} ReaderObject;

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *book_update, *orders_update, *order_change, *decoded, *refuted;
    if (!PyArg_ParseTuple(args, "OOOOO", &book_update, &orders_update, &order_change, &decoded,
                          &refuted))
        return NULL;
    ReaderObject *self = (ReaderObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->book_update = Py_NewRef(book_update);
    self->orders_update = Py_NewRef(orders_update);
    self->order_change = Py_NewRef(order_change);
    self->decoded = Py_NewRef(decoded);
    self->refuted = Py_NewRef(refuted);
    return (PyObject *)self;
}

static void watched_free(Watched *watched) {
    Py_DECREF(watched->symbol);
    Py_DECREF(watched->precision);
    Py_DECREF(watched->book);
    PyMem_Free(watched);
}

static void reader_forget_all(ReaderObject *self) {
    for (int channel = 0; channel < 2; channel++) {
        Names names = self->watched[channel];
        self->watched[channel] = (Names){0};
        for (size_t at = 0; at < names.room; at++)
            if (names.slots[at]) watched_free((Watched *)names.slots[at]);
        names_free(&names);
    }
}

static int reader_traverse(ReaderObject *self, visitproc visit, void *arg) {
    Py_VISIT(self->decoded); /* methods of the keeper, which holds the reader */
    Py_VISIT(self->refuted);
    return 0;
}

static int reader_clear(ReaderObject *self) {
    Py_CLEAR(self->decoded);
    Py_CLEAR(self->refuted);
    return 0;
}

static void reader_dealloc(ReaderObject *self) {
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    reader_forget_all(self);
    message_free(&self->message);
    Py_XDECREF(self->book_update);
    Py_XDECREF(self->orders_update);
    Py_XDECREF(self->order_change);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static Watched *reader_find(ReaderObject *self, bool level3, const char *text, size_t length) {
    return (Watched *)names_find(&self->watched[level3], name_hash(text, length), text, length);
}

static PyObject *reader_forget(ReaderObject *self, PyObject *args) {
    const char *text;
    Py_ssize_t length;
    int level3;
    if (!PyArg_ParseTuple(args, "s#p", &text, &length, &level3)) return NULL;
    Watched *watched = reader_find(self, level3, text, (size_t)length);
    if (watched) {
        names_remove(&self->watched[level3], &watched->name);
        watched_free(watched);
    }
    Py_RETURN_NONE;
}

static PyObject *reader_watch(ReaderObject *self, PyObject *args) {
    PyObject *symbol, *book, *precision;
    unsigned price_decimals, qty_decimals;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "UOOII", &symbol, &book, &precision, &price_decimals, &qty_decimals))
        return NULL;
    bool level3 = Py_IS_TYPE(book, &OrderBookType);
    if (!level3 && !Py_IS_TYPE(book, &LevelBookType)) {
        PyErr_SetString(PyExc_TypeError, "only a LevelBook or an OrderBook can be watched");
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8AndSize(symbol, &length);
    if (!text) return NULL;
    Watched *watched = reader_find(self, level3, text, (size_t)length);
    if (watched) {
        names_remove(&self->watched[level3], &watched->name);
        watched_free(watched);
    }
    watched = PyMem_New(Watched, 1);
    if (!watched || !names_reserve(&self->watched[level3], 1)) {
        PyMem_Free(watched);
        return PyErr_NoMemory();
    }
    watched->last_message = (Text){NULL, 0};
    watched->name = (Name){name_hash(text, (size_t)length), (uint32_t)length, text};
    watched->symbol = Py_NewRef(symbol);
    watched->book = Py_NewRef(book);
    watched->precision = Py_NewRef(precision);
    watched->price_decimals = price_decimals;
    watched->qty_decimals = qty_decimals;
    names_insert(&self->watched[level3], &watched->name);
    Py_RETURN_NONE;
}

static bool scale_row(const Watched *watched, const Row *row, int64_t *price, int64_t *qty) {
    return number_scale(row->price, watched->price_decimals, price) &&
           number_scale(row->qty, watched->qty_decimals, qty);
}

static PyObject *text_object(Text text) {
    PyObject *made = PyUnicode_New((Py_ssize_t)text.length, 127);
    if (made) memcpy(PyUnicode_1BYTE_DATA(made), text.at, text.length);
    return made;
}

static PyObject *event_of(PyObject *kind, PyObject *received, const Watched *watched,
                          const Message *message, PyObject *bids, PyObject *asks) {
    PyObject *event = NULL;
    PyObject *checksum = PyLong_FromUnsignedLong(message->checksum);
    bool stamped = message->timestamp.length > 0;
    PyObject *timestamp = stamped ? text_object(message->timestamp) : Py_NewRef(Py_None);
    if (checksum && timestamp) {
        PyObject *args[] = {received, watched->symbol, watched->precision, bids,
                            asks,     checksum,        timestamp};
        event = PyObject_Vectorcall(kind, args, 7, NULL);
    }
    Py_XDECREF(checksum);
    Py_XDECREF(timestamp);
    return event;
}

/* Level 2: scaled changes in `changes`, their event objects in a tuple. NULL without an error when
 * a number does not fit. */
static PyObject *level_objects(const Watched *watched, const Row *rows, size_t count,
                               LevelChange *changes) {
    PyObject *levels = PyTuple_New((Py_ssize_t)count);
    for (size_t at = 0; levels && at < count; at++) {
        PyObject *level = NULL;
        if (scale_row(watched, &rows[at], &changes[at].price, &changes[at].qty)) {
            PyObject *price = PyLong_FromLongLong(changes[at].price);
            PyObject *qty = PyLong_FromLongLong(changes[at].qty);
            level = price && qty ? PyTuple_New(2) : NULL;
            if (level) {
                PyTuple_SET_ITEM(level, 0, price);
                PyTuple_SET_ITEM(level, 1, qty);
            } else {
                Py_XDECREF(price);
                Py_XDECREF(qty);
            }
        }
        if (level) PyTuple_SET_ITEM(levels, (Py_ssize_t)at, level);
        else Py_CLEAR(levels);
        if (level) PyObject_GC_UnTrack(level); /* it holds numbers alone */
    }
    if (levels && count) PyObject_GC_UnTrack(levels);
    return levels;
}

enum { FEW = 32 };

static PyObject *read_levels(ReaderObject *self, const Watched *watched, PyObject *received) {
    Message *message = &self->message;
    LevelBookObject *book = (LevelBookObject *)watched->book;
    size_t count = message->bids + message->asks;
    LevelChange few[FEW], *changes = count <= FEW ? few : PyMem_New(LevelChange, count);
    PyObject *event = NULL, *bids = NULL, *asks = NULL;
    if (!changes) return PyErr_NoMemory();
    bids = level_objects(watched, message->rows, message->bids, changes);
    if (bids)
        asks = level_objects(watched, message->rows + message->bids, message->asks,
                             changes + message->bids);
    if (asks) event = event_of(self->book_update, received, watched, message, bids, asks);
    if (event && !level_book_reserve(book, message->bids, message->asks)) {
        Py_CLEAR(event);
        PyErr_NoMemory();
    }
    if (event) {
        level_book_update(book, changes, message->bids, changes + message->bids, message->asks);
        level_book_judge(book, message->checksum);
    }
    Py_XDECREF(bids);
    Py_XDECREF(asks);
    if (changes != few) PyMem_Free(changes);
    return event;
}

static PyObject *order_object(PyObject *kind, const Row *row, const OrderChange *change) {
    PyObject *made = NULL;
    PyObject *id = text_object(row->order_id), *entered = text_object(row->timestamp);
    PyObject *price = PyLong_FromLongLong(change->price), *qty = PyLong_FromLongLong(change->qty);
    if (id && entered && price && qty) {
        PyObject *args[] = {action_words[row->action], id, price, qty, entered};
        made = PyObject_Vectorcall(kind, args, 5, NULL);
    }
    Py_XDECREF(id);
    Py_XDECREF(entered);
    Py_XDECREF(price);
    Py_XDECREF(qty);
    return made;
}

/* Level 3: changes in `changes`, with their event objects as payloads and in a tuple. */
static PyObject *order_objects(PyObject *kind, const Watched *watched, const Row *rows, size_t count,
                               OrderChange *changes) {
    PyObject *orders = PyTuple_New((Py_ssize_t)count);
    for (size_t at = 0; orders && at < count; at++) {
        OrderChange *change = &changes[at];
        PyObject *order = NULL;
        if (scale_row(watched, &rows[at], &change->price, &change->qty)) {
            change->order_id = rows[at].order_id;
            change->action = rows[at].action;
            order = order_object(kind, &rows[at], change);
        }
        if (order) {
            PyTuple_SET_ITEM(orders, (Py_ssize_t)at, order);
            change->payload = Py_NewRef(order);
        } else {
            Py_CLEAR(orders);
        }
    }
    if (orders && count) PyObject_GC_UnTrack(orders); /* orders are outside the collector */
    return orders;
}

static PyObject *read_orders(ReaderObject *self, const Watched *watched, PyObject *received) {
    Message *message = &self->message;
    OrderBookObject *book = (OrderBookObject *)watched->book;
    size_t count = message->bids + message->asks;
    OrderChange *changes = PyMem_Calloc(count + 1, sizeof *changes);
    if (!changes) return PyErr_NoMemory();
    OrderChange *ask_changes = changes + message->bids;
    PyObject *event = NULL, *bids, *asks = NULL;
    bids = order_objects(self->order_change, watched, message->rows, message->bids, changes);
    if (bids)
        asks = order_objects(self->order_change, watched, message->rows + message->bids,
                             message->asks, ask_changes);
    if (asks) event = event_of(self->orders_update, received, watched, message, bids, asks);
    if (event && !order_book_prepare(&book->book, changes, message->bids, ask_changes, message->asks)) {
        Py_CLEAR(event);
        PyErr_NoMemory();
    }
    if (event) {
        order_book_update(book, changes, message->bids, ask_changes, message->asks);
        order_book_judge(book, message->checksum);
    }
    Py_XDECREF(bids);
    Py_XDECREF(asks);
    order_changes_free(changes, count);
    return event;
}

/* Read one update into its book. NULL without an error: not understood, and nothing changed. */
static PyObject *reader_event(ReaderObject *self, PyObject *raw, PyObject *received, char *proven) {
    Message *message = &self->message;
    Outcome outcome = message_read(message, PyBytes_AS_STRING(raw), (size_t)PyBytes_GET_SIZE(raw));
    if (outcome == NO_MEMORY) PyErr_NoMemory();
    if (outcome != DONE) return NULL;
    Watched *watched = reader_find(self, message->level3, message->symbol.at, message->symbol.length);
    BookHead *book = watched ? (BookHead *)watched->book : NULL;
    if (!book || !book->verified) return NULL;
    PyObject *event = message->level3 ? read_orders(self, watched, received)
                                      : read_levels(self, watched, received);
    if (!event) return NULL; /* a number that does not fit the precision of the book, or an error */
    Py_SETREF(book->last, Py_NewRef(event));
    Py_CLEAR(book->pending);
    *proven = book->verified;
    book->verified_updates += book->verified;
    return event;
}

/* A message could be read nowhere for want of memory: no watched book is proven any more. */
static void distrust_all(ReaderObject *self) {
    for (int channel = 0; channel < 2; channel++)
        for (size_t at = 0; at < self->watched[channel].room; at++) {
            Watched *watched = (Watched *)self->watched[channel].slots[at];
            if (watched) ((BookHead *)watched->book)->verified = 0;
        }
}

/* Decode one message and apply it: here when it is an update of a watched book, else in Python. */
static PyObject *reader_receive(ReaderObject *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *names) {
    PyObject *event = NULL;
    char proven = 0;
    bool plain = (count == 1 || count == 2) && !names && PyBytes_CheckExact(args[0]);
    if (plain) event = reader_event(self, args[0], count == 2 ? args[1] : zero, &proven);
    if (!event) {
        if (PyErr_Occurred() && !codec_may_try()) return NULL;
        PyObject *decoded = PyObject_Vectorcall(self->decoded, args, (size_t)count, names);
        if (!decoded && PyErr_ExceptionMatches(PyExc_MemoryError)) distrust_all(self);
        return decoded;
    }
    PyObject *happened = proven ? PyList_New(1) : PyObject_CallOneArg(self->refuted, event);
    if (proven && happened) PyList_SET_ITEM(happened, 0, event);
    else Py_DECREF(event);
    return happened;
}

/* Level 2 without event objects. False when a number does not fit or memory is short. */
static bool run_levels(const Message *message, const Watched *watched) {
    LevelBookObject *book = (LevelBookObject *)watched->book;
    size_t count = message->bids + message->asks;
    LevelChange few[FEW], *changes = count <= FEW ? few : PyMem_New(LevelChange, count);
    bool fine = changes && level_book_reserve(book, message->bids, message->asks);
    for (size_t at = 0; fine && at < count; at++)
        fine = scale_row(watched, &message->rows[at], &changes[at].price, &changes[at].qty);
    if (fine) level_book_update(book, changes, message->bids, changes + message->bids, message->asks);
    if (changes != few) PyMem_Free(changes);
    if (fine) level_book_judge(book, message->checksum);
    return fine;
}

/* Level 3 with event objects for the orders that will rest, and for no others. */
static bool run_orders(ReaderObject *self, const Message *message, const Watched *watched) {
    OrderBookObject *book = (OrderBookObject *)watched->book;
    size_t count = message->bids + message->asks;
    OrderChange *changes = PyMem_Calloc(count + 1, sizeof *changes);
    OrderChange *ask_changes = changes ? changes + message->bids : NULL;
    bool fine = changes != NULL;
    for (size_t at = 0; fine && at < count; at++) {
        const Row *row = &message->rows[at];
        OrderChange *change = &changes[at];
        change->order_id = row->order_id;
        change->action = row->action;
        fine = scale_row(watched, row, &change->price, &change->qty);
        if (!fine || row->action == DELETE) continue;
        change->payload = order_object(self->order_change, row, change);
        fine = change->payload != NULL;
    }
    fine = fine && order_book_prepare(&book->book, changes, message->bids, ask_changes, message->asks);
    if (fine) {
        order_book_update(book, changes, message->bids, ask_changes, message->asks);
        order_book_judge(book, message->checksum);
    }
    if (changes) order_changes_free(changes, count);
    return fine;
}

/* Note where the last message of a book stands; its event is made at the end of a run. */
static void note_last(Watched *watched, Text message, uint64_t received) {
    watched->last_message = message;
    watched->last_received = received;
}

/* Keep the last message of every book that a run changed; its event is made when it is asked for. */
static int settle_last(ReaderObject *self) {
    for (int channel = 0; channel < 2; channel++) {
        Names *names = &self->watched[channel];
        for (size_t at = 0; at < names->room; at++) {
            Watched *watched = (Watched *)names->slots[at];
            if (!watched || !watched->last_message.at) continue;
            Text message = watched->last_message;
            watched->last_message = (Text){NULL, 0};
            PyObject *pending = Py_BuildValue("y#K", message.at, (Py_ssize_t)message.length,
                                              (unsigned long long)watched->last_received);
            if (!pending) return -1;
            Py_XSETREF(((BookHead *)watched->book)->pending, pending);
        }
    }
    return 0;
}

/* Apply the updates of a block of lines, from an offset on, as far as they are understood and
 * prove their books. Return where it ended, the lines it took, and the symbol of a book that its
 * last line refuted, and whether that is one of orders. */
static PyObject *reader_run(ReaderObject *self, PyObject *args) {
    PyObject *block;
    Py_ssize_t start, lines = 0;
    if (!PyArg_ParseTuple(args, "Sn", &block, &start)) return NULL;
    const char *data = PyBytes_AS_STRING(block), *end = data + PyBytes_GET_SIZE(block);
    const char *at = start < 0 || start > end - data ? end : data + start;
    Watched *refuted = NULL;
    while (at < end && !refuted) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        size_t length = (size_t)(line_end - at);
        if (length && line_end[-1] == '\r') length--;
        if (!length) break; /* what is blank is for the caller to count */
        Text text;
        uint64_t received;
        line_read(at, length, &text, &received);
        if (message_read(&self->message, text.at, text.length) != DONE) break;
        Message *message = &self->message;
        Watched *watched = reader_find(self, message->level3, message->symbol.at, message->symbol.length);
        BookHead *book = watched ? (BookHead *)watched->book : NULL;
        if (!book || !book->verified) break;
        bool applied = message->level3 ? run_orders(self, message, watched) : run_levels(message, watched);
        if (!applied) {
            if (PyErr_Occurred()) codec_may_try();
            break;
        }
        note_last(watched, text, received);
        if (book->verified) book->verified_updates++;
        else refuted = watched;
        at = newline ? newline + 1 : end;
        lines++;
    }
    if (settle_last(self) || PyErr_Occurred()) return NULL;
    int level3 = refuted ? Py_IS_TYPE(refuted->book, &OrderBookType) : 0;
    PyObject *whose = refuted ? refuted->symbol : Py_None;
    return Py_BuildValue("nnOi", (Py_ssize_t)(at - data), lines, whose, level3);
}

static PyMethodDef reader_methods[] = {
    {"watch", (PyCFunction)reader_watch, METH_VARARGS, "Change this book from now on."},
    {"forget", (PyCFunction)reader_forget, METH_VARARGS, "Leave a book to the codec."},
    {"receive", (PyCFunction)(void (*)(void))reader_receive, METH_FASTCALL | METH_KEYWORDS,
     "Decode and apply one message."},
    {"run", (PyCFunction)reader_run, METH_VARARGS, "Apply the updates of a block of lines."},
    {NULL},
};

static PyTypeObject ReaderType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.Reader",
    .tp_doc = "Takes updates to the books that it watches.",
    .tp_basicsize = sizeof(ReaderObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)reader_traverse,
    .tp_clear = (inquiry)reader_clear,
    .tp_new = reader_new,
    .tp_dealloc = (destructor)reader_dealloc,
    .tp_methods = reader_methods,
};

/* --- the module --------------------------------------------------------------------------- */

static PyObject *use_actions(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *words[3], *type;
    if (!PyArg_ParseTuple(args, "OOOO", &words[ADD], &words[MODIFY], &words[DELETE], &type))
        return NULL;
    for (int at = 0; at < 3; at++) Py_XSETREF(action_words[at], Py_NewRef(words[at]));
    Py_XSETREF(order_type, Py_NewRef(type));
    Py_RETURN_NONE;
}

static PyObject *checksum_of(PyObject *Py_UNUSED(module), PyObject *args) {
    Py_buffer data;
    unsigned crc = 0;
    if (!PyArg_ParseTuple(args, "y*|I", &data, &crc)) return NULL;
    uint32_t found = crc_of(crc, data.buf, (size_t)data.len);
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(found);
}

static PyMethodDef module_methods[] = {
    {"use_actions", use_actions, METH_VARARGS, "Set the members of OrderAction, then OrderChange."},
    {"crc32", checksum_of, METH_VARARGS, "Return the CRC-32 of bytes, as zlib does."},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "engine", "The compiled books of kracked.", -1, module_methods,
    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_engine(void) {
    core_memory = (Allocator){PyMem_RawRealloc, PyMem_RawFree}; /* no lock is needed for these */
    crc_prepare();
    name_action = PyUnicode_InternFromString("action");
    name_order_id = PyUnicode_InternFromString("order_id");
    name_price = PyUnicode_InternFromString("price");
    name_qty = PyUnicode_InternFromString("qty");
    zero = PyLong_FromLong(0);
    if (!name_action || !name_order_id || !name_price || !name_qty || !zero) return NULL;
    PyObject *made = PyModule_Create(&module);
    if (!made || PyModule_AddType(made, &LevelBookType) || PyModule_AddType(made, &OrderBookType) ||
        PyModule_AddType(made, &ReaderType) || rows_add(made) || blocks_add(made) ||
        PyModule_AddIntConstant(made, "INTERFACE", INTERFACE)) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
