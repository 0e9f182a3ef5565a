"""Who may do what: principals, roles, and the one table of operations."""

from __future__ import annotations

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["anonymous", "client", "server", "admin", "member", "system"]
    Role = Literal["viewer", "editor", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "editor", "admin")


class Principal(Value):
    """Who calls. `id` is opaque (`key_...`, `mbr_...`); `environment`: of its key; `maker`: who was shown an admin key."""

    kind: Kind
    id: str
    role: Role | None = None
    environment: str | None = None
    maker: str | None = None


ANONYMOUS = Principal("anonymous", "anonymous")
SYSTEM = Principal("system", "slipway")


class Rule(Value):
    """`role`: the least of a member or admin key (None: none is enough); `keys`: kinds of environment keys."""

    role: Role | None = None
    keys: frozenset[Kind] = frozenset()
    anonymous: bool = False


VIEWER, EDITOR, ADMIN = Rule("viewer"), Rule("editor"), Rule("admin")
PUBLIC = Rule("viewer", frozenset({"client", "server"}), anonymous=True)
READERS, APPLICATIONS = Rule("viewer", PUBLIC.keys), Rule(keys=PUBLIC.keys)

OPERATIONS: dict[str, Rule] = {
    "products.list": VIEWER,
    "products.read": VIEWER,
    "products.create": EDITOR,
    "products.update": EDITOR,
    "products.archive": EDITOR,
    "products.restore": EDITOR,
    "products.versions": VIEWER,
    "products.batch": EDITOR,
    "products.export": VIEWER,
    "products.import": EDITOR,
    "flags.list": VIEWER,
    "flags.read": VIEWER,
    "flags.create": EDITOR,
    "flags.update": EDITOR,
    "flags.archive": EDITOR,
    "flags.restore": EDITOR,
    "flags.revert": EDITOR,
    "flags.rehash": EDITOR,
    "flags.versions": VIEWER,
    "flags.usage": VIEWER,
    "flags.export": VIEWER,
    "flags.import": EDITOR,
    "manifest.read": VIEWER,
    "manifest.create": EDITOR,
    "manifest.update": EDITOR,
    "manifest.archive": EDITOR,
    "configurations.list": VIEWER,
    "configurations.read": VIEWER,
    "configurations.update": EDITOR,
    "configurations.revert": EDITOR,
    "configurations.copy": EDITOR,
    "configurations.off": EDITOR,
    "configurations.versions": VIEWER,
    "configurations.explain": VIEWER,
    "configurations.preview": VIEWER,
    "rollouts.list": VIEWER,
    "rollouts.read": VIEWER,
    "rollouts.versions": VIEWER,
    "rollouts.evidence": VIEWER,
    "rollouts.dry_run": VIEWER,
    "rollouts.create": EDITOR,
    "rollouts.start": EDITOR,
    "rollouts.pause": EDITOR,
    "rollouts.resume": EDITOR,
    "rollouts.advance": EDITOR,
    "rollouts.stop": EDITOR,
    "rollouts.roll_back": EDITOR,
    "templates.list": VIEWER,
    "templates.read": VIEWER,
    "templates.versions": VIEWER,
    "templates.create": EDITOR,
    "templates.update": EDITOR,
    "templates.delete": EDITOR,
    "segments.list": VIEWER,
    "segments.read": VIEWER,
    "segments.create": EDITOR,
    "segments.update": EDITOR,
    "segments.delete": EDITOR,
    "segments.versions": VIEWER,
    "segments.uses": VIEWER,
    "proposals.open": EDITOR,
    "proposals.list": VIEWER,
    "proposals.read": VIEWER,
    "proposals.approve": EDITOR,
    "proposals.apply": EDITOR,
    "proposals.reject": EDITOR,
    "schedules.plan": EDITOR,
    "schedules.list": VIEWER,
    "schedules.read": VIEWER,
    "schedules.cancel": EDITOR,
    "environments.list": VIEWER,
    "environments.read": VIEWER,
    "environments.versions": VIEWER,
    "environments.create": ADMIN,
    "environments.update": ADMIN,
    "environments.delete": ADMIN,
    "keys.create": ADMIN,
    "keys.list": ADMIN,
    "keys.read": ADMIN,
    "keys.rotate": ADMIN,
    "keys.revoke": ADMIN,
    "members.invite": ADMIN,
    "members.list": VIEWER,
    "members.read": VIEWER,
    "members.update": ADMIN,
    "members.remove": ADMIN,
    "me.read": READERS,
    "audit.list": ADMIN,
    "flags.evaluate": READERS,
    "flags.evaluate_all": READERS,
    "flags.snapshot": Rule("viewer", frozenset({"server"})),
    "flags.adoption": VIEWER,
    "metrics.read": VIEWER,
    "webhooks.create": ADMIN,
    "webhooks.list": ADMIN,
    "webhooks.read": ADMIN,
    "webhooks.update": ADMIN,
    "webhooks.delete": ADMIN,
    "webhooks.rotate": ADMIN,
    "deliveries.list": ADMIN,
    "deliveries.resend": ADMIN,
    "changelog.create": EDITOR,
    "changelog.list": VIEWER,
    "changelog.read": VIEWER,
    "changelog.update": EDITOR,
    "changelog.delete": EDITOR,
    "signals.collect": APPLICATIONS,
    "signals.track": APPLICATIONS,
    "feedback.submit": READERS,
    "feedback.read": VIEWER,
    "feedback.vote": READERS,
    "feedback.withdraw": READERS,
    "feedback.votes": VIEWER,
    "feedback.merge": EDITOR,
    "feedback.unmerge": EDITOR,
    "feedback.form": READERS,
    "people.export": ADMIN,
    "people.erase": ADMIN,
    "surveys.create": EDITOR,
    "surveys.list": VIEWER,
    "surveys.read": VIEWER,
    "surveys.update": EDITOR,
    "surveys.delete": EDITOR,
    "surveys.versions": VIEWER,
    "surveys.results": VIEWER,
    "surveys.prompt": APPLICATIONS,
    "feedback.list": VIEWER,
    "feedback.update": EDITOR,
    "feedback.bulk": EDITOR,
    "feedback.versions": VIEWER,
    "feedback.note": EDITOR,
    "feedback.notes": VIEWER,
    "feedback.export": VIEWER,
    "feedback.import": EDITOR,
    "boards.list": VIEWER,
    "boards.read": VIEWER,
    "boards.update": EDITOR,
    "feedback.similar": READERS,
    "attachments.form": READERS,
    "attachments.read": VIEWER,
    "site.read": PUBLIC,
}


def allow(principal: Principal, operation: str) -> bool:
    """Whether the principal may do the operation. An unknown operation, kind or role: no."""
    rule = OPERATIONS.get(operation)
    if rule is None:
        return False
    if principal.kind in ("member", "admin"):
        if rule.role is None or principal.role not in ROLES:
            return False
        return ROLES.index(principal.role) >= ROLES.index(rule.role)
    if principal.kind in ("client", "server"):
        return principal.kind in rule.keys
    return principal.kind == "anonymous" and rule.anonymous
