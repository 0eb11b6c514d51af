"""The contracts, held against every kind of settings that the program accepts, as Hypothesis makes them up."""

from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as run

from components.vocabulary import DASK_API
from policy.guardrails.podsecurity import violations
from tests.contract import crdschema, limits
from tests.contract.operated import made_of
from tests.contract.rendering import objects, pods
from tests.unit import strategies

# Raw parts of a pod go through as they are written, and the made-up ones are no Kubernetes.
RAW = {"affinity", "topologySpreadConstraints"}


def without_raw_parts(value: Any) -> Any:
    """The settings without what the program passes on unread."""
    if isinstance(value, dict):
        return {key: without_raw_parts(item) for key, item in value.items() if key not in RAW}
    return value


accepted = strategies.settings().map(without_raw_parts)
# Making up and checking whole stacks is slow on a busy machine, and that is no fault.
patient = run(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@patient
@given(accepted)
def test_no_accepted_setting_leads_to_a_field_that_the_crds_refuse_or_prune(raw: dict[str, Any]) -> None:
    bodies = [body for body in objects(raw) if body["apiVersion"] == DASK_API]

    assert [violation for body in bodies for violation in crdschema.violations(body)] == []


@patient
@given(accepted)
def test_no_accepted_setting_leads_to_a_name_label_or_port_beyond_the_limits(raw: dict[str, Any]) -> None:
    bodies = objects(raw)
    bodies += [made for body in bodies for made in made_of(body)]

    assert [violation for body in bodies for violation in limits.violations(body)] == []


@patient
@given(accepted)
def test_no_accepted_setting_leads_to_a_pod_that_its_namespace_refuses(raw: dict[str, Any]) -> None:
    level = raw.get("namespace", {}).get("podSecurity", "restricted")

    found = [text for body in objects(raw) for _, pod in pods(body) for text in violations(pod, level)]

    assert found == []
