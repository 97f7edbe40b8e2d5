"""The options of a web site: its host names, its path, its proxies and its login.  Each site has options of its own."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword

from txsmtpx.command.groups.authentication import AnyChecker, checker_of
from txsmtpx.command.groups.listening import NETWORK
from txsmtpx.command.kind import DOMAIN_KEY, FILE, Kind
from txsmtpx.command.option import Option, Values, option, repeated
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.web_names import UNIX, web_path

Texts = tuple[str, ...]


@dataclass(frozen=True)
class SiteOptions:
    """
    The options of a site.  `site_options` creates them.

    Attributes:
        host: Host names that browsers may use.
        path: The path of the site.
        proxy: The networks of proxies.
        auth: The logins, as for ``--auth``.
        tokens: The file of tokens.
    """

    host: Option[Texts]
    path: Option[str]
    proxy: Option[Texts]
    auth: Option[Texts]
    tokens: Option[str | None]

    def checker(self, values: Values) -> ICredentialsChecker | None:
        """
        Return the checker of the logins.

        Args:
            values: The values of the options.

        Returns:
            The checker; None for no login.

        Raises:
            OptionError: A login cannot be used, or there are tokens without a login.
        """
        logins = values[self.auth]
        if not logins:
            if values[self.tokens] is not None:
                raise self.tokens.fault(values[self.tokens], "there is no login; add", self.auth.name)
            return None
        checkers = [checker_of(each, self.auth) for each in logins]
        for description, checker in zip(logins, checkers, strict=True):
            if IUsernamePassword not in checker.credentialInterfaces:
                kind = description.partition(":")[0]
                text = "a browser logs in by a password, which this type does not check; use file:PATH"
                raise self.auth.fault(kind, text)
        return AnyChecker(checkers, self.auth)

    def read_tokens(self, values: Values) -> ApiTokens | None:
        """
        Read the file of tokens.

        Args:
            values: The values of the options.

        Returns:
            The tokens; None for none.

        Raises:
            OptionError: The file cannot be used.
        """
        path = values[self.tokens]
        try:
            return None if path is None else ApiTokens(path)
        except OSError as error:
            raise self.tokens.fault(path, f"cannot read the file: {error.strerror}") from error
        except ValueError as error:
            raise self.tokens.fault(path, str(error)) from error


def site_options(port: str, site: str) -> SiteOptions:
    """
    Create the options of a site.

    Args:
        port: The option of its port, with which their names begin.
        site: The name of the site in the help, such as "the web inbox".

    Returns:
        The options.

    Example:
        >>> site_options("web", "the web inbox").host.name
        'web-host'
    """
    return SiteOptions(
        host=repeated(
            f"{port}-host",
            Kind("NAME", (str,), DOMAIN_KEY.read),
            f"Let browsers call {site} by a host name besides localhost and addresses.",
            about="process",
        ),
        path=option(
            f"{port}-path",
            Kind("PATH", (str,), _path),
            f"Serve {site} below a path, such as /mail, for a proxy that passes the path on.",
            "/",
            about="process",
        ),
        proxy=repeated(
            f"{port}-proxy",
            Kind("NETWORK", (str,), _proxy),
            "Obey X-Forwarded-Host, -Proto, -Prefix and -For from the proxies of a network, such as 127.0.0.1, or "
            "unix.",
            about="process",
        ),
        auth=repeated(
            f"{port}-auth",
            Kind("TYPE:ARGUMENT", (str,), str),
            f"Require a login for {site}: the name and the password of a user, such as file:PATH.  The types are those "
            "of --auth.",
            secret=True,
            about="process",
        ),
        tokens=option(
            f"{port}-tokens",
            FILE,
            f"Accept the tokens of a file for {site} too, from programs.  Its lines are NAME TOKEN.",
            None,
            about="process",
        ),
    )


def _path(text: str) -> str:
    web_path(text)
    return text


def _proxy(text: str) -> str:
    if text == UNIX:
        return text
    try:
        return NETWORK.read(text)
    except ValueError as error:
        raise ValueError(str(error).replace("must be a network,", f"must be {UNIX}, or a network,")) from error
