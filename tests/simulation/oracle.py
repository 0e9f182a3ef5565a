"""What must hold when everything has come to rest, whatever went wrong on the way.

lost      somebody was told that it happened, or a row says so, and it is not there
doubled   it is there twice
wrong     it is there and should not be, or it says something else
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from functions.feedback.door import feedback
from functions.usage.handler import sweep
from slipway.calls import derived_id
from slipway.feedback.ballots import voters, votes
from slipway.feedback.groups import Groups
from slipway.feedback.webhooks import NOTICE, takes
from slipway.flags.compilation import compiled
from slipway.flags.counting import Counting
from slipway.flags.publication import read as rows_of
from slipway.flags.snapshot import path as document_path
from slipway.keyring import path, read
from slipway.keys import earlier
from slipway.outbox import HOMES, envelopes
from slipway.ports import Row
from slipway.resources import Stored, version_sk
from slipway.rollouts.states import LIVE
from slipway.signals import counters
from slipway.tables import TABLES
from tests.collecting import ROLLOUT, unit
from tests.flagging import disagreements
from tests.simulation.clients import Intents
from tests.simulation.world import World


@dataclass
class Findings:
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wrong or self.lost or self.doubled)

    def compare(self, what: str, wanted: Counter[Any], found: Counter[Any]) -> None:
        """What is wanted and not found is lost, what is found too often doubled, what nobody wanted wrong."""
        self.lost += [f"{what} {one}" for one in sorted(wanted - found, key=str)]
        for one in sorted(found - wanted, key=str):
            (self.doubled if one in wanted else self.wrong).append(f"{what} {one}")

    def same(self, what: str, wanted: Any, found: Any) -> None:
        if wanted != found:
            self.wrong.append(f"{what}: {str(found)[:200]}, not {str(wanted)[:200]}")


def judged(world: World, intents: Intents) -> Findings:
    findings = Findings()
    heads = _versions(world, findings)
    _events(world, findings)
    _products(world, intents, heads, findings)
    _keys(world, intents, heads, findings)
    _members(world, intents, heads, findings)
    _flags(world, intents, heads, findings)
    _documents(world, findings)
    _evaluations(world, findings)
    _signals(world, intents, findings)
    _rollouts(world, intents, heads, findings)
    _feedback(world, intents, heads, findings)
    _triage(world, intents, heads, findings)
    _surveys(world, intents, heads, findings)
    _outward(world, intents, heads, findings)
    _votes(world, intents, findings)
    findings.wrong += [f"quarantined {key}" for key in world.quarantine.objects]
    findings.wrong += [f"logged {fault}" for fault in world.misspoken]
    for table in TABLES:
        findings.wrong += [f"no schema: {key}" for key, row in _rows(world, table.name).items() if "schema" not in row]
    return findings


def _flags(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each flag stands once, has every change once, and the rows beside agree with it."""
    flags = {head["data"]["key"]: head["data"] for head in heads.values() if head["kind"] == "flag"}
    if intents.flags:
        findings.compare("flag", Counter(intents.flags), Counter(list(flags)))
    for key, marks in intents.tags.items():
        findings.compare(f"tag of {key}", Counter(marks), Counter(flags[key].get("tags", [])))
    for id, units in intents.overrides.items():
        findings.compare(f"override of {id}", Counter(units), Counter(heads[id]["data"]["overrides"].get("on", [])))
    findings.wrong += disagreements(world.memory)


def _documents(world: World, findings: Findings) -> None:
    """What each environment answers from is what the table says."""
    for environment in (sk for pk, sk in _rows(world, "flags") if pk == "list#environments"):
        blob = world.flags.objects.get(document_path(environment))
        wanted = compiled(rows_of(world.memory, environment)).body
        findings.same(f"the flags of {environment}", wanted, None if blob is None else blob.body)


