"""The access table's stream -> the file of keys, or of signing secrets, of each environment that was touched.

Its second reader: a revocation must not wait for the bus. A record says only that something changed; the file is made of what
the table says now, so repeats and order do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway import keyring
from slipway.adapters import connect
from slipway.edge.stream import Change, Stream, Wired
from slipway.ports import Blobs, Store, StoreError
from slipway.rollouts import signing
from slipway.settings import Keyring

Use = tuple[Store, Blobs]
Due = tuple[str, str]  # which file, of which environment

PUBLISH = {"keys": keyring.publish, "signing": signing.publish}


def wire() -> Wired[Use]:
    settings = Keyring.load()
    return Wired(
        (connect.store(settings), connect.blobs(settings, settings.bucket_keys)),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> Due | None:
    """The file that the change outdates."""
    row = change.new or change.old
    assert row is not None, "a change has a row before or after"
    if environment := keyring.touched(row):
        return "keys", environment
    return ("signing", environment) if (environment := signing.touched(row)) else None


def publish(use: Use, dues: Sequence[Due]) -> set[int]:
    """Each file once; the indexes of those that could not be written."""
    store, blobs = use
    failed = set()
    for file, environment in dict.fromkeys(dues):
        try:
            PUBLISH[file](store, blobs, environment)
        except StoreError:
            failed.add((file, environment))
    return {index for index, due in enumerate(dues) if due in failed}


handler = Stream("keyring", wire, decode, publish, wave=100, delay="PublishDelay")
