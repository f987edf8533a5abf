#include "reporter/utf8.h"

size_t
utf8_length(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t
utf8_read(const char *bytes, size_t length, uint32_t *ret_character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first = (unsigned char)bytes[0];
    size_t size = utf8_length(first);
    *ret_character = UTF8_REPLACEMENT;
    if (size == 1) {
        *ret_character = first;
    }
    if (size < 2 || size > length) {
        return 1;
    }
    uint32_t character = first & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        unsigned char next = (unsigned char)bytes[i];
        if ((next & 0xc0) != 0x80) {
            return 1;
        }
        character = (character << 6) | (next & 0x3fU);
    }
    if (character < least[size] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) {
        return 1;
    }
    *ret_character = character;
    return size;
}

size_t
utf8_write(uint32_t character, char ret_bytes[UTF8_MAX])
{
    if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) {
        character = UTF8_REPLACEMENT;
    }
    if (character < 0x80) {
        ret_bytes[0] = (char)character;
        return 1;
    }
    size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        ret_bytes[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    ret_bytes[0] = (char)((0xf00U >> size) | character);
    return size;
}