def _evaluations(world: World, findings: Findings) -> None:
    """When the last sums are made, every line of the log was counted once."""
    sweep(Counting(world.memory), world.now)
    told, counted = Counter[str](), Counter[str]()
    for line in world.told:
        for environment, flags in line.items():
            told.update({f"{environment}#{key}": number for key, number in flags.items()})
    for (pk, _), row in _rows(world, "usage").items():
        if pk.startswith("usage#"):
            environment = pk.split("#")[1]
            counted.update({f"{environment}#{key}": number for key, number in json.loads(row["counts"]).items()})
    findings.compare("evaluation", told, counted)
    seen = {f"{pk.partition('#')[2]}#{sk}" for pk, sk in _rows(world, "usage") if pk.startswith("seen#")}
    findings.same("seen", set(told), seen)


def _signals(world: World, intents: Intents, findings: Findings) -> None:
    """Every event that was taken made its rows and stands in the lake; and the counters say what the rows do."""
    rows = _rows(world, "signals")
    mine = [sk for pk, sk in rows if pk.startswith(ROLLOUT)]
    kinds = Counter((sk.split("#")[0], sk.rpartition("#")[2]) for sk in mine)
    others = {id for course in intents.rollouts.values() for id in course.events}
    told_there = [event for id, event in intents.told.items() if id not in others]
    shown = {event["targetingKey"] for event in told_there if event["type"] == "exposure"}
    findings.compare("unit", Counter(map(unit, shown)), Counter({who: n for (kind, who), n in kinds.items() if kind == "unit"}))
    outcomes = Counter(id for id, event in intents.told.items() if event["type"] == "outcome")
    messages = Counter(sk.rpartition("#")[2] for pk, sk in rows if sk.startswith("msg#"))
    findings.compare("message", outcomes, Counter({id: n for id, n in messages.items() if not id.startswith("fbk_")}))
    met = Counter(
        (name, unit(event["targetingKey"]))
        for name, event in {
            (name, event["targetingKey"]): (name, event)
            for event in told_there
            if event["type"] == "outcome" and event["targetingKey"] in shown
            for name in ("*", "latency>250" if event["name"] == "latency" else event["name"])
        }.values()
    )
    met.update(("feedback.negative", unit(key)) for key in set(intents.complaints.values()) & shown)
    findings.compare("met", met, Counter((sk.split("#")[1], sk.split("#")[2]) for sk in mine if sk.startswith("met#")))
    told = {json.loads(line)["id"] for record in world.lake.records for line in record.splitlines()}
    findings.lost += [f"{id} in the lake" for id in intents.told if id not in told]
    wanted, found = Counter[Any](), Counter[Any]()
    for (pk, _), row in rows.items():
        if (home := counters.home(pk)) is not None:
            wanted.update({(home, name): n for name, n in counters.counted(row).items()})
    for home, row in _rows(world, "counters").items():
        found.update({(home, name): n for name, n in counters.unpacked(row).items()})
    findings.compare("counted", wanted, found)


