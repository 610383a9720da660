/* Rows of a recording's tables; the rules are those of `kracked/record/write/`.
 *
 * What is odd (a time of another length, an order id that may need quotes) is asked of the Python
 * functions that `use_cells` was given. A number of more than 62 bits is an OverflowError before
 * anything was changed.
 */
#include "binding.h"

#include <structmember.h>

enum { WIDE_LEVELS = 10, ORDER_ID_LENGTH = 18, ROW_LENGTH = 256 };

static PyObject *exchange_time_cell, *time_cell, *text_cell;
static PyObject *name_bids, *name_asks, *name_received, *name_timestamp, *name_checksum;
static PyObject *name_symbol, *name_precision, *name_action, *name_order_id, *name_price, *name_qty;

/* Flags of a row, as in `kracked.format.tables`. */
static long long flag_last, flag_cut;

/* --- text that grows ---------------------------------------------------------------------- */

typedef struct {
    char *start, *end, *limit;
} Rows;

static bool rows_room(Rows *rows, size_t more) {
    if ((size_t)(rows->limit - rows->end) >= more) return true;
    size_t length = (size_t)(rows->end - rows->start), room = 2 * (length + more);
    char *start = PyMem_Realloc(rows->start, room);
    if (!start) return false;
    *rows = (Rows){start, start + length, start + room};
    return true;
}

static bool rows_put(Rows *rows, const char *text, size_t length) {
    if (!rows_room(rows, length + ROW_LENGTH)) return false;
    memcpy(rows->end, text, length);
    rows->end += length;
    return true;
}

/* Room is left by `rows_put` for what has a largest length. */
static void rows_letter(Rows *rows, char letter) { *rows->end++ = letter; }

static void rows_number(Rows *rows, long long number) {
    rows->end = digits_write(rows->end, number);
}

static PyObject *rows_text(const Rows *rows) {
    return PyUnicode_FromStringAndSize(rows->start, rows->end - rows->start);
}

/* --- cells -------------------------------------------------------------------------------- */

/* Text that Python made or holds; it lives as long as `owner`. */
typedef struct {
    PyObject *owner;
    Text text;
} Cell;

static void cell_free(Cell *cell) { Py_CLEAR(cell->owner); }

/* Take over a text; false with an error when it is none. */
static bool cell_of(Cell *cell, PyObject *owner) {
    Py_ssize_t length;
    const char *at = owner ? PyUnicode_AsUTF8AndSize(owner, &length) : NULL;
    if (!at) {
        Py_XDECREF(owner);
        return false;
    }
    *cell = (Cell){owner, {at, (size_t)length}};
    return true;
}

/* A time the exchange wrote; `level2` times of the usual length must end in a Z, too.
 * One in microseconds is written into `room`. */
static bool stamp_of(Cell *cell, PyObject *value, bool level2, char room[TIME_LENGTH]) {
    Py_ssize_t length = PyUnicode_Check(value) ? PyUnicode_GET_LENGTH(value) : 0;
    bool ends = length && PyUnicode_READ_CHAR(value, length - 1) == 'Z';
    if (length == TIME_LENGTH && (ends || !level2)) return cell_of(cell, Py_NewRef(value));
    if (length == TIME_LENGTH - 3 && ends && PyUnicode_IS_COMPACT_ASCII(value)) {
        memcpy(room, PyUnicode_DATA(value), TIME_LENGTH - 4);
        memcpy(room + TIME_LENGTH - 4, "000Z", 4);
        *cell = (Cell){NULL, {room, TIME_LENGTH}};
        return true;
    }
    return cell_of(cell, PyObject_CallOneArg(exchange_time_cell, value));
}

static bool stamp_attr(Cell *cell, PyObject *object, bool level2, char room[TIME_LENGTH]) {
    PyObject *value = PyObject_GetAttr(object, name_timestamp);
    bool fine = value && stamp_of(cell, value, level2, room);
    Py_XDECREF(value);
    return fine;
}

