"""The table of functions and what is deployed agree, for every function."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.functions import FUNCTIONS, Function, OnTable
from infra.packaging import ROOT
from infra.routes import ROUTES
from slipway import events
from slipway.access import OPERATIONS
from slipway.tables import TABLES
from tests.infra.conftest import Assembly

each = pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)


def deployed(assembly: Assembly, spec: Function) -> dict[str, Any]:
    [found] = [
        properties for properties in assembly.of("AWS::Lambda::Function").values() if properties["Handler"] == spec.handler
    ]
    return found


def test_every_function_is_in_the_table_once_and_deployed() -> None:
    names = [spec.name for spec in FUNCTIONS]
    handlers = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
    assert sorted(names) == handlers


def test_nothing_else_is_deployed(aws: Assembly) -> None:
    assert {properties["Handler"] for properties in aws.of("AWS::Lambda::Function").values()} == {s.handler for s in FUNCTIONS}


@each
def test_a_function_is_as_its_line_says(aws: Assembly, spec: Function) -> None:
    function = deployed(aws, spec)
    assert function["MemorySize"] == spec.memory
    assert function["Timeout"] == spec.timeout
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["Description"] == f"{spec.job}."
    layers = [layer["Ref"] for layer in function["Layers"]]
    assert [layer.partition("Layer")[0].lower() for layer in layers] == list(spec.layers)
    assert function["LoggingConfig"]["LogFormat"] == "JSON"


@each
def test_its_environment_is_what_its_settings_read(aws: Assembly, spec: Function) -> None:
    variables = deployed(aws, spec)["Environment"]["Variables"]
    assert not [name for name in variables if not name.startswith("SLIPWAY_")]
    settings = spec.settings.load({name: str(value) for name, value in variables.items()})
    assert settings.stage == "prod"
    assert settings.client == "slipway"
    assert set(variables) == {f"SLIPWAY_{name.upper()}" for name in spec.settings.names()}


def test_context_reaches_the_functions(trial: Assembly, local: Assembly) -> None:
    by_name = {spec.name: deployed(trial, spec)["Environment"]["Variables"] for spec in FUNCTIONS}
    assert {name for name, variables in by_name.items() if variables["SLIPWAY_CLIENT"] == "boto3"} == {"products"}
    assert by_name["products"]["SLIPWAY_CURRENCY"] == "JPY"
    assert {variables["SLIPWAY_STAGE"] for variables in by_name.values()} == {"trial"}
    for spec in FUNCTIONS:
        here = deployed(local, spec)["Environment"]["Variables"]
        assert here.get("SLIPWAY_RAISE_FAILURES", "true") == "true"
        assert by_name[spec.name].get("SLIPWAY_RAISE_FAILURES", "false") == "false"


@each
def test_a_stream_has_a_mapping_and_an_event_a_rule(aws: Assembly, spec: Function) -> None:
    name = spec.name.capitalize()
    mappings = [id for id in aws.of("AWS::Lambda::EventSourceMapping") if re.match(rf"{name}[A-Z][a-z]+Stream", id)]
    assert len(mappings) == len(spec.streams)
    patterns = [rule["EventPattern"] for id, rule in aws.of("AWS::Events::Rule").items() if id.startswith(f"{name}Rule")]
    assert patterns == ([] if spec.pattern is None else [spec.pattern])


@each
def test_log_lines_come_from_the_function_that_is_named(aws: Assembly, spec: Function) -> None:
    name = spec.name.capitalize()
    filters = [made for id, made in aws.of("AWS::Logs::SubscriptionFilter").items() if id == f"{name}Lines"]
    assert len(filters) == (spec.lines is not None)
    for made in filters:
        writer, word = spec.lines or ("", "")
        assert made["FilterPattern"] == word
        assert made["LogGroupName"]["Ref"].startswith(f"{writer.capitalize()}Logs")
        permission = aws.of("AWS::Lambda::Permission")[f"LogMayInvoke{name}"]
        assert permission["Principal"] == "logs.amazonaws.com"
        assert permission["SourceArn"]["Fn::GetAtt"][0] == made["LogGroupName"]["Ref"]
        assert permission["FunctionName"] == made["DestinationArn"]


@each
def test_what_runs_daily_is_called_once_a_day_and_has_a_place_for_what_fails(aws: Assembly, spec: Function) -> None:
    rules = [rule for id, rule in aws.of("AWS::Events::Rule").items() if id.startswith(f"{spec.name.capitalize()}Daily")]
    assert [rule["ScheduleExpression"] for rule in rules] == (["rate(1 day)"] if spec.daily else [])
    assert ("DeadLetterConfig" in deployed(aws, spec)) == spec.asynchronous


def test_browsers_of_every_origin_may_evaluate_and_read_the_etag(aws: Assembly) -> None:
    [api] = aws.of("AWS::ApiGatewayV2::Api").values()
    cors = api["CorsConfiguration"]
    assert (cors["AllowOrigins"], cors.get("AllowCredentials")) == (["*"], None)
    assert {"authorization", "content-type", "if-none-match"} <= set(cors["AllowHeaders"])
    assert {"etag", "retry-after"} <= set(cors["ExposeHeaders"])


def test_rules_listen_to_what_is_sent() -> None:
    by_name = {spec.name: spec.pattern for spec in FUNCTIONS if spec.pattern is not None}
    sent = {contract.origin() for contract in events.CONTRACTS.values()}
    assert by_name["record"] == {"source": [{"prefix": "slipway."}]}
    assert all(source.startswith("slipway.") for source in sent)
    assert set(by_name["invite"]["detail-type"]) == {name for name in events.CONTRACTS if name.startswith("member.")}


@each
def test_grants_name_tables_and_indexes_that_exist(spec: Function) -> None:
    for grant in spec.grants:
        if isinstance(grant, OnTable):
            assert grant.table in TABLES
            assert grant.index is None or grant.index in grant.table.indexes
            assert all(action.startswith("dynamodb:") for action in grant.actions)


def test_only_the_relay_publishes(aws: Assembly) -> None:
    publishers = [id for id, role in aws.of("AWS::IAM::Role").items() if "events:PutEvents" in str(role)]
    assert [re.sub(r"[0-9A-F]{8}$", "", id) for id in publishers] == ["RelayRole"]


def test_routes_name_functions_and_operations_that_exist() -> None:
    assert {route.function for route in ROUTES} <= {spec.name for spec in FUNCTIONS}
    operations = [route.operation for route in ROUTES if route.operation is not None]
    assert len(operations) == len(set(operations))
    assert set(operations) <= set(OPERATIONS)


def test_the_authorizer_stands_before_every_route_but_the_public_one(aws: Assembly) -> None:
    routes = aws.of("AWS::ApiGatewayV2::Route").values()
    public = [route["RouteKey"] for route in routes if route["AuthorizationType"] != "CUSTOM"]
    boards = [f"GET /public/{{product}}/{name}" for name in ("roadmap", "roadmap.json")]
    boards += [f"GET /public/{{product}}/{name}" for name in ("changelog", "changelog.json", "changelog.atom")]
    assert sorted(public) == sorted(["$default", "GET /unsubscribe/{token}", "POST /unsubscribe/{token}", *boards])
    assert sum(route.public for route in ROUTES) == len(public)
    [authorizer] = aws.of("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["AuthorizerResultTtlInSeconds"] == 30
    assert authorizer["EnableSimpleResponses"] is True


def test_the_api_is_bounded_and_its_log_names_nobody(aws: Assembly) -> None:
    [stage] = aws.of("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    line = stage["AccessLogSettings"]["Format"]
    for personal in ("identity", "sourceIp", "userAgent", "header", "querystring", "path"):
        assert personal not in line


def test_a_custom_domain_takes_the_place_of_the_default_one(trial: Assembly, aws: Assembly) -> None:
    [api] = trial.of("AWS::ApiGatewayV2::Api").values()
    assert api["DisableExecuteApiEndpoint"] is True
    [domain] = trial.of("AWS::ApiGatewayV2::DomainName").values()
    assert domain["DomainName"] == "api.example.com"
    assert len(trial.of("AWS::ApiGatewayV2::ApiMapping")) == 1
    assert trial.templates["Service"]["Outputs"]["ApiUrl"]["Value"] == "https://api.example.com"
    [client] = trial.of("AWS::Cognito::UserPoolClient").values()
    assert client["CallbackURLs"] == ["https://api.example.com/", "http://localhost:8080/"]
    assert not aws.of("AWS::ApiGatewayV2::DomainName")
