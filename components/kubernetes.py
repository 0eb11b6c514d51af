"""The Kubernetes that a program works on: the connection, the provider, and the guard in front of what it writes.

The three are one thing, because the provider takes over objects that exist: without the guard it would take anybody's.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes import Provider

from components import ownership
from components.kube import Connection
from components.labels import part_of
from components.ownership import Claim
from components.settings import Settings
from components.stack import reaching


@dataclass(frozen=True)
class Kubernetes:
    """Where a program's objects are written, and as whose."""

    connection: Connection
    provider: Provider
    owner: Output[str]
    """The id of the state, which every object carries."""
    claim: Claim

    @property
    def options(self) -> ResourceOptions:
        """The options of every component and object of the program."""
        return ResourceOptions(provider=self.provider)


def kubernetes(settings: Settings) -> Kubernetes:
    """The Kubernetes that the stack names in `kubernetes:context`; the one of the ambient kubeconfig otherwise."""
    config = pulumi.Config("kubernetes")
    connection = Connection(config.get("context"), config.get("kubeconfig"))
    provider = Provider(
        "kubernetes",
        **reaching(connection),
        # What an `up` that was killed has created is taken up again, if the guard finds it to be ours.
        upsert_existing_objects=True,
        # What was changed by hand is put right, whatever tool the hand used.
        enable_patch_force=True,
    )
    owner, claim = ownership.identity(), Claim(part_of(), settings.take_over)
    adopted = frozenset(f"{name}-endpoint" for name, cluster in settings.clusters.items() if cluster.adopt)
    guard = ownership.guard(connection, owner, claim, provider=provider, adopted=adopted)
    pulumi.runtime.register_stack_transformation(guard)
    return Kubernetes(connection, provider, owner, claim)
