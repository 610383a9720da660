/* Blocks of rows and of lines of a raw log: what a recorder makes of many messages in one call.
 *
 * The rules are those of `kracked/record/write/table_writer.py`, `books/order_scope.py` and
 * `kracked/format/line.py`. An event of another kind, of another precision or with a number of more
 * than 62 bits ends a block: Python's turn.
 */
#include "rows.h"

#include <structmember.h>

/* --- the orders in view of a level 3 book --------------------------------------------------- */

typedef struct {
    PyObject_HEAD PyObject *precision;
    OrderBook sides[2]; /* of each only its own side is used: ids are apart */
    OrderFormat format;
    Py_ssize_t depth;
    char whole;
    bool prepared; /* changes wait to be applied */
    OrdersTold told;
    OrderChange *changes;
    size_t counts[2], room; /* changes of bids, then of asks */
    Rows rows;
    size_t gone[2]; /* levels whose orders are told as cut */
    size_t gone_at; /* of these orders, how many were told of this level */
    const Order *gone_order;
} OrderRowsObject;

static void release_order(void *payload) { Py_XDECREF((PyObject *)payload); }

static PyObject *order_rows_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    OrderRowsObject *self = (OrderRowsObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    for (int side = BIDS; side <= ASKS; side++) order_book_init(&self->sides[side], release_order);
    return (PyObject *)self;
}

