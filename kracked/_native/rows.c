/* Rows of a recording's tables; the rules are those of `kracked/record/write/`.
 *
 * What is odd (a time of another length, an order id that may need quotes) is asked of the Python
 * functions that `use_cells` was given. A number of more than 62 bits is an OverflowError before
 * anything was changed.
 */
#include "rows.h"

#include <structmember.h>

enum { ORDER_ID_LENGTH = sizeof "OAAAAA-BBBBB-CCCCCC" - 1 };

static PyObject *exchange_time_cell, *time_cell, *text_cell;
static Attribute of_bids = {"bids"}, of_asks = {"asks"}, of_received = {"received"},
                 of_timestamp = {"timestamp"}, of_checksum = {"checksum"},
                 of_action = {"action"}, of_price = {"price"}, of_qty = {"qty"};
Attribute of_symbol = {"symbol"}, of_precision = {"precision"}, of_order_id = {"order_id"};

/* Flags of a row, as in `kracked.format.tables`. */
static long long flag_last, flag_cut;

/* --- attributes ---------------------------------------------------------------------------- */

/* Where a type keeps an attribute in its objects; 0 where it does not keep it so. */
static Py_ssize_t offset_of(PyTypeObject *type, PyObject *name) {
    PyObject *found = _PyType_Lookup(type, name); /* borrowed */
    if (!found || !Py_IS_TYPE(found, &PyMemberDescr_Type)) return 0;
    const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
    return member->type == T_OBJECT_EX ? member->offset : 0;
}

PyObject *attribute(PyObject *object, Attribute *wanted) {
    PyTypeObject *type = Py_TYPE(object);
    for (int at = 0; at < TYPES_KNOWN; at++) {
        if (wanted->types[at] != type) continue;
        PyObject *value = *(PyObject **)((char *)object + wanted->offsets[at]);
        if (value) return Py_NewRef(value);
    }
    if (!wanted->name && !(wanted->name = PyUnicode_InternFromString(wanted->text))) return NULL;
    Py_ssize_t offset = offset_of(type, wanted->name);
    if (offset > 0) {
        int at = wanted->next++ % TYPES_KNOWN;
        Py_XSETREF(wanted->types[at], (PyTypeObject *)Py_NewRef(type)); /* so that it is no other */
        wanted->offsets[at] = offset;
    }
    return PyObject_GetAttr(object, wanted->name);
}

/* --- text that grows ---------------------------------------------------------------------- */

bool rows_room(Rows *rows, size_t more) {
    if ((size_t)(rows->limit - rows->end) >= more) return true;
    size_t length = (size_t)(rows->end - rows->start), room = 2 * (length + more);
    char *start = PyMem_Realloc(rows->start, room);
    if (!start) return false;
    *rows = (Rows){start, start + length, start + room};
    return true;
}

/* Put a text and leave room for what has a largest length. */
static bool rows_put(Rows *rows, const char *text, size_t length) {
    if (!rows_room(rows, length + ROW_LENGTH)) return false;
    memcpy(rows->end, text, length);
    rows->end += length;
    return true;
}

static void rows_letter(Rows *rows, char letter) { *rows->end++ = letter; }

static void rows_number(Rows *rows, long long number) {
    rows->end = digits_write(rows->end, number);
}

size_t rows_length(const Rows *rows) { return (size_t)(rows->end - rows->start); }

PyObject *rows_take(Rows *rows) {
    PyObject *text = rows->start
                         ? PyUnicode_FromStringAndSize(rows->start, rows->end - rows->start)
                         : PyUnicode_New(0, 0);
    if (text) rows->end = rows->start;
    return text;
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
    PyObject *value = attribute(object, &of_timestamp);
    bool fine = value && stamp_of(cell, value, level2, room);
    Py_XDECREF(value);
    return fine;
}

