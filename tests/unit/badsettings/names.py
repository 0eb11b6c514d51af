"""Mistakes in names of clusters, namespaces, groups and keys."""

from tests.unit.badsettings.cases import Case, cluster, named

NAMES = [
    Case(
        "a cluster's name in upper case",
        named("Dask"),
        (
            "dask:clusters.Dask: 'Dask' must be lower-case letters, digits and '-', starting with a letter and "
            "ending with a letter or digit; try 'dask'"
        ),
    ),
    Case(
        "a cluster's name of 64 characters",
        named("a" * 64),
        (
            "dask:clusters.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at most 44 characters, "
            "not 64, because a dash and a hash of 8 are added and the Service '…-scheduler' can have 63; try "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
    ),
    Case(
        "a cluster's name of 54 characters",
        named("a" * 54),
        (
            "dask:clusters.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at most 44 characters, not 54, "
            "because a dash and a hash of 8 are added and the Service '…-scheduler' can have 63; try "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
    ),
    Case(
        "a cluster's name that a hash makes too long",
        named("a" * 45),
        (
            "dask:clusters.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at most 44 characters, not 45, because a "
            "dash and a hash of 8 are added and the Service '…-scheduler' can have 63; try "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
        schema=False,
    ),
    Case(
        "a recreated cluster's name of 54 characters",
        {"clusters": {"a" * 54: {"update": "recreate"}}},
        (
            "dask:clusters.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at most 53 characters, not 54, "
            "because the Service '…-scheduler' can have 63; try 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
    ),
    Case(
        "a cluster's name with an underscore",
        named("a_b"),
        (
            "dask:clusters.a_b: 'a_b' must be lower-case letters, digits and '-', starting with a letter and "
            "ending with a letter or digit; try 'a-b'"
        ),
    ),
    Case(
        "a cluster's name that begins with a dash",
        named("-a"),
        (
            "dask:clusters.-a: '-a' must be lower-case letters, digits and '-', starting with a letter and ending "
            "with a letter or digit; try 'a'"
        ),
    ),
    Case(
        "an empty cluster's name",
        named(""),
        "dask:clusters.\"\": '' must not be empty; give it a name, such as 'analytics'",
    ),
    Case(
        "a cluster's name with a line break",
        named("tail\n"),
        (
            "dask:clusters.\"tail\\n\": 'tail\\n' must be lower-case letters, digits and '-', starting with a "
            "letter and ending with a letter or digit; try 'tail'"
        ),
    ),
    Case(
        "a cluster's name that begins with a digit",
        named("1abc"),
        (
            "dask:clusters.1abc: '1abc' must start with a letter, because the Service '1abc-scheduler' would be "
            "refused; try 'c1abc'"
        ),
    ),
    Case(
        "a cluster's name with a dot",
        named("a.b"),
        (
            "dask:clusters.\"a.b\": 'a.b' must be lower-case letters, digits and '-', starting with a letter and "
            "ending with a letter or digit; try 'a-b'"
        ),
    ),
    Case(
        "a cluster called like another's Service",
        {"clusters": {"a": {}, "a-scheduler": {}}},
        (
            "dask:clusters.a-scheduler: 'a-scheduler' is the name of a Service that the program creates for the "
            "cluster 'a'; rename one"
        ),
        schema=False,
    ),
    Case(
        "a cluster called like another's notebook",
        {"clusters": {"a": {"notebook": {}}, "a-notebook": {}}},
        (
            "dask:clusters.a-notebook: 'a-notebook' is the name of a Service that the program creates for the "
            "cluster 'a'; rename one"
        ),
        schema=False,
    ),
    Case(
        "a cluster called like another's dashboard",
        {
            "clusters": {
                "a": {
                    "endpoint": {"dashboard": {"hostname": "a.io", "ingressClass": "nginx", "login": "at the proxy"}}
                },
                "a-dashboard": {},
            }
        },
        (
            "dask:clusters.a-dashboard: 'a-dashboard' is the name of a Service that the program creates for the "
            "cluster 'a'; rename one"
        ),
        schema=False,
    ),
    Case(
        "a namespace of Kubernetes' own",
        {"namespace": {"name": "kube-system"}},
        (
            "dask:namespace.name: 'kube-system' belongs to Kubernetes itself, and `destroy` would delete it; "
            "choose a namespace of your own"
        ),
    ),
    Case(
        "the default namespace as one's own",
        {"namespace": {"name": "default"}},
        (
            "dask:namespace.name: 'default' exists in every Kubernetes cluster and cannot be deleted; "
            "add `create: false`, or choose another"
        ),
    ),
    Case(
        "a quota for a namespace that belongs to somebody else",
        {"namespace": {"create": False, "quota": {"pods": 9}}},
        (
            "dask:namespace.quota: would apply to the pods of others, too, because this stack does not create "
            "the namespace; remove it, or leave `create` out"
        ),
        schema=False,
    ),
    Case(
        "limits for a namespace that belongs to somebody else",
        {"namespace": {"create": False, "limits": {"cpu": "1"}}},
        (
            "dask:namespace.limits: would apply to the pods of others, too, because this stack does not create "
            "the namespace; remove it, or leave `create` out"
        ),
        schema=False,
    ),
    Case(
        "a namespace with a line break",
        {"namespace": {"name": "tail\n"}},
        (
            "dask:namespace.name: 'tail\\n' must be lower-case letters, digits and '-', starting with a letter or "
            "digit and ending with a letter or digit; try 'tail'"
        ),
    ),
    Case(
        "a namespace of 64 characters",
        {"namespace": {"name": "a" * 64}},
        (
            "dask:namespace.name: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at "
            "most 63 characters, not 64; shorten it"
        ),
    ),
    Case(
        "a worker group called default",
        cluster(workerGroups={"default": {}}),
        (
            "dask:clusters.a.workerGroups.default: 'default' is what the operator calls the workers under "
            "`workers`; choose another name"
        ),
    ),
    Case(
        "a worker group whose name is too long beside the cluster's",
        cluster(workerGroups={"b" * 44: {}}),
        (
            "dask:clusters.a.workerGroups.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: "
            "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' and the cluster's name may have 44 characters together, "
            "not 45; shorten one of the two"
        ),
        schema=False,
    ),
    Case(
        "a cluster's name that leaves no room for groups",
        {"clusters": {"a" * 44: {"workerGroups": {"b": {}}}}},
        (
            f"dask:clusters.{'a' * 44}.workerGroups.b: 'b' and the cluster's name may have 44 characters together, "
            "not 45; shorten one of the two"
        ),
        schema=False,
    ),
    Case(
        "a job called like a cluster",
        {"clusters": {"a": {}}, "jobs": {"a": {"runner": {"script": "pass"}}}},
        "dask:jobs.a: 'a' is the name of a cluster too; rename one",
        schema=False,
    ),
    Case(
        "a job's name that a hash makes too long",
        {"jobs": {"a" * 45: {"runner": {"script": "pass"}}}},
        (
            "dask:jobs.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' must have at most 44 characters, not 45, because a "
            "dash and a hash of 8 are added and the Service '…-scheduler' can have 63; try "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
        schema=False,
    ),
    Case(
        "a Secret's key with a blank",
        {"secrets": {"s": {"a key": "x"}}},
        "dask:secrets.s.\"a key\": 'a key' must be a Secret's key: letters, digits, '-', '_' and '.'; rename it",
    ),
]
