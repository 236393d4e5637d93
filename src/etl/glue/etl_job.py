"""EtlJob: one attempt of a run, from its manifest to its marker, on Spark.

Glue starts this script with the names of a dataset and a run. Everything else is in the bucket: the manifest names the
object versions and the plan, the plan holds every column, rule and statement. The local engine (src/etl/duckdb) executes
the same plan; both give the same rows, rejects, partitions and marker, and tests hold them against each other.

A text file is read by Spark's reader only when a look through all of it has shown that the reader cannot go wrong there
(`inspect_csv`); any other file, and each file with bad records, goes through the tokenizers below, which are specified in
src/etl/text and held against the same vectors as their twins there.

One file, because it is one asset of the stack. Python 3.11 to 3.13, PySpark 4.1, boto3; nothing is installed for it.
"""

import base64
import codecs
import functools
import hashlib
import itertools
import json
import re
import sys
import threading
import time
import traceback
import urllib.parse
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

# ---------------------------------------------------------------------------------------------------------------------
# Names: src/ledger/keys.ts and src/plan/partition-path.ts, which say why.


def key_hash(key):
    return hashlib.sha256(key.encode("utf-8")).hexdigest()[:32]


class LedgerKeys:
    @staticmethod
    def manifest(dataset, run):
        return f"ledger/runs/{dataset}/{run}/manifest.json"

    @staticmethod
    def decision(dataset, run):
        return f"ledger/runs/{dataset}/{run}/decision.json"

    @staticmethod
    def marker(dataset, day, run):
        return f"ledger/commits/{dataset}/day={day}/{run}.jsonl"

    @staticmethod
    def plan(digest):
        return f"ledger/plans/{digest}.json"

    @staticmethod
    def staging(dataset, run, job_run_id):
        return f"staging/{dataset}/{run}/{job_run_id}/"

    @staticmethod
    def data_file(dataset, partition, run, index):
        return f"data/{dataset}/{partition}{run}-{index:05d}.parquet"

    @staticmethod
    def rejects_file(dataset, day, run):
        return f"rejects/{dataset}/day={day}/{run}.parquet"


NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
ESCAPED_IN_PATHS = re.compile(r'[\x01-\x1f"#%\'*/:=?\\\x7f{\[\]^]')


def escape_path_name(text):
    return ESCAPED_IN_PATHS.sub(lambda match: f"%{ord(match[0]):02X}", text)


