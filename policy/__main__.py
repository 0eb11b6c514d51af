"""The policy pack, which checks the stack's resources. Each violation says how to fix it.

A violation stops `pulumi up` if the stack sets `dask:strict: true`; otherwise it is advice.
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
