"""What every synth is checked with: the house rules and cdk-nag's packs. And how a finding is acknowledged where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import jsii
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct

from infra import rules
from infra.config import Config


@jsii.implements(cdk.IPolicyValidationPlugin)
class HouseRules:
    """`infra.rules` over the templates that were just written."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return "House"

    @property
    def version(self) -> str:
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        return [rule.__name__ for rule in rules.RULES]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        paths = {Path(path).name.removesuffix(".template.json"): path for path in context.template_paths}
        templates = {stack: json.loads(Path(path).read_text()) for stack, path in paths.items()}
        found = rules.findings(rules.Estate(templates, self.config))
        return cdk.PolicyValidationPluginReport(
            success=not found,
            violations=[
                cdk.PolicyViolation(
                    rule_name=finding.rule,
                    description=f"{finding.resource}: {finding.mend}",
                    violating_resources=[
                        cdk.PolicyViolatingResource(
                            resource_logical_id=finding.resource.partition("/")[2],
                            template_path=paths[finding.resource.partition("/")[0]],
                            locations=[],
                        )
                    ],
                )
                for finding in found
            ],
        )


def check(app: cdk.App, config: Config) -> None:
    """Have every synth of this app checked: it raises when something is found that nobody acknowledged."""
    cdk.Validations.of(app).add_plugins(HouseRules(config), AwsSolutionsChecks(app), ServerlessChecks(app))


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Let one finding stand on one construct. What is unavoidable only; `tests/infra` pins the list."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))
