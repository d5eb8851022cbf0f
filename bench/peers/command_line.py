# SPDX-License-Identifier: Apache-2.0
"""What the Python programs of the benches do with arguments, files and errors: one line `error: …` on stderr, and the
exit codes 0 (done), 1 (error), 2 (wrong usage) and 128 + n (signal n asked it to end), as the other programs do.

In: a parser, words, paths   Out: values, JSON, an exit code
"""
import argparse
import contextlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys

from outputs import output, overwrites, write_text


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)   # signals that ask a program to end


class WrongUsage(Exception):
    """What was given cannot be used: exit code 2."""


class Interrupted(KeyboardInterrupt):
    """A signal asked this program to end: exit code 128 + its number."""


class Parser(argparse.ArgumentParser):
    """Of a program with this doc string, all of which is its help."""

    def __init__(self, doc):
        says, _, more = doc.partition("\n")
        super().__init__(description=says, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter,
                         allow_abbrev=False)

    def error(self, message):
        raise WrongUsage(message)

    def parse_args(self, args=None, namespace=None):
        a = super().parse_args(args, namespace)
        self._keep_apart(a)
        return a

    def _keep_apart(self, a):
        """An output that is an input would destroy it; one that is another output would be lost."""
        files = [(action, getattr(a, action.dest)) for action in self._actions
                 if action.type in (existing, program, output) and getattr(a, action.dest) is not None]
        for action, path in files:
            for other, other_path in files:
                if action.type is output and other is not action and overwrites(path, other_path):
                    there = "in the folder" if os.path.isdir(other_path) else "the file"
                    self.error(f"argument {action.option_strings[-1]}: '{path}' is {there} of "
                               f"{other.option_strings[-1]}, expected another")

    def print_help(self, file=None):
        print(self.format_help(), end="", file=file)   # argparse would not say that an output is full


def run(main):
    """Ends the program with what main returns; what goes wrong becomes one line."""
    handle_signals(interrupt)
    try:
        os.fstat(1)   # what is printed to a closed output is lost without a word
        try:
            status = main()
        except SystemExit as ended:   # --help, and what a program ends itself with
            status = ended.code
        sys.stdout.flush()
    except WrongUsage as wrong:
        status, line = 2, f"{wrong} (see {os.path.basename(sys.argv[0])} --help)"
    except OSError as error:
        status, line = 1, f"{error.filename or 'cannot write'}: {error.strerror}" if error.errno else str(error)
        discard_stdout()   # or Python would write to a full output once more
    except Interrupted as asked:   # half of what is printed would be read as a whole
        discard_stdout()
        sys.exit(128 + asked.args[0])
    else:
        sys.exit(status)
    print("error:", *line.split(), file=sys.stderr)
    sys.exit(status)


def discard_stdout():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def whole(least, most=None):
    """The type of whole numbers from `least` on, up to `most`."""
    def number(word):
        value = int(word) if word.isascii() and word.isdigit() else -1
        if value < least or (most is not None and value > most):
            expected = f"{least} to {most}" if most is not None else f"{least} or more"
            raise argparse.ArgumentTypeError(f"'{word}', expected a whole number, {expected}")
        return value
    return number


def finite(expected, holds):
    """The type of finite numbers of which that holds."""
    def number(word):
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and holds(value)):
            raise argparse.ArgumentTypeError(f"'{word}', expected a number {expected}")
        return value
    return number


not_negative = finite("from 0", lambda value: value >= 0)


def existing(word):
    """The type of paths of files and folders that are there."""
    if not os.path.exists(word):
        raise argparse.ArgumentTypeError(f"there is no '{word}'")
    return word


def program(word):
    if not (os.path.isfile(word) and os.access(word, os.X_OK)):
        raise argparse.ArgumentTypeError(f"'{word}' is no program")
    return word


def read_text(path):
    try:
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()
    except OSError as error:
        raise WrongUsage(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path}: no UTF-8 at offset {error.start}") from None


def read_json(path):
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{path}: expected JSON, {error}") from None


def write_json(document, path):
    """To stdout, and where a path is given there, too: where one of the two is full the other has it."""
    text = json.dumps(document, indent=1)
    try:
        if path:
            write_text(text + "\n", path)
    finally:
        print(text, flush=True)


def last_line(text):
    return text.strip().rpartition("\n")[2]


def failed(command, status, errors):
    """Ends this program with the last words of one that it ran."""
    raise SystemExit(f"error: {' '.join(command)} exits {status}: {last_line(errors)}")


def handle_signals(handler):
    """Of those that ask to end; but not of one that whoever began this program ignores, as nohup does SIGHUP."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def interrupt(number, _frame):
    handle_signals(signal.SIG_IGN)   # another one is the same request: it must not break what this one ends
    raise Interrupted(number)


@contextlib.contextmanager
def interrupts_later():
    """Signals come after the block. A function that C calls would print and lose one; Popen() would lose its child."""
    seen = []
    handle_signals(lambda number, _frame: seen.append(number))
    try:
        yield
    finally:
        handle_signals(interrupt)
    if seen:
        interrupt(seen[0], None)


@contextlib.contextmanager
def running(command, **options):
    """A program that ends with the block: a signal ends it, too, and nothing is left of it then."""
    ran = None
    try:
        with interrupts_later():
            ran = subprocess.Popen(command, **options)
        yield ran
    finally:
        if ran:
            ran.kill()
            ran.wait()


def json_of(command, environment=None):
    """What a program prints; where it fails, this one ends with its last words."""
    pipe = subprocess.PIPE
    with running(command, stdout=pipe, stderr=pipe, text=True, env=environment) as ran:
        printed, errors = ran.communicate()
    if ran.returncode != 0:
        failed(command, ran.returncode, errors)
    try:
        return json.loads(printed)
    except ValueError as error:
        raise SystemExit(f"error: {' '.join(command)} prints no JSON: {error}") from None


def add_model_options(parser):
    """Of the programs that run a GGUF file in llama.cpp (llama_model.py)."""
    parser.add_argument("--model", type=existing, required=True, help="a GGUF file")
    parser.add_argument("--threads", type=whole(1, 1024), default=2)
    parser.add_argument("--kv", choices=("f16", "f32"), default="f16", help="the cache of libslm and llama.cpp")
    parser.add_argument("--flash", choices=("off", "on", "auto"), default="auto", help="attention of llama.cpp")


def need(*modules, install):
    """Ends the program unless Python finds these modules; `install`: the command that brings them."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise SystemExit(f"error: Python finds no {' and no '.join(missing)}; install with: {install}")
