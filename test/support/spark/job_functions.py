"""Answers calls of the Glue script's own functions: a JSON array of [name, arguments] in, an array of answers out."""

import importlib.util
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parents[3] / "src/etl/glue/etl_job.py"
spec = importlib.util.spec_from_file_location("etl_job", SCRIPT)
job = importlib.util.module_from_spec(spec)
spec.loader.exec_module(job)


def cut(text, size):
    data = text.encode("utf-8", "surrogatepass")
    return [data[at : at + size] for at in range(0, len(data), size)] if size else [data]


def csv(text, size, delimiter, quote):
    return [
        {
            "fields": record.fields(),
            "fieldCount": record.field_count,
            "bad": record.bad_quoting,
            "trailingEmpty": record.trailing_empty,
            "raw": record.text(),
            "index": record.index,
        }
        for record in job.csv_records(cut(text, size), delimiter, quote)
    ]


def regular(text, fields, source):
    check = job.RegularCsv(source, fields)
    found = check.read(cut(text, 0))
    return {"regular": found, "records": check.records, "multiline": check.multiline}


def json_texts(text, size, layout, path):
    try:
        records = list(job.json_records(cut(text, size), layout, path))
    except job.UnreadableJsonError as error:
        return {"unreadable": str(error)}
    return {"records": [record.decode("utf-8", "replace") for record in records]}


def long_csv():
    """Records of more than the limit, as in src/etl/text/records.test.ts."""
    long = b"x" * (job.MAX_RECORD_BYTES - 100)
    chunks = [b'a,b\n"', long, long, long, b"\nc,d\n", long, b"\n"]
    return [[record.bad_quoting, len(record.raw)] for record in job.csv_records(chunks, ",", '"')]


def gunzip(data):
    padded = []
    try:
        chunks = cut_bytes(bytes.fromhex(data), 7)
        text = b"".join(job.gunzip(chunks, lambda: padded.append(True)))
    except job.CompressionError as error:
        return {"error": str(error)}
    return {"text": text.decode(), "padded": bool(padded)}


def cut_bytes(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


FUNCTIONS = {
    "csv": csv,
    "regular": regular,
    "json": json_texts,
    "long_csv": long_csv,
    "gunzip": gunzip,
    "is_json_object": job.is_json_object,
    "escape": job.escape_path_name,
    "partition_path": job.partition_path,
    "key_hash": job.key_hash,
    "ledger_key": lambda name, *arguments: getattr(job.LedgerKeys, name)(*arguments),
    "decision": lambda *arguments: job.print_document(job.publish_decision(*arguments)),
    "bad_value": job.bad_value,
    "missing_value": job.missing_value,
    "broken_rule": job.broken_rule,
    "bad_structure": job.bad_structure,
    "too_many_rejects": job.too_many_rejects,
    "list_names": job.list_names,
    "header_layout": lambda plan, key, text: job.header_layout(
        plan, key, next(job.csv_records(cut(text, 0), plan["source"]["delimiter"], plan["source"]["quote"]))
    ),
    "cut": job.cut,
    "arguments": job.read_arguments,
}

answers = [FUNCTIONS[name](*arguments) for name, arguments in json.load(sys.stdin)]
sys.stdout.reconfigure(encoding="utf-8")
json.dump(answers, sys.stdout)