def partition_path(columns, values):
    """`year=2001/origin=A%2FB/`; values are texts, None for NULL."""
    return "".join(
        f"{escape_path_name(column)}={escape_path_name(value) if value else NULL_PARTITION}/"
        for column, value in zip(columns, values, strict=True)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Sentences: src/etl/duckdb/messages.ts. A problem of a record is (column, reason, message).

AN = {"int": "an int", "array": "an array"}


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def bad_value(key, record, column, text):
    word = re.match(r"[a-z]+", column["type"])
    type_name = AN.get(word[0] if word else column["type"], f"a {column['type']}")
    message = f"{key}, record {record}: {column['name']} {quoted(text)} is not {type_name}"
    return (column["name"], "bad-value", message)


def missing_value(key, record, column):
    message = f"{key}, record {record}: {column['name']} has no value, and it may not be null"
    return (column["name"], "missing-value", message)


def broken_rule(key, record, rule):
    return (None, "rule", f'{key}, record {record}: the rule "{rule}" is not true')


def bad_structure(key, record, reason, found, expected):
    """What is wrong with a record that is not a record of its format."""
    if reason == "bad-quoting":
        what = "a quoted field is not closed, or text follows its closing quote"
    elif reason == "field-count":
        what = f"it has {found} {'field' if found == 1 else 'fields'}, not {expected}"
    else:
        what = "it is not a valid JSON object"
    return (None, reason, f"{key}, record {record}: {what}")


def too_many_rejects(key, reject_limit, bad, records, first):
    percent = f"{reject_limit * 100:.2f}".rstrip("0").rstrip(".")
    share = f"{bad} of its {records} records are bad, more than the {percent} % that the dataset allows"
    return f"{key}: {share}{'' if first is None else f'; the first: {first}'}"


def list_names(names):
    shown = [quoted(name) for name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return f"{'the column' if len(names) == 1 else 'the columns'} {', '.join(shown)}"


def not_utf8(key, where):
    hint = 'if the file is latin-1, say `encoding: "latin-1"` in the source of its dataset'
    return ("encoding", f"{key}: {where} is not UTF-8; {hint}")


# ---------------------------------------------------------------------------------------------------------------------
# The CSV tokenizer: src/etl/text/csv-records.ts is its specification.

MAX_RECORD_BYTES = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
LF, CR, SPACE = 0x0A, 0x0D, 0x20
LINE_BREAK = re.compile(rb"[\r\n]")
SPACES = re.compile(rb" *")


class CsvRecord:
    """`field_count` and `trailing_empty` mean nothing when the quoting is bad."""

    __slots__ = ("index", "raw", "bad_quoting", "field_count", "trailing_empty", "_format")

    def __init__(self, index, raw, shape, csv_format):
        self.index = index
        self.raw = raw
        self.bad_quoting = shape is None
        self.field_count, self.trailing_empty = shape or (0, 0)
        self._format = csv_format

    def has_columns(self, columns):
        return (
            not self.bad_quoting and self.field_count >= columns and self.field_count - self.trailing_empty <= columns
        )

    def text(self):
        return self.raw.decode("utf-8", "replace")

    def fields(self):
        return [] if self.bad_quoting else self._format.split(self.raw)


class CsvFormat:
    def __init__(self, delimiter, quote):
        self._delimiter = delimiter.encode("ascii")[0]
        # No byte has this value.
        self._quote = quote.encode("ascii")[0] if quote else -1
        self._quote_bytes = quote.encode("ascii")
        self._unquoted = re.compile(b"[^" + re.escape(delimiter.encode("ascii")) + rb"\r\n]*")
        self._to_delimiter = re.compile(b"[^" + re.escape(delimiter.encode("ascii")) + b"]*", re.DOTALL)

    def _opening(self, buffer, at):
        """Where a quoted field's text begins, or -1."""
        if self._quote < 0 or at >= len(buffer):
            return -1
        if buffer[at] == self._quote:
            return at + 1
        if buffer[at] == SPACE and at + 1 < len(buffer) and buffer[at + 1] == self._quote:
            return at + 2
        return -1

    def scan(self, buffer, start, final):
        """The record at `start`: (its end, where the next begins, its shape); or "bad", or "more" bytes are needed."""
        length = len(buffer)
        fields = trailing = 0
        at = start
        while True:
            p = self._opening(buffer, at)
            if p >= 0:
                trailing = 0
                while True:
                    p = buffer.find(self._quote_bytes, p)
                    if p < 0:
                        return "bad" if final else "more"
                    p = SPACES.match(buffer, p + 1).end()
                    if p >= length and not final:
                        return "more"
                    if p >= length or buffer[p] != self._quote:
                        break
                    p += 1
                if p < length and buffer[p] not in (self._delimiter, LF, CR):
                    return "bad"
            else:
                p = self._unquoted.match(buffer, at).end()
                trailing = trailing + 1 if p == at else 0
            fields += 1
            if p >= length and not final:
                return "more"
            if p < length and buffer[p] == self._delimiter:
                at = p + 1
                continue
            return (p, min(p + 1, length), (fields, trailing))

    def split(self, raw):
        """The texts of a well-formed record's fields."""
        fields = []
        length = len(raw)
        at = 0
        while True:
            start = self._opening(raw, at)
            if start >= 0:
                p = start
                while True:
                    end = raw.index(self._quote_bytes, p)
                    p = SPACES.match(raw, end + 1).end()
                    if p >= length or raw[p] != self._quote:
                        break
                    p += 1
                fields.append(self._unquote(raw[start:end]))
            else:
                p = self._to_delimiter.match(raw, at).end()
                fields.append(raw[at:p])
            if p >= length:
                return [field.decode("utf-8", "replace") for field in fields]
            at = p + 1

    def _unquote(self, inner):
        """Drops each quote and keeps what follows it, a second quote included."""
        if self._quote_bytes not in inner:
            return inner
        kept = bytearray()
        at = 0
        while True:
            next_quote = inner.find(self._quote_bytes, at)
            if next_quote < 0:
                return bytes(kept + inner[at:])
            kept += inner[at:next_quote] + inner[next_quote + 1 : next_quote + 2]
            at = next_quote + 2


def csv_records(chunks, delimiter, quote):
    """The records of a file, in order. `chunks` are UTF-8, or any encoding in which ASCII bytes are themselves."""
    csv_format = CsvFormat(delimiter, quote)
    rest = b""
    index = 0
    at_start = True
    # Inside a first line that is longer than a record may be: skip to its end.
    skipping = False
    for chunk in itertools.chain(chunks, (None,)):
        final = chunk is None
        buffer = rest if final else rest + chunk
        at = 0
        if at_start:
            if len(buffer) < len(BOM) and not final:
                rest = buffer
                continue
            at = len(BOM) if buffer.startswith(BOM) else 0
            at_start = False
        length = len(buffer)
        while at < length:
            if not skipping and buffer[at] in (LF, CR):
                at += 1
                continue
            verdict = "bad" if skipping else csv_format.scan(buffer, at, final)
            if verdict == "more" and length - at <= MAX_RECORD_BYTES:
                break
            if isinstance(verdict, tuple) and verdict[0] - at <= MAX_RECORD_BYTES:
                yield CsvRecord(index, buffer[at : verdict[0]], verdict[2], csv_format)
                index += 1
                at = verdict[1]
                continue
            line = LINE_BREAK.search(buffer, at)
            end = line.start() if line else length
            if end == length and not final:
                if end - at <= MAX_RECORD_BYTES:
                    break
                # A line of more than the limit: report what there is of it, once, and drop the rest as it comes.
                if not skipping:
                    yield CsvRecord(index, buffer[at : at + MAX_RECORD_BYTES], None, csv_format)
                    index += 1
                skipping = True
                at = end
                break
            if not skipping:
                yield CsvRecord(index, buffer[at : min(end, at + MAX_RECORD_BYTES)], None, csv_format)
                index += 1
            skipping = False
            at = end
        rest = buffer[at:]


# ---------------------------------------------------------------------------------------------------------------------
# The JSON splitter: src/etl/text/json-records.ts is its specification.

MAX_JSON_RECORD_BYTES = 16 * 1024 * 1024
JSON_SPACE = b" \n\r\t"
JSON_TOKEN = re.compile(rb'[\[\]{},:"]|[^ \t\r\n\[\]{},:"]+')
STRING_STOP = re.compile(rb'["\\]')


class UnreadableJsonError(Exception):
    """The file does not have the shape that its dataset declares. The message is for a person."""


def json_records(chunks, layout, records_path):
    """The records of a file, in order, as the bytes of their texts."""
    splitter = JsonLines() if layout == "lines" else JsonElements(records_path)
    head = b""
    for chunk in chunks:
        if head is not None:
            head += chunk
            if len(head) < len(BOM):
                continue
            chunk, head = head.removeprefix(BOM), None
        yield from splitter.push(chunk)
    if head:
        yield from splitter.push(head)
    yield from splitter.end()


class JsonLines:
    def __init__(self):
        self._rest = b""
        self._cut = False

    def push(self, chunk):
        return self._take(self._rest + chunk, False)

    def end(self):
        return self._take(self._rest, True)

    def _take(self, buffer, final):
        start = 0
        length = len(buffer)
        while True:
            found = LINE_BREAK.search(buffer, start)
            end = found.start() if found else length
            if not found and not final and end - start <= MAX_JSON_RECORD_BYTES:
                break
            line = buffer[start : min(end, start + MAX_JSON_RECORD_BYTES)]
            if not self._cut and line.strip(JSON_SPACE):
                yield line
            # The rest of a line that was too long is dropped as it comes.
            self._cut = end >= length and not final
            start = min(end + 1, length)
            if end >= length:
                break
        self._rest = buffer[start:]


class JsonElements:
    """Elements of one array: the root, or the one that a path of members leads to."""

    def __init__(self, path):
        self._path = path
        self._open = []
        self._in_string = False
        self._escaped = False
        self._name = None
        self._matched = 0
        self._last_name = None
        self._expect = "value"
        self._target = "ahead"
        self._pieces = []
        self._piece_bytes = 0

    def push(self, chunk):
        records = []
        start = 0 if self._pieces else -1
        at = 0
        length = len(chunk)
        while at < length:
            if self._in_string:
                at = self._string(chunk, at)
                continue
            found = JSON_TOKEN.search(chunk, at)
            if not found:
                break
            at = found.start()
            byte = chunk[at : at + 1]
            in_array = self._target == "inside" and len(self._open) == len(self._path) + 1
            if in_array and byte in (b",", b"]"):
                if start >= 0:
                    records.append(self._element(chunk[start:at]))
                start = -1
            elif in_array and start < 0:
                start = at
            self._structure(byte)
            at = found.end()
        if start >= 0:
            self._pieces.append(chunk[start:])
            self._piece_bytes += length - start
            if self._piece_bytes > MAX_JSON_RECORD_BYTES:
                raise UnreadableJsonError(f"a record is longer than {MAX_JSON_RECORD_BYTES // 1024 // 1024} MiB")
        return records

    def end(self):
        if self._in_string or self._open:
            raise UnreadableJsonError("the file ends in the middle of its JSON")
        if self._target == "ahead":
            if not self._path:
                raise UnreadableJsonError("the file is empty where an array of records should be")
            raise UnreadableJsonError(f"the document has no array at {quoted('.'.join(self._path))}")
        return []

    def _element(self, last):
        element = b"".join([*self._pieces, last]).rstrip(JSON_SPACE)
        self._pieces = []
        self._piece_bytes = 0
        return element

    def _string(self, chunk, at):
        """Goes on inside a string; returns where it stopped."""
        if self._escaped:
            stop = at
            self._escaped = False
        else:
            found = STRING_STOP.search(chunk, at)
            stop = found.start() if found else len(chunk) - 1
            if found and found[0] == b"\\":
                self._escaped = True
            elif found:
                self._in_string = False
        if self._name is not None:
            self._name += chunk[at : stop + 1]
            if not self._in_string:
                self._last_name = parse_name(self._name)
                self._name = None
        return stop + 1

    def _structure(self, byte):
        if byte in (b"[", b"{"):
            self._open_container(byte)
        elif byte in (b"]", b"}"):
            self._close_container(byte)
        elif byte == b",":
            self._require("comma", byte)
            self._expect = "name" if self._open[-1] == b"{" else "value"
        elif byte == b":":
            self._require("colon", byte)
            self._expect = "value"
        elif byte == b'"':
            self._in_string = True
            if self._expect in ("name", "first-name"):
                if self._searching():
                    self._name = b'"'
                self._expect = "colon"
            else:
                self._value("a string")
        else:
            # A number or a word: its validity is not our business, its place is.
            if not self._open or self._expect in ("value", "first-value"):
                self._value("a single value")
            elif self._expect != "comma":
                raise UnreadableJsonError(f'"{byte.decode("latin-1")}" where a name should be')

    def _searching(self):
        return (
            self._target == "ahead" and len(self._open) == self._matched + 1 and self._matched < len(self._path)
        )

    def _open_container(self, byte):
        if not self._open and (self._target == "behind" or self._expect == "comma"):
            raise UnreadableJsonError("there is more than one JSON value in the file")
        if self._expect not in ("value", "first-value"):
            raise UnreadableJsonError(f'"{byte.decode()}" where a comma or a name should be')
        found = self._on_path()
        if self._target == "ahead" and found:
            if self._matched == len(self._path):
                if byte != b"[":
                    raise self._no_array("an object")
                self._target = "inside"
            elif byte != b"{":
                raise self._no_array("an array")
        self._open.append(byte)
        self._expect = "first-name" if byte == b"{" else "first-value"

    def _on_path(self):
        """The value that begins here is the root, or the next one on the path. Counts the name that led to it."""
        if self._target != "ahead":
            return False
        if not self._open:
            return True
        if len(self._open) != self._matched + 1 or self._last_name is None:
            return False
        found = self._matched < len(self._path) and self._last_name == self._path[self._matched]
        self._last_name = None
        if found:
            self._matched += 1
        return found

    def _close_container(self, byte):
        opening = b"[" if byte == b"]" else b"{"
        may_close = self._expect in ("comma", "first-value", "first-name")
        if not self._open or self._open[-1] != opening or not may_close:
            raise UnreadableJsonError(f'"{byte.decode()}" where it closes nothing')
        if self._target == "inside" and len(self._open) == len(self._path) + 1:
            self._target = "behind"
        elif self._target == "ahead" and len(self._open) <= self._matched + 1 and self._matched > 0:
            # The object that the path led to ends, and the rest of the path was not in it.
            raise self._no_array("nothing")
        self._open.pop()
        self._expect = "comma"

    def _value(self, what):
        if self._expect not in ("value", "first-value"):
            raise UnreadableJsonError(f"{what} where a comma should be")
        if self._target == "ahead" and self._on_path():
            raise self._no_array(what)
        self._expect = "comma"

    def _no_array(self, found):
        where = quoted(".".join(self._path)) if self._path else "the file"
        return UnreadableJsonError(f"{where} should be an array of records, and there is {found}")

    def _require(self, expected, symbol):
        if self._expect != expected or not self._open:
            raise UnreadableJsonError(f'"{symbol.decode()}" where it does not belong')


def parse_name(literal):
    text = literal.decode("utf-8", "replace")
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def is_json_object(text):
    def refuse(constant):
        raise ValueError(constant)

    try:
        # Numbers are not looked at: an integer may have more digits than Python converts.
        return isinstance(json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str), dict)
    except (ValueError, RecursionError):
        return False


# Line breaks in a record are white space between its tokens, or an error wherever they are: a space is the same. The
# local engine reads records as lines that are separated by nothing, not even by this control character.
ON_ONE_LINE = bytes.maketrans(b"\n\r\x01", b"  \x02")


# ---------------------------------------------------------------------------------------------------------------------
# Reading staged copies, on the executors. A file is a dict: `file` (its place in the manifest), `key`, `bucket`,
# `staged` (the key of its copy), `gzip`.

CHUNK = 1024 * 1024


def object_chunks(client, file):
    body = client.get_object(Bucket=file["bucket"], Key=file["staged"])["Body"]
    try:
        while chunk := body.read(CHUNK):
            yield chunk
    finally:
        body.close()


class CompressionError(Exception):
    pass


def gunzip(chunks, trailing=None):
    """Decompressed chunks, verified to the end. `trailing` is called when padding follows the last member."""
    inflater = zlib.decompressobj(wbits=31)
    begun = False
    padded = False
    try:
        for chunk in chunks:
            begun = begun or bool(chunk)
            while begun and not padded:
                data = inflater.decompress(chunk, CHUNK)
                if data:
                    yield data
                chunk = inflater.unconsumed_tail
                if inflater.eof:
                    chunk = inflater.unused_data
                    inflater = zlib.decompressobj(wbits=31)
                    begun = bool(chunk) and chunk[0] != 0
                    padded = bool(chunk) and not begun
                    if padded and trailing:
                        trailing()
                elif not chunk and len(data) < CHUNK:
                    break
        if begun:
            raise CompressionError("unexpected end of file")
    except zlib.error as error:
        raise CompressionError(str(error).rpartition(": ")[2]) from error


def text_chunks(client, file, encoding):
    """A file's bytes, decompressed and in UTF-8."""
    chunks = object_chunks(client, file)
    if file["gzip"]:
        chunks = gunzip(chunks)
    if encoding == "latin-1":
        chunks = (chunk.decode("latin-1").encode("utf-8") for chunk in chunks)
    return chunks


# ---------------------------------------------------------------------------------------------------------------------
# Inspection, on the executors: is there anything in a file, does it decompress to its end, is its encoding the declared
# one, does its header fit, and which reader reads it as specified? The answer is a dict; see `settled`.

HEAD = 4096
# Of a file that is rejected for its many bad records, this many are shown.
SHOWN_REJECTS = 100


def settled(file, problem=None, **facts):
    """What is known of a file: `problem` is (reason, message) when all of it is rejected."""
    known = {"file": file["file"], "problem": problem, "reader": "tokens", "layout": [], "rows": 0, "broken": 0}
    return {**known, "shown": [], **facts}


def inspect_text(client, plan, file):
    """Looks through a CSV or JSON file."""
    source = plan["source"]
    key = file["key"]
    facts = {"padded": False}
    if file["gzip"]:
        problem = gzip_problem(client, file, facts)
        if problem:
            return settled(file, problem)
    encoding = source.get("encoding", "utf-8")
    head = b""
    for chunk in text_chunks(client, file, encoding):
        head += chunk
        if len(head) >= HEAD:
            break
    problem = opening_problem(key, head, file["compressed"])
    if problem:
        return settled(file, problem)
    if source["format"] == "json":
        result = inspect_json(client, source, file)
    else:
        result = inspect_csv(client, plan, file)
    if facts["padded"]:
        # Hadoop's decompressor takes padding behind the last member for a broken one.
        result["reader"] = "tokens"
    return result


def gzip_problem(client, file, facts):
    size = 0
    try:
        for chunk in gunzip(object_chunks(client, file), lambda: facts.update(padded=True)):
            size += len(chunk)
    except CompressionError as error:
        return ("compression", f"{file['key']}: it does not decompress as gzip: {error}")
    if size == 0:
        return ("empty", f"{file['key']}: there is nothing in it once it is decompressed")
    return None


def opening_problem(key, head, compressed):
    foreign = None
    if head[:2] == b"\xff\xfe":
        foreign = "UTF-32" if head[2:4] == b"\0\0" else "UTF-16"
    elif head[:2] == b"\xfe\xff":
        foreign = "UTF-16"
    elif head[:4] == b"\0\0\xfe\xff":
        foreign = "UTF-32"
    if foreign:
        return ("encoding", f"{key}: it is {foreign}; only UTF-8 and latin-1 can be read")
    for mark, name, ending in ((b"\x1f\x8b", "gzip", ".gz"), (b"\x28\xb5\x2f\xfd", "zstd", ".zst")):
        if head.startswith(mark):
            again = "it is compressed twice" if compressed else f"it is compressed as {name}"
            return ("unreadable", f"{key}: {again}; such a file is named {ending}, once for each time")
    return None


def inspect_csv(client, plan, file):
    source = plan["source"]
    encoding = source["encoding"]
    if source["header"]:
        records = csv_records(text_chunks(client, file, encoding), source["delimiter"], source["quote"])
        header = next(records, None)
        if header is None:
            return settled(file, ("no-records", f"{file['key']}: there is nothing in it but empty lines"))
        layout = header_layout(plan, file["key"], header)
        if isinstance(layout, tuple):
            return settled(file, layout)
    else:
        layout = list(range(len(plan["columns"])))
    regular = RegularCsv(source, len(layout))
    if regular.read(text_chunks(client, file, encoding)):
        rows = regular.records - (1 if source["header"] else 0)
        return settled(file, reader="multiline" if regular.multiline else "lines", layout=layout, rows=rows)
    return count_csv(client, plan, file, layout)


def count_csv(client, plan, file, layout):
    """Counts the records of a file that only the tokenizer reads as specified."""
    key, source = file["key"], plan["source"]
    skipped = 1 if source["header"] else 0
    rows = broken = 0
    shown = []
    for record in csv_records(text_chunks(client, file, source["encoding"]), source["delimiter"], source["quote"]):
        number = record.index + 1 - skipped
        if number < 1:
            continue
        if not is_utf8(record.raw):
            # As in the local engine: the good rows before it count for nothing.
            return settled(file, not_utf8(key, f"record {number}"), layout=layout, broken=broken, shown=shown)
        if record.has_columns(len(layout)):
            rows += 1
            continue
        broken += 1
        if len(shown) < SHOWN_REJECTS:
            reason = "bad-quoting" if record.bad_quoting else "field-count"
            problem = bad_structure(key, number, reason, record.field_count, len(layout))
            shown.append((number, *problem, cut(record.text())))
    return settled(file, layout=layout, rows=rows, broken=broken, shown=shown)


def header_layout(plan, key, header):
    """Which declared column each field is, None for one that is not read; or a problem."""
    if header.bad_quoting:
        return ("header", f"{key}: the quotes of its header do not match: {header.text()[:200]}")
    if not is_utf8(header.raw):
        return not_utf8(key, "its header")
    source = plan["source"]
    names = [name.strip() for name in header.fields()]
    while len(names) > 1 and names[-1] == "":
        names.pop()
    columns = {column["from"][0].lower(): index for index, column in enumerate(plan["columns"])}
    seen = set()
    unknown = []
    layout = []
    for name in names:
        folded = name.lower()
        column = columns.get(folded)
        if column is None:
            unknown.append(name)
        elif folded in seen:
            return ("header", f"{key}: its header has the column {quoted(name)} twice")
        seen.add(folded)
        layout.append(column)
    if unknown and source["unknownColumns"] == "reject":
        return ("header", f"{key}: its header has {list_names(unknown)}, which the dataset does not declare")
    missing = [
        column["from"][0]
        for column in plan["columns"]
        if column["from"][0].lower() not in seen
        and (not column["nullable"] or source["missingColumns"] == "reject")
    ]
    if missing:
        return ("header", f"{key}: its header lacks {list_names(missing)}")
    return layout


class RegularCsv:
    """Whether Spark's CSV reader reads a file as specified. Any doubt makes a file irregular.

    Regular are records of exactly the layout's fields, each without a quote or quoted from end to end, which all end in
    LF or all in CRLF. Such a file can be read line by line, which also lets Spark split it; one with line breaks inside
    quotes is read as a whole, where Spark must be told its line end and can be told one character only.
    """

    def __init__(self, source, fields):
        delimiter, quote = (re.escape(source[name].encode("ascii")) for name in ("delimiter", "quote"))
        unquoted = b"[^" + delimiter + quote + rb"\r\n\0]*+"
        field = b"(?:" + quote + b"(?:[^" + quote + rb"\0]++|" + quote * 2 + b")*+" + quote + b"|" + unquoted + b")"
        field = field if quote else unquoted
        one = field + (b"(?:" + delimiter + field + b"){%d}" % (fields - 1))
        self._record = {end: re.compile(one + end) for end in (b"\n", b"\r\n")}
        self._records = {end: re.compile(b"(?:" + one + end + b"|" + end + b")*+") for end in (b"\n", b"\r\n")}
        self._quote = source["quote"].encode("ascii")
        # With one field Spark cannot tell a record of an empty field from an empty line. It takes lines of nothing but
        # blanks for empty, which they are not where a blank delimits.
        self._possible = fields > 1 and source["delimiter"] > " "
        self._header = source["header"]
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self.records = 0
        self.multiline = False

    def read(self, chunks):
        """True when the file is regular; `records` (a header among them) and `multiline` are known then."""
        if not self._possible:
            return False
        rest = b""
        marked = False
        end = None
        try:
            for chunk in itertools.chain(chunks, (None,)):
                self._utf8.decode(chunk or b"", chunk is None)
                buffer = rest if chunk is None else rest + chunk
                if end is None:
                    if len(buffer) < HEAD and chunk is not None:
                        rest = buffer
                        continue
                    if buffer.startswith(MARKS_IN_LATIN_1):
                        return False
                    marked = buffer.startswith(BOM)
                    buffer = buffer.removeprefix(BOM)
                    first = LINE_BREAK.search(buffer)
                    end = b"\r\n" if first and first[0] == b"\r" else b"\n"
                if chunk is None and buffer and not buffer.endswith(b"\n"):
                    buffer += end
                at = self._records[end].match(buffer).end()
                self._count(buffer[:at], end)
                rest = buffer[at:]
                # A record of about the tokenizer's limit is the tokenizer's to judge.
                if len(rest) > MAX_RECORD_BYTES // 4 or (chunk is None and rest):
                    return False
        except UnicodeDecodeError:
            return False
        if marked and (self.multiline or not self._header):
            return False
        return not (self.multiline and end == b"\r\n")

    def _count(self, records, end):
        found = records.count(b"\n")
        if self._quote and self._quote in records:
            found = sum(1 for _ in self._record[end].finditer(records))
            blanks = len(re.findall(b"(?:(?<=\n)|^)" + end, records))
            breaks = found + blanks
            returns = breaks if end == b"\r\n" else 0
            self.multiline = self.multiline or records.count(b"\n") != breaks or records.count(b"\r") != returns
        elif records.startswith(end) or end * 2 in records:
            found = sum(1 for _ in self._record[end].finditer(records))
        self.records += found


# What a latin-1 file begins with when its first bytes are the mark of another encoding, which readers would obey.
MARKS_IN_LATIN_1 = tuple(mark.encode("utf-8") for mark in ("\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"))


def inspect_json(client, source, file):
    rows = broken = 0
    lines = source["layout"] == "lines"
    plain = lines
    chunks = text_chunks(client, file, "utf-8")
    try:
        for record in json_records(chunks, source["layout"], source["recordsPath"]):
            text = decoded(record)
            if text is None:
                where = f"record {rows + broken + 1}"
                return settled(file, ("encoding", f"{file['key']}: {where} is not UTF-8, as JSON must be"))
            # A line of the limit may have been cut.
            plain = plain and len(record) < MAX_JSON_RECORD_BYTES // 2
            if is_json_object(text):
                rows += 1
            else:
                broken += 1
    except UnreadableJsonError as error:
        return settled(file, ("unreadable", f"{file['key']}: {error}"))
    marked = next(iter(text_chunks(client, file, "utf-8")), b"").startswith(BOM)
    reader = "lines" if plain and broken == 0 and not marked else "tokens"
    return settled(file, reader=reader, rows=rows, broken=broken)


def is_utf8(raw):
    return decoded(raw) is not None


def decoded(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


# Longer raw texts are cut, at this many UTF-16 units: a reject is to be looked at, the object is still in its bucket.
MAX_RAW = 64 * 1024


def cut(raw):
    if raw is None or len(raw) * 2 <= MAX_RAW:
        return raw
    units = raw.encode("utf-16-le", "surrogatepass")
    if len(units) <= MAX_RAW * 2:
        return raw
    return units[: MAX_RAW * 2].decode("utf-16-le", "replace") + "…"


def token_rows(client, plan, file, layout, broken_too):
    """The records of a file as tuples: file, record, raw text, what is wrong with its structure, found fields, and its
    fields (CSV) or its text (JSON). Without `broken_too` well-formed records only."""
    source = plan["source"]
    number = file["file"]
    if source["format"] == "json":
        records = json_records(text_chunks(client, file, "utf-8"), source["layout"], source["recordsPath"])
        for index, record in enumerate(records, 1):
            text = record.translate(ON_ONE_LINE).decode("utf-8", "replace")
            good = is_json_object(text)
            if good or broken_too:
                yield (number, index, text, None if good else "bad-json", None, text if good else None)
        return
    skipped = 1 if source["header"] else 0
    width = len(layout)
    nothing = (None,) * width
    for record in csv_records(text_chunks(client, file, source["encoding"]), source["delimiter"], source["quote"]):
        index = record.index + 1 - skipped
        if index < 1:
            continue
        if record.has_columns(width):
            yield (number, index, record.text(), None, None, *record.fields()[:width])
        elif broken_too:
            reason = "bad-quoting" if record.bad_quoting else "field-count"
            yield (number, index, record.text(), reason, record.field_count, *nothing)


# ---------------------------------------------------------------------------------------------------------------------
# The ledger, on the driver: src/ledger. Documents are written only with conditional writes.

CONFLICT_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
COPIES_AT_A_TIME = 16
# CopyObject takes no larger one.
COPY_BYTES = 5 * 1024**3


class LedgerError(Exception):
    """Something in the ledger is not what the protocol can have left there."""


class Bucket:
    """TargetBucket, with conditional writes: boto3 of Glue need not know the headers as parameters of CopyObject."""

    def __init__(self, client, name):
        self.client = client
        self.name = name
        self._condition = threading.local()
        for operation in ("PutObject", "CopyObject"):
            client.meta.events.register(f"before-call.s3.{operation}", self._add_condition)

    def _add_condition(self, params, **_):
        params["headers"].update(getattr(self._condition, "headers", {}))

    def conditionally(self, condition, call):
        """`done`; `refused` when the condition did not hold (412); `missing` (404). 409 means that S3 did not judge it,
        because another conditional write was under way: it is asked again."""
        for pause in (*CONFLICT_PAUSES, None):
            self._condition.headers = condition
            try:
                call()
                return "done"
            except Exception as error:
                status = status_of(error)
                if status == 412:
                    return "refused"
                if status == 404:
                    return "missing"
                if status != 409 or pause is None:
                    raise
            finally:
                self._condition.headers = {}
            time.sleep(pause)

    def get(self, key):
        try:
            return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        except Exception as error:
            if status_of(error) == 404:
                return None
            raise

    def head(self, key):
        try:
            return self.client.head_object(Bucket=self.name, Key=key)
        except Exception as error:
            if status_of(error) == 404:
                return None
            raise

    def create(self, key, text, content_type):
        """False when the key exists already (it may be this very text: an answer can be lost)."""
        answer = self.conditionally(
            {"If-None-Match": "*"},
            lambda: self.client.put_object(
                Bucket=self.name, Key=key, Body=text.encode("utf-8"), ContentType=content_type
            ),
        )
        if answer == "missing":
            raise LedgerError(f"{key}: the bucket {self.name} does not exist")
        return answer == "done"

    def list(self, prefix):
        """(key, size) of every object below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [(entry["Key"], entry["Size"]) for page in pages for entry in page.get("Contents", [])]


def status_of(error):
    """HTTP status of an answer of S3; None for any other error. Only the status is reliable."""
    response = getattr(error, "response", None)
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None


def print_document(document):
    """As JSON.stringify prints it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def iso_time():
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_decision(bucket, dataset, run):
    text = bucket.get(LedgerKeys.decision(dataset, run))
    return None if text is None else json.loads(text)


def publish_decision(attempt, job_run_id, replacements, additions, lines, decided_at):
    """The members in the order of the documents' schemas, so that the bytes are those of the local engine."""
    return {
        "kind": "publish",
        "attempt": attempt,
        "jobRunId": job_run_id,
        "decidedAt": decided_at,
        "day": decided_at[:10],
        "replacements": replacements,
        "additions": additions,
        "lines": [commit_line({**line, "decided_at": decided_at}) for line in lines],
    }


COMMIT_LINE = (
    "dataset key version try outcome run attempt job_run_id plan bytes rows_in rows_out rows_rejected received_at "
    "claimed_at decided_at error_reason error_message outputs"
).split()


def commit_line(values):
    return {name: values[name] for name in COMMIT_LINE}


def decide(bucket, dataset, run, proposed):
    """The decision that stands: the first."""
    key = LedgerKeys.decision(dataset, run)
    if bucket.create(key, print_document(proposed), "application/json"):
        return proposed
    standing = read_decision(bucket, dataset, run)
    if standing is None:
        raise LedgerError(f"{key} exists and does not: decisions must never be deleted")
    return standing


def apply_decision(bucket, dataset, run, decision):
    """Carries out a publish decision and writes the marker. Anybody may, any number of times."""
    marker = LedgerKeys.marker(dataset, decision["day"], run)
    if bucket.head(marker):
        return

    def copy(staged, key, condition):
        answer = bucket.conditionally(
            condition,
            lambda: bucket.client.copy_object(
                Bucket=bucket.name, Key=key, CopySource={"Bucket": bucket.name, "Key": staged}
            ),
        )
        # Refused: the target has other content than before this decision, and only its copy can have changed it.
        if answer != "missing":
            return answer
        if bucket.head(staged):
            # The target of a replacement is gone: a file without rows, swept after the commit.
            if "If-Match" in condition:
                return "refused"
            raise LedgerError(f"{staged} could not be copied to {key}: S3 says that it does not exist, and it does")
        if bucket.head(marker):
            return "committed"
        raise LedgerError(f"{staged} is missing, and run {run} of {dataset} is not committed")

    steps = (
        [(step["staged"], step["key"], {"If-Match": step["ifMatch"]}) for step in decision["replacements"]],
        [(step["staged"], step["key"], {"If-None-Match": "*"}) for step in decision["additions"]],
    )
    # Replacements first: a reader never sees a row twice. Nothing under data/ is deleted.
    with ThreadPoolExecutor(COPIES_AT_A_TIME) as pool:
        for copies in steps:
            if "committed" in list(pool.map(lambda step: copy(*step), copies)):
                return
    lines = "".join(f"{print_document(commit_line(line))}\n" for line in decision["lines"])
    # Refused: another applier of the same decision wrote the same lines.
    bucket.create(marker, lines, "application/x-ndjson")


def follow(bucket, dataset, run, decision):
    if decision["kind"] == "publish":
        apply_decision(bucket, dataset, run, decision)


# ---------------------------------------------------------------------------------------------------------------------
# Spark.

# Everything that could change a result is said here, whatever the defaults of a Spark version or a service.
OPTIONS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.parquet.writeLegacyFormat": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.adaptive.enabled": "true",
    # A stage that comes out empty would take the observation of its rows out of the plan with it.
    "spark.sql.adaptive.optimizer.excludedRules": (
        "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation"
    ),
    # Files of about this size, so that readers can share the work.
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "256MB",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}


def open_session():
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("millrace-etl")
    for name, value in OPTIONS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    # A context that was there before has its own options.
    for name, value in OPTIONS.items():
        if not name.startswith("spark.hadoop."):
            spark.conf.set(name, value)
    return spark


def name_of(column):
    return f"`{column.replace('`', '``')}`"


def text_literal(text):
    """A Spark literal without anything that its parser might take for an escape."""
    return "decode(unhex('" + text.encode("utf-8").hex() + "'), 'UTF-8')"


# Columns of ours beside the declared ones, none of which may begin with two underscores.
LINEAGE = "_source, _version"


def values_select(plan, raw, along=()):
    """One row per record: text and value of each column, and what travels along. See src/etl/duckdb/statements.ts."""
    carried = ", ".join(("__file", *along, LINEAGE))
    texts = ", ".join(f"{column['text']['spark']} AS {name_of(column['name'])}" for column in plan["columns"])
    values = ", ".join(
        f"{name_of(column['name'])} AS __text_{index}, {column['typed']['spark']} AS __value_{index}"
        for index, column in enumerate(plan["columns"])
    )
    return f"SELECT {values}, {carried} FROM (SELECT {texts}, {carried} FROM {raw}) AS texts"


def bad_value_sql(index):
    return f"(__text_{index} IS NOT NULL AND __value_{index} IS NULL)"


def bad_row_sql(plan):
    return " OR ".join(
        bad_value_sql(index) if column["nullable"] else f"__value_{index} IS NULL"
        for index, column in enumerate(plan["columns"])
    )


def typed_columns(plan):
    return ", ".join(f"__value_{index} AS {name_of(column['name'])}" for index, column in enumerate(plan["columns"]))


def broken_rule_sql(rule):
    return f"NOT coalesce({rule['condition']['spark']}, FALSE)"


def declared_columns(plan):
    return ", ".join(name_of(column["name"]) for column in plan["columns"])


def checked_select(plan, raw):
    """Typed rows with `__bad`, never NULL."""
    checked = f"SELECT {typed_columns(plan)}, ({bad_row_sql(plan)}) AS __bad, __file, {LINEAGE} FROM ({values_select(plan, raw)}) AS valued"
    bad = " OR ".join(["__bad", *map(broken_rule_sql, plan["rules"])])
    return f"SELECT {declared_columns(plan)}, {LINEAGE}, __file, ({bad}) AS __bad FROM ({checked}) AS source"


def bad_records_select(plan, raw):
    """What the second look tells of the records that are not loaded."""
    columns = range(len(plan["columns"]))
    along = ("__record", "__raw", "__broken", "__found")
    texts = ", ".join(f"left(CAST(__text_{index} AS STRING), 200)" for index in columns)
    untyped = ", ".join(map(bad_value_sql, columns))
    checked = (
        f"SELECT {typed_columns(plan)}, (__broken IS NOT NULL OR {bad_row_sql(plan)}) AS __bad, __file, {LINEAGE}, "
        f"{', '.join(along)}, array({texts}) AS __texts, array({untyped}) AS __untyped "
        f"FROM ({values_select(plan, raw, along)}) AS valued"
    )
    unmet = ", ".join(map(broken_rule_sql, plan["rules"]))
    flagged = (
        f"SELECT __file, {', '.join(along)}, __texts, __untyped, __bad, CAST(array({unmet}) AS ARRAY<BOOLEAN>) AS __unmet "
        f"FROM ({checked}) AS source"
    )
    return (
        f"SELECT __file, {', '.join(along)}, __texts, __untyped, __unmet FROM ({flagged}) AS flagged "
        "WHERE __bad OR array_contains(__unmet, TRUE)"
    )


# A directory name for any partition values: base64 of the JSON of their texts. Neither engine's partitioned writer
# decides what paths look like; `partition_path` does.
PARTITION = "__partition"


def output_select(plan, source, run):
    """The rows to be written: partition columns as one directory name, lineage last."""
    types = {column["name"]: column["type"] for column in plan["output"]}
    cast = {name: f"CAST({name_of(name)} AS {type_sql(type_)})" for name, type_ in types.items()}
    columns = [f"{cast[name]} AS {name_of(name)}" for name in types if name not in plan["partitionBy"]]
    columns += [LINEAGE, f"{text_literal(run)} AS _run"]
    texts = ", ".join(f"CAST({cast[name]} AS STRING)" for name in plan["partitionBy"])
    if texts:
        directory = f"translate(base64(CAST(to_json(array({texts})) AS BINARY)), '+/=\\r\\n', '-_')"
        columns.append(f"{directory} AS {PARTITION}")
    return (
        f"WITH source AS (SELECT {declared_columns(plan)}, {LINEAGE} FROM {source} WHERE NOT __bad), "
        f"transformed AS ({plan['transform']['spark']}) SELECT {', '.join(columns)} FROM transformed"
    )


def type_sql(type_text):
    """The catalog's spelling of a type with the names of fields quoted, so that none is taken for a keyword."""
    return re.sub(r"([<,])([A-Za-z_]\w*):", r"\1`\2`:", type_text)


def partition_values(directory):
    encoded = directory.partition("=")[2]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


class Disagreement(Exception):
    """Spark's reader does not see the same records in some files as the tokenizer."""

    def __init__(self, files):
        super().__init__(f"files {sorted(files)}")
        self.files = files


class Load:
    """Loads the files of one run, below the attempt's own staging."""

    def __init__(self, spark, bucket, plan, run, manifest, staging):
        self.spark = spark
        self.bucket = bucket
        self.plan = plan
        self.run = run
        self.manifest = manifest
        self.staging = staging
        self.names = itertools.count()
        self.parallelism = max(1, spark.sparkContext.defaultParallelism)
        self.files = manifest["files"]
        # What is known of each file; see `settled`.
        self.known = {}
        self.copies = {}
        self.bad = [0] * len(self.files)
        self.first = [None] * len(self.files)
        self.rows_out = [0] * len(self.files)
        self.rejects = None
        self.outputs = []

    # -- steps

    def execute(self):
        with ThreadPoolExecutor(COPIES_AT_A_TIME) as pool:
            list(pool.map(self._copy, range(len(self.files))))
        self._inspect()
        self._load()
        self._judge()

    def _load(self):
        for _ in range(2):
            try:
                self._write_outputs()
                self._look_again()
                return
            except Disagreement as disagreement:
                log(f"Spark reads other records than the tokenizer in {disagreement}: the tokenizer reads them now")
                if all(self.known[file]["reader"] == "tokens" for file in disagreement.files):
                    raise
                for file in disagreement.files:
                    self.known[file]["reader"] = "tokens"
        raise RuntimeError("Spark and the tokenizer do not read the same records")

    def _copy(self, index):
        """Copies a version under a plain name: Spark takes names for patterns, and hides some."""
        file = self.files[index]
        key, version, size = file["key"], file["version"], file["size"]
        if size == 0:
            self.known[index] = settled({"file": index}, ("empty", f"{key}: it has no bytes"))
            return
        gzip = bool(re.search(r"\.(gz|gzip)$", key, re.IGNORECASE))
        zstd = bool(re.search(r"\.(zst|zstd)$", key, re.IGNORECASE))
        parquet = self.plan["source"]["format"] == "parquet"
        ending = ".parquet" if parquet else ".text"
        packed = ".gz" if gzip else ".zst" if zstd else ""
        staged = f"{self.staging}inputs/{index:05d}{ending}{'' if parquet else packed}"
        source = {"Bucket": self.manifest["sourceBucket"], "Key": key, "VersionId": version}
        try:
            if size < COPY_BYTES:
                self.bucket.client.copy_object(Bucket=self.bucket.name, Key=staged, CopySource=source)
            else:
                # In parts: CopyObject ends at 5 GB.
                self.bucket.client.copy(source, self.bucket.name, staged)
        except Exception as error:
            # 405: the version is a delete marker.
            if status_of(error) not in (404, 405):
                raise
            message = f"{key}: its version {version} was deleted before it could be read"
            self.known[index] = settled({"file": index}, ("gone", message))
            return
        compressed = not parquet and (gzip or zstd)
        copied = {"file": index, "key": key, "bucket": self.bucket.name, "staged": staged}
        self.copies[index] = {**copied, "gzip": not parquet and gzip, "compressed": compressed}
        if not parquet and zstd:
            self._unpack_zstd(self.copies[index])

    def _unpack_zstd(self, copy):
        """Python has no zstd before 3.14, and Hadoop's needs a library of the machine: Spark's own does it."""
        from py4j.protocol import Py4JJavaError

        jvm = self.spark._jvm
        configuration = self.spark._jsc.hadoopConfiguration()
        hadoop = jvm.org.apache.hadoop
        source = hadoop.fs.Path(self._path(copy["staged"]))
        copy["staged"] = copy["staged"].removesuffix(".zst")
        target = hadoop.fs.Path(self._path(copy["staged"]))
        system = source.getFileSystem(configuration)
        packed = system.open(source)
        output = system.create(target, True)
        try:
            unpacked = jvm.com.github.luben.zstd.ZstdInputStreamNoFinalizer(packed)
            hadoop.io.IOUtils.copyBytes(unpacked, output, CHUNK, False)
        except Py4JJavaError as error:
            message = error.java_exception.getMessage() or ""
            # A stream that is cut off is an IOException like any other.
            if "zstd" not in error.java_exception.getClass().getName() and "Truncated source" not in message:
                raise
            if "Truncated source" in message:
                message = "unexpected end of file"
            problem = ("compression", f"{copy['key']}: it does not decompress as zstd: {message}")
            self.known[copy["file"]] = settled(copy, problem)
        finally:
            output.close()
            packed.close()
        if copy["file"] not in self.known and self.bucket.head(copy["staged"])["ContentLength"] == 0:
            problem = ("empty", f"{copy['key']}: there is nothing in it once it is decompressed")
            self.known[copy["file"]] = settled(copy, problem)

    def _inspect(self):
        waiting = [self.copies[index] for index in sorted(self.copies) if index not in self.known]
        if not waiting:
            return
        if self.plan["source"]["format"] == "parquet":
            with ThreadPoolExecutor(COPIES_AT_A_TIME) as pool:
                found = list(pool.map(self._inspect_parquet, waiting))
        else:
            plan = self.plan

            def inspect(files):
                client = executor_client()
                for file in files:
                    yield inspect_text(client, plan, file)

            found = self._distributed(waiting).mapPartitions(inspect).collect()
        for known in found:
            self.known[known["file"]] = known

    def _distributed(self, items):
        slices = min(len(items), self.parallelism * 4)
        return self.spark.sparkContext.parallelize(items, slices)

    def _inspect_parquet(self, copy):
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        key = copy["key"]
        try:
            schema = self.spark.read.parquet(self._path(copy["staged"])).schema
            rows = self._parquet_rows(copy)
        except (PySparkException, Py4JJavaError) as error:
            return settled(copy, unreadable_parquet(key, error))
        names = {field.name.lower() for field in schema.fields}
        origins = [(column, column["from"][0]) for column in self.plan["columns"]]
        declared = {origin.lower() for _, origin in origins}
        unknown = [field.name for field in schema.fields if field.name.lower() not in declared]
        if unknown:
            return settled(
                copy, ("header", f"{key}: it has {list_names(unknown)}, which the dataset does not declare")
            )
        missing = [
            origin for column, origin in origins if not column["nullable"] and origin.lower() not in names
        ]
        if missing:
            return settled(copy, ("header", f"{key}: it lacks {list_names(missing)}"))
        return settled(copy, reader="parquet", layout=schema.json(), rows=rows)

    def _parquet_rows(self, copy):
        """Rows by the footer."""
        return self.spark.read.parquet(self._path(copy["staged"])).count()

    # -- relations

    def _readable(self, reader=None):
        found = [known for known in self.known.values() if not known["problem"] and known["rows"] > 0]
        return sorted(
            (known for known in found if reader is None or known["reader"] == reader), key=lambda known: known["file"]
        )

    def _view(self, frame):
        name = f"millrace_{next(self.names)}"
        frame.createOrReplaceTempView(name)
        return name

    def _with_lineage(self, raw):
        """Adds `_source` and `_version`; returns the view's name."""
        from pyspark.sql.functions import broadcast

        rows = [(index, file["key"], file["version"]) for index, file in enumerate(self.files)]
        lineage = self.spark.createDataFrame(rows, "__file INT, _source STRING, _version STRING")
        return self._view(raw.join(broadcast(lineage), "__file"))

    def _path(self, key):
        return f"s3://{self.bucket.name}/{key}"

    def _paths(self, files):
        return [self._path(self.copies[known["file"]]["staged"]) for known in files]

    def _checked(self):
        """Typed rows of every readable file, with `__bad`."""
        relations = [
            self._raw(reader, layout, files)
            for reader in ("lines", "multiline", "parquet", "tokens")
            for layout, files in by_layout(self._readable(reader))
        ]
        return " UNION ALL ".join(checked_select(plan, self._with_lineage(raw)) for plan, raw in self._unions(relations))

    def _unions(self, relations):
        """Pairs of a plan and a relation, fewer of them: however text files are read, their fields are typed once.
        Parquet files of different columns are typed each in their own way."""
        if self.plan["source"]["format"] == "parquet" or not relations:
            return relations
        return [(self.plan, functools.reduce(lambda one, other: one.unionAll(other), (raw for _, raw in relations)))]

    def _raw(self, reader, layout, files):
        if reader == "parquet":
            return self._raw_parquet(layout, files)
        if reader == "tokens":
            return self.plan, self._raw_tokens(layout, files, broken_too=False)
        number = "CAST(split_part(_metadata.file_name, '.', 1) AS INT) AS __file"
        if self.plan["source"]["format"] == "json":
            lines = self.spark.read.text(self._paths(files))
            texts = lines.where("trim(BOTH ' \\t' FROM value) <> ''")
            return self.plan, texts.selectExpr("value AS record", number)
        fields = ", ".join(f"__f{index} STRING" for index in range(len(layout)))
        options = csv_options(self.plan["source"], reader == "multiline")
        frame = self.spark.read.schema(fields).options(**options).csv(self._paths(files))
        return self.plan, frame.selectExpr(*self._field_columns(layout), number)

    def _field_columns(self, layout):
        columns = []
        for place, column in enumerate(self.plan["columns"]):
            text = f"coalesce(__f{layout.index(place)}, '')" if place in layout else "CAST(NULL AS STRING)"
            columns.append(f"{text} AS {name_of(column['name'])}")
        return columns

    def _raw_tokens(self, layout, files, broken_too):
        plan = self.plan
        copies = [self.copies[known["file"]] for known in files]
        json_source = plan["source"]["format"] == "json"

        def read(some):
            client = executor_client()
            for file in some:
                yield from token_rows(client, plan, file, layout, broken_too)

        fields = "record STRING" if json_source else ", ".join(f"__f{index} STRING" for index in range(len(layout)))
        schema = f"__file INT, __record BIGINT, __raw STRING, __broken STRING, __found INT, {fields}"
        rows = self._distributed(copies).mapPartitions(read)
        frame = self.spark.createDataFrame(rows, schema, verifySchema=False)
        columns = ["record"] if json_source else self._field_columns(layout)
        if broken_too:
            # The columns of a broken record are NULL, not empty.
            columns = columns if json_source else [
                f"CASE WHEN __broken IS NULL THEN {text} END AS {alias}"
                for text, _, alias in (column.rpartition(" AS ") for column in columns)
            ]
            columns = [*columns, "__record", "__raw", "__broken", "__found"]
        return frame.selectExpr(*columns, "__file")

    def _raw_parquet(self, layout, files, records=False):
        from pyspark.sql.types import StructType

        schema = StructType.fromJson(json.loads(layout))
        frame = self.spark.read.schema(schema).parquet(*self._paths(files))
        columns = [name_of(field.name) for field in schema.fields]
        number = "CAST(split_part(_metadata.file_name, '.', 1) AS INT) AS __file"
        extra = []
        if records:
            text = f"to_json(struct({', '.join(columns)}), map('ignoreNullFields', 'false'))"
            extra = [
                "_metadata.row_index + 1 AS __record",
                f"{text} AS __raw",
                "CAST(NULL AS STRING) AS __broken",
                "CAST(NULL AS INT) AS __found",
            ]
        return plan_for_parquet(self.plan, schema), frame.selectExpr(*columns, number, *extra)

    # -- outputs

    def _write_outputs(self):
        from pyspark.sql import Observation
        from pyspark.sql.functions import expr

        readable = self._readable()
        self.suspects = set()
        self.output_directory = None
        if not readable:
            return
        try:
            observation = Observation()
            frame = self.spark.sql(self._checked())
            maps = range(len(self.files) // BITMAP + 1)
            frame = frame.observe(
                observation,
                expr("count(*) AS rows"),
                *(
                    expr(
                        f"bitmap_construct_agg(CASE WHEN __bad AND __file DIV {BITMAP} = {number} "
                        f"THEN CAST(__file % {BITMAP} AS BIGINT) END) AS bad_{number}"
                    )
                    for number in maps
                ),
            )
            rows = self.spark.sql(output_select(self.plan, self._view(frame), self.run))
            self.output_directory = self._write(rows, "data")
        except Exception:
            if self.plan["source"]["format"] != "parquet" or not self._blame_parquet(readable):
                raise
            # Spark's errors about the inside of a Parquet file do not name it: each was read alone.
            self._write_outputs()
            return
        seen = observation.get
        for number in maps:
            for place, byte in enumerate(seen[f"bad_{number}"]):
                self.suspects.update(number * BITMAP + place * 8 + bit for bit in range(8) if byte >> bit & 1)
        if seen["rows"] != sum(known["rows"] for known in readable):
            self._recount(readable)

    def _recount(self, readable):
        """The counts differ: either a lost executor had its rows counted twice, or a reader reads other records."""
        select = f"SELECT __file, count(*) FROM ({self._checked()}) AS checked GROUP BY __file"
        counted = dict(self.spark.sql(select).collect())
        wrong = {known["file"] for known in readable if counted.get(known["file"], 0) != known["rows"]}
        if wrong:
            raise Disagreement(wrong)

    def _blame_parquet(self, readable):
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        blamed = False
        for known in readable:
            copy = self.copies[known["file"]]
            try:
                self.spark.read.parquet(self._path(copy["staged"])).write.format("noop").mode("append").save()
            except (PySparkException, Py4JJavaError) as error:
                self.known[known["file"]] = settled(copy, unreadable_parquet(copy["key"], error))
                blamed = True
        return blamed

    def _write(self, rows, name):
        """Writes Parquet files of about one size, each partition's apart; returns their directory's key."""
        directory = f"{self.staging}{name}-{next(self.names)}/"
        partitioned = bool(self.plan["partitionBy"])
        hinted = rows.hint("rebalance", PARTITION) if partitioned else rows.hint("rebalance")
        writer = hinted.write.mode("error").option("compression", "zstd")
        if partitioned:
            writer = writer.partitionBy(PARTITION)
        writer.parquet(self._path(directory))
        return directory

    # -- rejects

    def _look_again(self):
        """Names the bad records of the files that have some, each with its number, its text and what is wrong."""
        looked = [
            known for known in self._readable() if known["file"] in self.suspects or known["broken"] > 0
        ]
        # Files without a good record were not read before.
        looked += [known for known in self.known.values() if known["rows"] == 0 and known["broken"] and not known["problem"]]
        relations = []
        for layout, files in by_layout(looked):
            if files[0]["reader"] == "parquet":
                relations.append(self._raw_parquet(layout, files, records=True))
            else:
                relations.append((self.plan, self._raw_tokens(layout, files, broken_too=True)))
        if not relations:
            return
        selects = [bad_records_select(plan, self._with_lineage(raw)) for plan, raw in self._unions(relations)]
        from pyspark import StorageLevel

        found = self.spark.sql(" UNION ALL ".join(selects)).persist(StorageLevel.DISK_ONLY)
        counts = dict(found.groupBy("__file").count().collect())
        wrong = {known["file"] for known in looked if (counts.get(known["file"], 0) > 0) != bool(self._expected(known))}
        wrong = {file for file in wrong if self.known[file]["reader"] != "parquet"}
        if wrong:
            raise Disagreement(wrong)
        for known in looked:
            self.bad[known["file"]] = counts.get(known["file"], 0) - known["broken"]
        self.rejects = self._explain(found)

    def _expected(self, known):
        return known["file"] in self.suspects or known["broken"] > 0

    def _explain(self, found):
        """Rows (file, record, order, column, reason, message, raw) of bad records."""
        keys = [file["key"] for file in self.files]
        columns = [{name: column[name] for name in ("name", "type", "nullable")} for column in self.plan["columns"]]
        rules = [rule["name"] for rule in self.plan["rules"]]
        widths = {known["file"]: len(known["layout"]) for known in self.known.values()}
        over = {file for file in self.known if self._is_over_limit(file)}

        def explain(rows):
            shown = {}
            for row in rows:
                file, record, raw, broken, found_fields, texts, untyped, unmet = row
                if file in over:
                    shown[file] = shown.get(file, 0) + 1
                    if shown[file] > SHOWN_REJECTS:
                        continue
                if broken:
                    problems = [bad_structure(keys[file], record, broken, found_fields, widths[file])]
                else:
                    problems = problems_of(keys[file], record, columns, rules, texts, untyped, unmet)
                for order, problem in enumerate(problems):
                    yield (file, record, order, *problem, cut(raw))

        rows = found.select(
            "__file", "__record", "__raw", "__broken", "__found", "__texts", "__untyped", "__unmet"
        ).rdd.mapPartitions(explain)
        schema = (
            "file INT, record BIGINT, `order` INT, column_name STRING, reason STRING, message STRING, raw STRING"
        )
        from pyspark import StorageLevel

        rejects = self.spark.createDataFrame(rows, schema, verifySchema=False).persist(StorageLevel.DISK_ONLY)
        first = rejects.selectExpr("file", "struct(record, `order`, reason, message) AS first")
        for file, problem in first.groupBy("file").agg({"first": "min"}).collect():
            self.first[file] = (problem["reason"], problem["message"])
        return rejects

    def _is_over_limit(self, file):
        known = self.known[file]
        bad = self.bad[file] + known["broken"]
        return bad > self.plan["rejectLimit"] * (known["rows"] + known["broken"])

    # -- the end

    def _judge(self):
        """Decides about each file as a whole, now that its records are counted, and withdraws the rows of those that
        are rejected."""
        withdrawn = []
        for file, known in sorted(self.known.items()):
            key = self.files[file]["key"]
            records = known["rows"] + known["broken"]
            if known["problem"]:
                if known["shown"] and self.first[file] is None:
                    self.first[file] = known["shown"][0][2:4]
                continue
            if records == 0:
                known["problem"] = ("no-records", f"{key}: it has no records")
            elif self._is_over_limit(file):
                first = self.first[file][1] if self.first[file] else None
                bad = self.bad[file] + known["broken"]
                message = too_many_rejects(key, self.plan["rejectLimit"], bad, records, first)
                known["problem"] = ("too-many-rejects", message)
                withdrawn.append(key)
        self._collect_outputs(withdrawn)

    def _collect_outputs(self, withdrawn):
        if self.output_directory is None:
            return
        from pyspark.sql.functions import col

        directory = self.output_directory
        if withdrawn:
            rows = self.spark.read.parquet(self._path(directory))
            directory = self._write(rows.where(~col("_source").isin(withdrawn)), "kept")
        sizes = {key: size for key, size in self.bucket.list(directory) if key.endswith(".parquet")}
        numbers = {file["key"]: index for index, file in enumerate(self.files)}
        rows_of = {}
        if sizes:
            frame = self.spark.read.parquet(self._path(directory))
            counts = frame.selectExpr("_metadata.file_path AS path", "_source").groupBy("path", "_source").count()
            for path, source, rows in counts.collect():
                key = urllib.parse.unquote(urllib.parse.urlparse(path).path).lstrip("/")
                rows_of.setdefault(key, {})[numbers[source]] = rows
        for key in sorted(rows_of):
            check_size(sizes[key])
            place = key.removeprefix(directory).rpartition("/")[0]
            values = partition_values(place) if place else []
            partition = partition_path(self.plan["partitionBy"], values)
            self.outputs.append((key, partition, rows_of[key]))
            for file, rows in rows_of[key].items():
                self.rows_out[file] += rows

    def result(self, file):
        known = self.known[file]
        problem = known["problem"]
        reason, message = problem or self.first[file] or (None, None)
        return {
            "outcome": "rejected" if problem else "committed",
            "rows_in": known["rows"] + known["broken"],
            "rows_out": 0 if problem else self.rows_out[file],
            "rows_rejected": self.bad[file] + known["broken"],
            "error_reason": reason,
            "error_message": message,
        }

    def write_rejects(self):
        """Writes the run's one file of rejects; returns its staged key, or None."""
        from pyspark.sql.functions import broadcast

        whole = []
        for file, known in self.known.items():
            for record, column, reason, message, raw in known["shown"] if known["problem"] else ():
                # Those of other files are in the second look.
                if known["rows"] == 0 and self.bad[file] == 0 and known["problem"][0] == "encoding":
                    whole.append((file, record, column, reason, message, raw))
            if known["problem"]:
                whole.append((file, None, None, *known["problem"], None))
        schema = "file INT, record BIGINT, column_name STRING, reason STRING, message STRING, raw STRING"
        rejects = self.spark.createDataFrame(whole, schema)
        if self.rejects is not None:
            rejects = rejects.unionAll(self.rejects.drop("order"))
        elif not whole:
            return None
        rows = [(index, file["key"], file["version"]) for index, file in enumerate(self.files)]
        names = self.spark.createDataFrame(rows, "file INT, source_key STRING, version STRING")
        frame = rejects.join(broadcast(names), "file").selectExpr(
            "source_key",
            "version",
            f"{text_literal(self.run)} AS run",
            "record",
            "column_name",
            "reason",
            "message",
            "raw",
            f"TIMESTAMP '{iso_time()}' AS rejected_at",
        )
        return self._write_one(frame.coalesce(1).sortWithinPartitions("source_key", frame.record.asc_nulls_last()))

    def _write_one(self, frame):
        """Writes a frame of one partition; returns the staged key of its file."""
        directory = f"{self.staging}one-{next(self.names)}/"
        frame.write.mode("error").option("compression", "zstd").parquet(self._path(directory))
        [(key, size)] = [(key, size) for key, size in self.bucket.list(directory) if key.endswith(".parquet")]
        check_size(size)
        return key

    def replacements(self):
        """The files under data/ that hold rows of versions which this run replaces, without those rows. A file that
        loses its last row is written all the same: publishing never deletes."""
        sources = {}
        for index, file in enumerate(self.files):
            # The old rows of a file whose new version is rejected stay.
            if not self.known[index]["problem"]:
                for key in file["replaces"]:
                    sources.setdefault(key, []).append(file["key"])
        with ThreadPoolExecutor(self.parallelism) as pool:
            found = pool.map(lambda item: self._replacement(*item), enumerate(sources.items()))
            return [replacement for replacement in found if replacement]

    def _replacement(self, index, item):
        from pyspark.sql.functions import col

        key, sources = item
        old = self.bucket.head(key)
        # A file that had lost all its rows has been swept.
        if old is None:
            return None
        copied = f"{self.staging}replaced/{index:05d}.parquet"
        # A plain name, as for the sources: partition values may look like patterns.
        self.bucket.client.copy_object(
            Bucket=self.bucket.name,
            Key=copied,
            CopySource={"Bucket": self.bucket.name, "Key": key},
            CopySourceIfMatch=old["ETag"],
        )
        rows = self.spark.read.parquet(self._path(copied))
        kept = rows.where(~col("_source").isin(sources))
        return {"key": key, "ifMatch": old["ETag"], "staged": self._write_one(kept.coalesce(1))}


# The bits of one bitmap of Spark's.
BITMAP = 32768


def problems_of(key, record, columns, rules, texts, untyped, unmet):
    """Everything that is wrong with a record, in the order of the columns; the rules only when every column is right."""
    problems = []
    for column, text, is_untyped in zip(columns, texts, untyped, strict=True):
        if text is None:
            if not column["nullable"]:
                problems.append(missing_value(key, record, column))
        elif is_untyped:
            problems.append(bad_value(key, record, column, text))
    if problems:
        return problems
    return [broken_rule(key, record, rule) for rule, broken in zip(rules, unmet, strict=True) if broken]


def executor_client():
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 6}))


