"""When an object counts as ready."""

from typing import Any, cast

from local import awaits

# Deployments and Services say by themselves whether they are ready; only Jobs ask for their pods.
NO_CLUSTER = cast(Any, None)


def test_a_deployment_counts_when_all_its_updated_replicas_are_available():
    ref = awaits.Ref("apps/v1", "Deployment", "ns", "a")
    live = {"metadata": {"generation": 2}, "spec": {"replicas": 2}}
    ready = {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 2}

    waiting = awaits.missing(NO_CLUSTER, ref, {**live, "status": {**ready, "availableReplicas": 1}})
    stale = awaits.missing(NO_CLUSTER, ref, {**live, "status": {**ready, "observedGeneration": 1}})

    assert waiting == "1 of 2 replicas are available"
    assert stale is not None
    assert awaits.missing(NO_CLUSTER, ref, {**live, "status": ready}) is None


def test_a_load_balancer_counts_when_it_has_an_address_unless_it_is_not_awaited():
    ref = awaits.Ref("v1", "Service", "ns", "a")
    live = {"metadata": {}, "spec": {"type": "LoadBalancer"}, "status": {}}
    skipped = {**live, "metadata": {"annotations": {awaits.SKIP_AWAIT: "true"}}}
    ready = {**live, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}

    assert awaits.missing(NO_CLUSTER, ref, live) == "the load balancer has no address yet"
    assert awaits.missing(NO_CLUSTER, ref, skipped) is None
    assert awaits.missing(NO_CLUSTER, ref, ready) is None