static void order_rows_dealloc(OrderRowsObject *self) {
    for (int side = BIDS; side <= ASKS; side++) order_book_free(&self->sides[side]);
    Py_CLEAR(self->precision);
    PyMem_Free(self->told.each);
    PyMem_Free(self->changes);
    PyMem_Free(self->rows.start);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static OrderSide *side_of(OrderRowsObject *self, int side) { return &self->sides[side].sides[side]; }

static void changes_discard(OrderRowsObject *self) {
    size_t count = self->counts[BIDS] + self->counts[ASKS];
    order_changes_discard(self->changes, count);
    for (size_t at = 0; at < count; at++) Py_CLEAR(self->changes[at].payload);
    self->counts[BIDS] = self->counts[ASKS] = 0;
}

/* Whatever the action of a change that brings an order, the order is the last of its level. */
static bool change_put(OrderRowsObject *self, const OrderTold *told, int side) {
    PyObject *id = attribute(told->order, &of_order_id); /* the order keeps it alive */
    Py_ssize_t length;
    const char *text = id && PyUnicode_Check(id) ? PyUnicode_AsUTF8AndSize(id, &length) : NULL;
    Py_XDECREF(id);
    if (!text) {
        PyErr_SetString(PyExc_OverflowError, "an order id that is no text");
        return false;
    }
    OrderChange *change = self->changes + self->counts[BIDS] + self->counts[ASKS];
    *change = (OrderChange){{text, (size_t)length}, told->price, told->qty, DELETE, NULL, NULL};
    if (told->letter == 'M') {
        self->counts[side]++;
        change[1] = change[0];
        change++;
    }
    if (told->letter != 'C') {
        change->action = ADD;
        change->payload = Py_NewRef(told->order);
    }
    self->counts[side]++;
    return true;
}

/* Make changes of what was told, and get all memory that applying them needs. */
static bool changes_prepare(OrderRowsObject *self) {
    const OrdersTold *told = &self->told;
    self->counts[BIDS] = self->counts[ASKS] = 0;
    if (2 * told->count > self->room) {
        OrderChange *more = PyMem_Realloc(self->changes, 4 * told->count * sizeof *more);
        if (!more) {
            PyErr_NoMemory();
            return false;
        }
        self->changes = more;
        self->room = 4 * told->count;
    }
    bool fine = true;
    for (size_t at = 0; fine && at < told->count; at++)
        fine = change_put(self, &told->each[at], at < told->bids ? BIDS : ASKS);
    OrderChange *asks = self->changes + self->counts[BIDS];
    if (fine && !(order_book_prepare(&self->sides[BIDS], self->changes, self->counts[BIDS], NULL, 0) &&
                  order_book_prepare(&self->sides[ASKS], NULL, 0, asks, self->counts[ASKS]))) {
        PyErr_NoMemory();
        fine = false;
    }
    if (!fine) changes_discard(self);
    self->prepared = fine;
    return fine;
}

/* Apply what was prepared; note the levels that are beyond the depth, without cutting them. */
static void changes_apply(OrderRowsObject *self) {
    OrderChange *changes = self->changes;
    self->prepared = false;
    for (int side = BIDS; side <= ASKS; side++) {
        size_t count = self->counts[side], depth = self->depth < 0 ? 0 : (size_t)self->depth;
        if (count) order_side_apply(&self->sides[side], side, changes, count, SIZE_MAX);
        size_t held = order_side_count(side_of(self, side));
        self->gone[side] = count && held > depth ? held - depth : 0;
        changes += count;
    }
    changes_discard(self);
    self->gone_at = 0;
    self->gone_order = NULL;
}

/* The next order that the depth cuts, the worst level first; false after the last. The changes
 * are applied by then: all that could fail in reading them has been read. */
static bool next_gone(void *owner, OrderTold *told) {
    OrderRowsObject *self = owner;
    if (self->prepared) changes_apply(self);
    size_t at = self->gone_at;
    if (self->gone_order) self->gone_order = self->gone_order->behind;
    else if (self->gone_at < self->gone[BIDS] + self->gone[ASKS]) {
        int side = at < self->gone[BIDS] ? BIDS : ASKS;
        const OrderSide *levels = side_of(self, side);
        self->gone_order = levels->levels[levels->start + at - (side ? self->gone[BIDS] : 0)]->first;
    }
    if (!self->gone_order) return false;
    const Order *order = self->gone_order;
    int side = at < self->gone[BIDS] ? BIDS : ASKS;
    *told = (OrderTold){order->payload, order->level->price, order->qty, side ? 'a' : 'b', 'C'};
    if (!order->behind) {
        self->gone_at++;
        self->gone_order = NULL;
    }
    return true;
}

static size_t orders_held(const OrderRowsObject *self) {
    return self->sides[BIDS].orders.count + self->sides[ASKS].orders.count;
}

/* Cut the levels beyond the depth; return how many orders they had. */
static size_t cut_gone(OrderRowsObject *self) {
    size_t held = orders_held(self);
    for (int side = BIDS; side <= ASKS; side++)
        if (self->gone[side])
            order_side_apply(&self->sides[side], side, NULL, 0, (size_t)self->depth);
    self->gone[BIDS] = self->gone[ASKS] = 0;
    return held - orders_held(self);
}

/* Put the rows of an update; return how many they are, -1 with an error. */
static Py_ssize_t orders_put(OrderRowsObject *self, PyObject *event, long long seq, long long flags,
                             Rows *rows) {
    OrderFormat format = self->format;
    format.seq = seq;
    format.flags = flags;
    if (!told_of(&self->told, event)) return -1;
    if (self->whole && !changes_prepare(self)) return -1;
    bool fine = order_rows_put(event, &format, &self->told, rows, self->whole ? next_gone : NULL, self);
    if (self->prepared) { /* a row could not be made */
        changes_discard(self);
        self->prepared = false;
        return -1;
    }
    size_t cut = self->whole ? cut_gone(self) : 0;
    return fine ? (Py_ssize_t)(self->told.count + cut) : -1;
}

static PyObject *order_rows_update(OrderRowsObject *self, PyObject *args) {
    PyObject *event;
    long long seq, flags;
    if (!PyArg_ParseTuple(args, "OLL", &event, &seq, &flags)) return NULL;
    Py_ssize_t made = orders_put(self, event, seq, flags, &self->rows);
    PyObject *text = made < 0 ? NULL : rows_take(&self->rows);
    return text ? Py_BuildValue("Nn", text, made) : NULL;
}

static PyObject *order_rows_set_precision(OrderRowsObject *self, PyObject *precision) {
    OrderFormat format;
    if (!order_format_of(&format, precision)) return NULL;
    self->format = format;
    Py_XSETREF(self->precision, Py_NewRef(precision));
    Py_RETURN_NONE;
}

static PyObject *order_rows_replace(OrderRowsObject *self, PyObject *event) {
    if (!told_of(&self->told, event) || !changes_prepare(self)) return NULL;
    for (int side = BIDS; side <= ASKS; side++)
        order_side_apply(&self->sides[side], side, NULL, 0, 0);
    changes_apply(self);
    self->gone[BIDS] = self->gone[ASKS] = 0;
    self->whole = true;
    Py_RETURN_NONE;
}

static PyObject *order_rows_count(OrderRowsObject *self, PyObject *arg) {
    long side = PyLong_AsLong(arg);
    if (side == -1 && PyErr_Occurred()) return NULL;
    return PyLong_FromSize_t(order_side_count(side_of(self, side == ASKS)));
}

static PyObject *order_rows_orders(OrderRowsObject *self, PyObject *arg) {
    long index = PyLong_AsLong(arg);
    if (index == -1 && PyErr_Occurred()) return NULL;
    const OrderSide *side = side_of(self, index == ASKS);
    PyObject *orders = PyList_New(0);
    for (size_t at = side->start; orders && at < side->end; at++)
        for (Order *order = side->levels[at]->first; orders && order; order = order->behind)
            if (PyList_Append(orders, order->payload)) Py_CLEAR(orders);
    return orders;
}

static PyMemberDef order_rows_members[] = {
    {"depth", T_PYSSIZET, offsetof(OrderRowsObject, depth), 0, "Levels a side that are in view."},
    {"whole", T_BOOL, offsetof(OrderRowsObject, whole), 0, "Whether every order in view is held."},
    {NULL},
};

static PyMethodDef order_rows_methods[] = {
    {"set_precision", (PyCFunction)order_rows_set_precision, METH_O, "Set the decimals of the cells."},
    {"replace", (PyCFunction)order_rows_replace, METH_O, "Hold the orders of this event alone."},
    {"update", (PyCFunction)order_rows_update, METH_VARARGS,
     "Apply an update; return its rows and how many they are."},
    {"count", (PyCFunction)order_rows_count, METH_O, "Return how many levels a side has."},
    {"orders", (PyCFunction)order_rows_orders, METH_O, "Return a side's orders, queue by queue."},
    {NULL},
};

static PyTypeObject OrderRowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.OrderRows",
    .tp_doc = "Rows of a level 3 book's updates, and of the orders that its depth cuts.",
    .tp_basicsize = sizeof(OrderRowsObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = order_rows_new,
    .tp_dealloc = (destructor)order_rows_dealloc,
    .tp_methods = order_rows_methods,
    .tp_members = order_rows_members,
};

/* --- rows of many events -------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD PyObject *kinds[2];    /* the types of updates of level 2 and 3 */
    PyObject *watched[2]; /* the rows of each symbol, by level */
    PyObject *touched;    /* those of level 2 with wide rows */
    Rows tables[2];
} RowBlocksObject;

