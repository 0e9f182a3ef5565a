"""The access table's stream -> the key file of each environment that was touched.

Its second reader: a revocation must not wait for the bus. A record says only that something changed; the file is made of what
the table says now, so repeats and order do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway import keyring
from slipway.adapters import connect
from slipway.edge.stream import Change, Stream, Wired
from slipway.ports import Blobs, Store, StoreError
from slipway.settings import Keyring

Use = tuple[Store, Blobs]


def wire() -> Wired[Use]:
    settings = Keyring.load()
    return Wired(
        (connect.store(settings), connect.blobs(settings, settings.bucket_keys)),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> str | None:
    """The environment whose file the change outdates."""
    row = change.new or change.old
    assert row is not None, "a change has a row before or after"
    return keyring.touched(row)


def publish(use: Use, environments: Sequence[str]) -> set[int]:
    """Each environment once; the indexes of those whose file could not be written."""
    store, blobs = use
    failed = set()
    for environment in dict.fromkeys(environments):
        try:
            keyring.publish(store, blobs, environment)
        except StoreError:
            failed.add(environment)
    return {index for index, environment in enumerate(environments) if environment in failed}


handler = Stream("keyring", wire, decode, publish, wave=100, delay="PublishDelay")
