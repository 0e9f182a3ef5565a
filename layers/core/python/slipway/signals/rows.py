"""What the collector writes into the table `signals`: rows that are put where nothing stands, and never changed.

Of a rollout, in `<rollout>#<shard>`, 16 shards by the unit:

    unit#<unit>              it was shown the flag: `stage`, `arm`, `bucket` of its first exposure, `trust`, `source`
    seen#<stage>#<unit>      it was shown the flag again in a later stage: `stage`, `trust`, `source`
    vouched#<unit>           a server has exposed it, too, which a client was the first to tell: as that row
    vouched#<stage>#<unit>   the same of `seen`
    vouched#met#<metric>#<unit>  a server has told of that metric, too: `stage`, `arm` of its first event of which a server
                             told, `first` ("<stage>|<arm>") and `source` of the client's that stands in `met`
    vouched#out#<unit>       a server has seen it in both arms, too: `stage`, `source` of the client's that stands in `out`
    subject#<subject>        whose unit that is, where a rollout is not bucketed by the targeting key: `unit`, `bucket`
    subject#client#<subject> the same, as a client says: holds where no server has told
    met#<metric>#<unit>      its first event of that metric since: `stage`, `arm` by the split in force then, `trust`, `source`:
                             a client's where it or the exposure was told by one
    out#<unit>               it was seen in both arms: `stage`, `trust`, `source`; `mate`: the other unit. Not counted from then
                             on; where only a client says so, no evidence of clients is.
                             (Rows of before had no `trust`: they are servers')
    none#<message>           an exposure of who has nothing to be bucketed by: evaluated, never counted

    slots#<rollout>#<source> / <metric>#<hour>#<0..4>        what one network may bring in an hour

Of a day, for the readouts:

    adopt#<environment>#<flag>#<day>#<shard> / <hash>        who was given which `variant` first
    metric#<environment>#<name>#<day>#<shard> / unit#<hash>  who had that outcome; `variants` of the rollouts that it was in
                                              / msg#<hash>#<id>  each outcome once: `value` in millionths, `variants`;
                                                            the hash is of the kind of key and the targeting key
    names#<environment>#<day> / name#<name>   a metric that was named; / place#<0..49>: of those that only clients name
                              / flag#<flag>   a flag that somebody was shown
    shown#<environment>#<day>#<hash> / <flag>#<variant>#<version>  a person, by its targeting key, was shown that variant of
                              that `version` of the flag's configuration (0: of one before): `flag`, `variant`, `version`;
                              of what is proven to be that person's own alone, and gone with the salt
    salt#<environment> / <day>                `salt`: what the day's hashes are made with; gone a day after it

Each has `at`, the server's clock in milliseconds. `trust`: "server" | "client", the kind of key that brought it; `source`: of a
client, the day's hash of its network, else "".
"""

from __future__ import annotations

from binascii import crc32

from slipway.ports import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Key = tuple[str, str]

SCHEMA = 1
SHARDS = 16
SLOTS = 5  # units that one network may bring in an hour, per metric
OUT = "~out"  # among the slots: no metric has such a name
DAY, HOUR = 86_400, 3_600
ROLLOUT_DAYS = 180  # that rows of a rollout are kept
READ_DAYS = 8  # that rows of a day are kept: their counts stand elsewhere
SALT_DAYS = 2  # that a day's salt is kept, and what nobody finds without it


def shard(text: str) -> str:
    return f"{crc32(text.encode()) % SHARDS:02x}"


def day(now: float) -> str:
    """`2026-11-23`, without the cost of importing `datetime`."""
    # H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    days = int(now) // DAY + 719_468
    era, of_era = divmod(days, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    number = month + 3 if month < 10 else month - 9
    return f"{year + era * 400 + (number <= 2):04d}-{number:02d}-{of_year - (153 * month + 2) // 5 + 1:02d}"


def metric(guard: Mapping[str, Any]) -> str:
    """Under which a guard's units are counted: `errors`, `latency>250`; for an alarm its name."""
    if guard["kind"] != "slow_units":
        return str(guard["metric"])
    threshold = float(guard["threshold"])
    return f"{guard['metric']}>{int(threshold) if threshold.is_integer() else threshold}"


# --- keys -----------------------------------------------------------------------------------------------


def of_rollout(rollout: str, kind: str, who: str, name: str = "") -> Key:
    """`name`: of a metric; `who`: the unit, the subject or the message."""
    return f"{rollout}#{shard(who)}", f"{kind}#{name}#{who}" if name else f"{kind}#{who}"


def slot(rollout: str, source: str, name: str, now: float, number: int) -> Key:
    return f"slots#{rollout}#{source}", f"{name}#{int(now) // HOUR}#{number}"


def adopted(environment: str, flag: str, day: str, who: str) -> Key:
    return f"adopt#{environment}#{flag}#{day}#{shard(who)}", who


def measured(environment: str, name: str, day: str, kind: str, who: str) -> Key:
    """`kind`: "unit" | "msg"."""
    return f"metric#{environment}#{name}#{day}#{shard(who)}", f"{kind}#{who}"


def name(environment: str, now: float, what: str) -> Key:
    return f"names#{environment}#{day(now)}", what


def shown(environment: str, day: str, who: str) -> str:
    """The partition of a person's day."""
    return f"shown#{environment}#{day}#{who}"


def salt(environment: str, day: str) -> Key:
    return f"salt#{environment}", day


# --- rows -----------------------------------------------------------------------------------------------


def row(key: Key, now: float, days: int, **fields: Any) -> Row:
    """`now`: epoch seconds; `days` that it is kept."""
    pk, sk = key
    return {"pk": pk, "sk": sk, "schema": SCHEMA, "at": int(now * 1000), "expires": int(now) + days * DAY, **fields}