static void row_blocks_dealloc(RowBlocksObject *self) {
    for (int level = 0; level < 2; level++) {
        Py_CLEAR(self->kinds[level]);
        Py_CLEAR(self->watched[level]);
        PyMem_Free(self->tables[level].start);
    }
    Py_CLEAR(self->touched);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *row_blocks_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *book, *orders;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "OO", &book, &orders)) return NULL;
    RowBlocksObject *self = (RowBlocksObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->kinds[0] = Py_NewRef(book);
    self->kinds[1] = Py_NewRef(orders);
    self->watched[0] = PyDict_New();
    self->watched[1] = PyDict_New();
    self->touched = PyList_New(0);
    if (!self->watched[0] || !self->watched[1] || !self->touched) Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *row_blocks_watch(RowBlocksObject *self, PyObject *args) {
    PyObject *symbol, *rows;
    if (!PyArg_ParseTuple(args, "UO", &symbol, &rows)) return NULL;
    int level3 = Py_IS_TYPE(rows, &OrderRowsType);
    if (!level3 && !Py_IS_TYPE(rows, &BookRowsType))
        return PyErr_Format(PyExc_TypeError, "rows of a book");
    if (PyDict_SetItem(self->watched[level3], symbol, rows)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *row_blocks_forget(RowBlocksObject *self, PyObject *args) {
    PyObject *symbol;
    int level3;
    if (!PyArg_ParseTuple(args, "Up", &symbol, &level3)) return NULL;
    if (PyDict_Contains(self->watched[level3], symbol) == 1 &&
        PyDict_DelItem(self->watched[level3], symbol))
        return NULL;
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* The rows that an event belongs to, borrowed; NULL when it is for Python, or with an error. */
static PyObject *rows_of(const RowBlocksObject *self, PyObject *event, int *level3) {
    PyObject *kind = (PyObject *)Py_TYPE(event);
    if (kind != self->kinds[0] && kind != self->kinds[1]) return NULL;
    *level3 = kind == self->kinds[1];
    PyObject *symbol = attribute(event, &of_symbol);
    PyObject *rows = symbol ? PyDict_GetItemWithError(self->watched[*level3], symbol) : NULL;
    Py_XDECREF(symbol);
    if (!rows) return NULL;
    PyObject *precision = attribute(event, &of_precision);
    Py_XDECREF(precision);
    PyObject *held = *level3 ? ((OrderRowsObject *)rows)->precision : ((BookRowsObject *)rows)->precision;
    return precision == held ? rows : NULL;
}

/* Put one event's rows, and count the characters; -1 with an error. */
static Py_ssize_t block_put(RowBlocksObject *self, PyObject *rows, PyObject *event, long long seq,
                            int level3, size_t *size) {
    Rows *table = &self->tables[level3];
    size_t before = rows_length(table);
    Py_ssize_t made;
    if (level3) {
        made = orders_put((OrderRowsObject *)rows, event, seq, 0, table);
    } else {
        Rows *wide = &((BookRowsObject *)rows)->wide;
        size_t wide_before = rows_length(wide);
        if (!wide_before && PyList_Append(self->touched, rows)) return -1;
        made = book_rows_put((BookRowsObject *)rows, event, seq, 0, table, wide);
        *size += rows_length(wide) - wide_before;
        if (!rows_length(wide) &&
            PyList_SetSlice(self->touched, PyList_GET_SIZE(self->touched) - 1,
                            PyList_GET_SIZE(self->touched), NULL))
            return -1;
    }
    *size += rows_length(table) - before;
    return made;
}

static PyObject *row_blocks_add(RowBlocksObject *self, PyObject *args) {
    PyObject *events, *seqs;
    Py_ssize_t at, made = 0;
    size_t size = 0;
    if (!PyArg_ParseTuple(args, "O!nO", &PyList_Type, &events, &at, &seqs)) return NULL;
    for (; at >= 0 && at < PyList_GET_SIZE(events); at++) {
        PyObject *event = PyList_GET_ITEM(events, at);
        int level3;
        PyObject *rows = rows_of(self, event, &level3);
        if (!rows) break;
        PyObject *number = PySequence_GetItem(seqs, at);
        long long seq = number ? PyLong_AsLongLong(number) : -1;
        Py_XDECREF(number);
        Py_ssize_t put = PyErr_Occurred() ? -1 : block_put(self, rows, event, seq, level3, &size);
        if (put < 0) break;
        made += put;
    }
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return NULL;
        PyErr_Clear();
    }
    return Py_BuildValue("nnn", at, made, (Py_ssize_t)size);
}

static PyObject *row_blocks_take(RowBlocksObject *self, PyObject *Py_UNUSED(none)) {
    PyObject *wide = PyList_New(0), *book = wide ? rows_take(&self->tables[0]) : NULL;
    PyObject *orders = book ? rows_take(&self->tables[1]) : NULL;
    bool fine = orders != NULL;
    for (Py_ssize_t at = 0; fine && at < PyList_GET_SIZE(self->touched); at++) {
        BookRowsObject *rows = (BookRowsObject *)PyList_GET_ITEM(self->touched, at);
        PyObject *text = rows_take(&rows->wide);
        PyObject *pair = text ? Py_BuildValue("ON", rows->symbol, text) : NULL;
        fine = pair && !PyList_Append(wide, pair);
        Py_XDECREF(pair);
    }
    if (fine && !PyList_SetSlice(self->touched, 0, PyList_GET_SIZE(self->touched), NULL))
        return Py_BuildValue("NNN", book, orders, wide);
    Py_XDECREF(wide);
    Py_XDECREF(book);
    Py_XDECREF(orders);
    return NULL;
}

static PyMethodDef row_blocks_methods[] = {
    {"watch", (PyCFunction)row_blocks_watch, METH_VARARGS, "Make the rows of this book."},
    {"forget", (PyCFunction)row_blocks_forget, METH_VARARGS, "Leave a book to Python."},
    {"add", (PyCFunction)row_blocks_add, METH_VARARGS,
     "Make rows of events; return where that ended, how many rows and characters they are."},
    {"take", (PyCFunction)row_blocks_take, METH_NOARGS,
     "Return the rows of `L2_updates`, `L3_ticks` and each wide book, and forget them."},
    {NULL},
};

static PyTypeObject RowBlocksType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.RowBlocks",
    .tp_doc = "Rows of the updates of many books, gathered until they are taken.",
    .tp_basicsize = sizeof(RowBlocksObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = row_blocks_new,
    .tp_dealloc = (destructor)row_blocks_dealloc,
    .tp_methods = row_blocks_methods,
};

/* --- lines of a raw log --------------------------------------------------------------------- */

static const char opening[] = "{\"ts_recv\":", channel[] = "{\"channel\":";

static bool put_text(Rows *rows, const char *text, size_t length) {
    if (!rows_room(rows, length + ROW_LENGTH)) return false;
    memcpy(rows->end, text, length);
    rows->end += length;
    return true;
}

/* Whether a message is published data on one line, without a secret: as nearly all are. */
static bool is_plain(const char *data, size_t length) {
    enum { LEAST = sizeof channel - 1 };
    return length > LEAST && !memcmp(data, channel, LEAST) && data[length - 1] == '}' &&
           !memchr(data, '\n', length) && !memchr(data, '\r', length);
}

static bool put_line(Rows *rows, long long received, long long seq, PyObject *connection,
                     const char *data, size_t length) {
    Py_ssize_t named;
    const char *name = PyUnicode_AsUTF8AndSize(connection, &named);
    if (!name || !put_text(rows, opening, sizeof opening - 1)) return false;
    rows->end = digits_write(rows->end, received);
    if (!put_text(rows, ",\"seq\":", 7)) return false;
    rows->end = digits_write(rows->end, seq);
    return put_text(rows, ",\"conn\":\"", 9) && put_text(rows, name, (size_t)named) &&
           put_text(rows, "\",\"msg\":", 8) && put_text(rows, data, length) &&
           put_text(rows, "}\n", 2);
}

static bool put_message(Rows *rows, PyObject *message, long long seq, PyObject *pack_any) {
    if (!PyTuple_Check(message) || PyTuple_GET_SIZE(message) != 3 ||
        !PyUnicode_Check(PyTuple_GET_ITEM(message, 0))) {
        PyErr_SetString(PyExc_TypeError, "a message is its connection, its time and its bytes");
        return false;
    }
    PyObject *connection = PyTuple_GET_ITEM(message, 0), *arrived = PyTuple_GET_ITEM(message, 1);
    PyObject *data = PyTuple_GET_ITEM(message, 2);
    int overflow;
    long long received = PyLong_AsLongLongAndOverflow(arrived, &overflow);
    if (received == -1 && PyErr_Occurred()) return false;
    if (!overflow && received >= 0 && PyBytes_CheckExact(data) &&
        is_plain(PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)))
        return put_line(rows, received, seq, connection, PyBytes_AS_STRING(data),
                        (size_t)PyBytes_GET_SIZE(data));
    PyObject *line = PyObject_CallFunction(pack_any, "OLOO", arrived, seq, connection, data);
    bool fine = line && PyBytes_Check(line) &&
                put_text(rows, PyBytes_AS_STRING(line), (size_t)PyBytes_GET_SIZE(line));
    Py_XDECREF(line);
    return fine;
}

/* Messages as the lines of a raw log, in one piece. */
static PyObject *pack_lines(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *messages, *pack_any, *block = NULL;
    long long seq;
    Rows rows = {0};
    if (!PyArg_ParseTuple(args, "OLO", &messages, &seq, &pack_any)) return NULL;
    PyObject *fast = PySequence_Fast(messages, "messages are a sequence");
    bool fine = fast != NULL;
    for (Py_ssize_t at = 0; fine && at < PySequence_Fast_GET_SIZE(fast); at++)
        fine = put_message(&rows, PySequence_Fast_GET_ITEM(fast, at), seq + at, pack_any);
    if (fine) block = PyBytes_FromStringAndSize(rows.start, rows.end - rows.start);
    else if (!PyErr_Occurred()) PyErr_NoMemory();
    Py_XDECREF(fast);
    PyMem_Free(rows.start);
    return block;
}

/* --- the module ---------------------------------------------------------------------------- */

static PyMethodDef blocks_methods[] = {
    {"pack_lines", pack_lines, METH_VARARGS, "Return messages as lines of a raw log, numbered."},
    {NULL},
};

int blocks_add(PyObject *module) {
    return PyModule_AddType(module, &OrderRowsType) || PyModule_AddType(module, &RowBlocksType) ||
           PyModule_AddFunctions(module, blocks_methods);
}
