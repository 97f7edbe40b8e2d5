"""
Middleware that reports the calls of a backend to an observer: how many there are now, how long, and how they ended.

It stands directly around the backend.  So the time of filters and of other middleware is not in its figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from twisted.internet.defer import Deferred

from txsmtpx.arguments import checked
from txsmtpx.dialog.observer import guarded
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import (
    Answer,
    BackendCall,
    BackendLike,
    BackendObserverLike,
    BackendStage,
    Clock,
    Connection,
    DataContext,
    Eventual,
    Message,
    Outcome,
    Reactor,
    SessionLike,
    clock_of,
)
from txsmtpx.middleware.measured_delivery import MeasuredContext, outcome_name
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.settling import settle

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class MeasuredBackend(Middleware):
    """
    A backend whose calls are measured.  ``twistd smtpx --metrics`` measures each of its backends.

    Args:
        backend: The backend.
        name: Its name in the metrics.
        observer: It gets the calls; a `txsmtpx.observers.metrics_observer.MetricsObserver`, or one of your own.
        reactor: The reactor, for its clock.  None: the global one.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The name is empty.

    Example:
        >>> from txsmtpx import MemoryBackend, SMTPServerFactory
        >>> from txsmtpx.observers.metrics_observer import MetricsObserver
        >>> metrics = MetricsObserver()
        >>> backend = MeasuredBackend(MemoryBackend(), "orders", metrics)
        >>> factory = SMTPServerFactory(backend, observers=[metrics])
    """

    @checked
    def __init__(
        self, backend: BackendLike, name: str, observer: BackendObserverLike, *, reactor: Reactor | None = None
    ) -> None:
        super().__init__(backend)
        if not name:
            raise ValueError("name must be the name of the backend in the metrics, not ''")
        self._meter = _Meter(name, observer, clock_of(reactor))

    def session(self, session: SessionLike, connection: Connection) -> _MeasuredSession:
        """
        Return a session that is measured.

        Args:
            session: The session of the backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _MeasuredSession(session, connection, self._meter)


class _Meter:
    """What the sessions of a backend share.  An exception of the observer is logged."""

    def __init__(self, name: str, observer: BackendObserverLike, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.call_began = guarded(observer.call_began)
        self.call_ended = guarded(observer.call_ended)


class _MeasuredSession(MiddlewareSession):
    def __init__(self, inner: SessionLike, connection: Connection, meter: _Meter) -> None:
        super().__init__(inner, connection)
        self._meter = meter
        self._delivery: MeasuredContext | None = None

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """Handle MAIL."""
        return self._measured("mail", self.inner.mail, sender, options)

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """Handle RCPT."""
        return self._measured("recipient", self.inner.rcpt, recipient, options)

    def _measured(
        self, stage: BackendStage, method: Callable[P, Eventual[Answer]], *args: P.args, **kwargs: P.kwargs
    ) -> Eventual[Answer]:
        meter = self._meter
        began = meter.clock.seconds()
        meter.call_began(meter.name, stage)

        def ended(result: T) -> T:
            seconds = meter.clock.seconds() - began
            meter.call_ended(BackendCall(meter.name, stage, (outcome_name(result),), seconds))
            return result

        return _followed(ended, method, *args, **kwargs)

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """Handle DATA.  The call ends with the transaction, since other threads may report outcomes until then."""
        delivery = self._delivery = MeasuredContext(context, message, self._meter.clock)
        self._meter.call_began(self._meter.name, "data")

        def returned(result: T) -> T:
            delivery.returned(result)
            return result

        return _followed(returned, self.inner.data, delivery.message, delivery)

    def reset(self) -> object:
        """End the transaction."""
        self._end()
        return self.inner.reset()

    def logout(self) -> object:
        """End the session."""
        self._end()
        return self.inner.logout()

    def _end(self) -> None:
        delivery, self._delivery = self._delivery, None
        if delivery is not None:
            self._meter.call_ended(delivery.call(self._meter.name))


def _followed(
    then: Callable[[object], object], method: Callable[P, Eventual[T]], *args: P.args, **kwargs: P.kwargs
) -> Eventual[T]:
    """Call a method, and a function with its result or its exception."""
    try:
        result = settle(method(*args, **kwargs))
    except BaseException as error:
        then(error)
        raise
    if isinstance(result, Deferred):
        return result.addBoth(then)
    then(result)
    return result