def by_layout(files):
    """Files with the same fields in the same order, or the same columns, are one scan."""
    groups = {}
    for known in files:
        groups.setdefault(json.dumps(known["layout"]), []).append(known)
    return [(group[0]["layout"], group) for group in groups.values()]


def csv_options(source, multiline):
    """Every option that changes what Spark reads is given."""
    options = {
        "header": source["header"],
        "sep": source["delimiter"],
        "quote": source["quote"],
        "escape": source["quote"],
        "encoding": "ISO-8859-1" if source["encoding"] == "latin-1" else "UTF-8",
        "mode": "PERMISSIVE",
        "multiLine": multiline,
        "enforceSchema": True,
        "inferSchema": False,
        "ignoreLeadingWhiteSpace": False,
        "ignoreTrailingWhiteSpace": False,
        "nullValue": "",
        "emptyValue": "",
        "maxColumns": 65536,
        "maxCharsPerColumn": -1,
    }
    # Otherwise Spark guesses it from the beginning of the file.
    return {**options, "lineSep": "\n"} if multiline else options


def plan_for_parquet(plan, schema):
    """A column that has its declared type already is taken as it is; every other goes through its text."""
    types = {field.name.lower(): field.dataType.simpleString() for field in schema.fields}

    def column_plan(column):
        origin = column["from"][0]
        found = types.get(origin.lower())
        declared = column["type"]
        if found is None:
            native = f"CAST(NULL AS {type_sql(declared)})"
        elif declared == "timestamp" and found == "timestamp_ntz":
            native = f"CAST({name_of(origin)} AS TIMESTAMP)"
        elif declared == found.lower():
            native = name_of(origin)
        else:
            return column
        own = name_of(column["name"])
        return {**column, "text": {"spark": native}, "typed": {"spark": own}}

    return {**plan, "columns": [column_plan(column) for column in plan["columns"]]}


