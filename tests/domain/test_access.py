"""Who may do what: every operation for every principal, written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.routes import ROUTES
from slipway.access import ANONYMOUS, OPERATIONS, ROLES, SYSTEM, Principal, allow

COLUMNS = {
    "anonymous": ANONYMOUS,
    "client": Principal("client", "key_c", environment="prod"),
    "server": Principal("server", "key_s", environment="prod"),
    "viewer member": Principal("member", "mbr_v", "viewer"),
    "editor member": Principal("member", "mbr_e", "editor"),
    "admin member": Principal("member", "mbr_a", "admin"),
    "viewer key": Principal("admin", "key_v", "viewer"),
    "editor key": Principal("admin", "key_e", "editor"),
    "admin key": Principal("admin", "key_a", "admin"),
    "system": SYSTEM,
}

# One letter per column above: y may, - may not.
EXPECTED = """
    products.list           ---yyyyyy-
    products.read           ---yyyyyy-
    products.create         ----yy-yy-
    products.update         ----yy-yy-
    products.archive        ----yy-yy-
    products.restore        ----yy-yy-
    products.versions       ---yyyyyy-
    products.batch          ----yy-yy-
    products.export         ---yyyyyy-
    products.import         ----yy-yy-
    flags.list              ---yyyyyy-
    flags.read              ---yyyyyy-
    flags.create            ----yy-yy-
    flags.update            ----yy-yy-
    flags.archive           ----yy-yy-
    flags.restore           ----yy-yy-
    flags.revert            ----yy-yy-
    flags.rehash            ----yy-yy-
    flags.versions          ---yyyyyy-
    flags.usage             ---yyyyyy-
    flags.export            ---yyyyyy-
    flags.import            ----yy-yy-
    manifest.read           ---yyyyyy-
    manifest.create         ----yy-yy-
    manifest.update         ----yy-yy-
    manifest.archive        ----yy-yy-
    flags.adoption          ---yyyyyy-
    metrics.read            ---yyyyyy-
    signals.collect         -yy-------
    signals.track           -yy-------
    flags.evaluate          -yyyyyyyy-
    flags.evaluate_all      -yyyyyyyy-
    flags.snapshot          --yyyyyyy-
    configurations.list     ---yyyyyy-
    configurations.read     ---yyyyyy-
    configurations.update   ----yy-yy-
    configurations.revert   ----yy-yy-
    configurations.copy     ----yy-yy-
    configurations.versions ---yyyyyy-
    configurations.explain  ---yyyyyy-
    configurations.preview  ---yyyyyy-
    rollouts.list           ---yyyyyy-
    rollouts.read           ---yyyyyy-
    rollouts.versions       ---yyyyyy-
    rollouts.evidence       ---yyyyyy-
    rollouts.dry_run        ---yyyyyy-
    rollouts.create         ----yy-yy-
    rollouts.start          ----yy-yy-
    rollouts.pause          ----yy-yy-
    rollouts.resume         ----yy-yy-
    rollouts.advance        ----yy-yy-
    rollouts.stop           ----yy-yy-
    rollouts.roll_back      ----yy-yy-
    templates.list          ---yyyyyy-
    templates.read          ---yyyyyy-
    templates.versions      ---yyyyyy-
    templates.create        ----yy-yy-
    templates.update        ----yy-yy-
    templates.delete        ----yy-yy-
    segments.list           ---yyyyyy-
    segments.read           ---yyyyyy-
    segments.create         ----yy-yy-
    segments.update         ----yy-yy-
    segments.delete         ----yy-yy-
    segments.versions       ---yyyyyy-
    segments.uses           ---yyyyyy-
    configurations.off      ----yy-yy-
    proposals.open          ----yy-yy-
    proposals.list          ---yyyyyy-
    proposals.read          ---yyyyyy-
    proposals.approve       ----yy-yy-
    proposals.apply         ----yy-yy-
    proposals.reject        ----yy-yy-
    schedules.plan          ----yy-yy-
    schedules.list          ---yyyyyy-
    schedules.read          ---yyyyyy-
    schedules.cancel        ----yy-yy-
    environments.list       ---yyyyyy-
    environments.read       ---yyyyyy-
    environments.versions   ---yyyyyy-
    environments.create     -----y--y-
    environments.update     -----y--y-
    environments.delete     -----y--y-
    keys.create             -----y--y-
    keys.list               -----y--y-
    keys.read               -----y--y-
    keys.rotate             -----y--y-
    keys.revoke             -----y--y-
    members.invite          -----y--y-
    members.list            ---yyyyyy-
    members.read            ---yyyyyy-
    members.update          -----y--y-
    members.remove          -----y--y-
    me.read                 -yyyyyyyy-
    audit.list              -----y--y-
    webhooks.create         -----y--y-
    webhooks.list           -----y--y-
    webhooks.read           -----y--y-
    webhooks.update         -----y--y-
    webhooks.delete         -----y--y-
    webhooks.rotate         -----y--y-
    deliveries.list         -----y--y-
    deliveries.resend       -----y--y-
    changelog.create        ----yy-yy-
    changelog.list          ---yyyyyy-
    changelog.read          ---yyyyyy-
    changelog.update        ----yy-yy-
    changelog.delete        ----yy-yy-
    feedback.submit         -yyyyyyyy-
    feedback.read           ---yyyyyy-
    feedback.vote           -yyyyyyyy-
    feedback.withdraw       -yyyyyyyy-
    feedback.votes          ---yyyyyy-
    feedback.merge          ----yy-yy-
    feedback.unmerge        ----yy-yy-
    feedback.form           -yyyyyyyy-
    people.export           -----y--y-
    people.erase            -----y--y-
    surveys.create          ----yy-yy-
    surveys.list            ---yyyyyy-
    surveys.read            ---yyyyyy-
    surveys.update          ----yy-yy-
    surveys.delete          ----yy-yy-
    surveys.versions        ---yyyyyy-
    surveys.results         ---yyyyyy-
    surveys.prompt          -yy-------
    feedback.list           ---yyyyyy-
    feedback.update         ----yy-yy-
    feedback.bulk           ----yy-yy-
    feedback.versions       ---yyyyyy-
    feedback.note           ----yy-yy-
    feedback.notes          ---yyyyyy-
    feedback.export         ---yyyyyy-
    feedback.import         ----yy-yy-
    boards.list             ---yyyyyy-
    boards.read             ---yyyyyy-
    boards.update           ----yy-yy-
    feedback.similar        -yyyyyyyy-
    attachments.form        -yyyyyyyy-
    attachments.read        ---yyyyyy-
    site.read               yyyyyyyyy-
