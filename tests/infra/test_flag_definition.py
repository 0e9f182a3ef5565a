"""The construct for other people's apps, as their stack has it."""

from __future__ import annotations

import json
from pathlib import Path

from infra.functions import FUNCTIONS
from tests.infra.assemblies import DEFINITION
from tests.infra.conftest import Assembly


def test_a_definition_is_one_resource_that_calls_the_slipway_of_its_stage(synthesized: Path) -> None:
    template = json.loads((synthesized / "team" / "Shop.template.json").read_text())
    made = [found for found in template["Resources"].values() if found["Type"] != "AWS::CDK::Metadata"]
    assert [found["Type"] for found in made] == ["Custom::SlipwayFlag"] * 2
    for found, name in zip(made, ("slipway-seed", "slipway-trial-seed"), strict=True):
        properties = found["Properties"]
        token = properties.pop("ServiceToken")["Fn::Join"][1]
        assert token[-1] == f":function:{name}"
        assert properties == {"Key": "new-checkout", "Definition": DEFINITION, "ServiceTimeout": "300"}


def test_functions_have_names_where_they_are_called_by_them_and_nowhere_else(aws: Assembly, trial: Assembly) -> None:
    called = {spec.handler: spec.name for spec in FUNCTIONS if spec.named}
    assert set(called.values()) == {"seed", "courier", "triage"}
    for assembly, prefix in ((aws, "slipway-"), (trial, "slipway-trial-")):
        named = {
            made["Handler"]: made["FunctionName"]
            for made in assembly.of("AWS::Lambda::Function").values()
            if "FunctionName" in made
        }
        assert named == {handler: f"{prefix}{name}" for handler, name in called.items()}
