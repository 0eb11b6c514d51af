"""Mistakes in labels, annotations, packages and tolerations."""

from tests.unit.badsettings.cases import Case, cluster

METADATA = [
    Case(
        "a label of the operator",
        cluster(labels={"dask.org/cluster-name": "x"}),
        (
            "dask:clusters.a.labels.\"dask.org/cluster-name\": 'dask.org/cluster-name' is a label that the "
            "program, the operator or Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "a label of the program",
        cluster(labels={"app.kubernetes.io/name": "x"}),
        (
            "dask:clusters.a.labels.\"app.kubernetes.io/name\": 'app.kubernetes.io/name' is a label that the "
            "program, the operator or Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "a label of Kubernetes",
        {"namespace": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        (
            "dask:namespace.labels.\"pod-security.kubernetes.io/enforce\": 'pod-security.kubernetes.io/enforce' is "
            "a label that the program, the operator or Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "a label with a blank",
        cluster(labels={"my team": "x"}),
        (
            "dask:clusters.a.labels.\"my team\": 'my team' must be a label key, `name` or `prefix.example/name`, "
            "with at most 63 characters in its name; use letters, digits, '-', '_' and '.'"
        ),
    ),
    Case(
        "a label with a long value",
        cluster(labels={"team": "x" * 64}),
        (
            "dask:clusters.a.labels.team: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' must "
            "be a label value: at most 63 letters, digits, '-', '_' and '.'; shorten or rename it"
        ),
    ),
    Case(
        "a label of the operator for everything",
        {"labels": {"dask.org/component": "x"}},
        (
            "dask:labels.\"dask.org/component\": 'dask.org/component' is a label that the program, the operator or "
            "Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "a label of a controller",
        cluster(labels={"pod-template-hash": "x"}),
        (
            "dask:clusters.a.labels.pod-template-hash: 'pod-template-hash' is a label that the program, the operator "
            "or Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "an annotation of the program for everything",
        {"annotations": {"dask-on-kubernetes/owner": "x"}},
        (
            "dask:annotations.\"dask-on-kubernetes/owner\": 'dask-on-kubernetes/owner' is an annotation that the "
            "program, the operator or Kubernetes sets itself; use a prefix of your own"
        ),
    ),
    Case(
        "a number as a label's value",
        {"labels": {"cost-center": 42}},
        ('dask:labels.cost-center: 42 must be a string; write "42"'),
    ),
    Case(
        "an annotation with two slashes",
        cluster(annotations={"a/b/c": "x"}),
        (
            "dask:clusters.a.annotations.\"a/b/c\": 'a/b/c' must be a label key, `name` or `prefix.example/name`, "
            "with at most 63 characters in its name; use letters, digits, '-', '_' and '.'"
        ),
    ),
    Case(
        "a package with a version after a blank",
        cluster(packages={"pip": ["optuna >= 4"]}),
        (
            "dask:clusters.a.packages.pip[0]: 'optuna >= 4' must be one package without blanks, quotes or other "
            "characters of a shell; try 'optuna>=4'"
        ),
    ),
    Case(
        "two packages in one",
        cluster(packages={"pip": ["optuna scikit-learn"]}),
        (
            "dask:clusters.a.packages.pip[0]: 'optuna scikit-learn' must be one package without blanks, quotes or "
            "other characters of a shell; try 'optuna', 'scikit-learn'"
        ),
    ),
    Case(
        "a package with a shell's characters",
        cluster(packages={"pip": ["$(id)"]}),
        (
            "dask:clusters.a.packages.pip[0]: '$(id)' must be one package without blanks, quotes or other "
            "characters of a shell; name one package, such as 'optuna==4.5'"
        ),
    ),
    Case(
        "packages installed by root under restricted pod security",
        cluster(packages={"conda": ["optuna"]}),
        (
            "dask:clusters.a.packages.conda: [\"optuna\"] are installed by root, which pod security 'restricted' "
            "forbids; set `dask:namespace.podSecurity: baseline`, use `packages.pip`, or bake them into an image"
        ),
        schema=False,
    ),
    Case(
        "a toleration of nothing",
        cluster(tolerations=[{"operator": "Equal", "value": "x"}]),
        (
            "dask:clusters.a.tolerations[0]: tolerates nothing without a key; add `key`, or `operator: Exists` for "
            "all taints"
        ),
    ),
]
