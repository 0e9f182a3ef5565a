"""Who calls: from the Authorization header to a principal. Only that; what a principal may do is asked for each operation.

    client and server keys   the environment's key file (slipway.keyring), so that they work while the table does not
    admin keys               one strong read of the verifier
    access tokens            the pool's public keys, and one strong read of the member, remembered for 15 s

With the gateway's own 30 s and the 5 s of a publication, every change applies within a minute.
"""

from __future__ import annotations

from collections.abc import Callable

from slipway.access import ROLES, Principal
from slipway.blobs import StoreError
from slipway.credentials import EVERYWHERE, Credential, parse, proves
from slipway.keyring import Entry, Keyring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.access import Role
    from slipway.ports import Row, Store
    from slipway.tokens import Tokens

LONGEST_HEADER = 8300  # characters: the scheme and the longest token
ROLE_KEPT = 15  # seconds
MOST_ROLES, MOST_MARKS = 1000, 1000
MARK_KEPT = 400  # days
MARK_PAUSE = 300  # seconds without marks after the table did not take one

_TOKEN68 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")


def bearer(header: str) -> str | None:
    """The token of `Bearer <token>` (RFC 6750; the scheme in any case), None for anything else."""
    if len(header) > LONGEST_HEADER:
        return None
    scheme, _, rest = header.strip(" ").partition(" ")
    token = rest.lstrip(" ")
    return token if scheme.lower() == "bearer" and token and _TOKEN68.issuperset(token) else None


class Authentication:
    """`store` and `tokens` are made on first use: most callers need neither."""

    def __init__(self, keyring: Keyring, store: Callable[[], Store], tokens: Callable[[], Tokens]) -> None:
        self._keyring, self._make_store, self._make_tokens = keyring, store, tokens
        self._store: Store | None = None
        self._tokens: Tokens | None = None
        self._roles: dict[str, tuple[Role | None, float]] = {}
        self._marked: dict[str, int] = {}
        self._no_marks = 0.0

    def principal(self, header: str, now: float) -> Principal | None:
        """Who sent this header, None for nobody that we know. `now`: epoch seconds.

        Raises StoreUnavailable when it cannot be told."""
        token = bearer(header)
        if token is None:
            return None
        if token.startswith("slp_"):
            credential = parse(token)
            return None if credential is None else self._holder(credential, now)
        return self._member(token, now) if token.count(".") == 2 else None

    # --- keys ---

    def _holder(self, credential: Credential, now: float) -> Principal | None:
        if credential.kind == "admin":
            return self._admin(credential, now)
        entry = self._keyring.find(credential.environment, credential.selector, now)
        if entry is None or entry.kind != credential.kind or not proves(credential, entry.verifier):
            return None
        self._mark(entry.key, credential.environment, entry.used, now)
        return Principal("client" if entry.kind == "client" else "server", entry.key, environment=credential.environment)

    def _admin(self, credential: Credential, now: float) -> Principal | None:
        row = self._read(f"verifiers#{EVERYWHERE}", credential.selector, "verifier")
        if row is None or row["kind"] != "admin" or not proves(credential, row["verifier"]) or row["role"] not in ROLES:
            return None
        entry = Entry(row["key"], row["kind"], row["verifier"], row.get("expires"))
        if not entry.lives(now):
            return None
        self._mark(entry.key, EVERYWHERE, 0, now)
        return Principal("admin", entry.key, row["role"], maker=row.get("maker"))

    def _mark(self, key: str, environment: str, published: int, now: float) -> None:
        """Note that the key was used today: once a day, by whoever is first; nothing depends on it."""
        day = int(now // 86_400)
        if published >= day or self._marked.get(key, 0) >= day or now < self._no_marks:
            return
        from slipway.ports import Below, ConditionFailed  # most requests touch no table
        from slipway.tables import ACCESS

        try:
            mark = {"pk": f"used#{environment}", "sk": key, "schema": 1, "day": day, "expires": (day + MARK_KEPT) * 86_400}
            self._table().put(ACCESS, mark, Below("day", day))
        except ConditionFailed:
            pass  # another instance was first
        except StoreError:
            self._no_marks = now + MARK_PAUSE
            return
        if len(self._marked) >= MOST_MARKS:
            self._marked.clear()
        self._marked[key] = day

    # --- members ---

    def _member(self, token: str, now: float) -> Principal | None:
        if self._tokens is None:
            self._tokens = self._make_tokens()
        id = self._tokens.username(token, now)
        if id is None or not id.startswith("mbr_"):  # the pool may know people who are no members; nothing else may be read
            return None
        role = self._role(id, now)
        return None if role is None else Principal("member", id, role)

    def _role(self, id: str, now: float) -> Role | None:
        role, until = self._roles.get(id, (None, 0.0))
        if now < until:
            return role
        row = self._read(id, "head", "member", kind="member")
        data = row["data"] if row is not None else {"status": "none"}
        role = data["role"] if data["status"] == "active" and data["role"] in ROLES else None
        if len(self._roles) >= MOST_ROLES:
            self._roles.clear()
        self._roles[id] = (role, now + ROLE_KEPT)
        return role

    def _read(self, pk: str, sk: str, shape: str, **wanted: str) -> Row | None:
        """The row in the newest schema of its shape; None where none stands that has these attributes."""
        from slipway.tables import ACCESS
        from slipway.upgrades import upgrade

        row = self._table().get(ACCESS, pk, sk)
        if row is None or any(row.get(name) != value for name, value in wanted.items()):
            return None
        return upgrade(shape, row)

    def _table(self) -> Store:
        if self._store is None:
            self._store = self._make_store()
        return self._store
