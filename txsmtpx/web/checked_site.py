"""A web site whose requests are checked: the host, the origin and the login."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource

from txsmtpx.web.checked_resource import CheckedResource
from txsmtpx.web.cross_origin import CrossOriginAccess
from txsmtpx.web.mounted_path import mounted
from txsmtpx.web.request_address import RequestAddresses
from txsmtpx.web.same_origin_check import SameOriginCheck
from txsmtpx.web.site_name import SiteName
from txsmtpx.web.site_request import AddressedSite, SiteRequest
from txsmtpx.web.web_login import WebLogin
from txsmtpx.wire.http_site import LimitedSite


class CheckedSite(AddressedSite):
    """
    Serve a front page and the paths below it.  `InboxSite` and `QueueSite` derive from it.

    Args:
        name: The name of the site.
        front: The front page.
        clock: It keeps the time.
        most: Connections at a time.
        names: Host names that the site accepts, see `SameOriginCheck`.
        path: The path of the front page.
        proxies: The networks of proxies whose fields ``X-Forwarded-*`` are read, see `RequestAddresses`.
        origins: The origins of other sites whose pages may use the API, see `CrossOriginAccess`.
        login: It checks the login of each request; None for no login.

    Raises:
        ValueError: A host name is not a domain, or the path, a network or an origin is wrong.
    """

    requestFactory = SiteRequest

    def __init__(
        self,
        name: SiteName,
        front: Resource,
        clock: IReactorTime,
        most: int,
        names: Iterable[str] = (),
        path: str = "/",
        proxies: Iterable[str] = (),
        origins: Iterable[str] = (),
        login: WebLogin | None = None,
    ) -> None:
        self.addresses = RequestAddresses(path, proxies)
        check = SameOriginCheck(name, names)
        root = CheckedResource(mounted(front, self.addresses.path), check, CrossOriginAccess(origins), login)
        LimitedSite.__init__(self, root, clock, f"the web {name.name}", most)
