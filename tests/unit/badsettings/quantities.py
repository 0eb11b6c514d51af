"""Mistakes in images, amounts and times."""

from tests.unit.badsettings.cases import Case, cluster, resources, workers

QUANTITIES = [
    Case(
        "an empty image",
        cluster(image=""),
        "dask:clusters.a.image: '' must not be empty; name an image, such as 'ghcr.io/dask/dask:2026.8.0-py3.11'",
    ),
    Case(
        "an image with a blank",
        cluster(image="dask :1"),
        "dask:clusters.a.image: 'dask :1' must not contain white space; try 'dask:1'",
    ),
    Case(
        "an image in upper case",
        cluster(image="ghcr.io/Dask/dask:1"),
        ("dask:clusters.a.image: 'ghcr.io/Dask/dask:1' must be lower case before the tag; try 'ghcr.io/dask/dask:1'"),
    ),
    Case(
        "an image with a short digest",
        cluster(image="dask@sha256:abc"),
        (
            "dask:clusters.a.image: 'dask@sha256:abc' has a bad digest: '@sha256:' and 64 hexadecimal digits are "
            "needed; copy the whole digest"
        ),
    ),
    Case(
        "an image with an address in front",
        cluster(image="https://ghcr.io/dask/dask:1"),
        (
            "dask:clusters.a.image: 'https://ghcr.io/dask/dask:1' must be an image reference: "
            "name[:tag][@sha256:digest]; write one such as `ghcr.io/dask/dask:2026.8.0-py3.11`"
        ),
    ),
    Case(
        "an image with a tag that Unicode calls a word",
        cluster(image="dask:\u00e9"),
        (
            "dask:clusters.a.image: 'dask:é' must be an image reference: name[:tag][@sha256:digest]; "
            "write one such as `ghcr.io/dask/dask:2026.8.0-py3.11`"
        ),
    ),
    Case(
        "a floating image where strict",
        cluster(image="dask:latest") | {"strict": True},
        (
            "dask:clusters.a.image: 'dask:latest' is a mutable tag: its content can change without showing up in a "
            "preview; name a version or a digest"
        ),
        schema=False,
    ),
    Case(
        "an image without a tag where strict",
        workers(image="dask") | {"strict": True},
        (
            "dask:clusters.a.workers.image: 'dask' is a mutable tag: its content can change without showing up in a "
            "preview; name a version or a digest"
        ),
        schema=False,
    ),
    Case(
        "a tag in the operator's image name",
        {"operator": {"image": {"name": "dask:1"}}},
        (
            "dask:operator.image.name: 'dask:1' must be an image's name without a tag; "
            "write one such as `ghcr.io/dask/dask-kubernetes-operator`"
        ),
    ),
    Case(
        "memory in GB",
        resources(memory="2GB"),
        (
            "dask:clusters.a.resources.memory: '2GB' must be a Kubernetes quantity, such as 500m, 2, 512Mi or 2Gi; "
            "try '2Gi'"
        ),
    ),
    Case(
        "memory in thousandths of a byte",
        resources(memory="512m"),
        "dask:clusters.a.resources.memory: '512m' means thousandths of a byte to Kubernetes; try '512Mi'",
    ),
    Case(
        "memory in thousandths of a byte below limits",
        resources(limits={"memory": "512m"}),
        "dask:clusters.a.resources.limits.memory: '512m' means thousandths of a byte to Kubernetes; try '512Mi'",
    ),
    Case("no memory", resources(memory="0"), "dask:clusters.a.resources.memory: '0' must be more than zero; try '2Gi'"),
    Case(
        "memory in single bytes",
        resources(memory="2"),
        "dask:clusters.a.resources.memory: '2' is less than one mebibyte; try '2Gi'",
    ),
    Case(
        "memory as a number",
        resources(memory=2),
        'dask:clusters.a.resources.memory: 2 must be a string with a unit; write "2Gi"',
    ),
    Case(
        "memory in digits that only Unicode knows",
        resources(memory="\u0662Gi"),
        (
            "dask:clusters.a.resources.memory: '٢Gi' must be a Kubernetes quantity, such as 500m, 2, 512Mi or 2Gi; "
            "write a number and one of m, Ki, Mi, Gi, Ti"
        ),
    ),
    Case(
        "a negative amount of memory",
        resources(memory="-1Gi"),
        (
            "dask:clusters.a.resources.memory: '-1Gi' must be a Kubernetes quantity, such as 500m, 2, 512Mi or "
            "2Gi; write a number and one of m, Ki, Mi, Gi, Ti"
        ),
    ),
    Case("no cpu", resources(cpu="0"), "dask:clusters.a.resources.cpu: '0' must be more than zero; try '500m'"),
    Case("cpu as a number", resources(cpu=1), 'dask:clusters.a.resources.cpu: 1 must be a string; write "1"'),
    Case(
        "cpu in Gi",
        resources(cpu="2Gi"),
        "dask:clusters.a.resources.cpu: '2Gi' must be a number of cores; try '2' or '500m'",
    ),
    Case(
        "cpu finer than Kubernetes knows",
        resources(cpu="0.5m"),
        (
            "dask:clusters.a.resources.cpu: '0.5m' is finer than the thousandth of a core that Kubernetes knows; "
            "try '1m'"
        ),
        schema=False,
    ),
    Case(
        "a limit below the request",
        resources(requests={"cpu": "2"}, limits={"cpu": "500m"}),
        "dask:clusters.a.resources.limits.cpu: '500m' is less than the request of 2; raise it to '2'",
        schema=False,
    ),
    Case(
        "a resource that does not exist",
        resources(limits={"cpus": "2"}),
        "dask:clusters.a.resources.limits.cpus: is not a resource that Kubernetes knows; did you mean 'cpu'?",
    ),
    Case(
        "a device without a limit",
        resources(requests={"nvidia.com/gpu": "1"}),
        (
            "dask:clusters.a.resources.requests.\"nvidia.com/gpu\": '1' must have a limit that is the same, "
            "because devices are not shared; add `limits: {nvidia.com/gpu: '1'}`"
        ),
        schema=False,
    ),
    Case(
        "a quota that is not met",
        {"namespace": {"quota": {"cpu": "4"}}, "clusters": {"a": {"workers": {"resources": {"cpu": "1"}}}}},
        (
            "dask:clusters.a.scheduler.resources.cpu: is missing, and the namespace has a quota on cpu; set it, or "
            "`dask:namespace.limits`"
        ),
        schema=False,
    ),
    Case(
        "a duration as a number",
        cluster(drainTimeout=5),
        'dask:clusters.a.drainTimeout: 5 must be a string with a unit; write "5s"',
    ),
    Case(
        "a duration without a unit",
        cluster(drainTimeout="5"),
        "dask:clusters.a.drainTimeout: '5' must be a duration with a unit; try '5s'",
    ),
    Case(
        "a duration in minutes written out",
        cluster(drainTimeout="5 minutes"),
        "dask:clusters.a.drainTimeout: '5 minutes' must be a duration with a unit; try '5m'",
    ),
    Case(
        "no time at all",
        cluster(readyTimeout="0s"),
        "dask:clusters.a.readyTimeout: '0s' must be more than zero; try '10m'",
    ),
    Case(
        "more than a year",
        cluster(readyTimeout="366d"),
        "dask:clusters.a.readyTimeout: '366d' is longer than a year; use '365d' at most",
        schema=False,
    ),
    Case(
        "a duration where seconds are meant",
        cluster(scheduler={"probes": {"readiness": {"periodSeconds": "5m"}}}),
        (
            "dask:clusters.a.scheduler.probes.readiness.periodSeconds: '5m' must be a whole number; write 300, in "
            "seconds"
        ),
    ),
    Case(
        "a quota that a cluster alone exceeds",
        {"namespace": {"quota": {"pods": 1}}, "clusters": {"a": {"verify": False}}},
        ("dask:namespace.quota.pods: 1 is less than the declared pods need at least: 2 for the clusters; try 2"),
        schema=False,
    ),
    Case(
        "a quota without room for the verification",
        {
            "namespace": {"quota": {"cpu": "2"}},
            "clusters": {"a": {"resources": {"cpu": "500m"}, "workers": {"resources": {"cpu": "1"}}}},
        },
        (
            "dask:namespace.quota.cpu: '2' is less than the declared pods need at least: '1500m' for the clusters and "
            "'2' for the pod that verifies them; try '3500m', or less in `verifyResources`"
        ),
        schema=False,
    ),
    Case(
        "a quota that a job alone exceeds",
        {
            "namespace": {"quota": {"memory": "2Gi"}},
            "jobs": {"a": {"runner": {"script": "pass"}, "resources": {"memory": "1Gi"}}},
        },
        "dask:namespace.quota.memory: '2Gi' is less than the pods of the job 'a' need; try '3Gi'",
        schema=False,
    ),
]
