/* Reads the JSON of an update as the exchange writes it, and refuses everything else.
 *
 * Refused, and so read by the Python codec: snapshots, other channels, several books in one
 * message, escapes, bytes outside ASCII, exponents, negative or quoted numbers, more than eighteen
 * digits, members that repeat, unknown members that are objects or arrays.
 */
#include "core.h"

#include <string.h>

typedef struct {
    const char *at;
    const char *end;
} Scanner;

/* Members of the objects, a bit each. */
enum { CHANNEL = 1, TYPE = 2, DATA = 4 };
enum { SYMBOL = 1, BOOK_BIDS = 2, BOOK_ASKS = 4, CHECKSUM = 8, TIMESTAMP = 16 };
enum { PRICE = 1, QTY = 2, ORDER_ID = 4, LIMIT_PRICE = 8, ORDER_QTY = 16, ENTERED = 32, EVENT = 64 };

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool equals(Text text, const char *word) {
    return text.length == strlen(word) && !memcmp(text.at, word, text.length);
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static void skip_space(Scanner *from) {
    while (is_space(*from->at)) from->at++;
}

static bool take(Scanner *from, char byte) {
    skip_space(from);
    if (*from->at != byte) return false;
    from->at++;
    return true;
}

/* Whether one of eight bytes ends a text, or may not stand in one: a bit trick per byte. */
static bool has_end(const char *at) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t eight;
    memcpy(&eight, at, 8);
    uint64_t quote = eight ^ (ones * '"'), slash = eight ^ (ones * '\\'), last = eight + ones;
    uint64_t found = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (eight - ones * 0x20);
    return (found | last | eight) & tops;
}

/* Whether a byte may stand in a text: `char` has a sign on some machines and none on others. */
static bool is_plain(char byte) {
    unsigned char code = (unsigned char)byte;
    return code >= 0x20 && code < 0x7F && code != '"' && code != '\\';
}

static bool read_text(Scanner *from, Text *text) {
    if (!take(from, '"')) return false;
    const char *at = from->at;
    while (from->end - at >= 8 && !has_end(at)) at += 8; /* may find an end too early, never late */
    while (is_plain(*at)) at++; /* a zero byte ends it */
    if (*at != '"') return false;
    *text = (Text){from->at, (size_t)(at - from->at)};
    from->at = at + 1;
    return true;
}

static bool read_number(Scanner *from, Number *number) {
    skip_space(from);
    const char *at = from->at;
    uint64_t digits = 0;
    unsigned decimals = 0;
    if (!is_digit(*at)) return false;
    const char *first = at;
    while (is_digit(*at)) digits = digits * 10 + (uint64_t)(*at++ - '0');
    if (*first == '0' && at - first > 1) return false;
    size_t count = (size_t)(at - first);
    if (*at == '.') {
        first = ++at;
        while (is_digit(*at)) digits = digits * 10 + (uint64_t)(*at++ - '0');
        decimals = (unsigned)(at - first);
        if (!decimals) return false;
        count += decimals;
    }
    if (count > MOST_DECIMALS || *at == 'e' || *at == 'E') return false;
    *number = (Number){digits, decimals};
    from->at = at;
    return true;
}

static bool read_digits(Scanner *from, uint64_t *digits) {
    const char *first = from->at;
    for (*digits = 0; is_digit(*from->at); from->at++)
        *digits = *digits * 10 + (uint64_t)(*from->at - '0');
    return from->at > first && from->at - first < 20;
}

/* Skip the value of a member that is not ours: a text, a number or a word. */
static bool skip_value(Scanner *from) {
    Text text;
    Number number;
    skip_space(from);
    if (*from->at == '"') return read_text(from, &text);
    static const char *const words[] = {"true", "false", "null"};
    for (int at = 0; at < 3; at++) {
        size_t length = strlen(words[at]);
        if (!strncmp(from->at, words[at], length)) {
            from->at += length;
            return true;
        }
    }
    return read_number(from, &number);
}

/* After a member or an element: true when another follows, and `*fine` when the end is well made. */
static bool another(Scanner *from, char closing, bool *fine) {
    skip_space(from);
    char byte = *from->at;
    *fine = byte == ',' || byte == closing;
    if (*fine) from->at++;
    return byte == ',';
}

static bool read_key(Scanner *from, Text *key) { return read_text(from, key) && take(from, ':'); }

/* Note that a member was read; false when it came before. */
static bool once(unsigned *members, unsigned member) {
    if (*members & member) return false;
    *members |= member;
    return true;
}

