"""From the stream to counts: once, however it is delivered; and the recount that says the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.tally.handler import handler
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.edge.stream import BatchFailed, Wired
from slipway.flags import jsontext
from slipway.ports import Condition, Delete, Put, Row, StoreUnavailable
from slipway.rollouts import policy, rollout
from slipway.rollouts.arms import Arm, Brought, Exposed, Tally
from slipway.rollouts.counts import counted
from slipway.rollouts.exposure import SCALE
from slipway.rowsize import row_bytes
from slipway.signals import counters
from slipway.signals import tallying as tally_of_signals
from slipway.signals.counters import WINDOW, unpacked
from slipway.signals.rows import DAY, SHARDS
from slipway.signals.tallying import MARGIN, Tallying
from slipway.tables import COUNTERS, FLAGS, SIGNALS, Table
from tests.collecting import CLIENT, HALF, NOW, ROLLOUT, SERVER, Deployment, arm, exposed, outcome, people, token
from tests.functions.events import Context, daily
from tests.records import record


class Store(MemoryStore):
    """Counts writes of counters; `down`: partitions that take none; `lost`: how many answers do not arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: Counter[tuple[str, str]] = Counter()
        self.down: set[str] = set()
        self.lost = 0

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        if table is COUNTERS:
            self.writes[row["pk"], row["sk"]] += 1
            if row["pk"] in self.down or row["sk"] in self.down:
                raise StoreUnavailable("throttled")
        super().put(table, row, condition)
        if table is COUNTERS and self.lost:
            self.lost -= 1
            raise StoreUnavailable("lost")


