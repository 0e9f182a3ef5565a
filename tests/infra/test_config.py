"""Context keys: few, each with a default; what is wrong is one clear error."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from infra.config import BadConfig, Config
from infra.functions import NAMES
from infra.packaging import ROOT
from tests.infra.assemblies import CERTIFICATE, CONTEXTS


def read(**context: Any) -> Config:
    return Config.read(context, NAMES)


def test_there_are_few_keys_and_each_has_a_default() -> None:
    assert len(fields(Config)) <= 13
    assert read() == Config()


def test_every_key_can_be_set() -> None:
    given = {key for context in CONTEXTS.values() for key in context}
    assert given == {field.name for field in fields(Config)}
    trial = Config.read(CONTEXTS["trial"], NAMES)
    assert (trial.ephemeral, trial.retention, trial.boto3) == (True, 7, ("products",))


def test_no_two_stages_share_a_stack() -> None:
    stages = ["prod", "p-rod", "pr12", "pr-12", "pr-1-2", "pr--12", "dev", "d-ev"]
    stacks = {Config.read({"stage": stage}, NAMES).stack(part) for stage in stages for part in ("Data", "Service", "Watch")}
    assert len(stacks) == 3 * len(stages)
    assert "SlipwayData" in stacks  # of the default stage
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", stack) for stack in stacks), "as CloudFormation takes names"


def test_flags_of_cdk_are_not_ours() -> None:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert len(flags) > 50
    assert Config.read({**flags, "aws:cdk:bundling-stacks": ["**"], "aws:cdk:version-reporting": False}, NAMES) == Config()


@pytest.mark.parametrize(
    ("key", "suggestion"), [("stagee", "stage"), ("alarm-email", "alarm_email"), ("Retention", "retention"), ("cert", None)]
)
def test_an_unknown_key_is_an_error_that_suggests(key: str, suggestion: str | None) -> None:
    with pytest.raises(BadConfig) as error:
        read(**{key: "x"})
    assert repr(key) in str(error.value)
    assert "certificate, currency, domain" in str(error.value)
    assert suggestion is None or f"Did you mean '{suggestion}'?" in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stage", ""),
        ("stage", "Prod"),
        ("stage", "a-stage-of-17-let"),
        ("stage", "dev-"),
        ("stage", 7),
        ("target", "azure"),
        ("sentiment", "gut"),
        ("ephemeral", "yes"),
        ("ephemeral", 1.5),
        ("retention", "31"),
        ("retention", "-1"),
        ("retention", True),
        ("retention", "٣"),
        ("alarm_email", "nobody"),
        ("alarm_email", "a b@example.com"),
        ("currency", "euro"),
        ("currency", "ABC"),
        ("currency", ["EUR"]),
        ("domain", "https://api.example.com"),
        ("domain", "localhost"),
        ("certificate", "arn:aws:iam::123456789012:role/x"),
        ("callback", "http://example.com/"),
        ("callback", "ftp://localhost/"),
        ("edge", "yes"),
        ("boto3", ["products"]),
    ],
)
def test_a_malformed_value_is_an_error_that_names_its_key(key: str, value: object) -> None:
    with pytest.raises(BadConfig) as error:
        read(**{key: value})
    assert f"`{key}` is" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_domain_needs_its_certificate() -> None:
    with pytest.raises(BadConfig, match="belong together"):
        read(domain="api.example.com")
    with pytest.raises(BadConfig, match="belong together"):
        read(certificate=CERTIFICATE)


def test_the_edge_needs_its_certificate_in_its_own_region() -> None:
    assert read(edge="true").edge
    with pytest.raises(BadConfig, match="us-east-1"):
        read(edge="true", domain="api.example.com", certificate=CERTIFICATE)
    with pytest.raises(BadConfig, match="`edge` is for the target aws"):
        read(edge=True, target="local")


def test_boto3_takes_names_of_functions() -> None:
    assert read(boto3="all").client("products") == "boto3"
    some = read(boto3=" products , access ")
    assert [some.client(name) for name in ("products", "access", "audit")] == ["boto3", "boto3", "slipway"]
    with pytest.raises(BadConfig, match="Did you mean 'products'"):
        read(boto3="product")
