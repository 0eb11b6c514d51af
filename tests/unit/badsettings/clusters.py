"""Mistakes in the endpoint, addresses, the operator and jobs."""

from tests.unit.badsettings.cases import Case, cluster, endpoint, ports

CLUSTERS = [
    Case(
        "a node port below all ranges",
        ports(scheduler=0),
        "dask:clusters.a.endpoint.nodePorts.scheduler: 0 must be at least 1; use 1",
    ),
    Case(
        "a node port above all ranges",
        ports(dashboard=65536),
        "dask:clusters.a.endpoint.nodePorts.dashboard: 65536 must be at most 65535; use 65535",
    ),
    Case(
        "a quoted node port",
        ports(scheduler="30786"),
        ("dask:clusters.a.endpoint.nodePorts.scheduler: '30786' must be a whole number; write 30786 without quotes"),
    ),
    Case(
        "equal node ports",
        ports(scheduler=30786, dashboard=30786),
        "dask:clusters.a.endpoint.nodePorts.dashboard: 30786 is the scheduler's port too; try 30787",
        schema=False,
    ),
    Case(
        "a node port for a dashboard that is not shown",
        endpoint(dashboard=False, nodePorts={"dashboard": 30787}),
        (
            "dask:clusters.a.endpoint.nodePorts.dashboard: 30787 would be ignored, because the dashboard is off; "
            "remove it"
        ),
        schema=False,
    ),
    Case(
        "more processes in one worker's pod",
        cluster(workers={"extraArgs": ["--nworkers=4"]}),
        (
            "dask:clusters.a.workers.extraArgs[0]: '--nworkers=4' would change how many workers a pod has; remove "
            "it, and set `processes`"
        ),
        schema=False,
    ),
    Case(
        "another name for all workers of a group",
        cluster(workerGroups={"g": {"extraArgs": ["--name", "w"]}}),
        (
            "dask:clusters.a.workerGroups.g.extraArgs[0]: '--name' would change the workers' names, which are "
            "needed to retire them; remove it"
        ),
        schema=False,
    ),
    Case(
        "new certificates where they come from elsewhere",
        cluster(tls={"enabled": True, "secret": "own", "rotation": 2}),
        ("dask:clusters.a.tls.rotation: 2 would be ignored, because the certificates come from `secret`; remove it"),
        schema=False,
    ),
    Case(
        "the operator in the clusters' namespace",
        {"namespace": {"name": "team"}, "operator": {"namespace": "team", "watch": ["team"]}, "clusters": {"a": {}}},
        (
            "dask:operator.namespace: 'team' is created for the clusters; choose another, or add "
            "`createNamespace: false`"
        ),
        schema=False,
    ),
    Case(
        "one node port in two clusters",
        {
            "clusters": {
                name: {"endpoint": {"type": "NodePort", "insecure": True, "nodePorts": {"scheduler": 30786}}}
                for name in ("a", "b")
            }
        },
        "dask:clusters.b.endpoint.nodePorts.scheduler: 30786 is a node port of the cluster 'a' too; try 30787",
        schema=False,
    ),
    Case(
        "node ports of a ClusterIP",
        cluster(endpoint={"nodePorts": {"scheduler": 30786}}),
        "dask:clusters.a.endpoint.nodePorts: have no meaning for type ClusterIP; remove it, or use `type: NodePort`",
    ),
    Case(
        "NodePort without tls",
        cluster(endpoint={"type": "NodePort"}),
        (
            "dask:clusters.a.endpoint.type: 'NodePort' without tls allows everyone who can reach the port to run "
            "code on the cluster; set `tls: {enabled: true}`, or `endpoint.insecure: true` if you mean it"
        ),
    ),
    Case(
        "LoadBalancer without tls",
        cluster(endpoint={"type": "LoadBalancer"}, tls={"enabled": False}),
        (
            "dask:clusters.a.endpoint.type: 'LoadBalancer' without tls allows everyone who can reach the port to "
            "run code on the cluster; set `tls: {enabled: true}`, or `endpoint.insecure: true` if you mean it"
        ),
    ),
    Case(
        "a source range that is none",
        endpoint(type="LoadBalancer", sourceRanges=["anywhere"]),
        (
            "dask:clusters.a.endpoint.sourceRanges[0]: 'anywhere' must be an address range; "
            "write one such as '10.0.0.0/8' or '192.0.2.10/32'"
        ),
    ),
    Case(
        "a source range without a length",
        endpoint(type="LoadBalancer", sourceRanges=["10.0.0.1"]),
        "dask:clusters.a.endpoint.sourceRanges[0]: '10.0.0.1' must have a prefix length; try '10.0.0.1/32'",
    ),
    Case(
        "source ranges that nothing honours",
        endpoint(sourceRanges=["10.0.0.0/8"]),
        (
            'dask:clusters.a.endpoint.sourceRanges: ["10.0.0.0/8"] would be ignored for type NodePort; use '
            "`dask:namespace.networkPolicies` and `allowFrom`"
        ),
    ),
    Case(
        "a range with bits beyond its length",
        {"namespace": {"networkPolicies": True, "allowFrom": ["10.0.0.1/8"]}},
        "dask:namespace.allowFrom[0]: '10.0.0.1/8' has bits set beyond its length; try '10.0.0.0/8'",
        schema=False,
    ),
    Case(
        "a range that nothing honours",
        {"namespace": {"allowFrom": ["10.0.0.0/8"]}},
        (
            'dask:namespace.allowFrom: ["10.0.0.0/8"] would be ignored, because networkPolicies is off; add '
            "`networkPolicies: true`"
        ),
    ),
    Case(
        "a dashboard that is neither on nor off",
        endpoint(dashboard="no"),
        "dask:clusters.a.endpoint.dashboard: 'no' must be true, false or a mapping; choose one of them",
    ),
    Case(
        "a hostname that nothing serves",
        endpoint(dashboard={"hostname": "dask.example.com", "login": "the proxy"}),
        (
            "dask:clusters.a.endpoint.dashboard.hostname: 'dask.example.com' needs exactly one of `ingressClass` and "
            "`gateway`; add `ingressClass: nginx`, or the class that your cluster has"
        ),
    ),
    Case(
        "a hostname without a login",
        endpoint(dashboard={"hostname": "dask.example.com", "ingressClass": "nginx"}),
        (
            "dask:clusters.a.endpoint.dashboard.hostname: 'dask.example.com' shows code and logs to everyone who "
            "reaches the name, because the dashboard has no login; add `login: the policy of the gateway`, in your "
            "words, if it is asked for elsewhere, or the annotation by which your ingress asks for it, such as "
            "nginx.ingress.kubernetes.io/auth-url"
        ),
        schema=False,
    ),
    Case(
        "a hostname that is a URL",
        endpoint(dashboard={"hostname": "https://Dask.example.com/", "ingressClass": "nginx", "login": "the proxy"}),
        (
            "dask:clusters.a.endpoint.dashboard.hostname: 'https://Dask.example.com/' must be a DNS name in lower "
            "case; try 'dask.example.com'"
        ),
    ),
    Case(
        "an ingress class without a hostname",
        endpoint(dashboard={"ingressClass": "nginx"}),
        (
            "dask:clusters.a.endpoint.dashboard.ingressClass: 'nginx' has no meaning without a hostname; add "
            "`hostname`, or remove it"
        ),
    ),
    Case(
        "a certificate where the gateway has one",
        endpoint(
            dashboard={"hostname": "a.example.com", "gateway": {"name": "g"}, "tlsSecret": "b", "login": "the gateway"}
        ),
        ("dask:clusters.a.endpoint.dashboard.tlsSecret: 'b' belongs to the gateway's listener; remove it"),
        schema=False,
    ),
    Case(
        "a node port of a dashboard with a hostname",
        endpoint(
            nodePorts={"dashboard": 30787},
            dashboard={"hostname": "a.example.com", "gateway": {"name": "g"}, "login": "the gateway"},
        ),
        (
            "dask:clusters.a.endpoint.nodePorts.dashboard: 30787 would be ignored, because the dashboard has a "
            "hostname of its own; remove it"
        ),
        schema=False,
    ),
    Case(
        "the class of a load balancer that is none",
        endpoint(loadBalancerClass="service.k8s.aws/nlb"),
        (
            "dask:clusters.a.endpoint.loadBalancerClass: 'service.k8s.aws/nlb' has no meaning for type NodePort; "
            "remove it"
        ),
    ),
    Case(
        "a traffic policy of a ClusterIP",
        cluster(endpoint={"externalTrafficPolicy": "Local"}),
        ("dask:clusters.a.endpoint.externalTrafficPolicy: 'Local' has no meaning for type ClusterIP; remove it"),
    ),
    Case(
        "a peer that is neither range nor namespace",
        {"namespace": {"networkPolicies": True, "allowFrom": [{"pods": {"app": "prometheus"}}]}},
        (
            "dask:namespace.allowFrom[0]: needs exactly one of `cidr` and `namespace`; add `namespace: monitoring`, or "
            "write a range such as 10.0.0.0/8"
        ),
    ),
    Case(
        "a peer of a wrong type",
        {"namespace": {"networkPolicies": True, "allowFrom": [8]}},
        (
            "dask:namespace.allowFrom[0]: 8 must be an address range or a mapping; "
            "write one such as '10.0.0.0/8' or '{namespace: monitoring}'"
        ),
    ),
    Case(
        "a host with a port",
        endpoint(host="http://dask.example.com:8786/"),
        (
            "dask:clusters.a.endpoint.host: 'http://dask.example.com:8786/' must be `auto`, a host name or an "
            "address; try 'dask.example.com'"
        ),
    ),
    Case(
        "an IPv6 address as in a URL",
        endpoint(host="tcp://[fd00::1]:30786"),
        (
            "dask:clusters.a.endpoint.host: 'tcp://[fd00::1]:30786' must be `auto`, a host name or an address; "
            "try 'fd00::1'"
        ),
    ),
    Case(
        "a host that is no address",
        endpoint(host="300.1.1.1"),
        (
            "dask:clusters.a.endpoint.host: '300.1.1.1' must be `auto`, a host name or an address; "
            "write one such as 'dask.example.com' or '192.0.2.10'"
        ),
        schema=False,
    ),
    Case(
        "tls with a Secret and switched off",
        cluster(tls={"secret": "mine"}),
        "dask:clusters.a.tls.secret: 'mine' would be ignored, because tls is not enabled; add `enabled: true`",
    ),
    Case(
        "adoption under blue/green",
        cluster(adopt=True),
        (
            "dask:clusters.a.adopt: true keeps the name that the cluster has, which `update: blueGreen` cannot; "
            "add `update: recreate`"
        ),
    ),
    Case(
        "one port for two things",
        cluster(scheduler={"port": 8787}),
        "dask:clusters.a.scheduler.dashboardPort: 8787 is the scheduler's port too; choose another",
        schema=False,
    ),
    Case(
        "a job without a program",
        {"jobs": {"a": {}}},
        'dask:jobs.a.runner: is missing; add it, such as `runner: {"command": ["python", "program.py"]}`',
    ),
    Case(
        "a job that has nothing to run",
        {"jobs": {"a": {"runner": {}}}},
        (
            "dask:jobs.a.runner: needs exactly one of `command` and `script`; add one, such as `command: [python, "
            "program.py]`"
        ),
    ),
    Case(
        "an operator that looks elsewhere",
        {"operator": {"watch": ["b"]}, "clusters": {"a": {}}},
        "dask:operator.watch: [\"b\"] does not contain 'dask', where this stack's clusters are; add it",
        schema=False,
    ),
    Case(
        "an operator that looks nowhere",
        {"operator": {"watch": []}},
        "dask:operator.watch: [] must not be empty; remove the line, or give it a value",
    ),
    Case(
        "a chart from a folder",
        {"operator": {"chart": {"repository": "./charts", "version": "1"}}},
        (
            "dask:operator.chart.repository: './charts' must be an address that begins with https://, http:// or "
            "oci://; write one such as 'https://helm.dask.org'"
        ),
    ),
    Case(
        "a secret's value as a number",
        {"secrets": {"storage": {"PIN": 1234}}},
        "dask:secrets.storage.PIN: must be a string; quote it",
    ),
]