static bool read_action(Scanner *from, Action *action) {
    Text word;
    if (!read_text(from, &word)) return false;
    if (equals(word, "add")) *action = ADD;
    else if (equals(word, "modify")) *action = MODIFY;
    else if (equals(word, "delete")) *action = DELETE;
    else return false;
    return true;
}

static bool read_row_member(Scanner *from, Row *row, Text key) {
    unsigned *members = &row->members;
    switch (key.length) {
    case 3:
        if (equals(key, "qty")) return once(members, QTY) && read_number(from, &row->qty);
        break;
    case 5:
        if (equals(key, "price")) return once(members, PRICE) && read_number(from, &row->price);
        if (equals(key, "event")) return once(members, EVENT) && read_action(from, &row->action);
        break;
    case 8:
        if (equals(key, "order_id")) return once(members, ORDER_ID) && read_text(from, &row->order_id);
        break;
    case 9:
        if (equals(key, "order_qty")) return once(members, ORDER_QTY) && read_number(from, &row->qty);
        if (equals(key, "timestamp")) return once(members, ENTERED) && read_text(from, &row->timestamp);
        break;
    case 11:
        if (equals(key, "limit_price"))
            return once(members, LIMIT_PRICE) && read_number(from, &row->price);
        break;
    default:
        break;
    }
    return skip_value(from);
}

static bool take_word(Scanner *from, const char *word, size_t length) {
    if (from->end - from->at < (ptrdiff_t)length || memcmp(from->at, word, length)) return false;
    from->at += length;
    return true;
}

/* Read `{"price":1.0,"qty":2.0}`, exactly as the exchange writes a level. */
static bool read_level(Scanner *from, Row *row) {
    static const char price[] = "{\"price\":", qty[] = ",\"qty\":", end[] = "}";
    Scanner start = *from;
    if (take_word(from, price, sizeof price - 1) && read_number(from, &row->price) &&
        take_word(from, qty, sizeof qty - 1) && read_number(from, &row->qty) &&
        take_word(from, end, sizeof end - 1)) {
        row->members = PRICE | QTY;
        row->action = ADD;
        return true;
    }
    *from = start;
    return false;
}

static bool read_row(Scanner *from, Row *row) {
    if (read_level(from, row)) return true;
    bool fine;
    Text key;
    row->members = 0;
    row->action = ADD;
    if (!take(from, '{')) return false;
    do {
        if (!read_key(from, &key) || !read_row_member(from, row, key)) return false;
    } while (another(from, '}', &fine));
    return fine;
}

static Outcome read_rows(Scanner *from, Message *message, size_t *count) {
    size_t start = message->bids + message->asks;
    bool fine;
    if (!take(from, '[')) return NOT_UNDERSTOOD;
    skip_space(from);
    if (*from->at == ']') {
        from->at++;
        return DONE;
    }
    do {
        if (start + *count == message->room) {
            size_t room = message->room ? message->room * 2 : 64;
            if (room > 2 * MOST_ROWS) return NOT_UNDERSTOOD;
            Row *rows = core_resize(message->rows, room * sizeof *rows);
            if (!rows) return NO_MEMORY;
            message->rows = rows;
            message->room = room;
        }
        if (!read_row(from, &message->rows[start + *count])) return NOT_UNDERSTOOD;
        ++*count;
    } while (another(from, ']', &fine));
    return fine ? DONE : NOT_UNDERSTOOD;
}

static bool read_checksum(Scanner *from, uint32_t *checksum) {
    Number number;
    if (!read_number(from, &number) || number.decimals || number.digits > UINT32_MAX) return false;
    *checksum = (uint32_t)number.digits;
    return true;
}

/* Asks that come before the bids would need another order of the rows: the codec reads those. */
static Outcome read_book_member(Scanner *from, Message *message, unsigned *members, Text key) {
    bool fine;
    if (equals(key, "bids"))
        return once(members, BOOK_BIDS) && !(*members & BOOK_ASKS)
                   ? read_rows(from, message, &message->bids)
                   : NOT_UNDERSTOOD;
    if (equals(key, "asks"))
        return once(members, BOOK_ASKS) ? read_rows(from, message, &message->asks) : NOT_UNDERSTOOD;
    if (equals(key, "symbol"))
        fine = once(members, SYMBOL) && read_text(from, &message->symbol) &&
               message->symbol.length <= 256;
    else if (equals(key, "checksum"))
        fine = once(members, CHECKSUM) && read_checksum(from, &message->checksum);
    else if (equals(key, "timestamp"))
        fine = once(members, TIMESTAMP) && read_text(from, &message->timestamp) &&
               message->timestamp.length && message->timestamp.length <= 256;
    else
        fine = skip_value(from);
    return fine ? DONE : NOT_UNDERSTOOD;
}

