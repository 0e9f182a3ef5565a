"""People who gave feedback, each with a key of their own. Who loses it is forgotten: nothing else leads from a row to a person.

    psn_... / key               `secret`: 32 random bytes; what the person told is sealed with it. `unit`, sealed as well: the
                                targeting key, where there is one, and its environment: by it the person can be told something
                                `who`: the lookup, if any
    psn_... / email#<lookup>    of each e-mail address that the person gave
    psn_... / head              what is left of who was erased (see `slipway.feedback.erasure`)
    person#<lookup> / who       `pid`: of who has that targeting key in that environment, or is that member; of an
                                e-mail address, of a person of its own, on whose behalf the team votes
    person#<lookup> / psn_...   `pid`: of each who gave that e-mail address; nobody checks whose it is

`pid` is drawn, not derived; a lookup is an HMAC with a secret of this deployment. So rows that outlive a person's key, the
items and their versions, name somebody whom nobody knows. Who gives no targeting key is another person each time.
"""

from __future__ import annotations

from slipway.calls import derived_id
from slipway.digests import hmac
from slipway.feedback.ahead import Ahead
from slipway.feedback.sealing import KEY_BYTES, NONCE_BYTES, opened, seal
from slipway.ports import Absent, Check, Equals, Put, every
from slipway.resources import HEAD
from slipway.tables import FEEDBACK
from slipway.text import folded
from slipway.upgrades import upgrade
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from slipway.calls import Call
    from slipway.feedback.sealing import Aead
    from slipway.feedback.secrets import Secrets
    from slipway.ports import Row, Store, Write

    Who = tuple[str, ...]  # `unit`, `member`, `email` or `person` make one

SCHEMA = 1
PEPPER = "pepper"
UNIT, ADDRESS = "unit", "email"  # kinds of `Who`
PID = r"psn_[0-9a-z]{26}"
WHO, KEY, EMAIL = "who", "key", "email#"  # sort keys, and how one begins


def unit(environment: str, targeting_key: str) -> Who:
    return (UNIT, environment, targeting_key)


def member(id: str) -> Who:
    return ("member", id)


def email(address: str) -> Who:
    return (ADDRESS, folded(address))


def person(pid: str) -> Who:
    return ("person", pid)


class Person(Value):
    """`writes`: what makes the person, or holds that it was not erased meanwhile; to go into the transaction that needs it."""

    pid: str
    secret: bytes
    writes: tuple[Write, ...]


class People:
    """`entropy(n)`: n random bytes. `aead`: by which targeting keys are kept; without it none is."""

    def __init__(self, store: Store, secrets: Secrets, entropy: Callable[[int], bytes], aead: Aead | None = None) -> None:
        self.store = store
        self._secrets, self._entropy, self._aead = secrets, entropy, aead

    def known(self, who: Who, ahead: Ahead | None = None) -> str | None:
        """The pid of a unit, a member, or of an address itself; None of who never gave anything, or was erased."""
        row = (ahead or Ahead(self.store)).get(self.place(who))
        return None if row is None else str(upgrade("lookup", row)["pid"])

    def place(self, who: Who) -> tuple[str, str]:
        """Of the row that leads to it."""
        return self.lookup(who), WHO

    def person(self, call: Call, who: Who | None, *, address: str | None = None, ahead: Ahead | None = None) -> Person:
        """Who it is, or else who it will be. `who` None: somebody whom nobody will meet again; `address`: an e-mail address
        that the person gives."""
        pid = None if who is None else self.known(who, ahead)
        secret = None if pid is None else self.secrets([pid]).get(pid)
        writes: list[Write]
        if pid is not None and secret is not None:
            writes = [Check(FEEDBACK, pid, KEY, Equals("pk", pid))]
        else:
            erased = pid  # and the last of it is about to go
            pid, secret = derived_id("psn_", self._entropy(KEY_BYTES).hex()), self._entropy(KEY_BYTES)
            row = _row(pid, KEY, call, secret=secret)
            if who is not None and who[0] == UNIT and self._aead is not None:
                named = {"environment": who[1], "targeting_key": who[2]}
                row["unit"] = seal(self._aead, secret, self._entropy(NONCE_BYTES), named, pid)
            writes = [Put(FEEDBACK, row, Absent())]
            if who is not None:
                row["who"] = lookup = self.lookup(who)
                free = Absent() if erased is None else Equals("pid", erased)
                writes.append(Put(FEEDBACK, _row(lookup, WHO, call, pid=pid), free))
        if address is not None:
            lookup = self.lookup(email(address))
            writes.append(Put(FEEDBACK, _row(lookup, pid, call, pid=pid)))
            writes.append(Put(FEEDBACK, _row(pid, f"{EMAIL}{lookup}", call)))
        return Person(pid, secret, tuple(writes))

    def found(self, who: Who) -> list[str]:
        """The pids of a unit, a member, or of all who gave an e-mail address; by its id also of who was erased."""
        if who[0] == "person":
            return [row["pk"] for row in self.store.get_many(FEEDBACK, [(who[1], KEY), (who[1], HEAD)])]
        return [str(upgrade("lookup", row)["pid"]) for row in every(self.store, FEEDBACK, self.lookup(who))]

    def named(self, address: Who, pids: Sequence[str]) -> set[str]:
        """Those of them who are known by something else than that address: it may be another's, given in their name."""
        lookup, found = self.lookup(address), set[str]()
        for start in range(0, len(pids), 100):
            rows = self._identities(pids[start : start + 100])
            found |= {row["pk"] for row in rows if row.get("who", lookup) != lookup}
        return found

    def secrets(self, pids: Iterable[str]) -> dict[str, bytes]:
        """By pid, of up to 100; who was erased is not among them."""
        return {row["pk"]: bytes(row["secret"]) for row in self._identities(pids)}

    def units(self, pids: Iterable[str]) -> dict[str, dict[str, str]]:
        """{environment, targeting_key} by pid, of up to 100; who has none, or was erased, is not among them."""
        assert self._aead is not None
        rows = self._identities(pids)
        sealed = {row["pk"]: (bytes(row["secret"]), bytes(row["unit"])) for row in rows if "unit" in row}
        return {pid: opened(self._aead, secret, unit, pid) for pid, (secret, unit) in sealed.items()}

    def _identities(self, pids: Iterable[str]) -> list[Row]:
        asked = [(pid, KEY) for pid in dict.fromkeys(pids)]
        return [upgrade("identity", row) for row in (self.store.get_many(FEEDBACK, asked) if asked else ())]

    def lookup(self, who: Who) -> str:
        return f"person#{self.keyed(chr(31).join(who))}"

    def keyed(self, text: str) -> str:
        """A digest that nobody can try texts against who has not the secret of this deployment."""
        return hmac(self._secrets.of(PEPPER), text.encode()).hex()


def _row(pk: str, sk: str, call: Call, **fields: Any) -> Row:
    return {"pk": pk, "sk": sk, "schema": SCHEMA, "created_at": call.stamp, **fields}
