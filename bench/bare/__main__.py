"""As many ConfigMaps as the configuration says."""

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

for number in range(pulumi.Config().require_int("configMaps")):
    ConfigMap(f"bare-{number}", metadata={"name": f"bare-{number}"}, data={"number": str(number)})