/* An order's id, which is quoted where it must be. */
static bool id_attr(Cell *cell, PyObject *order) {
    PyObject *value = PyObject_GetAttr(order, name_order_id);
    if (!value || (PyUnicode_Check(value) && PyUnicode_GET_LENGTH(value) == ORDER_ID_LENGTH))
        return cell_of(cell, value);
    PyObject *made = PyObject_CallOneArg(text_cell, value);
    Py_DECREF(value);
    return cell_of(cell, made);
}

/* The time a message arrived. It is written into `room` when it is one of a usual year. */
static bool received_of(Cell *cell, PyObject *value, char room[TIME_LENGTH]) {
    int overflow;
    long long time = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (time == -1 && PyErr_Occurred()) return false;
    if (overflow || time < 0) return cell_of(cell, PyObject_CallOneArg(time_cell, value));
    time_write(room, time);
    *cell = (Cell){NULL, {room, TIME_LENGTH}};
    return true;
}

static bool number_attr(PyObject *object, PyObject *name, long long *number) {
    PyObject *value = PyObject_GetAttr(object, name);
    *number = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return !PyErr_Occurred();
}

static bool decimals_attr(PyObject *precision, PyObject *name, unsigned *decimals) {
    long long number;
    if (!number_attr(precision, name, &number)) return false;
    *decimals = (unsigned)number;
    if (number >= 0 && number <= MOST_DECIMALS) return true;
    PyErr_SetString(PyExc_OverflowError, "more decimals than the compiled rows have room for");
    return false;
}

/* --- rows of a level 2 book ---------------------------------------------------------------- */

enum { CELL_LENGTH = 2 * DECIMAL_LENGTH + 2 };

/* A level in the last wide row, and its cells there. */
typedef struct {
    int64_t price, qty;
    unsigned length;
    char cells[CELL_LENGTH];
} Shown;

typedef struct {
    PyObject_HEAD PyObject *symbol;
    LevelBookObject *book;
    unsigned price_decimals, qty_decimals;
    Shown shown[2][WIDE_LEVELS];
    Py_ssize_t shown_count[2]; /* -1 before the first wide row */
    unsigned shown_decimals[2];
    Rows rows;
} BookRowsObject;

static PyObject *book_rows_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *symbol, *book;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "UO!", &symbol, &LevelBookType, &book)) return NULL;
    BookRowsObject *self = (BookRowsObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->symbol = Py_NewRef(symbol);
    self->book = (LevelBookObject *)Py_NewRef(book);
    self->shown_count[BIDS] = self->shown_count[ASKS] = -1;
    return (PyObject *)self;
}

