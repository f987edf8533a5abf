"""The token format once more, apart from the programs: what they make must fit this, and they must take what this makes."""

import ctypes
import re
import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
TOKEN = re.compile(r"tk_pat_([0-9A-Za-z]{8})([0-9A-Za-z]{40})([0-9A-Za-z]{6})")
PERIODS = {7: 6, 30: 23, 60: 50, 90: 80, 180: 165, 365: 350}


def checksum(text):
    """CRC-32 in six base62 digits."""
    number = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits


def random_text(length):
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def make(lookup=None):
    """A well-formed token that nobody has stored."""
    text = "tk_pat_" + (lookup or random_text(8)) + random_text(40)
    return text + checksum(text)


def lookup(token):
    return token[7:15]


def secret(token):
    """The part that must stay hidden."""
    return token[15:55]


def preview(token):
    return f"{token[:15]}...{token[-6:]}"


_argon2 = ctypes.CDLL("libargon2.so.1")


def argon2id(text, memory_kib=8192, time=1):
    """The encoded argon2id hash."""
    encoded = ctypes.create_string_buffer(256)
    data, salt = text.encode(), secrets.token_bytes(16)
    failed = _argon2.argon2id_hash_encoded(ctypes.c_uint32(time), ctypes.c_uint32(memory_kib), ctypes.c_uint32(1), data,
                                           ctypes.c_size_t(len(data)), salt, ctypes.c_size_t(16), ctypes.c_size_t(32),
                                           encoded, ctypes.c_size_t(256))
    assert failed == 0, failed
    return encoded.value.decode()


def argon2id_matches(encoded, text):
    data = text.encode()
    return _argon2.argon2id_verify(encoded.encode(), data, ctypes.c_size_t(len(data))) == 0
