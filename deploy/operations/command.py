"""Reads a script's arguments, prints its messages, and ends it."""

import os
import sys

MISUSE = 64


class Failure(Exception):
    """The script prints this one line and ends with exit code 1."""


class Misuse(Exception):
    """The script was called wrongly. This one line says how."""


def say(line):
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Nobody reads the output any more. The script still finishes its work.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(arguments, valued=(), flags=()):
    """The values of each option with a value, the flags that were given, and the other arguments."""
    values, there, rest = {name: [] for name in valued}, set(), []
    remaining = iter(arguments)
    for argument in remaining:
        if argument in values:
            value = next(remaining, "")
            if not value:
                raise Misuse(f"{argument} needs a value")
            values[argument].append(value)
        elif argument in flags:
            there.add(argument)
        elif argument.startswith("-"):
            raise Misuse(f"unknown argument {argument}")
        else:
            rest.append(argument)
    return values, there, rest


def none_of(rest):
    if rest:
        raise Misuse(f"unknown argument {rest[0]}")


def run(usage, main):
    """Runs a script's `main` with its arguments, and exits with its code."""
    if sys.version_info < (3, 9):
        sys.exit("Python 3.9 or newer is needed")
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    if {"--help", "-h"} & set(arguments):
        say(usage)
        sys.exit(0)
    try:
        sys.exit(main(arguments))
    except Misuse as misuse:
        print(f"{name}: {misuse}; see {sys.argv[0]} --help", file=sys.stderr)
        sys.exit(MISUSE)
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; run the same command again to complete it", file=sys.stderr)
        sys.exit(130)
