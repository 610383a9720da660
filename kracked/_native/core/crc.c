/* CRC-32 as zlib computes it, sixteen bytes a step. */
#include "core.h"

enum { POLYNOMIAL = 0xEDB88320, KNOWN_LENGTHS = 4096 };

static uint32_t tables[16][256];
static uint32_t powers[KNOWN_LENGTHS]; /* x to the power of eight times the index */

/* The product of two polynomials modulo that of the CRC, bits reversed. */
static uint32_t product(uint32_t one, uint32_t other) {
    uint32_t sum = 0;
    for (uint32_t bit = 0x80000000u; bit; bit >>= 1) {
        sum ^= other & (uint32_t)-(int32_t)!!(one & bit);
        other = (other >> 1) ^ ((uint32_t)POLYNOMIAL & (uint32_t)-(int32_t)(other & 1));
    }
    return sum;
}

void crc_prepare(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ (uint32_t)POLYNOMIAL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (int step = 1; step < 16; step++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[step - 1][byte];
            tables[step][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
        }
    powers[0] = 0x80000000u;
    for (int length = 1; length < KNOWN_LENGTHS; length++)
        powers[length] = product(powers[length - 1], 0x00800000u);
}

/* The CRC of two texts in a row, from the CRC of each and the length of the second. */
uint32_t crc_joined(uint32_t first, uint32_t second, size_t length) {
    for (; length >= KNOWN_LENGTHS; length -= KNOWN_LENGTHS - 1)
        first = product(powers[KNOWN_LENGTHS - 1], first);
    return product(powers[length], first) ^ second;
}

static uint32_t word_at(const unsigned char *byte) {
    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
           (uint32_t)byte[3] << 24;
}

/* The part of four bytes that are followed by `after` more of the same step. */
static uint32_t part(uint32_t word, int after) {
    return tables[after + 3][word & 0xFF] ^ tables[after + 2][(word >> 8) & 0xFF] ^
           tables[after + 1][(word >> 16) & 0xFF] ^ tables[after][word >> 24];
}

/* The CRC of `length` bytes after those whose CRC is `crc`; 0 before the first. */
uint32_t crc_of(uint32_t crc, const char *at, size_t length) {
    const unsigned char *byte = (const unsigned char *)at;
    crc = ~crc;
    for (; length >= 16; length -= 16, byte += 16)
        crc = part(crc ^ word_at(byte), 12) ^ part(word_at(byte + 4), 8) ^
              part(word_at(byte + 8), 4) ^ part(word_at(byte + 12), 0);
    if (length >= 8) {
        crc = part(crc ^ word_at(byte), 4) ^ part(word_at(byte + 4), 0);
        length -= 8, byte += 8;
    }
    while (length--) crc = (crc >> 8) ^ tables[0][(crc ^ *byte++) & 0xFF];
    return ~crc;
}
