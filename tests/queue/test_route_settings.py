"""The settings of a route are arguments of `Route`, but for what a file has in their place."""

import inspect

from txsmtpx.queue.route import Route
from txsmtpx.queue.route_settings import SETTINGS


def test_each_setting_is_an_argument():
    arguments = set(inspect.signature(Route).parameters) - {"domain"}
    in_a_file = {"oauth", "allow_unverified_tls"}  # of the arguments auth and tls_verify
    assert {each.name for each in SETTINGS} - in_a_file == arguments - {"tls_verify"}


def test_the_defaults_are_those_of_the_argument():
    for each in SETTINGS:
        if each.name in ("lmtp", "tls", "eight_bit", "hostname"):
            assert inspect.signature(Route).parameters[each.name].default == each.default
