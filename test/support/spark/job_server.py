"""Runs the Glue script for many job runs in one Spark session: the start of a session is most of a small run.

One JSON document a line on stdin, {"script", "arguments", "environment"}; one answer a line on stdout, {"error"} with
null for a run that succeeded. The credentials of the first run are those of Spark itself.
"""

import importlib.util
import json
import os
import sys
import traceback

answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
# What the script prints, and what Python's own processes print, is its log.
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
modules = {}


def script(path):
    with open(path, "rb") as file:
        source = file.read()
    if source not in modules:
        # As `__main__`, which is what makes Spark send its functions along.
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("__main__", loader=None))
        exec(compile(source.replace(b'if __name__ == "__main__":', b"if False:"), path, "exec"), module.__dict__)
        modules[source] = module
    return modules[source]


for line in sys.stdin:
    request = json.loads(line)
    os.environ.update(request["environment"])
    error = None
    try:
        import boto3

        job = script(request["script"])
        job.run_job(job.read_arguments(request["arguments"]), boto3.client("s3"))
    except Exception as failure:
        traceback.print_exc()
        error = job.short_message(failure)
    sys.stdout.flush()
    print(json.dumps({"error": error}), file=answers, flush=True)