static void book_rows_dealloc(BookRowsObject *self) {
    Py_CLEAR(self->symbol);
    Py_CLEAR(self->book);
    PyMem_Free(self->rows.start);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *book_rows_set_decimals(BookRowsObject *self, PyObject *precision) {
    unsigned price, qty;
    if (!decimals_attr(precision, name_price, &price) || !decimals_attr(precision, name_qty, &qty))
        return NULL;
    self->price_decimals = price;
    self->qty_decimals = qty;
    Py_RETURN_NONE;
}

static void show_level(const BookRowsObject *self, Shown *shown, int64_t price, int64_t qty) {
    char *end = decimal_write(shown->cells, price, self->price_decimals);
    *end++ = ',';
    end = decimal_write(end, qty, self->qty_decimals);
    *end++ = ',';
    shown->length = (unsigned)(end - shown->cells);
    shown->price = price;
    shown->qty = qty;
}

/* Remember the best levels of a side; whether a wide row of them would differ from the last. */
static bool show(BookRowsObject *self, int index) {
    const LevelSide *side = &self->book->sides[index];
    size_t held = level_side_count(side), count = held < WIDE_LEVELS ? held : WIDE_LEVELS;
    Py_ssize_t before = self->shown_count[index];
    bool anew = self->shown_decimals[0] != self->price_decimals ||
                self->shown_decimals[1] != self->qty_decimals;
    bool changed = before != (Py_ssize_t)count;
    for (size_t rank = 0; rank < count; rank++) {
        Shown *shown = &self->shown[index][rank];
        int64_t price = level_side_price(side, rank), qty = level_side_qty(side, rank);
        if (anew || (Py_ssize_t)rank >= before || shown->price != price || shown->qty != qty) {
            show_level(self, shown, price, qty);
            changed = true;
        }
    }
    self->shown_count[index] = (Py_ssize_t)count;
    return changed;
}

static void put_level(Rows *rows, const BookRowsObject *self, int side, Py_ssize_t rank) {
    if (rank < self->shown_count[side]) {
        const Shown *shown = &self->shown[side][rank];
        memcpy(rows->end, shown->cells, CELL_LENGTH); /* a fixed length is fast */
        rows->end += shown->length;
    } else {
        rows_letter(rows, ',');
        rows_letter(rows, ',');
    }
}

/* The wide row of the book as it is; an empty text when it would be the same as the last. */
static PyObject *wide_row(BookRowsObject *self, Text received, Text stamp, long long seq) {
    Rows *rows = &self->rows;
    bool bids = show(self, BIDS), asks = show(self, ASKS);
    self->shown_decimals[0] = self->price_decimals;
    self->shown_decimals[1] = self->qty_decimals;
    if (!bids && !asks) return PyUnicode_New(0, 0);
    rows->end = rows->start;
    Text first = stamp.length ? stamp : received;
    if (!rows_room(rows, 4 * WIDE_LEVELS * CELL_LENGTH) || !rows_put(rows, first.at, first.length))
        return PyErr_NoMemory();
    rows_letter(rows, ',');
    if (!rows_put(rows, received.at, received.length) ||
        !rows_room(rows, 4 * WIDE_LEVELS * CELL_LENGTH + ROW_LENGTH))
        return PyErr_NoMemory();
    rows_letter(rows, ',');
    for (Py_ssize_t rank = 0; rank < WIDE_LEVELS; rank++) {
        put_level(rows, self, ASKS, rank);
        put_level(rows, self, BIDS, rank);
    }
    rows_number(rows, seq);
    rows_letter(rows, '\n');
    return rows_text(rows);
}

static PyObject *book_rows_row(BookRowsObject *self, PyObject *args) {
    PyObject *received_arg, *stamp_arg;
    long long seq;
    char room[TIME_LENGTH], stamp_room[TIME_LENGTH];
    Cell received = {0}, stamp = {0};
    if (!PyArg_ParseTuple(args, "OOL", &received_arg, &stamp_arg, &seq)) return NULL;
    PyObject *row = NULL;
    if (received_of(&received, received_arg, room) && stamp_of(&stamp, stamp_arg, true, stamp_room))
        row = wide_row(self, received.text, stamp.text, seq);
    cell_free(&received);
    cell_free(&stamp);
    return row;
}

/* What every row of an update begins with: symbol, time of the exchange, ours. */
static bool put_start(Rows *rows, Text symbol, Text stamp, Text received) {
    if (!rows_put(rows, symbol.at, symbol.length)) return false;
    rows_letter(rows, ',');
    if (!rows_put(rows, stamp.at, stamp.length)) return false;
    rows_letter(rows, ',');
    if (!rows_put(rows, received.at, received.length)) return false;
    rows_letter(rows, ',');
    return true;
}

typedef struct {
    PyObject *event;
    long long seq, flags, checksum;
    LevelChange *changes[2];
    size_t counts[2];
    Cell symbol, stamp, received;
    char stamp_room[TIME_LENGTH], received_room[TIME_LENGTH];
} Update;

static bool update_sides(Update *update) {
    PyObject *names[] = {name_bids, name_asks};
    for (int side = BIDS; side <= ASKS; side++) {
        PyObject *rows = PyObject_GetAttr(update->event, names[side]);
        if (rows) update->changes[side] = level_changes(rows, &update->counts[side]);
        Py_XDECREF(rows);
        if (!update->changes[side]) return false;
    }
    return true;
}

static bool update_read(Update *update, PyObject *symbol) {
    if (!update_sides(update) || !number_attr(update->event, name_checksum, &update->checksum))
        return false;
    PyObject *received = PyObject_GetAttr(update->event, name_received);
    bool fine = received && received_of(&update->received, received, update->received_room);
    Py_XDECREF(received);
    return fine && cell_of(&update->symbol, Py_NewRef(symbol)) &&
           stamp_attr(&update->stamp, update->event, true, update->stamp_room);
}

static void update_free(Update *update) {
    PyMem_Free(update->changes[BIDS]);
    PyMem_Free(update->changes[ASKS]);
    cell_free(&update->symbol);
    cell_free(&update->stamp);
    cell_free(&update->received);
}

/* A row up to its flags, after the end of the row before. */
static bool put_change(BookRowsObject *self, const Update *update, char side, LevelChange change) {
    Rows *rows = &self->rows;
    if (rows->end != rows->start) {
        rows_number(rows, update->flags);
        rows_letter(rows, ',');
        rows_letter(rows, '\n');
    }
    if (!put_start(rows, update->symbol.text, update->stamp.text, update->received.text))
        return false;
    rows_letter(rows, side);
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, change.price, self->price_decimals);
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, change.qty, self->qty_decimals);
    rows_letter(rows, ',');
    rows_number(rows, update->seq);
    rows_letter(rows, ',');
    return rows_room(rows, ROW_LENGTH);
}

