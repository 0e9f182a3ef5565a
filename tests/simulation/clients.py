"""Clients as the documentation tells them to be: a POST is sent again with its Idempotency-Key until it is answered; a change
that was not answered, or met a newer version, is read again and sent again only if it is not there yet.

What each of them means to have done is noted, and holds when everything has come to rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slipway.access import Principal
from tests.functions.events import ADMIN, Reply
from tests.simulation.world import World

TRIES = 25


@dataclass
class Course:
    """How a rollout has to end: in one of `states`, after stages of these steps (in one of these ways); and who met it:
    targeting keys that were shown its flag, and by metric those who had that outcome then. `whole`: all of it was counted; else
    the rollout may have ended before it was."""

    states: tuple[str, ...]
    steps: tuple[list[int], ...]
    events: set[str] = field(default_factory=set)  # of those that were taken, the ids
    shown: set[str] = field(default_factory=set)
    met: dict[str, set[str]] = field(default_factory=dict)
    whole: bool = True


@dataclass
class Intents:
    """What has been done, by what was told to the clients."""

    products: list[str] = field(default_factory=list)  # names; each stands once
    edits: dict[str, list[str]] = field(default_factory=dict)  # by product id: marks in its metadata, and as many counted
    moves: list[tuple[str, str]] = field(default_factory=list)  # (product id, event type): happened once more
    flags: list[str] = field(default_factory=list)  # keys; each stands once
    tags: dict[str, list[str]] = field(default_factory=dict)  # by flag key
    overrides: dict[str, list[str]] = field(default_factory=dict)  # by id of the configuration: keys that get `on`
    told: dict[str, dict[str, Any]] = field(default_factory=dict)  # events that were taken, by id
    rollouts: dict[str, Course] = field(default_factory=dict)  # by id
    complaints: dict[str, str] = field(default_factory=dict)  # ids of bugs, and whose they are
    feedback: list[str] = field(default_factory=list)  # titles; each item stands once
    answers: dict[str, list[str]] = field(default_factory=dict)  # by survey: titles of items that answer it
    webhooks: dict[str, str] = field(default_factory=dict)  # ids by url
    votes: dict[str, set[str]] = field(default_factory=dict)  # by id of an item: who voted for it
    merged: dict[str, str] = field(default_factory=dict)  # each duplicate -> what it was merged into
    forgotten: list[str] = field(default_factory=list)  # ids of items whose person was erased
    marked: dict[str, list[str]] = field(default_factory=dict)  # by id of an item: its tags
    noted: dict[str, list[str]] = field(default_factory=dict)  # by id of an item: its notes, each once
    keys: list[str] = field(default_factory=list)  # names; each stands once
    rotations: dict[str, int] = field(default_factory=dict)  # by key id
    revoked: list[str] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)  # e-mail: role, of those who are there
    invited: list[str] = field(default_factory=list)  # e-mails, of everybody who ever was


class Client:
    def __init__(self, world: World, intents: Intents) -> None:
        self.world, self.intents = world, intents
        self.titles: dict[str, str] = {}  # of items, by id

    # --- products ---

    def create(self, name: str, key: str | None = None) -> str:
        body = {"name": name, "price": "19.99", **({"key": key} if key else {})}
        reply = self.post("/v1/products", body, name)
        assert reply.status == 201, reply.body
        self.intents.products.append(name)
        return str(reply.json["id"])

    def batch(self, names: list[str], status: int) -> None:
        items = [{"name": name, "price": 1, "key": f"key-{name}"} for name in names]
        reply = self.post("/v1/products/batch", {"items": items}, "batch " + names[0])
        assert reply.status == status, reply.body
        assert all(item["status"] == 201 for item in reply.json["items"]), reply.body
        self.intents.products += names

    def import_(self, names: list[str]) -> None:
        lines = "\n".join(json.dumps({"name": name, "price": 1, "key": f"key-{name}"}) for name in names)
        reply = self.post("/v1/products/import", lines, "import " + names[0], media="application/x-ndjson")
        assert reply.status == 200, reply.body
        assert reply.json["conflicts"] == []
        self.intents.products += names

    def edit(self, id: str, mark: str, **fields: Any) -> None:
        """Count one up from what was read, and leave a mark."""
        path = f"/v1/products/{id}"
        for _ in range(TRIES):
            read = self.get(path)
            metadata = read.json.get("metadata") or {}
            if mark in metadata:
                break
            change = {"metadata": {mark: True, "count": metadata.get("count", 0) + 1}, **fields}
            reply = self.world.http("PATCH", path, change, if_match=read.headers["etag"])
            assert reply is None or reply.status in (200, 412), reply.body
        else:
            raise AssertionError(f"{mark} never comes through")
        self.intents.edits.setdefault(id, []).append(mark)

    def archive(self, id: str) -> None:
        path = f"/v1/products/{id}"
        self._move(path, "archived", "DELETE", path, (id, "product.archived.v1"))

    def restore(self, id: str) -> None:
        path = f"/v1/products/{id}"
        self._move(path, "active", "POST", f"{path}/restore", (id, "product.restored.v1"))

    def _move(self, path: str, status: str, method: str, action: str, moved: tuple[str, str]) -> None:
        for _ in range(TRIES):
            read = self.get(path)
            if read.json["status"] == status:
                break
            reply = self.world.http(method, action, if_match=read.headers["etag"])
            assert reply is None or reply.status in (200, 412), reply.body
        else:
            raise AssertionError(f"{path} never becomes {status}")
        self.intents.moves.append(moved)

    # --- flags ---

    def flag(self, key: str) -> None:
        reply = self.post("/v1/flags", {"key": key, "type": "boolean"}, key)
        assert reply.status == 201, reply.body
        self.intents.flags.append(key)

    def tag(self, key: str, mark: str) -> None:
        self._edit(f"/v1/flags/{key}", lambda flag: None if mark in flag["tags"] else {"tags": [*flag["tags"], mark]})
        self.intents.tags.setdefault(key, []).append(mark)

    def override(self, key: str, environment: str, unit: str, **fields: Any) -> None:
        def change(configuration: Any) -> Any:
            units = configuration["overrides"].get("on", [])
            return None if unit in units else {"overrides": {"on": [*units, unit]}, "reason": "a test", **fields}

        self._edit(f"/v1/flags/{key}/environments/{environment}", change)
        self.intents.overrides.setdefault(f"flag#{key}#{environment}", []).append(unit)

    def segment(self, key: str) -> None:
        body = {"key": key, "targeting": {"==": [{"var": "plan"}, "beta"]}}
        assert self.post("/v1/segments", body, f"segment {key}").status == 201

    def template(self, key: str) -> None:
        ladder = [{"share": 5, "hold": {"minutes": 10}}, {"share": 100}]
        assert self.post("/v1/rollout-templates", {"key": key, "ladder": ladder}, key).status == 201

    def import_flags(self, document: Any, key: str, **query: str) -> None:
        """As it is documented: again and again, until nothing is left."""
        asked = "&".join(f"{name}={value}" for name, value in {"environment": "staging", **query}.items())
        for _ in range(TRIES):
            reply = self.post("/v1/flags/import", document, key, query=asked)
            assert reply.status == 200, reply.body
            assert reply.json["conflicts"] == [], reply.body
            if reply.json["left"] == 0:
                break
        else:
            raise AssertionError(f"{key} never ends")
        self.intents.flags += [one for one in document["flags"] if one not in self.intents.flags]
        for one, beside in document["slipway"]["flags"].items():
            self.intents.overrides[f"flag#{one}#staging"] = beside["overrides"]["on"]

    def environment(self, name: str) -> None:
        assert self.post("/v1/environments", {"name": name}, f"environment {name}").status == 201

    def describe(self, path: str, text: str, **fields: Any) -> None:
        self._edit(path, lambda one: None if one["description"] == text else {"description": text, **fields})

    def delete(self, path: str) -> None:
        for _ in range(TRIES):
            reply = self.world.http("DELETE", path, if_match="*")
            if reply is not None and reply.status in (204, 404):
                return
        raise AssertionError(f"{path} is never deleted")

    def later(self, area: str, body: dict[str, Any], key: str) -> str:
        """The path of a change request, or of a planned change."""
        reply = self.post(f"/v1/{area}", body, key)
        assert reply.status == 201, reply.body
        return f"/v1/{area}/{reply.json['id']}"

    def moved(self, path: str, status: str, action: str = "", principal: Principal = ADMIN, *, contract: str = "v1") -> None:
        """Take a change request or a planned change to this status; without an action, it comes to it by itself."""
        for _ in range(TRIES):
            read = self.get(path)
            if read.json["status"] == status:
                break
            assert action, read.json
            reply = self.world.http("POST", f"{path}/{action}", principal=principal, if_match=read.headers["etag"])
            assert reply is None or reply.status in (200, 412), reply.body
        else:
            raise AssertionError(f"{path} never becomes {status}")
        self.intents.moves.append((path.rpartition("/")[2], f"{path.split('/')[2][:-1]}.{status}.{contract}"))

    def archive_flag(self, key: str) -> None:
        path = f"/v1/flags/{key}"
        self._move(path, "archived", "POST", f"{path}/archive", (f"flag#{key}", "flag.archived.v1"))

    def restore_flag(self, key: str) -> None:
        path = f"/v1/flags/{key}"
        self._move(path, "active", "POST", f"{path}/restore", (f"flag#{key}", "flag.restored.v1"))

    def _edit(self, path: str, change: Callable[[Any], Any]) -> None:
        """What `change` makes of what stands; None where it is there already."""
        for _ in range(TRIES):
            read = self.get(path)
            if (patch := change(read.json)) is None:
                return
            reply = self.world.http("PATCH", path, patch, if_match=read.headers["etag"])
            assert reply is None or reply.status in (200, 412), reply.body
        raise AssertionError(f"{path} is never changed")

    # --- signals ---

    def tell(self, events: list[dict[str, Any]], kind: str = "client", address: str = "192.0.2.1") -> None:
        """The same batch until it is taken, in the environment that the rollouts of `tests.collecting` run in."""
        self._tell("beta", events, kind, address)

    def tell_of(self, id: str, events: list[dict[str, Any]], kind: str = "server", address: str = "192.0.2.1") -> None:
        """The same in production, of a rollout there."""
        course = self.intents.rollouts[id]
        self._tell("production", events, kind, address)
        course.events |= {event["id"] for event in events}
        for event in events:
            key = event.get("targetingKey") or event["context"]["targetingKey"]
            if event["type"] == "exposure":
                course.shown.add(key)
            elif key in course.shown:
                for metric in (event["name"], "*"):
                    course.met.setdefault(metric, set()).add(key)

    def _tell(self, environment: str, events: list[dict[str, Any]], kind: str, address: str) -> None:
        for _ in range(TRIES):
            if self.world.told_of(environment, events, kind, address):
                break
        else:
            raise AssertionError("never taken")
        self.intents.told |= {event["id"]: event for event in events}

    # --- feedback ---

    def submit(self, title: str, principal: Principal, **fields: Any) -> str:
        """By its `submission_id`, until it is answered."""
        body = {"type": "bug", "product": "mug", "title": title, "submission_id": title.replace(" ", "-"), **fields}
        reply = self._until(lambda: self.world.http("POST", "/v1/feedback", body, principal=principal))
        assert reply.status == 201, reply.body
        self.intents.feedback.append(title)
        self.titles[str(reply.json["id"])] = title
        return str(reply.json["id"])

    def complain(self, title: str, principal: Principal, targeting_key: str, **fields: Any) -> str:
        id = self.submit(title, principal, targeting_key=targeting_key, **fields)
        self.intents.complaints[id] = targeting_key
        return id

    def vote(self, id: str, principal: Principal, **voter: str) -> None:
        self._voted(id, "votes", principal, voter)
        self.intents.votes.setdefault(id, set()).add(_voter(principal, voter))

    def withdraw(self, id: str, principal: Principal, **voter: str) -> None:
        """From the whole group."""
        self._voted(id, "votes/withdraw", principal, voter)
        for other, voters in self.intents.votes.items():
            if self.root(other) == self.root(id):
                voters.discard(_voter(principal, voter))

    def merge(self, id: str, into: str) -> None:
        self._merged(f"/v1/feedback/{id}/merge", {"into": into}, "duplicate")
        self.intents.merged[id] = self.root(into)

    def unmerge(self, id: str) -> None:
        self._merged(f"/v1/feedback/{id}/unmerge", None, "new")
        del self.intents.merged[id]

    def root(self, id: str) -> str:
        return self.root(self.intents.merged[id]) if id in self.intents.merged else id

    def _voted(self, id: str, what: str, principal: Principal, voter: dict[str, str]) -> None:
        reply = self._until(lambda: self.world.http("POST", f"/v1/feedback/{id}/{what}", voter, principal=principal))
        assert reply.status == 200, reply.body

    def _merged(self, path: str, body: Any, status: str) -> None:
        reply = self._until(lambda: self.world.http("POST", path, body, if_match="*"))
        assert (reply.status, reply.json["status"]) == (200, status), reply.body

    # --- what goes out ---

    def webhook(self, url: str, *events: str) -> str:
        """Its id; it stands once."""
        reply = self.post("/v1/webhooks", {"url": url, "events": list(events)}, f"hook-{url[8:13]}")
        assert reply.status == 201, reply.body
        self.intents.webhooks[url] = str(reply.json["id"])
        return self.intents.webhooks[url]

    def rotate_webhook(self, id: str) -> None:
        reply = self._until(lambda: self.world.http("POST", f"/v1/webhooks/{id}/rotate", {"overlap": 60}, if_match="*"))
        assert reply.status == 200, reply.body

    def resend(self, url: str) -> None:
        """The newest of its deliveries; another one may be tried at this moment."""
        path = f"/v1/webhooks/{self.intents.webhooks[url]}/deliveries"
        newest = self.get(path, "limit=1").json["items"][0]["id"]
        reply = self._until(lambda: self.world.http("POST", f"{path}/{newest}/resend"))
        assert reply.status == 202, reply.body

    def entry(self, title: str) -> str:
        reply = self.post("/v1/changelog", {"product": "mug", "title": title}, title)
        assert reply.status == 201, reply.body
        return str(reply.json["id"])

    def describe_entry(self, id: str, text: str) -> None:
        self.get("/v1/changelog", "product=mug")
        self._edit(f"/v1/changelog/{id}", lambda one: None if one["text"] == text else {"text": text, "status": "published"})

    def change(self, id: str, **fields: Any) -> None:
        """An item, until it is so."""

        def patch(one: dict[str, Any]) -> dict[str, Any] | None:
            return None if all(one[name] == value for name, value in fields.items()) else fields

        self._edit(f"/v1/feedback/{id}", patch)

    def unsubscribe(self, link: str) -> None:
        path = link.removeprefix("https://api.example.com")
        assert self._until(lambda: self.world.http("GET", path)).status == 200
        assert self._until(lambda: self.world.http("POST", path)).status == 200

    def forget(self, person: str, items: list[str]) -> None:
        """Until it is answered; and what that person told, these items, is to be read by nobody."""
        subject = {"targeting_key": person, "environment": "production"}
        told = self._until(lambda: self.world.http("POST", "/v1/people/export", subject)).json
        assert {one["id"] for one in told["feedback"]} == set(items), told
        assert self._until(lambda: self.world.http("POST", "/v1/people/erase", subject)).status == 200
        for item in items:
            self.intents.feedback.remove(self.titles[item])
            self.intents.forgotten.append(item)

    # --- surveys ---

    def survey(self, question: str, **fields: Any) -> str:
        body = {"product": "mug", "environment": "production", "kind": "nps", "question": question, "enabled": True, **fields}
        reply = self.post("/v1/surveys", body, question)
        assert reply.status == 201, reply.body
        self.intents.answers[str(reply.json["id"])] = []
        return str(reply.json["id"])

    def change_survey(self, id: str, **fields: Any) -> None:
        same = fields.items()
        self._edit(f"/v1/surveys/{id}", lambda survey: None if same <= survey.items() else fields)

    def drop_survey(self, id: str) -> None:
        reply = self._until(lambda: self.world.http("DELETE", f"/v1/surveys/{id}", if_match="*"))
        assert reply.status in (204, 404), reply.body

    def prompt(self, person: str, view: str, principal: Principal) -> Any:
        """Until it is answered; None where there is nothing to ask."""
        body = {"product": "mug", "view": view, "context": {"targetingKey": person}}
        reply = self._until(lambda: self.world.http("POST", "/v1/surveys/prompt", body, principal=principal))
        assert reply.status in (200, 204), reply.body
        return reply.json if reply.status == 200 else None

    def answer(self, prompt: Any, person: str, principal: Principal, **fields: Any) -> str | None:
        """The item; None where the survey takes no more."""
        title = f"{person} answers"
        body = {"type": "nps", "product": "mug", "title": title, "rating": 9, "targeting_key": person, **fields}
        body |= {"survey": prompt["token"], "submission_id": title.replace(" ", "-")}
        reply = self._until(lambda: self.world.http("POST", "/v1/feedback", body, principal=principal))
        if reply.status == 409:
            return None
        assert reply.status == 201, reply.body
        self.intents.feedback.append(title)
        self.intents.answers[prompt["survey"]].append(title)
        self.titles[str(reply.json["id"])] = title
        return str(reply.json["id"])

    def mark(self, id: str, tag: str) -> None:
        self._edit(f"/v1/feedback/{id}", lambda item: None if tag in item["tags"] else {"tags": [*item["tags"], tag]})
        self.intents.marked.setdefault(id, []).append(tag)

    def sort(self, ids: list[str], key: str, status: str, tag: str) -> None:
        """Many at once, by a key of its own, which holds whatever others do meanwhile."""
        change = {"status": status, "add_tags": [tag]}
        reply = self.post("/v1/feedback/bulk", {"ids": ids, "change": change}, key)
        assert [item["status"] for item in reply.json["items"]] == [200] * len(ids), reply.body
        for id in ids:
            self.intents.marked.setdefault(id, []).append(tag)
            self.intents.moves.append((id, "feedback.status_changed.v1"))

    def note(self, id: str, text: str) -> None:
        assert self.post(f"/v1/feedback/{id}/notes", {"text": text}, text).status == 201
        self.intents.noted.setdefault(id, []).append(text)

    def import_posts(self, titles: list[str], note: str) -> None:
        """With a note on each, and an address."""
        file = "title,email,comments\n" + "".join(f"{title},{title}@example.com,{note}\n" for title in titles)
        query = "source=canny&product=mug&emails=true"
        reply = self.post("/v1/feedback/import", file, "import " + titles[0], "text/csv", query)
        assert reply.status == 200, reply.body
        assert reply.json["created"] + reply.json["existing"] == len(titles), reply.body
        self.intents.feedback += titles
        for item in self.get("/v1/feedback", "product=mug&limit=100").json["items"]:
            if item["title"] in titles:
                self.intents.noted[item["id"]] = [note]

    def switch(self, product: str, switch: str) -> None:
        self._edit(f"/v1/boards/{product}", lambda board: None if board[switch] else {switch: True})

    # --- keys ---

    def key(self, name: str, **fields: str) -> tuple[str, str | None]:
        """Its id and, unless an answer was lost, the key itself."""
        reply = self.post("/v1/keys", {"name": name, **(fields or {"kind": "server", "environment": "live"})}, name)
        assert reply.status == 201, reply.body
        self.intents.keys.append(name)
        return str(reply.json["id"]), reply.json["key"]

    def rotate(self, id: str) -> None:
        path = f"/v1/keys/{id}"
        read = self.get(path)
        for _ in range(TRIES):
            reply = self.world.http("POST", f"{path}/rotate", {"overlap_seconds": 600}, if_match=f'"{read.json["version"]}"')
            if reply is not None:
                assert reply.status in (200, 412), reply.body  # 412: an earlier try came through, for nobody else rotates
                break
        self.intents.rotations[id] = self.intents.rotations.get(id, 0) + 1

    def revoke(self, id: str) -> None:
        path = f"/v1/keys/{id}"
        for _ in range(TRIES):
            read = self.get(path)
            if read.json["status"] == "revoked":
                break
            reply = self.world.http("POST", f"{path}/revoke", if_match=f'"{read.json["version"]}"')
            assert reply is None or reply.status in (200, 412), reply.body
        else:
            raise AssertionError(f"{id} is never revoked")
        self.intents.revoked.append(id)

    # --- members ---

    def invite(self, email: str, role: str, key: str = "") -> str:
        reply = self.post("/v1/members", {"email": email, "role": role}, key or email)
        assert reply.status == 201, reply.body
        self.intents.members[email] = role
        self.intents.invited.append(email)
        return str(reply.json["id"])

    def give(self, id: str, email: str, role: str) -> None:
        path = f"/v1/members/{id}"
        for _ in range(TRIES):
            read = self.get(path)
            if read.json["role"] == role:
                break
            reply = self.world.http("PATCH", path, {"role": role}, if_match=f'"{read.json["version"]}"')
            assert reply is None or reply.status in (200, 412), reply.body
        else:
            raise AssertionError(f"{id} never becomes {role}")
        self.intents.members[email] = role

    def remove(self, id: str, email: str) -> None:
        path = f"/v1/members/{id}"
        for _ in range(TRIES):
            reply = self._until(lambda: self.world.http("GET", path))
            if reply.status == 404:
                break
            reply_ = self.world.http("DELETE", path, if_match=f'"{reply.json["version"]}"')
            assert reply_ is None or reply_.status in (204, 404, 412), reply_.body
        else:
            raise AssertionError(f"{id} is never removed")
        del self.intents.members[email]

    # --- how it asks ---

    def get(self, path: str, query: str = "") -> Reply:
        reply = self._until(lambda: self.world.http("GET", path, query=query))
        assert reply.status == 200, reply.body
        return reply

    def post(self, path: str, body: Any, key: str, media: str = "application/json", query: str = "") -> Reply:
        named = key.replace(" ", "-")
        return self._until(lambda: self.world.http("POST", path, body, query=query, idempotency_key=named, content_type=media))

    def _until(self, ask: Callable[[], Reply | None]) -> Reply:
        for _ in range(TRIES):
            reply = ask()
            if reply is not None:
                return reply
        raise AssertionError("never answered")


def _voter(principal: Principal, voter: dict[str, str]) -> str:
    return voter.get("targeting_key") or voter.get("email") or principal.id