def _rollouts(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each ended as it has to, by as many steps, with every unit counted once; and nothing waits for what is over."""
    for id, course in intents.rollouts.items():
        data = heads[id]["data"]
        findings.same(f"state of {id}", True, data["state"] in course.states or data["state"])
        steps = [int(one["step"]) for one in data["stages"]]
        findings.same(f"steps of {id}", True, steps in course.steps or steps)
        rows = [sk.split("#") for pk, sk in _rows(world, "signals") if pk.partition("#")[0] == id]
        found = Counter(".".join(row[:-1]) for row in rows if row[0] in ("unit", "met"))
        wanted = Counter({"unit": len(course.shown)} | {f"met.{metric}": len(keys) for metric, keys in course.met.items()})
        findings.compare(f"signal of {id}", wanted if course.whole else found & wanted, found)
        if data["state"] == "rolled_back":
            kept = json.loads(data["evidence"])
            by_alarm = kept["reason"] == "alarm"
            proven = any(one["metric"] == kept["guard"] and one["log_evidence"] >= one["threshold"] for one in kept["findings"])
            findings.same(f"evidence of {id}", True, by_alarm or proven)
        live = data["state"] in LIVE
        configured = heads[f"flag#{data['flag']}#{data['environment']}"]["data"].get("rollout")
        findings.same(f"split of {id}", live, configured is not None and configured["id"] == id)
    for name, at in world.steps.waiting.items():
        findings.same(f"one-shot {name}", True, at > world.now)


def _feedback(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each item stands once and can be read unless its person was erased, nobody is two people, and nothing leads to who was
    erased."""
    items = [Stored(head) for head in heads.values() if head["kind"] == "feedback"]
    told = list(zip(items, feedback(world.memory).items.open_all(items), strict=True))
    findings.compare("feedback", Counter(intents.feedback), Counter(one["title"] for _, one in told if one is not None))
    findings.same("forgotten", set(intents.forgotten), {stored.id for stored, one in told if one is None})
    named = {(one["targeting_key"], stored.data["person"]) for stored, one in told if one and "targeting_key" in one}
    findings.same("people", len({key for key, _ in named}), len(named))
    rows, living = _rows(world, "feedback"), {stored.data["person"] for stored, one in told if one is not None}
    living |= {row["person"] for (_, sk), row in rows.items() if sk.startswith("vote#") and (row["person"], "key") in rows}
    persons = {pk for pk, sk in rows if pk.startswith("psn_") and sk == "key"}
    if intents.votes:  # who has withdrawn the only vote is somebody still
        living |= persons
    findings.same("keys of people", living, persons)
    led = {row["pid"] for (pk, _), row in rows.items() if pk.startswith("person#")}
    findings.same("rows that lead to nobody", set(), led - living)
    erased = {id for id, head in heads.items() if head["kind"] == "person"}
    findings.same("erased", {(id, "head") for id in erased}, {place for place in rows if place[0] in erased})
    for id, marks in intents.marked.items():
        findings.compare(f"tag of {id}", Counter(marks), Counter(heads[id]["data"].get("tags", [])))
    for id, notes in intents.noted.items():
        found = [row["sealed"] for (pk, sk), row in rows.items() if pk == id and sk.startswith("note#")]
        said = feedback(world.memory).items.open_rows(Stored(heads[id]), found)
        findings.compare(f"note on {id}", Counter(notes), Counter(str((one or {}).get("text")) for one in said))


def _triage(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Everything about each item was found out once, and stands beside it; each complaint is one message."""
    items = {id: Stored(head) for id, head in heads.items() if head["kind"] == "feedback"}
    findings.lost += [f"triage of {id}" for id, item in items.items() if "proof" not in item.data]
    triaged = {event["id"]: event for event in world.bus.log if event["type"] == "feedback.triaged.v1"}
    first = Counter(event["subject"] for event in triaged.values() if "language" in _fields(event))
    findings.compare("triaged", Counter(list(items)), first)
    rows = _rows(world, "feedback")
    wanted = {
        (f"list#flag#{flag}#{one['variant']}", f"{item.created_at}#{id}")
        for id, item in items.items()
        for flag, one in item.data.get("flags", {}).items()
    }
    findings.same("lists of flags", wanted, {place for place in rows if place[0].startswith("list#flag#")})
    keys = {pk for pk, sk in rows if sk == "key"}
    found = {id for id, item in items.items() if item.data["state"] == "visible" and item.data["person"] in keys}
    findings.same("words", found, {sk for pk, sk in rows if pk.startswith("index#")})
    told = Counter(sk.rpartition("#")[2] for _, sk in _rows(world, "signals") if sk.startswith("msg#") and "#fbk_" in sk)
    bugs = Counter({id: told[id] for id in intents.complaints if id in told})
    findings.compare("complaint", Counter(dict.fromkeys(intents.complaints, 2)), bugs)  # that it was a bug, and negative
    there = [(id, one) for id in found for one in items[id].data.get("attachments", ())]
    files = {f"clean/{id}/{one['id']}" for id, one in there if one["state"] == "ready"}
    findings.same("attachments", files, set(world.attachments.objects))
    findings.same("looks that wait", set(), {name for name, at in world.looks.waiting.items() if at <= world.now})


def _fields(event: dict[str, Any]) -> set[str]:
    return {change["field"] for change in event["data"]["changes"]}


def _outward(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Everybody behind an item has one notice of each change that is told; every event is with every webhook that takes it; and
    nothing waits any more."""
    rows = _rows(world, "feedback")
    wanted, found, sent = Counter[str](), Counter[str](), Counter[str]()
    for (round, sk), row in rows.items():
        if sk == "round":
            findings.same(f"phase of {round}", "done", row["phase"])
            group = Groups(world.memory).read(row["item"])
            people = {heads[id]["data"]["person"] for id in group.ids}
            people |= {vote["person"] for vote in voters(world.memory, group)}
            wanted.update(derived_id("ntc_", row["event"], pid) for pid in people)
        elif round.startswith("ntc_") and sk.startswith("batch#"):
            found.update(derived_id("ntc_", rows[round, "round"]["event"], pid) for pid in row["people"])
    findings.compare("notice", wanted, found)
    noted = {row["id"] for (pk, sk), row in rows.items() if pk.startswith("ntc_") and sk.startswith("to#")}
    findings.same("notices", set(wanted), noted)
    posted = {sending.id: json.loads(sending.body) for sending in world.post.sent}
    for said in posted.values():
        if said["type"] == NOTICE:
            sent.update(one["id"] for one in said["data"]["recipients"])
    hooks = [heads[id]["data"] for id in intents.webhooks.values()]
    heard = any(hook["status"] == "enabled" and takes(hook["events"], NOTICE) for hook in hooks)
    findings.compare("told", wanted if heard else Counter(), sent)
    letters = {letter.id for letter in world.mailer.sent}
    findings.same("letters", {row["id"] for row in rows.values() if "mailed" in row}, letters)
    for id in intents.webhooks.values():
        data = heads[id]["data"]
        if data["status"] == "enabled":
            told = {event["id"] for event in world.bus.log if takes(data["events"], event["type"])}
            mine = [row for (pk, sk), row in rows.items() if pk == id and sk.startswith("delivery#")]
            # Of its own first event a webhook may hear or not: whoever is faster.
            findings.lost += [f"delivery of {one} to {id}" for one in told - {row["event"] for row in mine} - _own(world, id)]
            findings.wrong += [f"{row['sk']} is {row['state']}" for row in mine if row["state"] != "delivered"]
            findings.lost += [f"{row['sk']} was never posted" for row in mine if row["sk"].partition("#")[2] not in posted]
    data = [head["data"] for head in heads.values() if head["kind"] == "changelog"]
    items = [head for head in heads.values() if head["kind"] == "feedback"]
    shipped = Counter(head["pk"] for head in items if head["data"]["status"] == "shipped")
    findings.compare("entry of", shipped, Counter(one["made_of"] for one in data if "made_of" in one))
    findings.same("what waits", set(), {sk for pk, sk in rows if pk == "list#rounds" or sk.startswith("due#")})


def _own(world: World, webhook: str) -> set[str]:
    first = min((at for at, event in enumerate(world.bus.log) if event["subject"] == webhook), default=0)
    return {event["id"] for event in world.bus.log[: first + 1]}


def _votes(world: World, intents: Intents, findings: Findings) -> None:
    """People stand behind the items that they voted for, each once; behind duplicates, too."""
    groups = {id: set(voters) for id, voters in intents.votes.items()}
    for id in intents.merged:
        root = id
        while root in intents.merged:
            root = intents.merged[root]
        groups.setdefault(root, set()).update(intents.votes.get(id, ()))
    findings.compare(
        "votes", Counter({id: len(some) for id, some in groups.items()}), Counter(votes(world.memory, list(groups)))
    )


def _surveys(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each answer that was taken is there once, with its item, and counted; never is one beyond the cap."""
    rows = _rows(world, "feedback")
    surveys = {id: head["data"] for id, head in heads.items() if head["kind"] == "survey"}
    findings.compare("survey", Counter(intents.answers.keys()), Counter(surveys.keys()))
    for id, data in surveys.items():
        answers = [row for (pk, sk), row in rows.items() if pk == id and sk.startswith("answer#")]
        items = [head["pk"] for head in heads.values() if head["data"].get("survey") == id]
        findings.compare(f"answer of {id}", Counter(range(len(intents.answers[id]))), Counter(range(len(answers))))
        findings.compare(f"item of {id}", Counter(items), Counter(row["feedback"] for row in answers))
        over = rows[id, "count"]["over"]
        findings.same(f"count of {id}", len(answers) - data["cap"], over)
        findings.same(f"cap of {id}", True, over <= 0)
        listed = (f"list#surveys#{data['environment']}", id) in rows
        findings.same(f"list of {id}", data["enabled"], listed)
    for (pk, _), row in rows.items():
        if pk.startswith("prompted#"):
            findings.same(f"prompts of {pk}", sorted(set(row["asked"])), sorted(row["asked"]))


def _rows(world: World, table: str) -> dict[tuple[str, str], Row]:
    return world.memory.tables.get(table, {})


def _versions(world: World, findings: Findings) -> dict[str, Row]:
    """Every head that ever was is still there, once, as it was: as a version row or as the head. Returns the heads."""
    heads = {}
    for id, versions in world.history.items():
        table = _rows(world, HOMES[versions[1][0]["kind"]].name)
        heads[id] = head = table[id, "head"]
        findings.same(f"versions of {id}", list(range(1, head["version"] + 1)), sorted(versions))
        for number, images in versions.items():
            findings.doubled += [f"version {number} of {id}"] * (len(images) > 1)
            stands = head if number == head["version"] else table.get((id, version_sk(number)))
            if stands is None:
                findings.lost.append(f"version {number} of {id}")
            else:
                same = ("version", "updated_at", "created_at", "cause", "events", "data", "schema")
                findings.same(f"version {number} of {id}", {n: images[0][n] for n in same}, {n: stands[n] for n in same})
    findings.wrong += [f"rewritten: {row}" for row in world.rewritten]
    return heads


def _events(world: World, findings: Findings) -> None:
    """Every version of everything was told, but for the first of a configuration, which nobody made: it is in the audit once
    and was counted once, and the bus first saw the events of a resource in their order."""
    versions = [(id, number, images[0]) for id, numbers in world.history.items() for number, images in numbers.items()]
    wanted = Counter((id, number) for id, number, image in versions if (image["kind"], number) != ("configuration", 1))
    rows = list(_rows(world, "audit").values())
    findings.compare("event", wanted, Counter((row["pk"], row["sequence"]) for row in rows))
    told = {(row["pk"], row["sequence"]): [row["type"], row["changes"], row["actor"], row["time"]] for row in rows}
    for id, number, image in versions:
        for one in envelopes(image):
            said = [one["type"], one["data"]["changes"], one["actor"], one["time"]]
            findings.same(f"event {number} of {id}", said, told.get((id, number), said))
    counted = sum(row["events"] for row in _rows(world, "abacus").values() if row["pk"] == "total")
    findings.compare("counted", Counter({"event": wanted.total()}), Counter({"event": counted}))
    seen: dict[str, list[int]] = defaultdict(list)
    for event in world.bus.log:
        if event["sequence"] not in seen[event["subject"]]:
            seen[event["subject"]].append(event["sequence"])
    for subject, sequences in seen.items():
        findings.same(f"order of {subject}", sorted(sequences), sequences)


def _products(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    products = {id: head for id, head in heads.items() if head["kind"] == "product"}
    created = Counter(images[1][0]["data"]["name"] for id, images in world.history.items() if id in products)
    findings.compare("product", Counter(intents.products), created)
    for id, marks in intents.edits.items():
        metadata = {name: value for name, value in products[id]["data"]["metadata"].items() if name != "count"}
        findings.compare(f"edit of {id}", Counter(marks), Counter(metadata))
        findings.same(f"count of {id}", len(marks), products[id]["data"]["metadata"]["count"])
    moved = Counter((row["pk"], row["type"]) for row in _rows(world, "audit").values() if row["type"] in _MOVES)
    findings.compare("move", Counter(intents.moves), moved)
    claims = {row["pk"]: row["id"] for row in _rows(world, "products").values() if row["sk"] == "key"}
    findings.same("claims", {f"key#{h['data']['key']}": id for id, h in products.items() if "key" in h["data"]}, claims)


_MOVES = (
    *("product.archived.v1", "product.restored.v1", "flag.archived.v1", "flag.restored.v1", "feedback.status_changed.v1"),
    *(f"proposal.{state}.{one}" for state in ("approved", "applied", "rejected", "expired") for one in ("v1", "v2")),
    *(f"schedule.{state}.{one}" for state in ("cancelled", "fired", "failed") for one in ("v1", "v2")),
)


def _keys(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each key stands once, has exactly the verifiers that its state says, and the published files say the same."""
    keys = {id: head for id, head in heads.items() if head["kind"] == "key"}
    findings.compare("key", Counter(intents.keys), Counter(head["data"]["name"] for head in keys.values()))
    live = Counter[tuple[str, str, str]]()
    for id, head in keys.items():
        data = head["data"]
        findings.same(f"status of {id}", "revoked" if id in intents.revoked else "active", data["status"])
        changes = intents.rotations.get(id, 0) + (id in intents.revoked)
        findings.same(f"version of {id}", 1 + changes, head["version"])
        if data["status"] == "active":
            selectors = [data["selector"], *(one["selector"] for one in earlier(data))]
            live.update((data["environment"] or "all", selector, id) for selector in selectors)
    rows = [row for (pk, _), row in _rows(world, "access").items() if pk.startswith("verifiers#")]
    findings.compare("verifier", live, Counter((row["pk"].partition("#")[2], row["sk"], row["key"]) for row in rows))
    for environment in {environment for environment, _, _ in live} - {"all"}:
        blob = world.keys.objects.get(path(environment))
        published = {} if blob is None else read(blob.body)
        stand = {row["sk"]: row for row in rows if row["pk"] == f"verifiers#{environment}"}
        used = {row["sk"]: row["day"] for (pk, _), row in _rows(world, "access").items() if pk == f"used#{environment}"}
        findings.same(
            f"key file of {environment}",
            {
                selector: (row["key"], row["verifier"], row.get("expires"), used.get(row["key"]))
                for selector, row in stand.items()
            },
            {selector: (entry.key, entry.verifier, entry.expires, entry.used or None) for selector, entry in published.items()},
        )


def _members(world: World, intents: Intents, heads: dict[str, Row], findings: Findings) -> None:
    """Each member stands once, the directory has exactly them, nobody was invited twice, and the admins are counted right."""
    members = {id: head for id, head in heads.items() if head["kind"] == "member"}
    table = _rows(world, "access")
    findings.compare("invited", Counter(range(len(intents.invited))), Counter(range(len(members))))
    active = {id: head for id, head in members.items() if head["data"]["status"] == "active"}
    emails = {id: table[id, "email"]["email"] for id in active if (id, "email") in table}
    findings.same("members", intents.members, {emails.get(id, "?"): head["data"]["role"] for id, head in active.items()})
    findings.same("directory", emails, world.people.users)
    findings.doubled += [f"invitation of {id}" for id, times in Counter(world.people.invited).items() if times > 1]
    admins = table.get(("members", "admins"), {}).get("count", 0)
    findings.same("admins", sum(head["data"]["role"] == "admin" for head in active.values()), admins)
    findings.same("addresses", len(active), sum(sk == "email" for _, sk in table))
    findings.same("claims of addresses", len(active), sum(sk == "key" for _, sk in table))