def unreadable_parquet(key, error):
    return ("unreadable", f"{key}: it is not readable as Parquet: {root_message(error)}")


def root_message(error):
    """The message of an exception of Java's, without the dozens of others around it; or of Python's."""
    cause = getattr(error, "java_exception", None)
    if cause is None:
        return short_message(error)
    while cause.getCause() is not None:
        cause = cause.getCause()
    lines = (cause.getMessage() or cause.getClass().getSimpleName()).splitlines()
    return lines[0][:500] if lines else cause.getClass().getSimpleName()


def check_size(size):
    if size >= COPY_BYTES:
        raise RuntimeError(f"a file of {size} bytes was written, and S3 copies up to 5 GiB: set a smaller maxBytes")


# ---------------------------------------------------------------------------------------------------------------------
# The job.


def log(line):
    print(line, flush=True)


def read_arguments(argv):
    """`--name value` pairs; Glue passes others that are none of ours."""
    wanted = ("JOB_RUN_ID", "dataset", "run", "attempt", "source-bucket", "target-bucket")
    values = {}
    for position, argument in enumerate(argv):
        name, equals, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and name in wanted:
            values[name] = value if equals else argv[position + 1]
    missing = [f"--{name}" for name in wanted if not values.get(name)]
    if missing:
        raise ValueError(f"missing arguments: {', '.join(missing)}")
    return values