static const char letters[] = "ba";

static bool put_cut(BookRowsObject *self, Update *update) {
    for (int index = BIDS; index <= ASKS; index++) {
        const LevelSide *side = &self->book->sides[index];
        for (size_t at = side->start - side->surplus; at < side->start; at++) {
            LevelChange gone = {side->sign * side->keys[at], 0};
            if (!put_change(self, update, letters[index], gone)) return false;
            update->flags |= flag_cut;
        }
    }
    return true;
}

/* All rows of an update as one text, empty when it changes nothing. */
static PyObject *change_rows(BookRowsObject *self, Update *update) {
    Rows *rows = &self->rows;
    rows->end = rows->start;
    for (int side = BIDS; side <= ASKS; side++)
        for (size_t at = 0; at < update->counts[side]; at++)
            if (!put_change(self, update, letters[side], update->changes[side][at]))
                return PyErr_NoMemory();
    if (self->book->verified && !put_cut(self, update)) return PyErr_NoMemory();
    if (rows->end == rows->start) return PyUnicode_New(0, 0);
    rows_number(rows, update->flags | flag_last);
    rows_letter(rows, ',');
    rows_number(rows, update->checksum);
    rows_letter(rows, '\n');
    return rows_text(rows);
}

static PyObject *update_rows(BookRowsObject *self, Update *update) {
    LevelBookObject *book = self->book;
    LevelSide *sides = book->sides;
    size_t *counts = update->counts;
    if (!level_book_reserve(book, counts[BIDS], counts[ASKS])) return PyErr_NoMemory();
    sides[BIDS].surplus = sides[ASKS].surplus = 0;
    if (book->verified) {
        level_book_update(book, update->changes[BIDS], counts[BIDS], update->changes[ASKS],
                          counts[ASKS]);
        book->verified = (long long)book->computed == update->checksum;
    }
    size_t made = counts[BIDS] + counts[ASKS];
    if (book->verified) made += sides[BIDS].surplus + sides[ASKS].surplus;
    PyObject *text = change_rows(self, update), *row = NULL;
    if (text && book->verified)
        row = wide_row(self, update->received.text, update->stamp.text, update->seq);
    else if (text) row = PyUnicode_New(0, 0);
    if (row) made += PyUnicode_GET_LENGTH(row) > 0;
    if (!row) Py_CLEAR(text);
    return row ? Py_BuildValue("NNn", text, row, (Py_ssize_t)made) : NULL;
}

static PyObject *book_rows_update(BookRowsObject *self, PyObject *args) {
    Update update = {0};
    if (!PyArg_ParseTuple(args, "OLL", &update.event, &update.seq, &update.flags)) return NULL;
    PyObject *made = update_read(&update, self->symbol) ? update_rows(self, &update) : NULL;
    update_free(&update);
    return made;
}

