"""The policy pack. In: the stack's resources, from the engine. Out: violations, each with what helps.

They stop `pulumi up` where the stack says `dask:strict: true`, and are advice everywhere else.
`--policy-pack-config` sets the level or the options of single policies.
"""

import json
import os

from guardrails.pack import policies
from pulumi_policy import EnforcementLevel, PolicyPack


def default_level(config: str) -> EnforcementLevel:
    """The level for a stack with this config, which the engine hands over as JSON of strings."""
    strict = json.loads(config).get("dask:strict", "false")
    return EnforcementLevel.MANDATORY if strict.lower() == "true" else EnforcementLevel.ADVISORY


PolicyPack(
    "dask-guardrails",
    policies=policies(),
    enforcement_level=default_level(os.environ.get("PULUMI_CONFIG", "{}")),
)
