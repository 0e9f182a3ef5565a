"""Powertools' resolver for HTTP APIs, without the rest of Powertools.

Whichever part one imports, its packages load all that they have: thirty event sources, AppSync, Bedrock, logger, metrics and
tracer, three quarters of what the resolver costs a cold start. Here the packages stand in place without having run, for as
long as the resolver's own module is imported; who imports Powertools later gets it whole.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROOT = "aws_lambda_powertools"
_PACKAGES = ("", ".event_handler", ".event_handler.openapi", ".utilities.data_classes")
# What the resolver wants of `utilities.data_classes`, by module.
_EVENTS = {
    "ALBEvent": "alb_event",
    "APIGatewayProxyEvent": "api_gateway_proxy_event",
    "APIGatewayProxyEventV2": "api_gateway_proxy_event",
    "BedrockAgentEvent": "bedrock_agent_event",
    "LambdaFunctionUrlEvent": "lambda_function_url_event",
    "VPCLatticeEvent": "vpc_lattice",
    "VPCLatticeEventV2": "vpc_lattice",
}


class _Package(ModuleType):
    """A package that finds its modules, and has run nothing."""

    def __getattr__(self, name: str) -> Any:
        if name not in _EVENTS:
            raise AttributeError(name)
        module = f"{self.__name__}.{_EVENTS[name]}"
        __import__(module)
        return getattr(sys.modules[module], name)


def _load() -> ModuleType:
    spec = PathFinder.find_spec(ROOT)
    placed = []
    if ROOT not in sys.modules and spec is not None and spec.submodule_search_locations:
        (location,) = spec.submodule_search_locations
        for name in _PACKAGES:
            package = _Package(ROOT + name)
            package.__path__ = [location + name.replace(".", "/")]
            sys.modules[package.__name__] = package
            placed.append(package.__name__)
    try:
        __import__(f"{ROOT}.event_handler.api_gateway")
        return sys.modules[f"{ROOT}.event_handler.api_gateway"]
    finally:
        for package_name in placed:
            del sys.modules[package_name]


if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response
else:
    _module = _load()
    APIGatewayHttpResolver, Response = _module.APIGatewayHttpResolver, _module.Response

# Of a module that is loaded by hand: a checker would not see that they are given on.
__all__ = ["APIGatewayHttpResolver", "Response"]
