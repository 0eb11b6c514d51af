"""The policy pack. In: the stack's resources, from the engine. Out: violations, each with what helps.

They stop `pulumi up` where the stack says `dask:strict: true`, and are advice everywhere else.
`--policy-pack-config` sets the level or the options of single policies.
"""

import os

from guardrails import strictness
from guardrails.pack import policies
from pulumi_policy import PolicyPack

rules = policies()
strictness.follow_the_stack(rules)
PolicyPack(
    "dask-guardrails",
    policies=rules,
    enforcement_level=strictness.from_environment(os.environ.get("PULUMI_CONFIG")),
)
