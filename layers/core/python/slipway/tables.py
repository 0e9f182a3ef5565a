"""The storage schema as data: read by the infrastructure, the adapters and their twins alike.

Every table has the string keys `pk` and `sk`. An index holds the keys only: a write that changes no key attribute
of an index costs nothing there, and what an index finds is read strongly from the table.
"""

from __future__ import annotations

from slipway.values import Value


class Index(Value):
    """A keys-only secondary index with multi-attribute keys."""

    name: str
    partition: tuple[str, ...]
    sort: tuple[str, ...]


class Table(Value):
    """`name` is logical; the physical one comes from the environment (`slipway.settings`)."""

    name: str
    indexes: tuple[Index, ...] = ()
    stream: bool = False
    ttl: str | None = None


# In list order, and for the search box. Two, not more: with these a 1 KB product costs 6 write units at most.
BY_CREATED = Index("by_created", ("kind",), ("created_at", "pk"))
BY_NAME = Index("by_name", ("kind",), ("name_key", "pk"))

# Heads `prd_...`/head, versions `prd_...`/v#0000000001, claimed keys `key#<slug>`/key, named imports `imp_...`/import.
PRODUCTS = Table("products", (BY_CREATED, BY_NAME), stream=True)

# API keys, members, their versions, and the verifiers of each environment's keys (`verifiers#<env>`/<selector>).
ACCESS = Table("access", (BY_CREATED,), stream=True, ttl="expires")

# One row per event: `<subject>`/<time>#<event id>, listed by month.
BY_MONTH = Index("by_month", ("month",), ("time", "sk"))
# `by_day` held rows before schema 2; it goes with the release after this one, since an update of a table takes one change of
# its indexes.
AUDIT = Table("audit", (BY_MONTH, Index("by_day", ("day",), ("time", "sk"))), ttl="expires")

# Feature flags: heads and versions of `flag#<key>`, `flag#<key>#<environment>` (its configuration there), `environment#<name>`
# and `segment#<key>`; beside them `list#...` (what is in which list), `uses#...` (who needs it), `revision#<environment>`
# (one more with each change of what it answers), `graph#<environment>` and `catalogue` (see `slipway.flags.ledger`).
FLAGS = Table("flags", (BY_CREATED,), stream=True, ttl="expires")

# How often flags are asked for: `told#...`, `usage#...`, `seen#...` (see `slipway.flags.counting`). Nobody waits for it.
USAGE = Table("usage", ttl="expires")

# What was shown to whom, and what came of it: rows that are put once and never changed (see `slipway.signals.rows`).
SIGNALS = Table("signals", stream=True, ttl="expires")

# How many of them there are: one row for each partition of SIGNALS that is counted (see `slipway.signals.tallying`).
COUNTERS = Table("counters", stream=True, ttl="expires")

# What people told: heads and versions of `fbk_...`, with what belongs to each beside it; `person#<lookup>`/who and
# `psn_...`/key (see `slipway.feedback.people`); `board#<product>`; `secret#<name>`, `bucket#<key>#<network>`; of surveys
# `srv_...` and `prompted#<unit>` (see `slipway.feedback.prompts`).
BY_PRODUCT = Index("by_product", ("kind", "product"), ("created_at", "pk"))
BY_STATUS = Index("by_status", ("kind", "status"), ("created_at", "pk"))
BY_PERSON = Index("by_person", ("person",), ("created_at", "pk"))
FEEDBACK = Table("feedback", (BY_CREATED, BY_PRODUCT, BY_STATUS, BY_PERSON), stream=True, ttl="expires")

TABLES = (PRODUCTS, ACCESS, AUDIT, FLAGS, USAGE, SIGNALS, COUNTERS, FEEDBACK)
