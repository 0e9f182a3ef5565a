"""What the laptop leaves out of the AWS template: one list, and the one function that applies it.

The embedded AWS refuses a template that holds a resource type which it does not know, and it serves plain HTTP on loopback.
Everything else runs as it ships, the policies included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Resource type -> why it is left out.
TYPES: dict[str, str] = {
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": "the embedded AWS does not look for leaked passwords",
    "AWS::Glue::Database": "without Parquet nobody needs a catalogue of it",
    "AWS::Glue::Table": "without Parquet nobody needs a catalogue of it",
    "AWS::Events::Archive": "the embedded AWS keeps no archive of events; the version rows replay them",
}

# The statement that makes buckets, queues and topics refuse plain HTTP.
PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def left_out(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without what is listed here. Raises ValueError when something that stays refers to what goes."""
    resources = {
        name: _without_plain_http(resource)
        for name, resource in template.get("Resources", {}).items()
        if resource["Type"] not in TYPES
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::KinesisFirehose::DeliveryStream":  # it writes no Parquet: the lake has JSON, line by line
            resource["Properties"]["ExtendedS3DestinationConfiguration"].pop("DataFormatConversionConfiguration", None)
    resources = {name: resource for name, resource in resources.items() if not _empty_policy(resource)}
    gone = set(template.get("Resources", {})) - set(resources)
    for resource in resources.values():
        if "DependsOn" in resource:
            depends = resource["DependsOn"]
            resource["DependsOn"] = [name for name in ([depends] if isinstance(depends, str) else depends) if name not in gone]
    for name in gone & set(_references(resources) + _references(template.get("Outputs", {}))):
        raise ValueError(f"{name} is left out on the laptop, and something else refers to it.")
    return {**template, "Resources": resources}


def _without_plain_http(resource: Mapping[str, Any]) -> dict[str, Any]:
    document = resource.get("Properties", {}).get("PolicyDocument")
    if not isinstance(document, dict) or "Statement" not in document:
        return dict(resource)
    kept = [
        statement
        for statement in document["Statement"]
        if not (statement.get("Effect") == "Deny" and statement.get("Condition") == PLAIN_HTTP)
    ]
    return {**resource, "Properties": {**resource["Properties"], "PolicyDocument": {**document, "Statement": kept}}}


def _empty_policy(resource: Mapping[str, Any]) -> bool:
    document = resource.get("Properties", {}).get("PolicyDocument")
    return isinstance(document, dict) and document.get("Statement") == []


def _references(value: Any) -> list[str]:
    """The logical ids that `Ref` and `Fn::GetAtt` name anywhere below."""
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    if not isinstance(value, dict):
        return []
    found = [name for item in value.values() for name in _references(item)]
    if isinstance(value.get("Ref"), str):
        found.append(value["Ref"])
    attribute = value.get("Fn::GetAtt")
    if attribute:
        found.append(attribute.split(".")[0] if isinstance(attribute, str) else attribute[0])
    return found
