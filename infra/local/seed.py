"""Lives a month through the use cases, with a clock of its own. Twice is once: every id comes from what it is the id of."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from infra.local.crowd import Crowd
from infra.local.flagstories import CREW, FLAG_STORIES, FlagStory, RolloutStory
from infra.local.listening import Listening
from infra.local.month import DAYS, KEYS, PEOPLE, STORIES, Change, KeyStory, Person, Story
from slipway.access import SYSTEM, Principal
from slipway.calls import Call
from slipway.flags.change import NewChange
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.flag import NewFlag
from slipway.flags.schedules import NewSchedule
from slipway.flags.segments import NewSegment
from slipway.keys import Keys, NewKey
from slipway.members import Members
from slipway.ports import Store
from slipway.product import NewProduct, ProductPatch
from slipway.products import Products
from slipway.resources import Stored
from slipway.rollouts import signing
from slipway.rollouts.plan import NewRollout
from slipway.upgrades import upgrader

WORKING_DAY = 480  # minutes
OVERLAP = 24 * 3600  # seconds that a rotated key's old secret works


class Month:
    """The thirty days that lead up to `end`."""

    def __init__(self, end: datetime, access: Store, products: Store, flags: Store, feedback: Store, currency: str) -> None:
        self._end = end
        self._listening = Listening(end, feedback, self._call_at)
        self._flags, self._crowd = Control(flags), Crowd(flags)
        self._members = Members(access, upgrader("member"))
        self._keys = Keys(access, secrets.token_bytes, upgrader("key"))
        self._products = Products(products, currency=currency)

    def gather(self) -> dict[str, Principal]:
        """Invite the people, make their keys. What happened before does not happen again, here and below."""
        people = {person.name: self._person(person) for person in PEOPLE}
        keys = {key.name: self._key(key, people[PEOPLE[0].name]) for key in KEYS}
        self._shop = keys[KEYS[0].name]
        return people

    def work(self, people: Mapping[str, Principal]) -> None:
        """Live the story of every product and every flag, and hear what people say."""
        for story in STORIES:
            self._product(story, people[story.owner])
        first = people[PEOPLE[0].name]
        self._flags.segments.create(self._call(first, "segments.create", 1, "crew"), NewSegment.model_validate(CREW))
        for flag in FLAG_STORIES:
            self._flag(flag, people[flag.owner])
        self._listening.publish(first)
        self._listening.hear(self._shop, people)

    def issue(self, wish: NewKey) -> str:
        """A key of today, made as `slipway keys create` does: its secret."""
        today = self._call(SYSTEM, "keys.create", DAYS, secrets.token_hex(8))
        issued = self._keys.create(today, wish)
        assert issued.secret is not None, "a new key shows its secret once"
        return issued.secret

    def _person(self, person: Person) -> Principal:
        invitation = self._call(SYSTEM, "members.invite", person.day, person.name)
        return Principal("member", self._members.invite(invitation, person.email, person.role).stored.id, person.role)

    def _key(self, story: KeyStory, by: Principal) -> Principal:
        wish = NewKey(story.name, story.kind, story.environment, "editor" if story.kind == "admin" else None)
        id = self._keys.create(self._call(by, "keys.create", story.day, story.name), wish).stored.id
        for step, (day, change) in enumerate(story.changes, start=1):
            if self._keys.shelf.read(id).version == step:
                call = self._call(by, f"keys.{change}", day, story.name, step)
                if change == "rotate":
                    self._keys.rotate(call, id, step, OVERLAP)
                else:
                    self._keys.revoke(call, id, step)
        return Principal(story.kind, id, environment=story.environment)

    def _product(self, story: Story, by: Principal) -> None:
        name = str(story.product["key"])
        new = NewProduct(owner=story.owner, **story.product)
        created = self._products.create(self._call(by, "products.create", story.day, name), new)
        product = self._products.read(created.stored.id) if created.replayed else created.stored
        for step, (day, change) in enumerate(story.changes, start=1):
            if product.version == step:  # each change makes one version
                product = self._changed(product, by, change, day, name, step)

    def _changed(self, product: Stored, by: Principal, change: Change, day: int, name: str, step: int) -> Stored:
        if change == "archive":
            return self._products.archive(self._call(by, "products.archive", day, name, step), product.id, step)
        if change == "restore":
            return self._products.restore(self._call(by, "products.restore", day, name, step), product.id, step)
        return self._products.update(
            self._call(by, "products.update", day, name, step), product.id, step, ProductPatch(**change)
        )

    def _flag(self, story: FlagStory, by: Principal) -> None:
        key, use = str(story.flag["key"]), self._flags
        new = NewFlag.model_validate({"owner": story.owner, **story.flag})
        use.flags.create(self._call(by, "flags.create", story.day, key), new)
        for step, (day, environment, change) in enumerate(story.changes, start=1):
            call = self._call(by, "configurations.update", day, key, step)
            _, before = use.configurations.read(call, key, environment)
            if before.version == 1 + sum(of == environment for _, of, _ in story.changes[: step - 1]):
                patch = ConfigurationPatch.model_validate(change)
                use.configurations.update(call, key, environment, before.version, patch)
        for number, rollout in enumerate(story.rollouts):
            self._rollout(key, rollout, by, number)
        if story.end is not None and use.flags.read(key).version == 1:
            use.flags.archive(self._call(by, "flags.archive", story.end, key, 90), key, 1)
        if story.later is not None:
            area, environment, change, reason = story.later
            call = self._call(by, area, story.asked, key, 91)
            wish = {"flag": key, "environment": environment, "change": change, "reason": reason}
            if area == "proposals":
                use.proposals.open(call, NewChange.model_validate(wish))
            else:
                at = (self._end + timedelta(days=1)).replace(second=0, microsecond=0)
                use.schedules.plan(call, NewSchedule.model_validate(wish | {"at": at.isoformat()}))

    def _rollout(self, flag: str, story: RolloutStory, by: Principal, number: int) -> None:
        use, environment, met = self._flags.rollouts, story.environment, 0
        for step, (hours, move, why, people) in enumerate(story.moves):
            at = self._end - timedelta(hours=hours)
            call = self._call_at(at, by, f"rollouts.{move}", f"{flag}-rollout-{number}", step)
            if step == 0:
                new = NewRollout.model_validate(story.course)
                id = use.plan(call, flag, environment, new, secrets.token_bytes(signing.SECRET_BYTES)).stored.id
            rollout = use.shelf.read(id)
            if rollout.version == step:
                rollout = use.move(call, flag, environment, id, step, move, why, b"")
            if people and rollout.version == step + 1:
                self._crowd.come(environment, flag, range(met, met + people), at)
            met += people

    def _call(self, principal: Principal, operation: str, day: int, name: str, step: int = 0) -> Call:
        """How step `step` in the life of `name` is called, in the working day that ends `DAYS - day` days before the end."""
        minute = (sum(name.encode()) * 7 + step * 3) % WORKING_DAY  # spread over the day, always the same way
        at = self._end - timedelta(days=DAYS - day, minutes=WORKING_DAY - minute)
        return self._call_at(at, principal, operation, name, step)

    def _call_at(self, at: datetime, principal: Principal, operation: str, name: str, step: int) -> Call:
        identity = f"seed-{name}-{step}"
        return Call(
            principal,
            operation,
            at,
            nonce=f"{identity}-{self._end.timestamp()}",  # of this run; what makes it happen once is the key
            correlation_id=identity,
            idempotency_key=identity,
            digest=identity,
        )
