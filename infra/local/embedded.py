"""The process that is the embedded AWS. It ends with whoever started it, and keeps a record of who was allowed what.

The parent holds the other end of our standard input: when it goes, however it goes, the read below ends and MiniStack
shuts down in order, which is also when it writes its state to disk; then the file that `SLIPWAY_UNSAVED` names goes.
`SLIPWAY_AUTHORIZED` names the record: one JSON line for each distinct (decision, principal, action, resource, kinds of
rows), so that it stays as small as the list of grants.
"""

from __future__ import annotations

import contextvars
import copy
import hashlib
import json
import os
import signal
import sys
import tempfile
import threading
import types
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local import leading

FIELDS = ("decision", "principal", "action", "resource", "leading")  # of a line of the record
WORKERS = max(2, os.cpu_count() or 2)
LINGER = 1.0  # seconds
STREAMS = ("_stream_records", "_stream_trimmed")  # MiniStack's


def end_with_parent() -> None:
    # Not through `sys.stdin`: its lock is taken away while the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def record_decisions(record: Path) -> None:
    """Wrap the one function through which MiniStack authorizes every call, and let it know which rows a call is about: without
    `dynamodb:LeadingKeys` it takes every condition on them for met."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id

    enforce: Callable[..., Any] = iam_evaluator.enforce
    seen: set[tuple[Any, ...]] = set()
    lock = threading.Lock()
    # MiniStack forgets the request with the first check of it; a transaction has one for each of its writes.
    body: contextvars.ContextVar[bytes] = contextvars.ContextVar("body", default=b"")

    def recorded(access_key: str, action: str, service: str, region: str, *args: Any, **kwargs: Any) -> Any:
        resource = str(kwargs.get("resource_arn") or (args[0] if args else "*"))
        signed = iam_evaluator._signed_request.get()
        if service == "dynamodb" and signed is not None:
            body.set(signed.body)
        if action == "ses:SendEmail" and signed is not None:  # MiniStack knows no resource of it
            resource = f"arn:aws:ses:{region}:{get_account_id()}:identity/{sender(signed.body)}"
            args, kwargs = args[1:], {**kwargs, "resource_arn": resource}
        rows = leading.keys(action, resource, body.get()) if service == "dynamodb" else []
        if rows:
            kwargs["service_context"] = {**(kwargs.get("service_context") or {}), "dynamodb:LeadingKeys": rows}
        answer = enforce(access_key, action, service, region, *args, **kwargs)
        identity = iam_evaluator.resolve_caller_identity(access_key) or {}
        decision = "allowed" if answer is None else str(getattr(answer, "decision", "unauthenticated"))
        kinds = tuple(sorted({leading.family(row) for row in rows}))
        entry = (decision, str(identity.get("userArn", "unknown")), action, resource, kinds)
        with lock:
            if entry not in seen:
                seen.add(entry)
                with record.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(dict(zip(FIELDS, entry, strict=True))) + "\n")
        return answer

    iam_evaluator.enforce = recorded


def sender(request: bytes) -> str:
    """In whose name an e-mail is sent."""
    try:
        return str(json.loads(request)["FromEmailAddress"])
    except (ValueError, LookupError, TypeError):
        return ""


def bound_workers() -> None:
    """At most so many processes of one function: a burst of events waits its turn, as it does not in MiniStack by itself.

    Nothing here waits for another call of its own function, so that a turn always comes.
    """
    from ministack.services import lambda_svc

    execute: Callable[..., Any] = lambda_svc._execute_function_dispatch
    turns: dict[str, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(WORKERS))

    def bounded(func: Any, config: dict[str, Any], *args: Any) -> Any:
        with turns[config["FunctionName"]]:
            return execute(func, config, *args)

    lambda_svc._execute_function_dispatch = bounded


def share_layers() -> None:
    """Unpack each layer once, not once a process: thousands of files. No function can write there on AWS either."""
    from ministack.core import lambda_runtime

    shared_by_all = Path(tempfile.gettempdir(), "layers")
    lock = threading.Lock()

    class Shared(zipfile.ZipFile):
        @property
        def unpacked(self) -> Path:
            assert self.filename is not None
            return shared_by_all / hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()

        def namelist(self) -> list[str]:
            # MiniStack looks at each path before it unpacks: at those of the same zip, once is enough.
            return [] if self.unpacked.exists() else super().namelist()

        def extractall(self, path: Any = None, *args: Any, **kwargs: Any) -> None:
            if not Path(path).name.startswith("layer_"):
                super().extractall(path, *args, **kwargs)
                return
            with lock:
                if not self.unpacked.exists():
                    fresh = shared_by_all / f"{self.unpacked.name}.new"
                    super().extractall(fresh)
                    fresh.rename(self.unpacked)
            Path(path).rmdir()
            Path(path).symlink_to(self.unpacked, target_is_directory=True)

    shim = types.ModuleType("zipfile")
    shim.__dict__.update({**vars(zipfile), "ZipFile": Shared})
    lambda_runtime.zipfile = shim


def keep_streams() -> None:
    """MiniStack keeps how far each reader of a stream has come, but not the stream, and would pass over as many new records."""
    from ministack.services import dynamodb

    get, load = dynamodb.get_state, dynamodb.load_persisted_state

    def get_state() -> dict[str, Any]:
        return {**get(), **{name: copy.deepcopy(getattr(dynamodb, name)) for name in STREAMS}}

    def load_persisted_state(data: dict[str, Any]) -> None:
        load(data)
        for name in STREAMS:
            getattr(dynamodb, name).update(data.get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = get_state, load_persisted_state


def end_once_saved() -> None:
    """Exit soon after the state is on disk: a call of a function that hangs would hold the process for as long as it does."""
    from ministack import app

    save: Callable[..., None] = app.save_all

    def saved(states: dict[str, Any]) -> None:
        # The streams last: what their readers have seen must not be more than there is.
        save({name: states[name] for name in sorted(states, key="dynamodb".__eq__)})
        Path(os.environ["SLIPWAY_UNSAVED"]).unlink(missing_ok=True)
        ending = threading.Timer(LINGER, os._exit, (0,))
        ending.daemon = True
        ending.start()

    app.save_all = saved


def main() -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    share_layers()
    bound_workers()
    keep_streams()
    end_once_saved()
    record_decisions(Path(os.environ["SLIPWAY_AUTHORIZED"]))
    from ministack.app import main as serve

    sys.argv = ["ministack"]
    serve()


if __name__ == "__main__":
    main()
