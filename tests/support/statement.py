"""PostgreSQL's own description of the statements in sql/queries: the names and types of their results."""

import ctypes
import re

from support.postgres import ROOT

QUERIES = ROOT / "sql" / "queries"

# Type in pg_type → what it becomes in JSON.
JSON_TYPES = {"int2": "integer", "int4": "integer", "int8": "integer", "bool": "boolean", "text": "string", "varchar": "string",
              "name": "string", "json": "any", "jsonb": "any"}


def statement(name):
    """The text of `users/list` as it is prepared: without comments, parameters by number."""
    text = re.sub(r"(?m)^\s*--.*$", "", (QUERIES / f"{name}.sql").read_text()).strip().rstrip(";")
    names = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_]\w*)", text))
    numbers = {parameter: number for number, parameter in enumerate(names, 1)}
    return re.sub(r"(?<![:\w]):([a-z_]\w*)", lambda match: f"${numbers[match[1]]}", text)


def _libpq():
    """psycopg2 cannot describe a prepared statement; the library below it can."""
    library = ctypes.CDLL("libpq.so.5")
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for function, result, arguments in (
            ("PQdescribePrepared", pointer, [pointer, text]), ("PQnfields", number, [pointer]),
            ("PQfname", text, [pointer, number]), ("PQftype", ctypes.c_uint, [pointer, number]), ("PQclear", None, [pointer])):
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


def columns(connection, name):
    """The result's columns, in order: [(name, type in JSON)]. `connection` is psycopg2's."""
    library = _libpq()
    with connection.cursor() as cursor:
        cursor.execute("set search_path = testkase, pg_temp")
        cursor.execute(f"prepare described as {statement(name)}")
        result = library.PQdescribePrepared(connection.pgconn_ptr, b"described")
        found = [(library.PQfname(result, index).decode(), library.PQftype(result, index))
                 for index in range(library.PQnfields(result))]
        library.PQclear(result)
        cursor.execute("deallocate described")
        cursor.execute("select oid, typname from pg_type where oid = any(%s::oid[])", ([kind for _, kind in found],))
        types = dict(cursor.fetchall())
    return [(column, JSON_TYPES[types[kind]]) for column, kind in found]