def run_job(arguments, client):
    dataset, run, job_run_id = (arguments[name] for name in ("dataset", "run", "JOB_RUN_ID"))
    bucket = Bucket(client, arguments["target-bucket"])
    text = bucket.get(LedgerKeys.manifest(dataset, run))
    if text is None:
        raise LedgerError(f"{LedgerKeys.manifest(dataset, run)} does not exist")
    manifest = json.loads(text)
    decision = read_decision(bucket, dataset, run)
    if decision is not None:
        follow(bucket, dataset, run, decision)
        log(f"run {run} of {dataset} is decided already: {decision['kind']}")
        return
    text = bucket.get(LedgerKeys.plan(manifest["plan"]))
    if text is None:
        raise LedgerError(f"{LedgerKeys.plan(manifest['plan'])} does not exist")
    plan = json.loads(text)["datasets"].get(dataset)
    if plan is None:
        raise LedgerError(f"plan {manifest['plan']} has no dataset {quoted(dataset)}")

    staging = LedgerKeys.staging(dataset, run, job_run_id)
    load = Load(open_session(), bucket, plan, run, manifest, staging)
    load.execute()
    proposed = proposal(load, arguments, dataset)
    decision = decide(bucket, dataset, run, proposed)
    follow(bucket, dataset, run, decision)
    outcome = "published" if decision["kind"] == "publish" else f"stopped: {decision['kind']}"
    by = "this attempt" if decision.get("jobRunId") == job_run_id else "another"
    log(f"run {run} of {dataset}: {outcome}, by {by}")


