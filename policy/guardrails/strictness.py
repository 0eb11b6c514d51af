"""How binding the policies are: they stop a stack with `dask:strict: true`, and are advice for every other."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel, Policy


def level(config: Mapping[str, str]) -> EnforcementLevel:
    """The level for a stack with this config, whose values are strings."""
    return EnforcementLevel.MANDATORY if config.get("dask:strict", "").lower() == "true" else EnforcementLevel.ADVISORY


def from_environment(variable: str | None) -> EnforcementLevel:
    """The level by PULUMI_CONFIG, a JSON object of strings, which older engines give to a pack."""
    return level(json.loads(variable or "{}"))


def follow_the_stack(policies: Sequence[Policy]) -> None:
    """Sets the policies' level as soon as the engine sends the stack's config, before it asks for anything else.

    Newer engines (3.260 is one) start a pack through the language host, without PULUMI_CONFIG, and call
    `ConfigureStack` instead (pulumi/pkg/resource/plugin/analyzer_plugin.go, NewPolicyAnalyzer).
    Remove when: pulumi-policy serves that call; 1.7 leaves it to the class that is changed here.
    """

    def configure(self: Any, request: Any, context: Any) -> Any:
        for policy in policies:
            policy.enforcement_level = level(request.config)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    analyzer_pb2_grpc.AnalyzerServicer.ConfigureStack = configure