"""
TABLE = dict(line.split() for line in EXPECTED.strip().splitlines())
CASES = [
    (operation, name, letter == "y")
    for operation, letters in TABLE.items()
    for name, letter in zip(COLUMNS, letters, strict=True)
]


@pytest.mark.parametrize(("operation", "name", "may"), CASES)
def test_every_operation_for_every_principal(operation: str, name: str, may: bool) -> None:
    assert allow(COLUMNS[name], operation) is may


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(OPERATIONS)


def test_every_guarded_route_is_an_operation_that_nobody_does_anonymously() -> None:
    guarded = {route.operation for route in ROUTES if route.operation is not None}
    assert guarded <= set(OPERATIONS)
    assert not {operation for operation in guarded if allow(ANONYMOUS, operation)}


@given(st.text(max_size=40))
def test_an_unknown_operation_is_nobodys(operation: str) -> None:
    if operation not in OPERATIONS:
        assert not any(allow(principal, operation) for principal in COLUMNS.values())


@given(
    kind=st.text(max_size=12), role=st.one_of(st.none(), st.text(max_size=12)), operation=st.sampled_from(sorted(OPERATIONS))
)
def test_an_unknown_kind_or_role_may_nothing(kind: str, role: str | None, operation: str) -> None:
    if kind not in {"anonymous", "client", "server", "admin", "member"}:
        assert not allow(Principal(kind, "x", role), operation)  # type: ignore[arg-type]
    if role not in {"viewer", "editor", "admin"}:
        assert not allow(Principal("member", "x", role), operation)  # type: ignore[arg-type]
        assert not allow(Principal("admin", "x", role), operation)  # type: ignore[arg-type]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_higher_role_may_whatever_a_lower_may(operation: str) -> None:
    viewer, editor, admin = (allow(Principal("member", "x", role), operation) for role in ROLES)
    assert viewer <= editor <= admin