static Outcome read_book(Scanner *from, Message *message) {
    unsigned members = 0;
    bool fine;
    Text key;
    if (!take(from, '[') || !take(from, '{')) return NOT_UNDERSTOOD;
    do {
        if (!read_key(from, &key)) return NOT_UNDERSTOOD;
        Outcome outcome = read_book_member(from, message, &members, key);
        if (outcome != DONE) return outcome;
    } while (another(from, '}', &fine));
    unsigned needed = SYMBOL | CHECKSUM;
    return fine && (members & needed) == needed && take(from, ']') ? DONE : NOT_UNDERSTOOD;
}

static bool rows_complete(const Message *message) {
    unsigned needed = message->level3 ? ORDER_ID | LIMIT_PRICE | ORDER_QTY | ENTERED : PRICE | QTY;
    unsigned others = message->level3 ? PRICE | QTY : LIMIT_PRICE | ORDER_QTY;
    for (size_t at = 0; at < message->bids + message->asks; at++) {
        unsigned members = message->rows[at].members;
        if ((members & needed) != needed || members & others) return false;
        if (!message->rows[at].price.digits) return false; /* a price of zero is out of range */
    }
    return true;
}

Outcome message_read(Message *message, const char *data, size_t length) {
    Scanner from = {data, data + length};
    unsigned members = 0;
    bool fine, update = false;
    Text key, word;
    message->bids = message->asks = 0;
    message->symbol = message->timestamp = (Text){NULL, 0};
    if (!take(&from, '{')) return NOT_UNDERSTOOD;
    do {
        if (!read_key(&from, &key)) return NOT_UNDERSTOOD;
        if (equals(key, "channel")) {
            if (!once(&members, CHANNEL) || !read_text(&from, &word)) return NOT_UNDERSTOOD;
            message->level3 = equals(word, "level3");
            if (!message->level3 && !equals(word, "book")) return NOT_UNDERSTOOD;
        } else if (equals(key, "type")) {
            if (!once(&members, TYPE) || !read_text(&from, &word)) return NOT_UNDERSTOOD;
            update = equals(word, "update");
            if (!update) return NOT_UNDERSTOOD;
        } else if (equals(key, "data")) {
            if (!once(&members, DATA)) return NOT_UNDERSTOOD;
            Outcome outcome = read_book(&from, message);
            if (outcome != DONE) return outcome;
        } else if (!skip_value(&from)) {
            return NOT_UNDERSTOOD;
        }
    } while (another(&from, '}', &fine));
    while (from.at < from.end && is_space(*from.at)) from.at++; /* another line may follow */
    fine = fine && from.at == from.end && members == (CHANNEL | TYPE | DATA);
    return fine && rows_complete(message) ? DONE : NOT_UNDERSTOOD;
}

/* Take a line of a raw log apart, as `kracked/format/line.py` packs it: the time of receipt before
 * the message, and one brace after it. A line that begins otherwise is a message alone. */
void line_read(const char *data, size_t length, Text *message, uint64_t *received) {
    static const char opening[] = "{\"ts_recv\":", seq[] = ",\"seq\":", conn[] = ",\"conn\":",
                      msg[] = ",\"msg\":";
    Scanner from = {data, data + length};
    Number time, number;
    Text connection;
    *message = (Text){data, length};
    *received = 0;
    if (take_word(&from, opening, sizeof opening - 1) && read_digits(&from, &time.digits) &&
        take_word(&from, seq, sizeof seq - 1) && read_digits(&from, &number.digits) &&
        take_word(&from, conn, sizeof conn - 1) && read_text(&from, &connection) &&
        take_word(&from, msg, sizeof msg - 1) && from.at < from.end && from.end[-1] == '}') {
        *message = (Text){from.at, (size_t)(from.end - 1 - from.at)};
        *received = time.digits;
    }
}

void message_free(Message *message) {
    core_free(message->rows);
    *message = (Message){0};
}

bool number_scale(Number number, unsigned decimals, int64_t *scaled) {
    static const uint64_t tens[MOST_DECIMALS + 1] = {
        1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
        10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
        1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u};
    if (number.decimals > decimals || decimals - number.decimals > MOST_DECIMALS) return false;
    uint64_t factor = tens[decimals - number.decimals];
    if (number.digits && factor > (uint64_t)LARGEST / number.digits) return false;
    *scaled = (int64_t)(number.digits * factor);
    return true;
}
