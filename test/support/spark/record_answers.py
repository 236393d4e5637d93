"""Records what Spark answers to the cases of the function table and of typing.

    .cache/spark-venv/bin/python test/support/spark/record_answers.py [functions|selects|typing …]

Each expression is asked twice, as a user writes it and as the compiler prints it: the two must agree. Writes
golden/<kind>.json (all, or those of the kinds named), which tests without Spark compare DuckDB with.
"""

import datetime
import decimal
import json
import os
import subprocess
import sys
import time
from pathlib import Path

# Collected timestamps are in the process's time zone.
os.environ["TZ"] = "UTC"
time.tzset()
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import Row, SparkSession  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "node_modules" / ".bin" / "node"

KINDS = ("functions", "selects", "typing")


def main() -> None:
    cases = json.loads(subprocess.check_output([NODE, ROOT / "test/support/spark/print-cases.ts"]))
    wanted = sys.argv[1:] or list(KINDS)
    spark = session()
    problems = []
    for kind in wanted:
        ask_group = answer_selects if kind == "selects" else answer
        groups = {}
        for group in cases[kind]:
            groups[group["name"]], found = ask_group(spark, group)
            problems += [f"{kind} / {group['name']} / {problem}" for problem in found]
        write(kind, spark.version, groups)
    spark.stop()
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


def write(kind: str, version: str, groups: dict) -> None:
    text = json.dumps({"spark": version, "groups": groups}, ensure_ascii=False, indent=0)
    (ROOT / "test/support/spark/golden" / f"{kind}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{kind}: {sum(len(group) for group in groups.values())} answers")


def session() -> SparkSession:
    """Spark as the Glue script pins it: ANSI mode, UTC."""
    builder = (
        SparkSession.builder.master("local[1]")
        .appName("record-answers")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.ui.showConsoleProgress", "false")
    )
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def answer(spark: SparkSession, group: dict) -> tuple[dict, list[str]]:
    """The answers of a group: per expression its type and one value per row; or the error that Spark raises."""
    spark.sql(group["rows"]).coalesce(1).cache().createOrReplaceTempView("input")
    answers, problems = {}, []
    for chunk in chunks(group["expressions"], 40):
        for each, pair in zip(chunk, ask_all(spark, chunk), strict=True):
            written, printed = pair
            if "error" in printed:
                problems.append(f"{each['printed']}: {printed['error']}")
            elif written is not None and written != printed:
                problems.append(f"{each['expression']}: {difference(written, printed)}")
            answers[each["expression"]] = printed
    return answers, problems


def answer_selects(spark: SparkSession, group: dict) -> tuple[dict, list[str]]:
    """The rows of whole transforms, as written and as printed; their order is not part of the answer."""
    spark.sql(group["rows"]).drop("row").coalesce(1).cache().createOrReplaceTempView("source")
    answers, problems = {}, []
    for each in group["selects"]:
        frames = [spark.sql(sql) for sql in (each["sql"], each["printed"])]
        written, printed = [
            {
                "columns": [[field.name.lower(), field.dataType.simpleString()] for field in frame.schema.fields],
                "rows": sorted(([canonical(value) for value in row] for row in frame.collect()), key=json.dumps),
            }
            for frame in frames
        ]
        if written != printed:
            problems.append(f"{each['sql']}: {written} as written, {printed} as printed")
        answers[each["sql"]] = printed
    return answers, problems


def difference(written: dict, printed: dict) -> str:
    if "error" in written:
        return f"as written it raises: {written['error']}"
    if written["type"] != printed["type"]:
        return f"type {written['type']} as written, {printed['type']} as printed"
    return "; ".join(
        f"row {row}: {a!r} as written, {b!r} as printed"
        for row, (a, b) in enumerate(zip(written["values"], printed["values"], strict=True))
        if a != b
    )


def ask_all(spark: SparkSession, expressions: list[dict]) -> list[tuple[dict | None, dict]]:
    """Asks many expressions in one query; one by one where one of them raises."""
    sqls = [each["printed"] for each in expressions]
    if not is_typing(expressions):
        sqls += [each["expression"] for each in expressions]
    results = ask(spark, sqls)
    if isinstance(results, str):
        singles = [ask(spark, [sql]) for sql in sqls]
        results = [{"error": single} if isinstance(single, str) else single[0] for single in singles]
    printed = results[: len(expressions)]
    written = results[len(expressions) :] or [None] * len(expressions)
    return list(zip(written, printed, strict=True))


def is_typing(expressions: list[dict]) -> bool:
    """Typing rules have no form that a user writes: their expression is the name of a type."""
    return len(expressions) == 1 and expressions[0].get("typing", False)


def ask(spark: SparkSession, sqls: list[str]) -> list[dict] | str:
    columns = ", ".join(f"{sql} AS `c{index}`" for index, sql in enumerate(sqls))
    try:
        frame = spark.sql(f"SELECT {columns} FROM input")
        types = [field.dataType.simpleString() for field in frame.schema.fields]
        # Python knows no year 0 and no year 10000, so Spark prints dates and timestamps itself.
        moments = [f"CAST(c{i} AS STRING) AS c{i}" if kind in ("date", "timestamp") else f"c{i}" for i, kind in enumerate(types)]
        rows = frame.selectExpr(*moments).collect()
    except Exception as error:  # noqa: BLE001 - whatever Spark raises is an answer
        return str(error).split("\n")[0]
    return [{"type": types[index], "values": [canonical(row[index]) for row in rows]} for index in range(len(sqls))]


def canonical(value: object) -> object:
    """A value as JSON that loses nothing: numbers but ints as texts, structs as objects, maps as lists of pairs."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value)
        case float():
            return repr(value)
        case decimal.Decimal():
            return format(value, "f")
        case datetime.datetime():
            return value.isoformat(sep=" ")
        case datetime.date():
            return value.isoformat()
        case Row():
            return {name: canonical(member) for name, member in value.asDict().items()}
        case list():
            return [canonical(item) for item in value]
        case dict():
            return [[canonical(key), canonical(item)] for key, item in value.items()]
    raise TypeError(type(value))


def chunks(items: list, size: int) -> list[list]:
    return [items[at : at + size] for at in range(0, len(items), size)]


if __name__ == "__main__":
    main()