class Counting:
    """A deployment, its stream of signals, and who counts them."""

    def __init__(self, store: Store) -> None:
        self.store, self.quarantine = store, MemoryBlobs()
        self.deployment = Deployment(store)
        self.deployment.memory = store
        self.records: list[dict[str, Any]] = []
        self._sequence = 10**27
        store.listen(self._changed)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table == SIGNALS.name:
            self._sequence += 1
            self.records.append(record(table, old, new, self._sequence))

    @property
    def clock(self) -> int:
        return int(self.deployment.now * 1000)

    def deliver(self, records: Sequence[Mapping[str, Any]] | None = None) -> list[str]:
        """What is to come again."""
        answer = handler({"Records": list(self.records if records is None else records)}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def rows(self, pk: str = ROLLOUT) -> list[Row]:
        return [row for (found, _), row in self.store.tables.get("counters", {}).items() if found == pk]

    def total(self, pk: str = ROLLOUT) -> dict[str, int]:
        return counters.total(self.rows(pk))

    def truth(self) -> dict[tuple[str, str], dict[str, int]]:
        """What the rows of signals say, counted one by one."""
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for row in self.store.tables[SIGNALS.name].values():
            home = counters.home(row["pk"])
            if home is not None and (more := counters.counted(row)):
                counters.add(counts.setdefault(home, {}), more)
        return counts

    def counted(self) -> dict[tuple[str, str], dict[str, int]]:
        rows = self.store.tables.get("counters", {})
        return {home: counts for home, row in rows.items() if (counts := unpacked(row))}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def counting(store: Store) -> Iterator[Counting]:
    made = Counting(store)
    with handler.testing(Wired(Tallying(store, lambda: made.clock), made.quarantine)):
        yield made


def busy(deployment: Deployment, count: int, seed: int = 1) -> None:
    """People of both kinds of keys, some of whom come again, and some of whose days go badly."""
    chance = random.Random(seed)
    for number in range(count):
        key = f"user-{int(chance.paretovariate(0.6)) % 400}"
        events = [exposed(key, id=f"{seed}-x-{number}")]
        events += [
            outcome(key, name, id=f"{seed}-{name}-{number}", value=chance.randrange(500))
            for name in ("errors", "latency", "clicks")
            if chance.random() < 0.3
        ]
        who = {"who": CLIENT, "address": f"198.51.{chance.randrange(200)}.7"} if chance.random() < 0.5 else {}
        deployment.post(*events, **who)  # type: ignore[arg-type]
        deployment.now += chance.random() * 10


# --- what is counted ------------------------------------------------------------------------------------


def test_what_a_guard_is_given(counting: Counting) -> None:
    [one, two, three], [other] = people("t", 3), people("c", 1)
    post = counting.deployment.post
    post(exposed(one), exposed(two), exposed(three, id="3"), exposed(other))
    post(outcome(one), outcome(one, id="again"), outcome(other, "latency", value=300))
    post(outcome(two), outcome(three), who=CLIENT)
    counting.deployment.publish(stage=1)
    counting.deployment.now += 60
    post({"id": "s-1", "type": "exposure", "flag": "checkout", "context": {"targetingKey": one}})
    post({"id": "s-2", "type": "exposure", "flag": "checkout", "context": {"targetingKey": other}, "previous_key": two})
    assert counting.deliver() == []
    found = counted([*counting.rows(), {"pk": ROLLOUT, "sk": "evidence"}], ["errors", "latency>250", "*"], [HALF, HALF])
    [errors, later] = found.tallies["errors"]
    assert (errors.share, errors.control, errors.treatment.server, errors.treatment.client) == (0.5, Arm(), 1, 2)
    assert list(errors.treatment.networks.values()) == [2]
    assert later == Tally(0.5)
    assert found.tallies["latency>250"][0] == Tally(0.5, control=Arm(server=1))
    assert found.tallies["*"][0].treatment.client + found.tallies["*"][0].treatment.server == 3
    assert found.exposed == [Exposed(0.5, 1, 3, seen=4), Exposed(0.5, contaminated=2, seen=2)]
    assert found.uncounted == 0


def test_whom_a_server_vouches_for_is_no_clients_unit_any_more(counting: Counting) -> None:
    """First shown in one stage and again in another, each by a client before a server."""
    [one], [other] = people("t", 1), people("c", 1)
    post = counting.deployment.post

    def found() -> list[Exposed]:
        assert counting.deliver() == []
        return list(counted(counting.rows(), [], [HALF, HALF]).exposed)

    post(exposed(one), exposed(other), who=CLIENT)
    [first, _] = found()
    assert (first.control, first.treatment, list(first.clients.values())) == (1, 1, [Brought(1, 1, 0, 2)])
    counting.deployment.publish(stage=1)
    counting.deployment.now += 60
    later = {"exposure": token(one, stage=1), "id": "later"}
    post(exposed(one, **later), who=CLIENT)
    [_, again] = found()
    assert (again.seen, list(again.clients.values())) == (1, [Brought(0, 0, 0, 1)])
    for _ in range(2):
        post(exposed(one, **later))
        assert found() == [
            Exposed(0.5, 1, 1, seen=2, clients={name: Brought(1, 0, 0, 1) for name in first.clients}),
            Exposed(0.5, seen=1),
        ]
    assert counting.counted() == counting.truth()


def test_who_is_put_out_by_a_client_and_then_by_a_server_is_out_once(counting: Counting) -> None:
    [before], [after] = people("c", 1), people("t", 1)
    post = counting.deployment.post
    post(exposed(before), exposed(after), who=CLIENT)
    mixed = outcome(after, "login", previous_key=before)
    for who, brought in ((CLIENT, 2), (SERVER, 0), (CLIENT, 0), (SERVER, 0)):
        post(mixed, who=who)
        counting.deployment.another()
        assert counting.deliver() == []
        [stage] = counted(counting.rows(), [], [HALF]).exposed
        assert stage.contaminated == 2
        assert sum(one.contaminated for one in stage.clients.values()) == brought
        assert counting.counted() == counting.truth()


class Rule:
    """What counts of one metric, from the events as they were sent: the first of each unit since its exposure, of all and of
    servers' by themselves; what a server tells of whom only a client exposed is a client's."""

    def __init__(self) -> None:
        self.all: dict[str, tuple[int, str]] = {}
        self.servers: dict[str, tuple[int, str]] = {}
        self.exposed: dict[str, bool] = {}

    def show(self, key: str, server: bool) -> None:
        self.exposed[key] = self.exposed.get(key, False) or server

    def meet(self, key: str, server: bool, place: tuple[int, str]) -> None:
        if key in self.exposed:
            self.all.setdefault(key, place)
            if server and self.exposed[key]:
                self.servers.setdefault(key, place)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_counted_is_the_rule_whoever_tells_in_whatever_order(counting: Counting, seed: int) -> None:
    """On a ramp, by servers and clients, again and again, through instances of which none knows what another one does."""
    chance, rule, sent = random.Random(seed), Rule(), list[tuple[dict[str, Any], bool]]()
    shares = [HALF // 4, HALF, 3 * HALF // 2]
    keys = [f"user-{number}" for number in range(60)]
    for stage, share in enumerate(shares):
        counting.deployment.publish(share=share, stage=stage)
        for number in range(120):
            key, server = chance.choice(keys), chance.random() < 0.5
            if chance.random() < 0.2:
                counting.deployment.another()
            if sent and chance.random() < 0.2:
                event, server = chance.choice(sent)
            elif chance.random() < 0.4:
                event = exposed(key, exposure=token(key, share=share, stage=stage))
                rule.show(key, server)
            else:
                event = outcome(key, id=f"{stage}-{number}")
                rule.meet(key, server, (stage, arm(key, share)))
                sent.append((event, server))
            counting.deployment.post(event, who=SERVER if server else CLIENT, address=f"10.{number}.{stage}.1")
            counting.deployment.now += 3
        if chance.random() < 0.5:
            counting.deliver()
    counting.deliver()
    assert counting.counted() == counting.truth()
    tallies = counted(counting.rows(), ["errors"], shares).tallies["errors"]
    for found, wanted in (("by_all", rule.all), ("by_servers", rule.servers)):
        places = Counter(wanted.values())
        assert [getattr(tally, found)[1:] for tally in tallies] == [(places[n, "c"], places[n, "t"]) for n in range(3)]
    brought = sum(n for tally in tallies for side in (tally.control, tally.treatment) for n in side.networks.values())
    assert brought == len(rule.all) - len(rule.servers), "whom a server tells of is no network's"
    assert any(rule.all[key] != place for key, place in rule.servers.items()), "somebody had moved by then"


@pytest.mark.parametrize("threshold", [250, 0.5, 1234567, 1e8])
def test_a_guard_finds_what_is_counted_for_it(counting: Counting, threshold: float) -> None:
    """Under the name that it asks for, also where an activity guard was added to it."""
    wanted = [
        {"metric": "errors", "kind": "bad_units", "margin": 0.0, "trust_client": False},
        {"metric": "latency", "kind": "slow_units", "threshold": threshold, "margin": 0.0, "trust_client": False},
    ]
    data = {"policy": jsontext.written({"guards": wanted})}
    counting.deployment.publish(watch=jsontext.written(rollout.watch(data)))
    counting.deployment.post(exposed("user-1"), outcome("user-1"), outcome("user-1", "latency", value=threshold + 1))
    counting.deliver()
    guards = [guard.metric for guard in rollout.guards(data)]
    assert len(guards) == 3
    found = counted(counting.rows(), guards, [HALF]).tallies
    assert {name: sum(tally[0].by_all[1:]) for name, tally in found.items()} == dict.fromkeys(guards, 1)


def test_a_thousand_forged_outcomes_roll_nothing_back(counting: Counting) -> None:
    """With a public key, from three networks: of people who were never shown the flag, and of whoever was."""
    post, shown = counting.deployment.post, people("t", 30)
    for key in shown:
        post(exposed(key), who=CLIENT, address="203.0.113.1")
    forged = [f"forged-{number}" for number in range(970)]
    for number, first in enumerate(range(0, 1000, 50)):
        some = [*shown, *forged][first : first + 50]
        post(*(outcome(key) for key in some), who=CLIENT, address=f"198.51.{number % 3}.1")
        post(*(exposed(key, id=f"f-{key}", exposure=token("user-1")) for key in some), who=CLIENT)
    counting.deliver()
    guards = policy.guarded([policy.Guard("errors", "bad_units")])
    found = counted(counting.rows(), [guard.metric for guard in guards], [HALF])
    assert found.tallies["errors"][0].treatment.client <= 15, "five a network and hour, of those who were shown it"
    decision = policy.decide(policy.Judgement(0.05, guards, found.tallies, found.exposed))
    assert decision.action != "roll_back"


def test_the_shares_are_those_of_the_split() -> None:
    found = counted([], ["errors"], [1000, 25_000, SCALE])
    assert [tally.share for tally in found.tallies["errors"]] == [stage.share for stage in found.exposed] == [0.01, 0.25, 1.0]


def test_a_metric_is_counted_by_unit_event_value_and_variant(counting: Counting) -> None:
    [one], [other] = people("t", 1), people("c", 1)
    counting.deployment.post(exposed(one), exposed(other))
    for number, (key, value) in enumerate([(one, 1.25), (one, 2), (other, -0.5), ("stranger", None)]):
        counting.deployment.post(outcome(key, "sales", id=f"{number}", **({} if value is None else {"value": value})))
    counting.deliver()
    assert counting.total("metric#production#sales") == {
        "units": 3,
        "events": 4,
        "sum": 2_750_000,
        "units|checkout|on": 1,
        "units|checkout|off": 1,
        "events|checkout|on": 2,
        "events|checkout|off": 1,
        "sum|checkout|on": 3_250_000,
        "sum|checkout|off": -500_000,
    }
    assert counting.total("adopt#production#checkout") == {"on": 1, "off": 1}
    assert {row["sk"][:10] for row in counting.rows("adopt#production#checkout")} == {"2026-11-23"}


def test_networks_are_told_apart_and_never_more_than_64(counting: Counting) -> None:
    keys = people("t", 300)
    for number, key in enumerate(keys):
        counting.deployment.post(exposed(key), outcome(key), who=CLIENT, address=f"203.0.{number % 250}.9")
    counting.deliver()
    [tally] = counted(counting.rows(), ["errors"], [HALF]).tallies["errors"]
    networks = tally.treatment.networks
    assert sum(networks.values()) == tally.treatment.client == 300
    assert 50 <= len(networks) <= 64
    assert max(networks.values()) < 300 / 10, "grouping makes nobody look like many"


# --- once -----------------------------------------------------------------------------------------------


def test_counts_are_what_the_rows_say_however_they_are_delivered(counting: Counting) -> None:
    """Whole, in parts, doubled, again from the beginning, and the partitions in any order among each other."""
    busy(counting.deployment, 150)
    chance = random.Random(7)
    lanes: dict[str, list[dict[str, Any]]] = {}
    for one in counting.records:
        lanes.setdefault(one["dynamodb"]["Keys"]["pk"]["S"], []).append(one)
    at = dict.fromkeys(lanes, 0)
    while any(at[pk] < len(lane) for pk, lane in lanes.items()):
        batch = []
        for pk in chance.sample(sorted(lanes), 5):
            begin = chance.randint(0, at[pk]) if chance.random() < 0.3 else at[pk]
            end = begin + chance.randint(1, 6)
            batch += lanes[pk][begin:end]
            at[pk] = max(at[pk], min(end, len(lanes[pk])))
        if batch:
            assert counting.deliver(batch) == []
            if chance.random() < 0.5:
                counting.deliver(batch[: -(-len(batch) // 2)])
    assert counting.counted() == counting.truth()
    counting.deliver()
    assert counting.counted() == counting.truth()


def test_a_record_twice_in_one_delivery_counts_once(counting: Counting) -> None:
    busy(counting.deployment, 10)
    counting.deliver([one for one in counting.records for _ in range(2)])
    assert counting.counted() == counting.truth()


def test_rows_that_change_or_leave_count_nothing(counting: Counting) -> None:
    counting.deployment.post(exposed("user-1"))
    counting.deliver()
    before = counting.counted()
    for row in counting.deployment.rows():
        counting.store.transact([Put(SIGNALS, {**row, "expires": 1})], f"put {row['sk']}"[:36])
        counting.store.transact([Delete(SIGNALS, row["pk"], row["sk"])], f"del {row['sk']}"[:36])
    counting.deliver()
    assert counting.counted() == before


def test_a_lost_answer_counts_once(counting: Counting, store: Store) -> None:
    busy(counting.deployment, 20)
    store.lost = 1
    failed = counting.deliver()
    assert failed, "nobody knows whether it was written, so it comes again"
    assert counting.deliver([one for one in counting.records if one["dynamodb"]["SequenceNumber"] in failed]) == []
    assert counting.counted() == counting.truth()


def test_what_fails_holds_back_its_partition_and_nothing_else(counting: Counting, store: Store) -> None:
    busy(counting.deployment, 40)
    stuck = counting.rows() or sorted({home for home in counting.truth() if home[0] == ROLLOUT})[0]
    assert isinstance(stuck, tuple)
    store.down = {stuck[1]}
    failed = counting.deliver()
    mine = [one for one in counting.records if counters.home(one["dynamodb"]["Keys"]["pk"]["S"]) == stuck]
    assert failed == [one["dynamodb"]["SequenceNumber"] for one in mine]
    assert counting.counted() == {home: counts for home, counts in counting.truth().items() if home != stuck}
    store.down = set()
    # The platform delivers everything again from the first that failed.
    first = next(n for n, one in enumerate(counting.records) if one["dynamodb"]["SequenceNumber"] == failed[0])
    assert counting.deliver(counting.records[first:]) == []
    assert counting.counted() == counting.truth()


def test_a_table_that_is_out_is_tried_twice_and_everything_comes_again(counting: Counting, store: Store) -> None:
    busy(counting.deployment, 20)
    store.down = {home[0] for home in counting.truth()}
    assert len(counting.deliver()) == sum(counters.home(row["pk"]) is not None for row in counting.deployment.rows())
    assert store.writes.total() == 2
    store.down = set()
    counting.deliver()
    assert counting.counted() == counting.truth()


def test_an_emulator_that_ignores_partial_answers_gets_an_error(counting: Counting, store: Store) -> None:
    busy(counting.deployment, 3)
    store.down = {ROLLOUT}
    wired = Wired(Tallying(store, lambda: counting.clock), counting.quarantine, raise_failures=True)
    with handler.testing(wired), pytest.raises(BatchFailed):
        counting.deliver()


def test_a_row_that_nobody_wrote_is_put_aside(counting: Counting) -> None:
    counting.deployment.post(exposed("user-1"))
    strange = {"pk": f"{ROLLOUT}#00", "sk": "what#ever", "schema": 1, "at": 0}
    counting.records.insert(0, record("signals", None, strange, 1))
    assert counting.deliver() == []
    assert len(counting.quarantine.objects) == 1
    assert counting.counted() == counting.truth()


# --- what it costs --------------------------------------------------------------------------------------


def test_a_delivery_is_one_write_for_each_partition(counting: Counting, store: Store) -> None:
    keys = [f"user-{number}" for number in range(400)]
    for first in range(0, 400, 50):
        some = keys[first : first + 50]
        counting.deployment.post(*(exposed(key) for key in some), *(outcome(key) for key in some))
    counting.deliver()
    homes = {home for one in counting.records if (home := counters.home(one["dynamodb"]["Keys"]["pk"]["S"]))}
    assert set(store.writes) == homes
    assert set(store.writes.values()) == {1}
    assert len(counting.records) > 2000
    assert len(homes) <= 4 * SHARDS
    print(f"{len(counting.records)} signals, {store.writes.total()} writes of counters")


def test_no_partition_takes_more_than_its_share_under_a_zipf_load(counting: Counting) -> None:
    """A few people make most of the events: what they repeat is no row, and the rest is spread."""
    chance = random.Random(3)
    weights = [1 / rank for rank in range(1, 2001)]
    for batch in range(80):
        some = chance.choices(range(2000), weights, k=40)
        counting.deployment.post(
            *(exposed(f"user-{who}", id=f"{batch}-{n}-x") for n, who in enumerate(some)),
            *(outcome(f"user-{who}", id=f"{batch}-{n}-o") for n, who in enumerate(some)),
        )
    load = Counter(one["dynamodb"]["Keys"]["pk"]["S"] for one in counting.records)
    for family in (ROLLOUT, "metric#", "adopt#"):
        mine = [count for pk, count in load.items() if pk.startswith(family)]
        assert len(mine) == SHARDS
        assert max(mine) < 2 * sum(mine) / SHARDS, f"{family}: {max(mine)} of {sum(mine)}"


def test_a_row_of_counters_stays_small(counting: Counting) -> None:
    """However many signals and networks: what a write costs does not grow with them."""
    chance = random.Random(5)
    for stage in range(3):
        counting.deployment.publish(stage=stage)
        for number in range(0, 500, 50):
            keys = [f"{stage}-{number + n}" for n in range(50)]
            events = [event for key in keys for event in (exposed(key), outcome(key))]
            counting.deployment.another()
            for first in range(0, 100, 10):
                address = f"203.{chance.randrange(250)}.{chance.randrange(250)}.1"
                counting.deployment.post(*events[first : first + 10], who=CLIENT, address=address)
        counting.deployment.now += 700
    counting.deliver()
    largest = max(row_bytes(row) for row in counting.rows())
    print(f"the largest row of counters: {largest} bytes")
    assert largest < 8_000


# --- the recount ----------------------------------------------------------------------------------------


def tallying(counting: Counting) -> Tallying:
    return Tallying(counting.store, lambda: counting.clock)


def spoil(counting: Counting, home: tuple[str, str]) -> None:
    row = dict(counting.store.tables["counters"][home])
    name = next(iter(row["counts"]))
    counting.store.put(COUNTERS, {**row, "counts": {**row["counts"], name: row["counts"][name] + 5}})


def homes() -> list[tuple[str, str]]:
    return [(ROLLOUT, f"{shard:02x}") for shard in range(SHARDS)]


@pytest.mark.parametrize("age", [0, 60, 299, 301, 600, 3600])
def test_a_recount_says_what_was_counted(counting: Counting, age: int) -> None:
    busy(counting.deployment, 100)
    counting.deliver()
    counting.deployment.now += age
    assert [home for home in homes() if tallying(counting).recount(home)] == []
    for home in homes():
        if home in counting.counted():
            spoil(counting, home)
            assert tallying(counting).recount(home)
            assert not tallying(counting).recount(home)
    assert counting.counted() == counting.truth()


def test_a_recount_goes_on_past_a_row_that_nobody_wrote(counting: Counting) -> None:
    busy(counting.deployment, 60)
    counting.deliver()
    counting.deployment.now += 3600
    home = sorted(home for home in counting.counted() if home[0] == ROLLOUT)[0]
    counting.store.put(SIGNALS, {"pk": "#".join(home), "sk": "what#ever", "schema": 1, "at": 0})
    spoil(counting, home)
    assert tallying(counting).recount(home)
    assert not tallying(counting).recount(home)


def test_what_comes_after_a_recount_counts_once(counting: Counting) -> None:
    """Also what is from before its cut, and was still on its way."""
    busy(counting.deployment, 60, seed=1)
    known = len(counting.records)
    counting.deliver(counting.records[: known // 2])
    counting.deployment.now += 2 * WINDOW / 1000
    busy(counting.deployment, 20, seed=2)
    for home in homes():
        tallying(counting).recount(home)
    counting.deliver(counting.records[known // 2 :])
    assert counting.counted() == counting.truth()
    busy(counting.deployment, 20, seed=3)
    counting.deliver()
    counting.deployment.now += 1000
    assert [home for home in homes() if tallying(counting).recount(home)] == []
    assert counting.counted() == counting.truth()


@pytest.mark.parametrize("everything", [False, True])
def test_a_recount_lowers_nothing_by_rows_whose_time_is_over(counting: Counting, everything: bool) -> None:
    busy(counting.deployment, 60)
    counting.deliver()
    counting.deployment.now += 181 * 86_400
    before = counting.counted()
    rows = [row for row in counting.store.tables[SIGNALS.name].values() if row["pk"].startswith("rol_")]
    for row in rows if everything else rows[: len(rows) // 2]:
        counting.store.transact([Delete(SIGNALS, row["pk"], row["sk"])], f"{row['at']}"[:8] + str(rows.index(row)))
    assert [home for home in homes() if tallying(counting).recount(home)] == []
    assert counting.counted() == before


def test_records_that_were_lost_for_good_are_found_again(counting: Counting) -> None:
    busy(counting.deployment, 60)
    counting.deliver(counting.records[: len(counting.records) // 2])
    counting.deployment.now += (WINDOW + MARGIN) / 1000 + 1
    repaired = [home for home in homes() if tallying(counting).recount(home)]
    assert repaired
    rollouts = {home: counts for home, counts in counting.truth().items() if home[0] == ROLLOUT}
    assert {home: counts for home, counts in counting.counted().items() if home[0] == ROLLOUT} == rollouts


def test_a_recount_and_a_delivery_at_once_lose_nothing(counting: Counting, store: Store) -> None:
    busy(counting.deployment, 60)
    half = len(counting.records) // 2
    counting.deliver(counting.records[:half])
    counting.deployment.now += 2 * WINDOW / 1000
    query, rest = store.query, [counting.records[half:]]

    def overtaken(*arguments: Any, **named: Any) -> Any:
        page = query(*arguments, **named)
        while rest:
            counting.deliver(rest.pop())
        return page

    store.query = overtaken  # type: ignore[method-assign]
    for home in homes():
        tallying(counting).recount(home)
    assert counting.counted() == counting.truth()


def two_at_once(counting: Counting, store: Store) -> None:
    """One that the platform has given up is stuck between its reading and its writing, while another instance counts the same
    records and those that come after them."""
    busy(counting.deployment, 60)
    half, read = len(counting.records) // 2, store.get_many

    def overtaken(*arguments: Any, **named: Any) -> Any:
        store.get_many = read  # type: ignore[method-assign]
        rows = read(*arguments, **named)
        counting.deliver(counting.records[:half])
        counting.deliver(counting.records[half:])
        return rows

    store.get_many = overtaken  # type: ignore[method-assign]
    counting.deliver(counting.records[:half])


def test_two_deliveries_at_once_lose_nothing(counting: Counting, store: Store) -> None:
    two_at_once(counting, store)
    assert counting.counted() == counting.truth()


def test_who_writes_counters_over_counters_is_found(counting: Counting, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_of_signals, "_still", lambda before: None)
    two_at_once(counting, store)
    counted, truth = counting.counted(), counting.truth()
    assert any(sum(counted.get(home, {}).values()) < sum(truth[home].values()) for home in truth)


def test_the_daily_round_looks_at_rollouts_that_run_and_says_what_it_mended(
    counting: Counting, log_lines: list[dict[str, Any]]
) -> None:
    busy(counting.deployment, 60)
    counting.deliver()
    counting.deployment.now += 3600
    spoilt = sorted(home for home in counting.counted() if home[0] == ROLLOUT)[0]
    spoil(counting, spoilt)
    moment = datetime.fromtimestamp(NOW, UTC)
    handler(daily(moment), Context())
    assert counting.counted() != counting.truth(), "nobody says that this rollout runs"
    counting.store.put(FLAGS, {"pk": "list#rollouts", "sk": ROLLOUT, "schema": 1})
    handler(daily(moment), Context())
    assert counting.counted() == counting.truth()
    assert (log_lines[-1]["repaired"], log_lines[-1]["level"]) == (["/".join(spoilt)], "WARN")
    handler(daily(moment), Context())
    assert "repaired" not in log_lines[-1]


@pytest.fixture
def yesterday(counting: Counting) -> Counting:
    """What came on one day, of which the stream lost a part; and some of the day after."""
    busy(counting.deployment, 80)
    counting.deliver(counting.records[::2])
    counting.deployment.now = NOW + DAY
    counting.deployment.another()
    busy(counting.deployment, 20, seed=2)
    counting.store.put(FLAGS, {"pk": "list#environments", "sk": "production", "schema": 1})
    return counting


def of_day(counts: Mapping[tuple[str, str], dict[str, int]], day: str) -> dict[tuple[str, str], dict[str, int]]:
    return {home: found for home, found in counts.items() if home[1].startswith(day)}


def test_adoption_and_metrics_of_a_day_that_is_over_are_recounted(yesterday: Counting) -> None:
    counting, over, today = yesterday, "2026-11-23", "2026-11-24"
    assert of_day(counting.counted(), over) != of_day(counting.truth(), over)
    found = tallying(counting).sweep()
    assert (found.left, found.errors) == ([], [])
    assert {name.partition("#")[0] for name in found.repaired} == {"adopt", "metric"}
    assert of_day(counting.counted(), over) == of_day(counting.truth(), over)
    assert of_day(counting.counted(), today) == {}, "that is still being counted"
    assert tallying(counting).sweep().repaired == []
    counting.deliver()  # what had only been held up
    counted, truth = counting.counted(), counting.truth()
    for day in (over, today):
        assert of_day(counted, day) == of_day(truth, day)


@pytest.mark.parametrize(("minutes", "recounted"), [(0.1, "2026-11-22"), (4.9, "2026-11-22"), (5.1, "2026-11-23")])
def test_a_day_is_over_when_nothing_of_it_is_on_its_way(yesterday: Counting, minutes: float, recounted: str) -> None:
    yesterday.deployment.now = NOW + DAY / 2 + minutes * 60
    before = of_day(yesterday.counted(), "2026-11-23")
    tallying(yesterday).sweep()
    assert (of_day(yesterday.counted(), "2026-11-23") == before) == (recounted != "2026-11-23")


def test_a_round_reads_so_many_rows_of_a_day_and_says_what_it_left(
    yesterday: Counting, monkeypatch: pytest.MonkeyPatch, log_lines: list[dict[str, Any]]
) -> None:
    """There are a flag and three metrics."""
    for rows, names, left in ((30, 500, 3), (10_000, 3, 1)):
        monkeypatch.setattr(tally_of_signals, "MOST_ROWS", rows)
        monkeypatch.setattr(tally_of_signals, "MOST_NAMES", names)
        handler(daily(datetime.fromtimestamp(NOW + DAY, UTC)), Context())
        assert log_lines[-1]["left"] == left
    monkeypatch.setattr(tally_of_signals, "MOST_NAMES", 4)
    assert tallying(yesterday).sweep().left == []
