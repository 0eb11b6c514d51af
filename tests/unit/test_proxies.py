"""Which proxy a server is reached by: the cases are those of Go's own test (httpproxy/proxy_test.go), and more."""

import pytest

from components.kube.errors import KubeconfigError
from components.kube.proxies import proxy

NO_PROXY = (
    "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, "
    "2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64, nonsense/8, :80"
)


@pytest.mark.parametrize(
    ("host", "by_proxy"),
    [
        ("localhost", False),
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("[::1]", False),
        ("[::2]", True),
        ("192.168.1.1", False),
        ("192.168.1.2:81", False),
        ("192.168.1.2:82", True),
        ("192.168.1.3:80", False),
        ("192.168.1.3:81", True),
        ("192.168.1.4", True),
        ("10.0.0.2", False),
        ("10.0.0.4", True),
        ("[2001:db8::52:0:1]", False),
        ("[2001:db8::52:0:2]:443", False),
        ("[2001:db8::52:0:2]", False),
        ("[2001:db8::52:0:3]:80", False),
        ("[2001:db8::52:0:3]:81", True),
        ("[2002:db8:a::123]", False),
        ("[fe80::424b:c8be:1643:a1b6]", True),
        ("barbaz.net", True),
        ("www.barbaz.net", False),
        ("foobar.com", False),
        ("www.foobar.com", False),
        ("FOOBAR.com", False),
        ("foofoobar.com", True),
        ("wildcard.io", True),
        ("nested.one.wildcard.io", False),
        ("baz.com", True),
        ("localhost.net", True),
    ],
)
def test_no_proxy_is_read_as_go_reads_it(host: str, by_proxy: bool) -> None:
    found = proxy(f"https://{host}", "", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": NO_PROXY})

    assert (found is not None) == by_proxy


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"ALL_PROXY": "http://a"}, None),
        ({"HTTP_PROXY": "http://a"}, None),
        ({"HTTPS_PROXY": "a:3128"}, "http://a:3128"),
        ({"HTTPS_PROXY": "a"}, "http://a"),
        ({"https_proxy": "socks5://a"}, "socks5://a"),
        ({"HTTPS_PROXY": "https://a", "https_proxy": "http://b"}, "https://a"),
        ({"HTTPS_PROXY": "http://a", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": "http://a", "NO_PROXY": "b, *, c"}, None),
    ],
)
def test_the_environment_is_read_as_go_reads_it(environment: dict[str, str], found: str | None) -> None:
    got = proxy("https://lab.example", "", environment)

    assert (got.geturl() if got else None) == found


def test_a_proxy_of_the_kubeconfig_is_for_every_host() -> None:
    environment = {"HTTPS_PROXY": "http://other", "NO_PROXY": "*"}

    found = proxy("https://127.0.0.1:6443", "socks5://bastion", environment)

    assert found is not None
    assert found.hostname == "bastion"


def test_an_unknown_kind_of_proxy_is_refused() -> None:
    with pytest.raises(KubeconfigError, match="HTTPS_PROXY: a proxy's address begins with http://"):
        proxy("https://lab", "", {"HTTPS_PROXY": "socks4://a:1"})
