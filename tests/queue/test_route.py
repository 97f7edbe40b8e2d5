"""Routes: which counts for a domain, and what is refused."""

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock

from txsmtpx.queue.route import Route, Routes


def routes(*domains):
    return Routes(Route(domain, "tcp:192.0.2.1:25") for domain in domains)


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("example.org", "example.org"),
        ("lists.example.org", "lists.example.org"),
        ("a.lists.example.org", ".example.org"),
        ("www.example.org", ".example.org"),
        ("notexample.org", "*"),
        ("org", "*"),
        ("[192.0.2.9]", "*"),
    ],
)
def test_the_most_specific_route_counts(domain, key):
    assert routes("*", ".example.org", "example.org", "lists.example.org").key_of(domain) == key


def test_without_a_route_the_domain_is_the_destination():
    assert routes("example.org").key_of("example.net") == "example.net"
    assert routes("example.org").get("example.net") is None


def test_domains_are_compared_as_a_labels():
    assert routes("BÜCHER.example").key_of("xn--bcher-kva.example") == "xn--bcher-kva.example"
    assert routes("[IPv6:::ffff:192.0.2.9]").key_of("[192.0.2.9]") == "[192.0.2.9]"


def test_two_routes_for_one_domain_are_refused():
    with pytest.raises(ValueError, match=r"two routes for example\.org; leave one out"):
        routes("example.org", "EXAMPLE.org")


@pytest.mark.parametrize("domain", ["", ".", "exa mple.org", "ann@example.org", "*.example.org", "-"])
def test_what_is_no_domain_is_refused(domain):
    with pytest.raises(ValueError, match="a route is for a domain"):
        Route(domain, "tcp:192.0.2.1:25")


def test_other_values_are_refused():
    with pytest.raises(ValueError, match="connections must be 1 or more, not 0"):
        Route("*", "tcp:192.0.2.1:25", connections=0)
    with pytest.raises(TypeError, match="did you mean endpoint"):
        Route("*", endpoints="tcp:192.0.2.1:25")
    with pytest.raises(TypeError, match=r"^routes is a list of routes, such as \[Route\(\.\.\.\)\], not <Route \*>$"):
        Routes(Route("*", "tcp:192.0.2.1:25"))
    with pytest.raises(ValueError, match="no endpoint: nonsense"):
        Route("*", "nonsense").check(Clock())
    with pytest.raises(ValueError, match="without STARTTLS there is no TLS"):
        Route("*", TCP4ClientEndpoint(Clock(), "192.0.2.1", 25), without={"STARTTLS"}).check(Clock())


def test_a_secret_is_in_no_repr():
    assert "secret" not in repr(Route("*", "tls:mail.example.org:465", auth=("ann", "secret")))