def proposal(load, arguments, dataset):
    """Stages the rest, and says what is to be published."""
    run, job_run_id, attempt = load.run, arguments["JOB_RUN_ID"], int(arguments["attempt"])
    keys = [LedgerKeys.data_file(dataset, partition, run, index) for index, (_, partition, _) in enumerate(load.outputs)]
    additions = [{"key": key, "staged": staged} for key, (staged, _, _) in zip(keys, load.outputs, strict=True)]
    rejects = load.write_rejects()
    if rejects:
        additions.append({"key": LedgerKeys.rejects_file(dataset, iso_time()[:10], run), "staged": rejects})
    replacements = load.replacements()
    outputs_of = [[] for _ in load.files]
    for key, (_, _, rows) in zip(keys, load.outputs, strict=True):
        for file in rows:
            outputs_of[file].append(key)
    lines = []
    for index, file in enumerate(load.files):
        result = load.result(index)
        counts = f"{result['rows_in']} records in, {result['rows_out']} rows out, {result['rows_rejected']} rejected"
        error = f"; {result['error_message']}" if result["error_message"] else ""
        log(f"{file['key']}: {result['outcome']}, {counts}{error}")
        lines.append(
            {
                **result,
                "dataset": dataset,
                "key": file["key"],
                "version": file["version"],
                "try": file["try"],
                "run": run,
                "attempt": attempt,
                "job_run_id": job_run_id,
                "plan": load.manifest["plan"],
                "bytes": file["size"],
                "received_at": file["receivedAt"],
                "claimed_at": load.manifest["claimedAt"],
                "outputs": outputs_of[index],
            }
        )
    return publish_decision(attempt, job_run_id, replacements, additions, lines, iso_time())


def main():
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 6}, max_pool_connections=COPIES_AT_A_TIME)
    try:
        run_job(read_arguments(sys.argv[1:]), boto3.client("s3", config=config))
    except Exception as error:
        traceback.print_exc()
        # Glue shows the last line as the run's ErrorMessage; Spark's errors have hundreds.
        raise JobError(short_message(error)) from None


class JobError(Exception):
    pass


def short_message(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:500]}" if lines else type(error).__name__


if __name__ == "__main__":
    main()
