"""Mistakes in Secrets, their types, service accounts, and who issues certificates."""

from tests.unit.badsettings.cases import Case, cluster

SECRETS = [
    Case(
        "a type of a Secret that does not exist",
        {"secretTypes": {"lake": "kubernetes.io/tls"}},
        (
            "dask:secretTypes.lake: 'kubernetes.io/tls' is the type of no Secret under `dask:secrets`; remove it, or "
            "add the Secret with `pulumi config set --secret`"
        ),
        schema=False,
    ),
    Case(
        "a short name of a type",
        {"secrets": {"web": {"tls.crt": "a", "tls.key": "b"}}, "secretTypes": {"web": "tls"}},
        (
            "dask:secretTypes.web: 'tls' must be one of Opaque, kubernetes.io/dockerconfigjson, "
            "kubernetes.io/basic-auth, kubernetes.io/ssh-auth, kubernetes.io/tls; choose one of them"
        ),
    ),
    Case(
        "a certificate without its key",
        {"secrets": {"web": {"tls.crt": "a"}}, "secretTypes": {"web": "kubernetes.io/tls"}},
        (
            "dask:secretTypes.web: 'kubernetes.io/tls' demands the key 'tls.crt' and 'tls.key' of the Secret; remove "
            "the line, or add the key to `dask:secrets.web`"
        ),
        schema=False,
    ),
    Case(
        "a login without a name and a password",
        {"secrets": {"web": {"token": "a"}}, "secretTypes": {"web": "kubernetes.io/basic-auth"}},
        (
            "dask:secretTypes.web: 'kubernetes.io/basic-auth' demands the key 'username' or 'password' of the Secret; "
            "remove the line, or add the key to `dask:secrets.web`"
        ),
        schema=False,
    ),
    Case(
        "a Docker configuration whose credentials are elsewhere",
        {"secrets": {"registry": {".dockerconfigjson": '{"auths": {}, "credsStore": "desktop"}'}}},
        (
            'dask:secrets.registry.".dockerconfigjson": must be the JSON of a Docker configuration with `auths`, as '
            "`docker login` writes it without a `credsStore`; see the recipe for private registries in docs/recipes.md"
        ),
        schema=False,
    ),
    Case(
        "a Docker configuration that is a password",
        {"secrets": {"registry": {".dockerconfigjson": "hunter2"}}},
        (
            'dask:secrets.registry.".dockerconfigjson": must be the JSON of a Docker configuration with `auths`, as '
            "`docker login` writes it without a `credsStore`; see the recipe for private registries in docs/recipes.md"
        ),
        schema=False,
    ),
    Case(
        "an issuer of certificates without TLS",
        cluster(tls={"issuer": {"name": "own"}}),
        "dask:clusters.a.tls.issuer: would be ignored, because tls is not enabled; add `enabled: true`",
        schema=False,
    ),
    Case(
        "an issuer of certificates that exist",
        cluster(tls={"enabled": True, "secret": "mine", "issuer": {"name": "own"}}),
        ("dask:clusters.a.tls.issuer: would be ignored, because the certificates come from `secret`; remove it"),
        schema=False,
    ),
    Case(
        "the account that every namespace has",
        {"serviceAccounts": {"default": {"annotations": {"a": "b"}}}},
        (
            "dask:serviceAccounts.default: is an account that Kubernetes creates in every namespace; choose another "
            "name, and set `serviceAccount`"
        ),
        schema=False,
    ),
    Case(
        "an account called like that of a job's schedule",
        {
            "jobs": {"nightly": {"schedule": "@daily", "runner": {"script": "pass"}}},
            "serviceAccounts": {"nightly-schedule": {}},
        },
        (
            "dask:serviceAccounts.nightly-schedule: 'nightly-schedule' is the name of a ServiceAccount that the "
            "program creates for the job 'nightly'; rename one"
        ),
        schema=False,
    ),
    Case(
        "an account called like a cluster's autoscaler",
        {
            "clusters": {"a": {"update": "recreate", "workers": {"minimum": 0, "maximum": 2}}},
            "serviceAccounts": {"a-autoscaler": {}},
        },
        (
            "dask:serviceAccounts.a-autoscaler: 'a-autoscaler' is the name of a ServiceAccount that the program "
            "creates for the cluster 'a'; rename one"
        ),
        schema=False,
    ),
    Case(
        "an account called like the operator's",
        {
            "namespace": {"name": "dask-operator"},
            "operator": {"createNamespace": False},
            "serviceAccounts": {"dask-operator-dask-kubernetes-operator": {}},
        },
        (
            "dask:serviceAccounts.dask-operator-dask-kubernetes-operator: 'dask-operator-dask-kubernetes-operator' is "
            "the name of the operator's own ServiceAccount; rename it"
        ),
        schema=False,
    ),
    Case(
        "credentials called like a notebook's token",
        {
            "clusters": {"a": {"notebook": {}}},
            "secrets": {"a-notebook": {".dockerconfigjson": '{"auths": {"registry.io": {}}}'}},
        },
        ("dask:secrets.a-notebook: is the name of a Secret that the program creates for the cluster 'a'; rename one"),
        schema=False,
    ),
    Case(
        "credentials called like a cluster's certificates",
        cluster(tls={"enabled": True})
        | {"secrets": {"a-tls-1": {".dockerconfigjson": '{"auths": {"registry.io": {}}}'}}},
        "dask:secrets.a-tls-1: is the name of a Secret that the program creates for the cluster 'a'; rename one",
        schema=False,
    ),
]
