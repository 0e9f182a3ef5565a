"""`python -m infra.local run|up|down|status`: Slipway on this machine."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from infra.local import visit
from infra.local.demo import Details
from infra.local.home import REPOSITORY, Home, Trouble, read_json
from infra.local.progress import say
from infra.local.stack import Stack

START = 300.0  # seconds that a detached start may take
STOP = 60.0


def run(home: Home, *, detached: bool = False) -> int:
    """in the foreground, until Ctrl-C"""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    with home.held():
        begun, stack = time.monotonic(), Stack(home)
        try:
            details = stack.start()
            say(f"  {time.monotonic() - begun:5.1f} s  in all")
            if not detached:  # its log must not hold the keys
                say(_guide(details, "Ctrl-C stops it; the data stays."))
            stack.watch()
        except KeyboardInterrupt:
            say("\nStopping ...")
            return 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # stopping takes a second or two, and must not be cut short
            stack.stop()


def up(home: Home) -> int:
    """detached; returns once it is ready"""
    details = read_json(home.details)
    if home.holder() is not None and details is not None:
        if os.environ.get("SLIPWAY_PORT") and details["port"] != home.port:
            raise Trouble(f"It runs already, on port {details['port']}; `make down` first to move it.")
        say(_guide(details, "It runs already; `make down` stops it."))
        return 0
    with home.log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "infra.local", "run", "--detached"],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START
    with home.log.open("r", encoding="utf-8", errors="replace") as log:
        while (details := read_json(home.details)) is None or details["pid"] != child.pid:
            sys.stdout.write(log.read())
            sys.stdout.flush()
            if child.poll() is not None:
                sys.stdout.write(log.read())
                return child.returncode or 1
            if time.monotonic() > deadline:
                child.terminate()
                raise Trouble(f"It did not start within {START:.0f} s; see {home.log}.")
            time.sleep(0.05)
        sys.stdout.write(log.read())
    say(_guide(details, "`make down` stops it; the data stays."))
    return 0


def down(home: Home) -> int:
    """stop it, detached or not"""
    pid = home.holder()
    if pid is None:
        say("Slipway is not running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP
    while home.holder() == pid:
        if time.monotonic() > deadline:
            raise Trouble(f"Process {pid} does not stop; end it with: kill -9 {pid}")
        time.sleep(0.05)
    say("Stopped. The data stays in " + str(home.root) + ".")
    return 0


def status(home: Home) -> int:
    """whether it runs, and how to reach it"""
    details = read_json(home.details)
    if home.holder() is None:
        say("Slipway is not running; `make run` starts it.")
        return 1
    if details is None:
        say(f"Slipway is starting (process {home.holder()}).")
        return 1
    say(_guide(details, f"Process {details['pid']}; `make down` stops it."))
    return 0


def _guide(details: Details | dict[str, Any], last: str) -> str:
    api, keys = details["api_url"], details["keys"]
    return f"""
Slipway runs here
  Console     {details["console_url"]}
  Demo page   {api}{visit.PATH}   (what a visitor sees, with the feedback widget)
  API         {api}   (reference: {api}/docs)
  Login       {details["user"]}  {details["password"]}
  Keys        admin   {keys["admin"]}
              server  {keys["server"]}
              client  {keys["client"]}

In a shell, SLIPWAY_URL and SLIPWAY_KEY say where and as whom (the admin key):

  eval "$(.venv/bin/slipway --local env)"
  curl -H "Authorization: Bearer $SLIPWAY_KEY" "$SLIPWAY_URL/v1/products?limit=3"

{last}"""


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


COMMANDS: dict[str, Callable[..., int]] = {"run": run, "up": up, "down": down, "status": status}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Slipway on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, do in COMMANDS.items():
        commands.add_parser(name, help=do.__doc__)
    commands.choices["run"].add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    arguments = vars(parser.parse_args())
    try:
        return COMMANDS[arguments.pop("command")](Home.from_environment(), **arguments)
    except Trouble as trouble:
        print(f"slipway: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