static PyMethodDef book_rows_methods[] = {
    {"set_decimals", (PyCFunction)book_rows_set_decimals, METH_O, "Set the decimals of the cells."},
    {"update", (PyCFunction)book_rows_update, METH_VARARGS,
     "Apply an update; return its rows, the wide row, and how many they are."},
    {"row", (PyCFunction)book_rows_row, METH_VARARGS, "Return the wide row of the book as it is."},
    {NULL},
};

static PyTypeObject BookRowsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "kracked._native.engine.BookRows",
    .tp_doc = "Rows of a level 2 book's updates.",
    .tp_basicsize = sizeof(BookRowsObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = book_rows_new,
    .tp_dealloc = (destructor)book_rows_dealloc,
    .tp_methods = book_rows_methods,
};

/* --- rows of a level 3 update -------------------------------------------------------------- */

typedef struct {
    Rows rows;
    Cell symbol, stamp, received;
    char stamp_room[TIME_LENGTH], received_room[TIME_LENGTH];
    long long seq, flags, checksum;
    unsigned price_decimals, qty_decimals;
} OrderRows;

static bool order_rows_read(OrderRows *made, PyObject *event) {
    PyObject *precision = PyObject_GetAttr(event, name_precision);
    bool fine = precision && decimals_attr(precision, name_price, &made->price_decimals) &&
                decimals_attr(precision, name_qty, &made->qty_decimals);
    Py_XDECREF(precision);
    if (!fine || !number_attr(event, name_checksum, &made->checksum)) return false;
    PyObject *received = PyObject_GetAttr(event, name_received);
    fine = received && received_of(&made->received, received, made->received_room);
    Py_XDECREF(received);
    return fine && stamp_attr(&made->stamp, event, false, made->stamp_room) &&
           cell_of(&made->symbol, PyObject_GetAttr(event, name_symbol));
}

static bool scaled_attr(PyObject *object, PyObject *name, int64_t *scaled) {
    PyObject *value = PyObject_GetAttr(object, name);
    int failed = !value || scaled_of(value, scaled);
    Py_XDECREF(value);
    return !failed;
}

/* The letter of an order's action: A, M or C. */
static char action_of(PyObject *order) {
    PyObject *action = PyObject_GetAttr(order, name_action);
    Py_XDECREF(action);
    if (!action) return 0;
    return action == action_words[ADD] ? 'A' : action == action_words[DELETE] ? 'C' : 'M';
}

static bool put_order_cells(OrderRows *made, char side, char action, int64_t price, int64_t qty,
                            Text since, Text id) {
    Rows *rows = &made->rows;
    if (!rows_room(rows, ROW_LENGTH)) return false;
    rows_letter(rows, side);
    rows_letter(rows, ',');
    if (!rows_put(rows, since.at, since.length)) return false;
    rows_letter(rows, ',');
    if (!rows_put(rows, made->received.text.at, made->received.text.length)) return false;
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, price, made->price_decimals);
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, qty, made->qty_decimals);
    rows_letter(rows, ',');
    rows_letter(rows, action);
    rows_letter(rows, ',');
    if (!rows_put(rows, id.at, id.length)) return false;
    rows_letter(rows, ',');
    if (!rows_put(rows, made->symbol.text.at, made->symbol.text.length)) return false;
    rows_letter(rows, ',');
    rows_number(rows, made->seq);
    rows_letter(rows, ',');
    if (!rows_put(rows, made->stamp.text.at, made->stamp.text.length)) return false;
    rows_letter(rows, ',');
    return true;
}

static bool put_order(OrderRows *made, PyObject *order, char side, char action) {
    Rows *rows = &made->rows;
    Cell since = {0}, id = {0};
    char since_room[TIME_LENGTH];
    int64_t price, qty;
    if (rows->end != rows->start) {
        rows_number(rows, made->flags);
        rows_letter(rows, ',');
        rows_letter(rows, '\n');
    }
    bool fine = action && scaled_attr(order, name_price, &price) &&
                scaled_attr(order, name_qty, &qty) &&
                stamp_attr(&since, order, false, since_room) && id_attr(&id, order);
    if (fine && !put_order_cells(made, side, action, price, qty, since.text, id.text)) {
        PyErr_NoMemory();
        fine = false;
    }
    cell_free(&since);
    cell_free(&id);
    return fine;
}

