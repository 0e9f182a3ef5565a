"""The three stacks, put together from the context."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

from infra import packaging
from infra.checks import check
from infra.config import Config
from infra.data import Data
from infra.functions import NAMES
from infra.service import Service
from infra.watch import Watch


def build(app: cdk.App) -> cdk.App:
    """Fill the app. Raises BadConfig, PackagingError."""
    config = Config.read(app.node.get_all_context(), NAMES)
    tags = {"application": "slipway", "stage": config.stage}
    for name, value in tags.items():
        cdk.Tags.of(app).add(name, value)  # on each resource; the stacks themselves carry them too
    options: dict[str, Any] = {"tags": tags}
    data = Data(app, config.stack("Data"), config, description="Slipway: what is kept", **options)
    service = Service(app, config.stack("Service"), config, data, description="Slipway: what answers", **options)
    Watch(app, config.stack("Watch"), config, service, description="Slipway: what is watched", **options)
    if warning := None if config.local else packaging.warning():
        cdk.Annotations.of(app).add_warning_v2("slipway:bytecode", warning)
    check(app, config)
    return app