/* An order's id, which is quoted where it must be. */
static bool id_attr(Cell *cell, PyObject *order) {
    PyObject *value = attribute(order, &of_order_id);
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

static bool number_attr(PyObject *object, Attribute *name, long long *number) {
    PyObject *value = attribute(object, name);
    *number = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return !PyErr_Occurred();
}

static bool decimals_attr(PyObject *precision, Attribute *name, unsigned *decimals) {
    long long number;
    if (!number_attr(precision, name, &number)) return false;
    *decimals = (unsigned)number;
    if (number >= 0 && number <= MOST_DECIMALS) return true;
    PyErr_SetString(PyExc_OverflowError, "more decimals than the compiled rows have room for");
    return false;
}

/* --- rows of a level 2 book ---------------------------------------------------------------- */

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
    Py_CLEAR(self->precision);
    PyMem_Free(self->rows.start);
    PyMem_Free(self->wide.start);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *book_rows_set_decimals(BookRowsObject *self, PyObject *precision) {
    unsigned price, qty;
    if (!decimals_attr(precision, &of_price, &price) || !decimals_attr(precision, &of_qty, &qty))
        return NULL;
    self->price_decimals = price;
    self->qty_decimals = qty;
    Py_XSETREF(self->precision, Py_NewRef(precision));
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

/* Put the wide row of the book as it is, unless it would be the same as the last. */
static bool wide_row(BookRowsObject *self, Rows *rows, Text received, Text stamp, long long seq) {
    bool bids = show(self, BIDS), asks = show(self, ASKS);
    self->shown_decimals[0] = self->price_decimals;
    self->shown_decimals[1] = self->qty_decimals;
    if (!bids && !asks) return true;
    Text first = stamp.length ? stamp : received;
    size_t length = first.length + received.length + 4 * WIDE_LEVELS * CELL_LENGTH;
    if (!rows_room(rows, length + ROW_LENGTH)) {
        PyErr_NoMemory();
        return false;
    }
    rows_put(rows, first.at, first.length);
    rows_letter(rows, ',');
    rows_put(rows, received.at, received.length);
    rows_letter(rows, ',');
    for (Py_ssize_t rank = 0; rank < WIDE_LEVELS; rank++) {
        put_level(rows, self, ASKS, rank);
        put_level(rows, self, BIDS, rank);
    }
    rows_number(rows, seq);
    rows_letter(rows, '\n');
    return true;
}

static PyObject *book_rows_row(BookRowsObject *self, PyObject *args) {
    PyObject *received_arg, *stamp_arg;
    long long seq;
    char room[TIME_LENGTH], stamp_room[TIME_LENGTH];
    Cell received = {0}, stamp = {0};
    if (!PyArg_ParseTuple(args, "OOL", &received_arg, &stamp_arg, &seq)) return NULL;
    PyObject *row = NULL;
    if (received_of(&received, received_arg, room) &&
        stamp_of(&stamp, stamp_arg, true, stamp_room) &&
        wide_row(self, &self->rows, received.text, stamp.text, seq))
        row = rows_take(&self->rows);
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
    Rows *rows;
    size_t begun; /* length of the rows before this update */
    long long seq, flags, checksum;
    LevelChange *changes[2];
    size_t counts[2];
    Cell symbol, stamp, received;
    char stamp_room[TIME_LENGTH], received_room[TIME_LENGTH];
} Update;

static bool update_sides(Update *update) {
    Attribute *names[] = {&of_bids, &of_asks};
    for (int side = BIDS; side <= ASKS; side++) {
        PyObject *rows = attribute(update->event, names[side]);
        if (rows) update->changes[side] = level_changes(rows, &update->counts[side]);
        Py_XDECREF(rows);
        if (!update->changes[side]) return false;
    }
    return true;
}

static bool update_read(Update *update, PyObject *symbol) {
    if (!update_sides(update) || !number_attr(update->event, &of_checksum, &update->checksum))
        return false;
    PyObject *received = attribute(update->event, &of_received);
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
    Rows *rows = update->rows;
    if (rows_length(rows) != update->begun) {
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

/* Put all rows of an update. */
static bool change_rows(BookRowsObject *self, Update *update) {
    Rows *rows = update->rows;
    bool fine = true;
    for (int side = BIDS; side <= ASKS; side++)
        for (size_t at = 0; fine && at < update->counts[side]; at++)
            fine = put_change(self, update, letters[side], update->changes[side][at]);
    if (fine && self->book->verified) fine = put_cut(self, update);
    if (!fine) {
        rows->end = rows->start + update->begun;
        PyErr_NoMemory();
    } else if (rows_length(rows) != update->begun) {
        rows_number(rows, update->flags | flag_last);
        rows_letter(rows, ',');
        rows_number(rows, update->checksum);
        rows_letter(rows, '\n');
    }
    return fine;
}

/* Apply an update; put its rows and the wide row. Return how many they are, -1 with an error. */
static Py_ssize_t update_rows(BookRowsObject *self, Update *update, Rows *wide) {
    LevelBookObject *book = self->book;
    LevelSide *sides = book->sides;
    size_t *counts = update->counts, before = rows_length(wide);
    if (!level_book_reserve(book, counts[BIDS], counts[ASKS])) {
        PyErr_NoMemory();
        return -1;
    }
    sides[BIDS].surplus = sides[ASKS].surplus = 0;
    if (book->verified) {
        level_book_update(book, update->changes[BIDS], counts[BIDS], update->changes[ASKS],
                          counts[ASKS]);
        book->verified = (long long)book->computed == update->checksum;
    }
    size_t made = counts[BIDS] + counts[ASKS];
    if (book->verified) made += sides[BIDS].surplus + sides[ASKS].surplus;
    if (!change_rows(self, update)) return -1;
    if (book->verified && !wide_row(self, wide, update->received.text, update->stamp.text, update->seq))
        return -1;
    return (Py_ssize_t)made + (rows_length(wide) != before);
}

Py_ssize_t book_rows_put(BookRowsObject *self, PyObject *event, long long seq, long long flags,
                         Rows *rows, Rows *wide) {
    Update update = {.event = event, .seq = seq, .flags = flags};
    update.rows = rows;
    update.begun = rows_length(rows);
    Py_ssize_t made = update_read(&update, self->symbol) ? update_rows(self, &update, wide) : -1;
    update_free(&update);
    return made;
}

static PyObject *book_rows_update(BookRowsObject *self, PyObject *args) {
    PyObject *event, *text = NULL, *row = NULL;
    long long seq, flags;
    Rows wide = {0};
    if (!PyArg_ParseTuple(args, "OLL", &event, &seq, &flags)) return NULL;
    Py_ssize_t made = book_rows_put(self, event, seq, flags, &self->rows, &wide);
    if (made >= 0) text = rows_take(&self->rows);
    if (text) row = rows_take(&wide);
    if (!row) Py_CLEAR(text);
    PyMem_Free(wide.start);
    return row ? Py_BuildValue("NNn", text, row, made) : NULL;
}

static PyMethodDef book_rows_methods[] = {
    {"set_decimals", (PyCFunction)book_rows_set_decimals, METH_O, "Set the decimals of the cells."},
    {"update", (PyCFunction)book_rows_update, METH_VARARGS,
     "Apply an update; return its rows, the wide row, and how many they are."},
    {"row", (PyCFunction)book_rows_row, METH_VARARGS, "Return the wide row of the book as it is."},
    {NULL},
};

PyTypeObject BookRowsType = {
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
    Rows *rows;
    size_t begun; /* length of the rows before this update */
    Cell symbol, stamp, received;
    char stamp_room[TIME_LENGTH], received_room[TIME_LENGTH];
    long long seq, flags, checksum;
    unsigned price_decimals, qty_decimals;
} OrderRows;

static bool order_rows_read(OrderRows *made, PyObject *event) {
    if (!number_attr(event, &of_checksum, &made->checksum)) return false;
    PyObject *received = attribute(event, &of_received);
    bool fine = received && received_of(&made->received, received, made->received_room);
    Py_XDECREF(received);
    return fine && stamp_attr(&made->stamp, event, false, made->stamp_room) &&
           cell_of(&made->symbol, attribute(event, &of_symbol));
}

static void order_rows_free(OrderRows *made) {
    cell_free(&made->symbol);
    cell_free(&made->stamp);
    cell_free(&made->received);
}

static bool scaled_attr(PyObject *object, Attribute *name, int64_t *scaled) {
    PyObject *value = attribute(object, name);
    int failed = !value || scaled_of(value, scaled);
    Py_XDECREF(value);
    return !failed;
}

static bool put_order_cells(OrderRows *made, const OrderTold *told, Text since, Text id) {
    Rows *rows = made->rows;
    Text symbol = made->symbol.text, stamp = made->stamp.text, received = made->received.text;
    size_t length = since.length + received.length + id.length + symbol.length + stamp.length;
    if (!rows_room(rows, length + 2 * ROW_LENGTH)) return false;
    if (rows_length(rows) != made->begun) {
        rows_number(rows, made->flags);
        rows_letter(rows, ',');
        rows_letter(rows, '\n');
    }
    rows_letter(rows, told->side);
    rows_letter(rows, ',');
    rows_put(rows, since.at, since.length);
    rows_letter(rows, ',');
    rows_put(rows, received.at, received.length);
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, told->price, made->price_decimals);
    rows_letter(rows, ',');
    rows->end = decimal_write(rows->end, told->qty, made->qty_decimals);
    rows_letter(rows, ',');
    rows_letter(rows, told->letter);
    rows_letter(rows, ',');
    rows_put(rows, id.at, id.length);
    rows_letter(rows, ',');
    rows_put(rows, symbol.at, symbol.length);
    rows_letter(rows, ',');
    rows_number(rows, made->seq);
    rows_letter(rows, ',');
    rows_put(rows, stamp.at, stamp.length);
    rows_letter(rows, ',');
    return true;
}

static bool put_order(OrderRows *made, const OrderTold *told) {
    Cell since = {0}, id = {0};
    char since_room[TIME_LENGTH];
    bool fine =
        stamp_attr(&since, told->order, false, since_room) && id_attr(&id, told->order);
    if (fine && !put_order_cells(made, told, since.text, id.text)) {
        PyErr_NoMemory();
        fine = false;
    }
    cell_free(&since);
    cell_free(&id);
    return fine;
}

/* Read an order's action and numbers; the letter of its action is A, M or C. */
static bool told_read(OrderTold *told, PyObject *order, char side) {
    PyObject *action = attribute(order, &of_action);
    Py_XDECREF(action);
    told->order = order;
    told->side = side;
    told->letter = action == action_words[ADD] ? 'A' : action == action_words[DELETE] ? 'C' : 'M';
    return action && scaled_attr(order, &of_price, &told->price) &&
           scaled_attr(order, &of_qty, &told->qty);
}

bool told_of(OrdersTold *orders, PyObject *event) {
    static const char sides[] = "ba";
    Attribute *names[] = {&of_bids, &of_asks};
    orders->count = orders->bids = 0;
    for (int side = BIDS; side <= ASKS; side++) {
        /* The event holds them while it is read. */
        PyObject *held = attribute(event, names[side]);
        PyObject *rows = held ? PySequence_Fast(held, "orders are a sequence") : NULL;
        Py_XDECREF(held);
        if (!rows) return false;
        size_t count = (size_t)PySequence_Fast_GET_SIZE(rows), all = orders->count + count;
        if (all > orders->room) {
            OrderTold *more = PyMem_Realloc(orders->each, 2 * all * sizeof *more);
            if (!more) PyErr_NoMemory();
            else *orders = (OrdersTold){more, orders->bids, orders->count, 2 * all};
        }
        bool fine = all <= orders->room;
        for (size_t at = 0; fine && at < count; at++)
            fine = told_read(&orders->each[orders->count++],
                             PySequence_Fast_GET_ITEM(rows, (Py_ssize_t)at), sides[side]);
        Py_DECREF(rows);
        if (!fine) return false;
        if (side == BIDS) orders->bids = orders->count;
    }
    return true;
}

/* Put the rows of an update's orders, then of those that `cut` tells of, one after the other. */
bool order_rows_put(PyObject *event, const OrderFormat *format, const OrdersTold *orders, Rows *rows,
                    bool (*cut)(void *owner, OrderTold *told), void *owner) {
    OrderRows made = {.rows = rows, .begun = rows_length(rows), .seq = format->seq};
    made.flags = format->flags;
    made.price_decimals = format->price_decimals;
    made.qty_decimals = format->qty_decimals;
    bool fine = order_rows_read(&made, event);
    for (size_t at = 0; fine && at < orders->count; at++) fine = put_order(&made, &orders->each[at]);
    OrderTold gone;
    while (fine && cut && cut(owner, &gone)) {
        fine = put_order(&made, &gone);
        made.flags |= flag_cut;
    }
    if (!fine) {
        rows->end = rows->start + made.begun;
    } else if (rows_length(rows) != made.begun) {
        rows_number(rows, made.flags | flag_last);
        rows_letter(rows, ',');
        rows_number(rows, made.checksum);
        rows_letter(rows, '\n');
    }
    order_rows_free(&made);
    return fine && !PyErr_Occurred();
}

bool order_format_of(OrderFormat *format, PyObject *precision) {
    return decimals_attr(precision, &of_price, &format->price_decimals) &&
           decimals_attr(precision, &of_qty, &format->qty_decimals);
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
    {"use_cells", use_cells, METH_VARARGS, "Set the cells of odd values, and two flags."},
    {NULL},
};

int rows_add(PyObject *module) {
    return PyModule_AddType(module, &BookRowsType) || PyModule_AddFunctions(module, rows_methods);
}
