"""What makes a fresh deployment worth looking at: a month of data, a key for each kind of caller, somebody to sign in as."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypedDict

from infra.local.deployment import Deployed
from infra.local.emulator import Emulator
from infra.local.home import Home, Trouble, read_json, write_private
from infra.local.month import PEOPLE
from infra.local.progress import step
from infra.local.seed import Month
from slipway import keyring, settings
from slipway.adapters import connect
from slipway.credentials import parse
from slipway.keys import NewKey

ENVIRONMENT = "development"
KEYS = {
    "admin": NewKey("Demo: automation", "admin", role="admin"),
    "server": NewKey("Demo: a service", "server", ENVIRONMENT),
    "client": NewKey("Demo: a browser", "client", ENVIRONMENT),
}
PATIENCE = 60.0  # seconds for what follows from an event


class Details(TypedDict):
    """What `local.json` holds."""

    api_url: str
    console_url: str
    keys: dict[str, str]
    user: str
    password: str
    pid: int
    port: int


def furnish(home: Home, emulator: Emulator, deployed: Deployed, url: str) -> Details:
    """Seeds what is not there yet. Raises Trouble."""
    known = read_json(home.secrets)
    if known is None:
        with step("living through a month of data", "a month of data is seeded"):
            known = _seeded(emulator, deployed)
            write_private(home.secrets, known)
    return {
        "api_url": url,
        "console_url": f"{url}/",
        "keys": known["keys"],
        "user": known["user"],
        "password": known["password"],
        "pid": os.getpid(),
        "port": home.port,
    }


def _seeded(emulator: Emulator, deployed: Deployed) -> dict[str, Any]:
    access = settings.Access.load(deployed.environment("access"))
    products = settings.Products.load(deployed.environment("products"))
    flags = settings.Desk.load(deployed.environment("flags"))
    feedback = settings.Feedback.load(deployed.environment("feedback"))
    month = Month(
        datetime.now(UTC),
        access=connect.store(access),
        products=connect.store(products),
        flags=connect.store(flags),
        feedback=connect.store(feedback),
        currency=products.currency,
    )
    people = month.gather()
    admin = people[PEOPLE[0].name]
    keys = {kind: month.issue(wish) for kind, wish in KEYS.items()}
    password = _enrolled(emulator, deployed, admin.id)
    _published(emulator, deployed, keys)
    month.work(people)  # last: its events keep the functions busy, and nobody waits for them
    return {"keys": keys, "user": PEOPLE[0].email, "password": password}


def _enrolled(emulator: Emulator, deployed: Deployed, username: str) -> str:
    """A password for a user that the invitation's event makes."""
    pool = settings.Invite.load(deployed.environment("invite")).user_pool
    directory = emulator.client("cognito-idp")

    def there() -> bool:
        try:
            directory.admin_get_user(UserPoolId=pool, Username=username)
        except directory.exceptions.UserNotFoundException:
            return False
        return True

    _await(there, "The demo user is not in the user pool: its invitation did not get there.", emulator)
    password = f"{secrets.token_urlsafe(18)}-Aa1"  # with one of each kind that the pool asks for
    directory.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    return password


def _published(emulator: Emulator, deployed: Deployed, keys: dict[str, str]) -> None:
    """Wait until the key file has the new keys: a request that came earlier would be refused."""
    publisher = settings.Keyring.load(deployed.environment("keyring"))
    blobs, path = connect.blobs(publisher, publisher.bucket_keys), keyring.path(ENVIRONMENT)
    selectors = {credential.selector for kind in ("server", "client") if (credential := parse(keys[kind]))}

    def there() -> bool:
        file = blobs.get(path)
        return file is not None and selectors <= json.loads(file.body)["keys"].keys()

    _await(there, "The demo keys were not published.", emulator)


def _await(done: Callable[[], bool], otherwise: str, emulator: Emulator) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if not emulator.alive:
            raise Trouble(f"The embedded AWS died; its last words are in {emulator.log}.")
        if time.monotonic() > deadline:
            raise Trouble(f"{otherwise} See {emulator.log}.")
        time.sleep(0.1)
