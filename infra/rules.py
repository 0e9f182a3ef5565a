"""The house rules, as code: what must hold in every template, checked at every synth beside cdk-nag's packs.

A rule takes all resources of the app and yields the id of what breaks it, with the way to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from infra.config import Config

FUNCTION, MAPPING = "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"
READERS = 2  # of one stream: a third one starves the others
PUBLIC_ROUTES = (
    "$default",
    *("GET /unsubscribe/{token}", "POST /unsubscribe/{token}"),
    *("GET /public/{product}/roadmap", "GET /public/{product}/roadmap.json"),
    *(f"GET /public/{{product}}/changelog{form}" for form in ("", ".json", ".atom")),
)
# Takes no resource (Service Authorization Reference, AWS X-Ray).
UNBOUNDED = {"cloudwatch:DescribeAlarms", "comprehend:DetectSentiment", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
_MAX_RECORD_AGE = 12 * 3600


class Finding(NamedTuple):
    resource: str
    rule: str
    mend: str


class Estate:
    """All resources of an app: "Stack/LogicalId" -> the resource as it stands in its template."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]], config: Config) -> None:
        self.config = config
        self.resources: dict[str, Mapping[str, Any]] = {
            f"{stack}/{id}": resource
            for stack, template in templates.items()
            for id, resource in template.get("Resources", {}).items()
        }

    def of(self, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The resources of one type, with their properties."""
        return [(id, found.get("Properties", {})) for id, found in self.resources.items() if found["Type"] == kind]

    def texts(self, kind: str, *path: str) -> list[str]:
        """The value at one path of each resource of that type, as text: equal references, equal text."""
        return [_text(_at(properties, path)) for _, properties in self.of(kind)]


Rule = Callable[[Estate], Iterator[tuple[str, str]]]


def findings(estate: Estate) -> list[Finding]:
    """Whatever breaks a rule."""
    return [Finding(id, rule.__name__, mend) for rule in RULES for id, mend in rule(estate)]


def own_role(estate: Estate) -> Iterator[tuple[str, str]]:
    """One function, one role: shared rights are rights that one of them does not need."""
    roles = estate.texts(FUNCTION, "Role")
    for (id, _), role in zip(estate.of(FUNCTION), roles, strict=True):
        if roles.count(role) > 1:
            yield id, "give the function a role of its own"


def own_log_group(estate: Estate) -> Iterator[tuple[str, str]]:
    groups = estate.texts(FUNCTION, "LoggingConfig", "LogGroup")
    for (id, _), group in zip(estate.of(FUNCTION), groups, strict=True):
        if group == _text(None) or groups.count(group) > 1:
            yield id, "give the function a log group of its own"


def retention(estate: Estate) -> Iterator[tuple[str, str]]:
    for id, group in estate.of("AWS::Logs::LogGroup"):
        if group.get("RetentionInDays") != estate.config.retention:
            yield id, f"keep logs for {estate.config.retention} days"


def sized(estate: Estate) -> Iterator[tuple[str, str]]:
    for id, function in estate.of(FUNCTION):
        if function.get("Architectures") != ["arm64"]:
            yield id, "run on arm64"
        if not function.get("MemorySize") or not function.get("Timeout"):
            yield id, "set memory and timeout"
        if function.get("TracingConfig", {}).get("Mode") != "Active":
            yield id, "trace actively"


def no_reserved_concurrency(estate: Estate) -> Iterator[tuple[str, str]]:
    """A new account has ten in all: a deploy that reserves any fails there."""
    for id, function in estate.of(FUNCTION):
        if "ReservedConcurrentExecutions" in function:
            yield id, "do not reserve concurrency"


def failure_destination(estate: Estate) -> Iterator[tuple[str, str]]:
    """Whatever runs asynchronously has a place for what it could not do."""
    names = {id.partition("/")[2]: id for id in estate.resources}
    for id, rule in estate.of("AWS::Events::Rule"):
        for target in rule.get("Targets", ()):
            if not target.get("DeadLetterConfig", {}).get("Arn"):
                yield id, "give the rule's target a dead-letter queue"
            if not target.get("RetryPolicy"):
                yield id, "say how long the rule's target is retried"
            function = names.get(_referred(target.get("Arn")) or "")
            if function and not _at(estate.resources[function], ("Properties", "DeadLetterConfig", "TargetArn")):
                yield function, "give the function's asynchronous invocations a dead-letter queue"
    for id, mapping in estate.of(MAPPING):
        if not mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
            yield id, "give the stream's reader a failure destination"
    for id, subscription in estate.of("AWS::SNS::Subscription"):
        if not subscription.get("RedrivePolicy"):
            yield id, "give the subscription a dead-letter queue"


def stream_readers(estate: Estate) -> Iterator[tuple[str, str]]:
    """At most two a stream, and each keeps trying for 12 hours."""
    streams = estate.texts(MAPPING, "EventSourceArn")
    for id, mapping in estate.of(MAPPING):
        if streams.count(_text(mapping.get("EventSourceArn"))) > READERS:
            yield id, f"at most {READERS} readers a stream: let this one consume the bus"
        if mapping.get("StartingPosition") != "TRIM_HORIZON":
            yield id, "start at TRIM_HORIZON"
        if not mapping.get("BisectBatchOnFunctionError") or mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield id, "halve failing batches and take partial answers"
        if mapping.get("MaximumRetryAttempts") != -1 or mapping.get("MaximumRecordAgeInSeconds") != _MAX_RECORD_AGE:
            yield id, "retry until 12 hours have passed, however often"


def tables_kept(estate: Estate) -> Iterator[tuple[str, str]]:
    for id, table in estate.of("AWS::DynamoDB::Table"):
        if table.get("BillingMode") != "PAY_PER_REQUEST" or not table.get("OnDemandThroughput"):
            yield id, "bill by request, with a ceiling"
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield id, "keep point-in-time recovery"
        if estate.config.ephemeral:
            continue
        if table.get("DeletionProtectionEnabled") is not True:
            yield id, "protect the table from deletion"
    if estate.config.ephemeral:
        return
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool"):
        for id, _ in estate.of(kind):
            if {estate.resources[id].get("DeletionPolicy"), estate.resources[id].get("UpdateReplacePolicy")} != {"Retain"}:
                yield id, "retain what holds data"


def private_buckets(estate: Estate) -> Iterator[tuple[str, str]]:
    tls = {_referred(policy.get("Bucket")) for _, policy in estate.of("AWS::S3::BucketPolicy") if _refuses_plain_http(policy)}
    for id, bucket in estate.of("AWS::S3::Bucket"):
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        if len(blocked) != 4 or not all(blocked.values()):
            yield id, "block public access"
        if not bucket.get("BucketEncryption") or not bucket.get("LifecycleConfiguration"):
            yield id, "encrypt the bucket and give it a lifecycle"
        if id.partition("/")[2] not in tls:
            yield id, "refuse plain HTTP"


def literal_grants(estate: Estate) -> Iterator[tuple[str, str]]:
    """These actions on this resource. A wildcard stands only behind a prefix of object keys or of one-shots, and where
    X-Ray and CloudWatch need it."""
    for kind in ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for id, policy in estate.of(kind):
            if policy.get("ManagedPolicyArns"):
                yield id, "write the grants out: a managed policy grants more than is needed"
            for statement in _statements(policy):
                actions, targets = _listed(statement.get("Action")), _listed(statement.get("Resource"))
                if any("*" in action for action in actions) or "NotAction" in statement or "NotResource" in statement:
                    yield id, f"name the actions of {actions}"
                for target in map(_flat, targets):
                    if "*" in target and not set(actions) <= UNBOUNDED and not _named_within(target, actions):
                        yield id, f"name the resource of {actions}"


def named_callers(estate: Estate) -> Iterator[tuple[str, str]]:
    """Who may call from outside is named: a service only on behalf of one resource of ours, nobody at all never."""
    for id, permission in estate.of("AWS::Lambda::Permission"):
        if not permission.get("SourceArn"):
            yield id, "name the resource that calls the function"
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for id, policy in estate.of(kind):
            for statement in _statements(policy):
                if "*" in _text(statement.get("Principal")) or not statement.get("Condition"):
                    yield id, "name the caller, and the resource or account that it calls for"


def authorized_routes(estate: Estate) -> Iterator[tuple[str, str]]:
    for id, route in estate.of("AWS::ApiGatewayV2::Route"):
        public = route.get("RouteKey") in PUBLIC_ROUTES
        if not public and (route.get("AuthorizationType") != "CUSTOM" or not route.get("AuthorizerId")):
            yield id, "put the authorizer before the route"


RULES: tuple[Rule, ...] = (
    own_role,
    own_log_group,
    retention,
    sized,
    no_reserved_concurrency,
    failure_destination,
    stream_readers,
    tables_kept,
    private_buckets,
    literal_grants,
    named_callers,
    authorized_routes,
)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    documents = [policy.get("PolicyDocument"), *(inline.get("PolicyDocument") for inline in policy.get("Policies", ()))]
    for document in documents:
        for statement in _listed((document or {}).get("Statement")):
            if statement.get("Effect") == "Allow":
                yield statement


def _referred(value: Any) -> str | None:
    """The logical id behind a `Ref` or `Fn::GetAtt`."""
    if not isinstance(value, dict):
        return None
    return str(value["Ref"]) if "Ref" in value else str(value["Fn::GetAtt"][0]) if "Fn::GetAtt" in value else None


def _flat(resource: Any) -> str:
    """The resource as text, what is only known at deploy time as `<...>`."""
    if isinstance(resource, str):
        return resource
    if isinstance(resource, dict) and "Fn::Join" in resource:
        glue, parts = resource["Fn::Join"]
        return str(glue).join(_flat(part) for part in parts)
    return f"<{_text(resource)}>"


def _named_within(target: str, actions: list[str]) -> bool:
    """Whether the names come with what is made there, and what they are within is named."""
    return _objects(target, actions) or _one_shots(target, actions)


def _one_shots(target: str, actions: list[str]) -> bool:
    """Schedules whose names begin as those of one stage do."""
    _, _, name = target.partition(":schedule/default/")
    made = {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"}
    return name.startswith("slipway") and name.endswith(".*") and target.count("*") == 1 and set(actions) <= made


def _objects(target: str, actions: list[str]) -> bool:
    """Objects of one bucket below a prefix that is not empty."""
    bucket, _, prefix = target.partition(">/")
    known = bucket.startswith("<") and "Bucket" in bucket
    return (
        known
        and len(prefix) > 2
        and prefix.endswith("/*")
        and "*" not in prefix[:-1]
        and set(actions) <= {"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"}
    )


def _refuses_plain_http(policy: Mapping[str, Any]) -> bool:
    return any(
        statement.get("Effect") == "Deny" and _at(statement, ("Condition", "Bool", "aws:SecureTransport")) == "false"
        for statement in _listed(_at(policy, ("PolicyDocument", "Statement")))
    )
