"""The CDK app: three stacks. `python -m infra.cli synth`, or `cdk synth` with the virtual environment on the PATH."""

from __future__ import annotations

import sys

from infra.toolchain import use_pinned_node


def main() -> None:
    use_pinned_node()
    import aws_cdk as cdk

    from infra.config import BadConfig
    from infra.packaging import PackagingError
    from infra.stacks import build

    try:
        build(cdk.App(analytics_reporting=False)).synth()
    except (BadConfig, PackagingError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
