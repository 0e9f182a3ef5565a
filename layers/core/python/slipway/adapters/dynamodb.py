"""`slipway.ports.Store` over DynamoDB, with either client of `slipway.adapters.client`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.adapters.attributes import marshal, marshal_row, unmarshal_row
from slipway.adapters.client import Backoff, Counts, Dynamo, Refused
from slipway.adapters.keys import check_start, nothing_within, place, row_can_stand
from slipway.adapters.keys import names as key_names
from slipway.ports import (
    Absent,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Equals,
    Page,
    Put,
    Row,
    Span,
    StoreUnavailable,
    Update,
    Write,
    check_transaction,
    check_update,
)
from slipway.tables import Index, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.adapters.attributes import Attribute

_TRIES = 8  # of a transaction that met another one, of a batch that came back in parts
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "None"}


class DynamoStore:
    """`tables` maps logical names to physical ones. Every read of a table is strongly consistent."""

    def __init__(self, client: Dynamo, tables: Mapping[str, str], backoff: Backoff | None = None) -> None:
        self.client = client
        self.tables = tables
        self._backoff = backoff or Backoff()

    @property
    def counts(self) -> Counts:
        return self.client.counts

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        if not row_can_stand(pk, sk):
            return None
        answer = self.client.call(
            "GetItem", {"TableName": self.tables[table.name], "Key": _key(pk, sk), "ConsistentRead": True}
        )
        return unmarshal_row(answer["Item"]) if answer.get("Item") else None

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        if len(keys) > 100:
            raise ValueError("at most 100 keys")
        name = self.tables[table.name]
        found: dict[tuple[str, str], Row] = {}
        # The service refuses a key that stands twice in one request.
        asked: Any = {"Keys": [_key(*key) for key in dict.fromkeys(keys) if row_can_stand(*key)], "ConsistentRead": True}
        tried = 0
        while asked and asked["Keys"]:
            if tried == _TRIES:
                raise StoreUnavailable("BatchGetItem: keys stayed unprocessed")
            if tried:
                self._backoff.wait(tried)
            answer = self.client.call("BatchGetItem", {"RequestItems": {name: asked}})
            read = [unmarshal_row(item) for item in answer.get("Responses", {}).get(name, ())]
            found |= {(row["pk"], row["sk"]): row for row in read}
            asked = answer.get("UnprocessedKeys", {}).get(name)
            tried = 0 if read else tried + 1  # a large answer comes in parts of 16 MB; only no progress is a fault
        return [found[key] for key in keys if key in found]

    def query(
        self,
        table: Table,
        partition: Sequence[str | int],
        span: Span = Span(),
        *,
        index: Index | None = None,
        limit: int = 100,
        start: Mapping[str, Any] | None = None,
        forward: bool = True,
    ) -> Page:
        hash_names, sort_names = key_names(index)
        if start is not None:
            check_start(partition, index, start)
            # The service refuses a start outside the span, or at the end of one; what they mean is plain.
            where = place([start[name] for name in sort_names], span)
            ended = index is None and start["sk"] == (span.high if forward else span.low)
            if ended or where == (1 if forward else -1):
                return Page([])
            if where:
                start = None
        if nothing_within(partition, span):
            return Page([])
        names: dict[str, str] = {}
        values: dict[str, Attribute] = {}
        terms = _key_terms(hash_names, partition, sort_names, span, names, values)
        request: dict[str, Any] = {
            "TableName": self.tables[table.name],
            "KeyConditionExpression": " AND ".join(terms),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "Limit": limit,
            "ScanIndexForward": forward,
        }
        if index is None:
            request["ConsistentRead"] = True
        else:
            request["IndexName"] = index.name
        if start is not None:
            request["ExclusiveStartKey"] = marshal_row(start)
        answer = self.client.call("Query", request)
        last = answer.get("LastEvaluatedKey")
        return Page([unmarshal_row(item) for item in answer["Items"]], unmarshal_row(last) if last else None)

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        self._write_one("PutItem", Put(table, row, condition))

    def update(self, write: Update) -> None:
        if write.add:
            raise ValueError("a bare add doubles when its acknowledgement is lost: put it in a transaction")
        check_update(write)
        self._write_one("UpdateItem", write)

    def transact(self, writes: Sequence[Write], token: str) -> None:
        check_transaction(writes, token)
        request = {
            "TransactItems": [{_ACTIONS[type(write)]: self._request(write)} for write in writes],
            "ClientRequestToken": token,
        }
        for tried in range(_TRIES):
            if tried:
                self.counts.retries += 1
                self._backoff.wait(tried)
            try:
                self.client.call("TransactWriteItems", request)
            except Refused as refused:
                _raise_unless_passing(refused)
            else:
                return
        raise StoreUnavailable("TransactWriteItems: other writers held the rows through all tries")

    def _write_one(self, operation: str, write: Write) -> None:
        request = self._request(write)
        for tried in range(_TRIES):
            if tried:
                self.counts.retries += 1
                self._backoff.wait(tried)
            try:
                self.client.call(operation, request)
            except Refused as refused:
                if refused.code == "ConditionalCheckFailedException":
                    raise ConditionFailed(0, _row(refused.body)) from None
                if refused.code != "TransactionConflictException":
                    raise
            else:
                return
        raise StoreUnavailable(f"{operation}: transactions held the row through all tries")

    def _request(self, write: Write) -> dict[str, Any]:
        """The write as the service takes it, alone or as one action of a transaction."""
        names: dict[str, str] = {}
        values: dict[str, Attribute] = {}
        request: dict[str, Any] = {"TableName": self.tables[write.table.name]}
        if isinstance(write, Put):
            request["Item"] = marshal_row(write.row)
        else:
            request["Key"] = _key(write.pk, write.sk)
        if isinstance(write, Update):
            request["UpdateExpression"] = _update_expression(write, names, values)
        if write.condition is not None:
            request["ConditionExpression"] = _condition_expression(write.condition, names, values)
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if names:
            request["ExpressionAttributeNames"] = names
        if values:
            request["ExpressionAttributeValues"] = values
        return request


_ACTIONS: dict[type, str] = {Put: "Put", Delete: "Delete", Update: "Update", Check: "ConditionCheck"}


def _raise_unless_passing(refused: Refused) -> None:
    """Raise what a cancelled transaction means to the caller, or return where the same try may succeed later."""
    if refused.code == "IdempotentParameterMismatchException":
        raise ValueError("this token was used with other writes") from None
    if refused.code in ("TransactionInProgressException", "TransactionConflictException"):
        return
    if refused.code != "TransactionCanceledException":
        raise refused
    reasons = refused.body.get("CancellationReasons", ())
    for number, reason in enumerate(reasons):
        if reason.get("Code") == "ConditionalCheckFailed":
            raise ConditionFailed(number, _row(reason)) from None
    if not reasons or any(reason.get("Code") not in _PASSING for reason in reasons):
        raise refused


def _row(body: Mapping[str, Any]) -> Row | None:
    item = body.get("Item")
    return unmarshal_row(item) if item else None


def _key(pk: str, sk: str) -> dict[str, Attribute]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _key_terms(
    hash_names: Sequence[str],
    partition: Sequence[str | int],
    sort_names: Sequence[str],
    span: Span,
    names: dict[str, str],
    values: dict[str, Attribute],
) -> list[str]:
    terms = []
    lead = len(span.equal)
    for number, (name, value) in enumerate(
        [*zip(hash_names, partition, strict=True), *zip(sort_names[:lead], span.equal, strict=True)]
    ):
        names[f"#k{number}"], values[f":k{number}"] = name, marshal(value)
        terms.append(f"#k{number} = :k{number}")
    low = span.low if span.low != "" else None
    bounds = {":low": low, ":high": span.high, ":prefix": span.prefix or None}
    given = {name: marshal(value) for name, value in bounds.items() if value is not None}
    if given:
        names["#s"] = sort_names[lead]
        values.update(given)
        terms.append(
            "begins_with(#s, :prefix)"
            if ":prefix" in given
            else "#s BETWEEN :low AND :high"
            if len(given) == 2
            else "#s >= :low"
            if ":low" in given
            else "#s <= :high"
        )
    return terms


def _update_expression(write: Update, names: dict[str, str], values: dict[str, Attribute]) -> str:
    clauses = []
    for verb, joint, attributes in (("SET", " = ", write.set), ("ADD", " ", write.add)):
        parts = []
        for name, value in attributes.items():
            number = len(names)
            names[f"#u{number}"], values[f":u{number}"] = name, marshal(value)
            parts.append(f"#u{number}{joint}:u{number}")
        if parts:
            clauses.append(f"{verb} {', '.join(parts)}")
    return " ".join(clauses)


def _condition_expression(condition: Condition, names: dict[str, str], values: dict[str, Attribute]) -> str:
    if isinstance(condition, Absent):
        names["#c"] = "pk"
        return "attribute_not_exists(#c)"
    names["#c"], values[":c"] = condition.attribute, marshal(condition.value)
    return "#c = :c" if isinstance(condition, Equals) else "attribute_not_exists(#c) OR #c < :c"
