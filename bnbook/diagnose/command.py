"""The command line: `bnbook diagnose FILE.py:make_model --loader make_loader`."""

import importlib.util
import json
import sys
from pathlib import Path

from torch import nn

from .clinic import diagnose

EPILOG = "Exit code 0: no error and no warning; 1: errors or warnings; 2: could not run."


def add_arguments(parser):
    """Give an argparse parser this command's arguments."""
    parser.add_argument(
        "target", metavar="FILE.py:make_model", help="a function that returns the model, or the model's name"
    )
    parser.add_argument("--loader", metavar="NAME", help="function in the same file that returns the training batches")
    parser.add_argument(
        "--eval-loader", metavar="NAME", help="function in the same file that returns evaluation batches"
    )
    parser.add_argument("--baseline", metavar="FILE", help="accepted findings: a JSON file as --json writes it")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print the report as JSON")
    shown.add_argument("--sarif", action="store_true", help="print the report as SARIF 2.1.0, for CI servers")
    parser.epilog = EPILOG


def run(options):
    """Diagnose what the options name and print the report; returns the exit code: 0 ok, 1 findings, 2 could not run."""
    try:
        file, name = split(options.target)
        module = load(file)
        model = made(module, name, file)
        if not isinstance(model, nn.Module):
            raise ValueError(f"{name} in {file} gave {type(model).__name__}, not a torch.nn.Module")
        loaders = [made(module, n, file) if n else None for n in (options.loader, options.eval_loader)]
        report = diagnose(model, loaders[0], eval_loader=loaders[1], baseline=options.baseline)
    except (Exception, SystemExit) as error:  # the user's file may raise whatever it likes
        lines = str(error).strip().splitlines()
        print(f"bnbook: {type(error).__name__}: {lines[0] if lines else 'no message'}", file=sys.stderr)
        return 2
    print(report.to_json() if options.json else json.dumps(report.to_sarif(), indent=2) if options.sarif else report)
    return 0 if report.ok else 1


def split(target):
    """(file, name) of FILE.py:name, at the last colon. Raises ValueError if there is none."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name.isidentifier():
        raise ValueError(f"{target!r} names no function; write FILE.py:make_model")
    return Path(file), name


def load(file):
    """The file as a module; what stands beside it can be imported. Raises ValueError if there is no such file."""
    if not file.is_file():
        raise ValueError(f"there is no file {file}")
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if spec is None:
            raise ValueError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(file.resolve().parent))


def made(module, name, file):
    """What a name in a module stands for: called if it is a function or a class, as it is otherwise."""
    if not hasattr(module, name):
        raise ValueError(f"{file} has no {name}")
    value = getattr(module, name)
    return value() if callable(value) and not isinstance(value, nn.Module) else value