static bool put_orders(OrderRows *made, PyObject *event, PyObject *name, char side) {
    PyObject *orders = PyObject_GetAttr(event, name);
    PyObject *fast = orders ? PySequence_Fast(orders, "orders are a sequence") : NULL;
    Py_XDECREF(orders);
    bool fine = fast != NULL;
    for (Py_ssize_t at = 0; fine && at < PySequence_Fast_GET_SIZE(fast); at++) {
        PyObject *order = PySequence_Fast_GET_ITEM(fast, at);
        fine = put_order(made, order, side, action_of(order));
    }
    Py_XDECREF(fast);
    return fine;
}

/* The orders that the depth has cut: pairs of a side's letter and an order. */
static bool put_cut_orders(OrderRows *made, PyObject *cut) {
    PyObject *fast = PySequence_Fast(cut, "what is cut is a sequence");
    bool fine = fast != NULL;
    for (Py_ssize_t at = 0; fine && at < PySequence_Fast_GET_SIZE(fast); at++) {
        PyObject *each = PySequence_Fast_GET_ITEM(fast, at), *side, *order;
        fine = PyArg_ParseTuple(each, "UO", &side, &order) &&
               put_order(made, order, (char)PyUnicode_READ_CHAR(side, 0), 'C');
        made->flags |= flag_cut;
    }
    Py_XDECREF(fast);
    return fine;
}

static PyObject *order_rows_text(OrderRows *made) {
    Rows *rows = &made->rows;
    if (rows->end == rows->start) return PyUnicode_New(0, 0);
    rows_number(rows, made->flags | flag_last);
    rows_letter(rows, ',');
    rows_number(rows, made->checksum);
    rows_letter(rows, '\n');
    return rows_text(rows);
}

static PyObject *order_rows(PyObject *Py_UNUSED(module), PyObject *args) {
    OrderRows made = {0};
    PyObject *event, *cut = NULL, *text = NULL;
    if (!PyArg_ParseTuple(args, "OL|LO", &event, &made.seq, &made.flags, &cut)) return NULL;
    if (order_rows_read(&made, event) && put_orders(&made, event, name_bids, 'b') &&
        put_orders(&made, event, name_asks, 'a') && (!cut || put_cut_orders(&made, cut)))
        text = order_rows_text(&made);
    cell_free(&made.symbol);
    cell_free(&made.stamp);
    cell_free(&made.received);
    PyMem_Free(made.rows.start);
    return text;
}

/* --- the module ---------------------------------------------------------------------------- */

static PyObject *use_cells(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *exchange_time, *time, *text;
    long long last, cut;
    if (!PyArg_ParseTuple(args, "OOOLL", &exchange_time, &time, &text, &last, &cut)) return NULL;
    Py_XSETREF(exchange_time_cell, Py_NewRef(exchange_time));
    Py_XSETREF(time_cell, Py_NewRef(time));
    Py_XSETREF(text_cell, Py_NewRef(text));
    flag_last = last;
    flag_cut = cut;
    Py_RETURN_NONE;
}

static PyMethodDef rows_methods[] = {
    {"order_rows", order_rows, METH_VARARGS, "Return the rows of a level 3 update."},
    {"use_cells", use_cells, METH_VARARGS, "Set the cells of odd values, and two flags."},
    {NULL},
};

int rows_add(PyObject *module) {
    static const struct {
        PyObject **name;
        const char *text;
    } names[] = {
        {&name_bids, "bids"},           {&name_asks, "asks"},
        {&name_received, "received"},   {&name_timestamp, "timestamp"},
        {&name_checksum, "checksum"},   {&name_symbol, "symbol"},
        {&name_precision, "precision"}, {&name_action, "action"},
        {&name_order_id, "order_id"},   {&name_price, "price"},
        {&name_qty, "qty"},
    };
    for (size_t at = 0; at < sizeof names / sizeof *names; at++)
        if (!(*names[at].name = PyUnicode_InternFromString(names[at].text))) return -1;
    return PyModule_AddType(module, &BookRowsType) || PyModule_AddFunctions(module, rows_methods);
}
