"""A stack with the number of ConfigMaps that its configuration sets."""

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

for number in range(pulumi.Config().require_int("configMaps")):
    ConfigMap(f"bare-{number}", metadata={"name": f"bare-{number}"}, data={"number": str(number)})
