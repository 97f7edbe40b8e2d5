"""The backend and the consumer of AMQP with a real RabbitMQ: what is acknowledged is stored, also when it is killed."""

from __future__ import annotations

import contextlib
import shlex
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent

from tests.consume.queue import envelope as envelope_of
from tests.docs.page import Page
from tests.interop.rabbitmq_server import RabbitMQServer
from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import environment, run
from txsmtpx import SMTPError, send_mail
from txsmtpx.backends import amqp_message
from txsmtpx.backends.amqp import AMQPBackend
from txsmtpx.backends.amqp_channel import AMQPChannel, BrokerError
from txsmtpx.backends.amqp_connection import AMQPConnection
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.consume import Consumer, PartlyHandled, QueuedMessage, Reject
from txsmtpx.consume.amqp_source import AMQPSource
from txsmtpx.settling import deferred_call

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import BasicProperties

PAGE = Page("docs/howto/rabbitmq.md")
BROKER = PAGE.take("shell", "add_user").text
SERVE = PAGE.take("shell", "twistd").text
LISTED = PAGE.take("console").text
CONSUME = PAGE.take("shell", "txsmtpx.consume").text
HANDLER = PAGE.take("python", "Consumer(").text
CONFIGURATION = PAGE.take("toml").text
PROGRAM = PAGE.take("python", "AMQPBackend(").text

MESSAGE = b"Subject: hello\r\n\r\nHello\r\n"

pytestmark = [pytest.mark.system, pytest.mark.time_limit(60)]


def log_text(logs) -> str:
    return "\n".join(map(formatEvent, logs))


@pytest_twisted.async_yield_fixture
async def publish(make_smtp_server):
    """Makes a function that sends a message to a server with a backend of AMQP, and returns the reply."""
    backends = []

    def make(url: str, **settings):
        backend = AMQPBackend(url, **settings)
        backends.append(backend)
        server = make_smtp_server(backend, max_message_bytes=0)

        async def send(content: bytes, *recipients: str, **envelope) -> str:
            to = recipients or ("bob@example.net",)
            try:
                result = await send_mail(f"tcp:127.0.0.1:{server.port}", "ann@example.org", to, content, **envelope)
            except SMTPError as error:
                return f"{error.code} {error.message}"
            return f"{result.accepted[0][1].code}"

        return send

    yield make
    for backend in backends:
        await backend.close()


class Collected:
    """A consumer that collects the messages of a queue."""

    def __init__(self, url: str, handler=None, settings=None, **source) -> None:
        self.messages: list[QueuedMessage] = []
        self.contents: list[bytes] = []
        self._handler = handler
        self._changed: list[Deferred[None]] = []
        self.consumer = Consumer(AMQPSource(url, **source), self._handle, **(settings or {}))
        self.consumer.startService()

    async def _handle(self, message: QueuedMessage) -> None:
        content = message.content()
        self.messages.append(message)
        self.contents.append(content)
        if self._handler is not None:
            await deferred_call(self._handler, message)

    async def wait(self, number: int) -> None:
        while len(self.messages) < number:
            await deferLater(reactor, 0.02, lambda: None)

    async def stop(self) -> None:
        await self.consumer.stopService()


@pytest_twisted.async_yield_fixture
async def collect():
    """Makes consumers, which are stopped."""
    made = []

    def make(*args, **kwargs) -> Collected:
        made.append(Collected(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


@pytest_twisted.async_yield_fixture
async def raw(rabbitmq):
    """A channel for the test itself."""

    async def prepare(channel) -> None:
        pass

    connection = AMQPConnection(AMQPURL.parsed(rabbitmq.url), prepare, 10, None, None, None, None)
    yield (await connection.channel()).channel
    await connection.close()


async def next_of(raw, queue: str):
    """Wait for a message, which stays in the queue when the channel is closed."""
    while (found := await raw.basic_get(queue)) is None:
        await pause(0.02)
    return found


async def pause(seconds: float) -> None:
    await deferLater(reactor, seconds, lambda: None)


async def test_a_message_goes_through(rabbitmq, publish, collect) -> None:
    send = publish(rabbitmq.url, queue="through")
    assert await send(MESSAGE, "bob@example.net", "carol@example.net") == "250"
    collected = collect(rabbitmq.url, queue="through")
    await collected.wait(1)
    (message,) = collected.messages
    assert collected.contents == [MESSAGE]
    assert message.envelope.sender == "ann@example.org"
    assert [each.address for each in message.envelope.recipients] == ["bob@example.net", "carol@example.net"]
    assert (message.attempt, message.id.partition("@")[0]) == (1, message.envelope.queue_id)


async def test_the_message_in_the_broker(rabbitmq, publish, raw) -> None:
    assert await publish(rabbitmq.url, queue="properties")(MESSAGE) == "250"
    found = await next_of(raw, "properties")
    assert found.body == MESSAGE
    properties = found.properties
    assert (properties.delivery_mode, properties.content_type, properties.app_id) == (2, "message/rfc822", "txsmtpx")
    assert properties.headers["smtp-sender"] == "ann@example.org"
    assert properties.headers["smtp-recipients"] == '["bob@example.net"]'
    assert properties.headers["smtp-protocol"] == "ESMTP"
    assert properties.message_id.startswith(properties.headers["smtp-queue-id"] + "@")
    listed = rabbitmq.control("list_queues", "name", "type", "durable").split("\n")
    assert ["properties", "quorum", "true"] in [line.split("\t") for line in listed]


async def test_a_long_body_is_in_a_file(rabbitmq, publish, collect, tmp_path) -> None:
    settings = {"queue": "long", "bodies": str(tmp_path)}
    content = MESSAGE + b"x" * 70 * 14_000 + b"\r\n"
    assert await publish(rabbitmq.url, inline=1000, **settings)(content) == "250"
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == content
    collected = collect(rabbitmq.url, **settings)
    await collected.wait(1)
    assert collected.contents == [content]
    assert collected.messages[0].body == file
    while file.exists():
        await pause(0.02)
    assert [each.name for each in tmp_path.iterdir()] == [f"{file.name}.done"]


async def test_a_lost_acknowledgement(rabbitmq, publish, collect, tmp_path) -> None:
    """The body has a mark, and the message comes again."""
    settings = {"queue": "again", "bodies": str(tmp_path)}
    assert await publish(rabbitmq.url, inline=10, **settings)(MESSAGE) == "250"
    (file,) = tmp_path.iterdir()
    BodyDirectory(str(tmp_path)).mark(file.name)
    collected = collect(rabbitmq.url, **settings)
    while file.exists():
        await pause(0.02)
    await collected.stop()
    assert collected.messages == []
    assert rabbitmq.control("list_queues", "name", "messages").count("again\t0") == 1


async def test_a_long_body_is_rejected(rabbitmq, publish) -> None:
    send = publish(rabbitmq.url, queue="rejected", inline=1000)
    assert await send(b"x" * 70 * 100) == "552 Message too big"
    assert await send(MESSAGE) == "250"


async def test_no_queue_takes_the_message(rabbitmq, publish, raw) -> None:
    await raw.exchange_declare("nowhere", "direct", durable=True)
    send = publish(rabbitmq.url, exchange="nowhere", routing_key="a")
    with capturedLogs() as logs:
        replies = await gatherResults([Deferred.fromCoroutine(send(MESSAGE)) for _ in range(20)])
    assert {reply[:3] for reply in replies} == {"451"}
    assert "the broker has returned the message: 312 NO_ROUTE" in log_text(logs)
    await raw.queue_declare("somewhere", durable=True, arguments={"x-queue-type": "quorum"})
    await raw.queue_bind("somewhere", "nowhere", "a")
    assert await send(MESSAGE) == "250"
    assert (await next_of(raw, "somewhere")).body == MESSAGE


async def test_routable_messages_beside_others(rabbitmq, raw) -> None:
    """One acknowledgement may confirm both; each message has its own outcome all the same."""
    channel = AMQPChannel(raw, "test")
    await raw.queue_declare("beside", durable=True, arguments={"x-queue-type": "quorum"})
    outcomes = []
    for number in range(200):
        envelope = envelope_of("bob@example.net")
        properties = amqp_message.properties_of(str(number), envelope, {})
        key = "beside" if number % 3 else "unknown"
        outcomes.append(channel.publish("", key, b"", properties).addErrback(lambda failure: failure.value))
    results = await gatherResults(outcomes)
    assert [isinstance(each, BrokerError) for each in results] == [number % 3 == 0 for number in range(200)]
    assert not any(each.unknown for each in results if each is not None)


async def test_an_alarm_of_the_broker(rabbitmq, publish) -> None:
    send = publish(rabbitmq.url, queue="alarm")
    hasty = publish(rabbitmq.url, queue="alarm", timeout=2)
    assert [await send(MESSAGE), await hasty(MESSAGE)] == ["250", "250"]
    await deferToThread(rabbitmq.alarm, on=True)
    try:
        # RabbitMQ blocks a connection when it publishes, so the first messages wait in the broker.
        waiting = [Deferred.fromCoroutine(send(MESSAGE)) for _ in range(3)]
        assert (await hasty(MESSAGE))[:3] == "451"
        waiting += [Deferred.fromCoroutine(send(MESSAGE)) for _ in range(3)]
        await pause(0.2)
        assert [each.called for each in waiting] == [False] * 6
    finally:
        await deferToThread(rabbitmq.alarm, on=False)
    assert await gatherResults(waiting) == ["250"] * 6
    assert await hasty(MESSAGE) == "250"


async def test_tls(rabbitmq, publish, certificate) -> None:
    trusted = publish(rabbitmq.tls_url, queue="tls", trust_roots=str(certificate.certificate))
    assert await trusted(MESSAGE) == "250"
    with capturedLogs() as logs:
        assert (await publish(rabbitmq.tls_url, queue="tls")(MESSAGE))[:3] == "451"
        plain = rabbitmq.url.replace("amqp:", "amqps:")
        assert (await publish(plain, queue="tls")(MESSAGE))[:3] == "451"
        endpoint = HostnameEndpoint(reactor, "localhost", rabbitmq.tls_port)
        roots = str(certificate.certificate)
        named = publish("amqps://broker.example.org", queue="tls", trust_roots=roots, endpoint=endpoint)
        assert (await named(MESSAGE))[:3] == "451"
    text = log_text(logs)
    assert "the certificate is self-signed" in text
    assert "not TLS, such as plain text" in text
    assert "the certificate is for another name than broker.example.org" in text


async def test_a_wrong_password(rabbitmq, publish) -> None:
    url = rabbitmq.url.replace("//", "//guest:hunter2@")
    with capturedLogs() as logs:
        assert (await publish(url)(MESSAGE))[:3] == "451"
    assert "ACCESS_REFUSED" in log_text(logs)
    assert "hunter2" not in log_text(logs)


async def test_a_queue_of_another_type(rabbitmq, publish, raw) -> None:
    await raw.queue_declare("old", durable=True, arguments={"x-queue-type": "classic"})
    with capturedLogs() as logs:
        assert (await publish(rabbitmq.url, queue="old")(MESSAGE))[:3] == "451"
        assert (await publish(rabbitmq.url, queue="none", queue_type="existing")(MESSAGE))[:3] == "451"
    assert "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'old'" in log_text(logs)
    assert "404 NOT_FOUND - no queue 'none'" in log_text(logs)
    assert await publish(rabbitmq.url, queue="old", queue_type="classic")(MESSAGE) == "250"
    assert await publish(rabbitmq.url, queue="old", queue_type="existing")(MESSAGE) == "250"


async def test_attempts(rabbitmq, publish, collect, logged_failures) -> None:
    def handle(message: QueuedMessage) -> None:
        if message.attempt < 3:
            raise ZeroDivisionError

    assert await publish(rabbitmq.url, queue="attempts")(MESSAGE) == "250"
    collected = collect(rabbitmq.url, handle, {"delays": [0.1, 0.2]}, queue="attempts")
    await collected.wait(3)
    assert [each.attempt for each in collected.messages] == [1, 2, 3]
    assert collected.contents == [MESSAGE] * 3
    assert len({each.id for each in collected.messages}) == 1
    await collected.stop()
    assert await counts(rabbitmq, "attempts") == {"attempts": 0, "attempts.retry.0.1": 0, "attempts.retry.0.2": 0}
    logged_failures.flush(ZeroDivisionError)


async def counts(rabbitmq: RabbitMQServer, beginning: str) -> dict[str, int]:
    """The messages in the queues with this beginning."""
    await pause(0.1)  # an acknowledgement has no answer
    lines = (await deferToThread(rabbitmq.control, "list_queues", "name", "messages")).splitlines()
    pairs = [line.split("\t") for line in lines if line.startswith(beginning)]
    return {name: int(number) for name, number in sorted(pairs)}


async def test_the_dead_letter_queue(rabbitmq, publish, collect, raw, tmp_path) -> None:
    def handle(message: QueuedMessage) -> None:
        if message.attempt == 1:
            raise PartlyHandled("452 full", again=[0], rejected=[2])
        raise Reject("550 no such table")

    settings = {"queue": "given-up", "bodies": str(tmp_path)}
    send = publish(rabbitmq.url, inline=1, **settings)
    assert await send(MESSAGE, "a@example.net", "b@example.net", "c@example.net") == "250"
    collected = collect(rabbitmq.url, handle, {"delays": [0.1]}, **settings)
    await collected.wait(2)
    found = [await next_of(raw, "given-up.dead") for _ in range(2)]
    headers = [each.properties.headers for each in found]
    assert [each["smtp-reason"] for each in headers] == ["452 full", "550 no such table"]
    assert [each["smtp-recipients"] for each in headers] == ['["c@example.net"]', '["a@example.net"]']
    files = [tmp_path / each["smtp-body-file"] for each in headers]
    assert [file.read_bytes() for file in files] == [MESSAGE] * 2
    assert sorted(tmp_path.iterdir()) == sorted(files)


async def test_a_message_of_another_program(rabbitmq, publish, collect, raw) -> None:
    assert await publish(rabbitmq.url, queue="foreign")(MESSAGE) == "250"
    collected = collect(rabbitmq.url, queue="foreign")
    await collected.wait(1)
    for headers in ({}, {"smtp-sender": 7}, {"smtp-body-file": "../x"}):
        await raw.basic_publish("", "foreign", b"{}", BasicProperties(headers=headers, expiration="60000"))
    found = [await next_of(raw, "foreign.dead") for _ in range(3)]
    assert [each.body for each in found] == [b"{}"] * 3
    assert found[0].properties.headers["smtp-reason"] == "the envelope lacks the field queue_id"
    assert len(collected.messages) == 1


async def test_a_stopped_consumer_returns_its_messages(rabbitmq, publish, collect) -> None:
    send = publish(rabbitmq.url, queue="stopped")
    assert [await send(MESSAGE) for _ in range(3)] == ["250"] * 3
    first = collect(rabbitmq.url, lambda message: Deferred(), {"grace": 0, "concurrency": 2}, queue="stopped")
    await first.wait(2)
    await first.stop()
    assert len(first.messages) == 2
    second = collect(rabbitmq.url, queue="stopped")
    await second.wait(3)
    assert sorted(each.attempt for each in second.messages) == [1, 2, 2]


async def test_the_queue_is_deleted_while_it_is_consumed(rabbitmq, publish, collect, raw) -> None:
    send = publish(rabbitmq.url, queue="deleted")
    assert await send(MESSAGE) == "250"
    collected = collect(rabbitmq.url, queue="deleted")
    await collected.wait(1)
    await pause(0.2)
    await raw.queue_delete("deleted")
    await pause(1.5)
    assert await send(MESSAGE) == "250"
    await collected.wait(2)


class Load:
    """Clients that send messages one after the other, and note which ones are accepted."""

    def __init__(self, send, name: str) -> None:
        self.accepted: set[str] = set()
        self.rejected = 0
        self._send = send
        self._name = name
        self._going = True
        self._clients = [Deferred.fromCoroutine(self._run(number)) for number in range(8)]

    async def _run(self, number: int) -> None:
        turn = 0
        while self._going:
            turn += 1
            name = f"{self._name}-{number}-{turn}"
            reply = await self._send(b"Subject: %b\r\n\r\n%b\r\n" % (name.encode(), b"x" * (turn % 5 * 5000)))
            if reply[:3] == "250":
                self.accepted.add(name)
            else:
                assert reply[:3] == "451"
                self.rejected += 1
                await pause(0.3)

    async def stop(self) -> None:
        self._going = False
        await gatherResults(self._clients)


def subjects(collected: Collected) -> set[str]:
    return {content.split(b"\r\n")[0].removeprefix(b"Subject: ").decode() for content in collected.contents}


@pytest.mark.time_limit(180)
async def test_the_broker_is_killed_under_load(rabbitmq, publish, collect, tmp_path) -> None:
    settings = {"queue": "killed", "bodies": str(tmp_path)}
    load = Load(publish(rabbitmq.url, inline=15_000, timeout=5, **settings), "killed")
    collected = collect(rabbitmq.url, lambda message: pause(0.01), **settings)
    await collected.wait(50)
    # RabbitMQ 3.10 elects no leader for a quorum queue, if it is killed in the first three seconds of the queue.
    await pause(5)
    before = len(load.accepted)
    await deferToThread(rabbitmq.kill)
    await pause(0.3)
    await deferToThread(rabbitmq.start)
    while len(load.accepted) < before + 100:
        await pause(0.05)
    await load.stop()
    assert load.rejected > 0
    while not load.accepted <= subjects(collected):
        await pause(0.05)


async def test_the_broker_hangs(rabbitmq, publish) -> None:
    send = publish(rabbitmq.url, queue="hanging", timeout=1)
    assert await send(MESSAGE) == "250"
    rabbitmq.signal(signal.SIGSTOP)
    try:
        with capturedLogs() as logs:
            assert (await send(MESSAGE))[:3] == "451"
            assert (await send(MESSAGE))[:3] == "451"
    finally:
        rabbitmq.signal(signal.SIGCONT)
    assert "has not confirmed the message within 1 seconds" in log_text(logs)
    while (await send(MESSAGE))[:3] != "250":
        await pause(0.2)


# ---- the page


class Printed:
    """The commands of the page, for the broker, the ports and the directory of the test."""

    def __init__(self, rabbitmq: RabbitMQServer, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._rabbitmq = rabbitmq

    def here(self, text: str) -> str:
        return text.replace("2525", str(self.port)).replace("@localhost/", f"@localhost:{self._rabbitmq.port}/")

    def words(self, line: str) -> list[str]:
        """A command, of this environment."""
        program, *rest = shlex.split(self.here(line))
        return [str(Path(sys.executable).with_name(program)), *rest]

    @contextlib.contextmanager
    def running(self, words: list[str]) -> Iterator[subprocess.Popen[str]]:
        """Run a command until SIGTERM, which has to end it well."""
        process = subprocess.Popen(
            words, cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0
            process.stdout.close()

    def send(self) -> None:
        def sent() -> bool:
            with contextlib.suppress(OSError), smtplib.SMTP("127.0.0.1", self.port) as client:
                client.sendmail("ann@client.example", ["bob@example.org"], MESSAGE)
                return True
            return False

        eventually(sent)


def test_the_page(rabbitmq, tmp_path) -> None:
    printed = Printed(rabbitmq, tmp_path)
    for line in BROKER.splitlines():
        rabbitmq.control(*shlex.split(line)[1:])
    make, serve = SERVE.splitlines()
    subprocess.run(make.split(), cwd=tmp_path, check=True)
    command, *rows = LISTED.splitlines()
    (tmp_path / "handler.py").write_text(printed.here(HANDLER))
    with printed.running(printed.words(serve)):
        printed.send()
        eventually(lambda: rows[1] in rabbitmq.control(*shlex.split(command)[3:]).splitlines())
        with printed.running(printed.words(CONSUME)):
            maildir = tmp_path / "mail/example.org/bob"
            (content,) = eventually(lambda: maildir.exists() and stored(maildir))
        assert content.endswith(b"\r\n" + MESSAGE)
        assert b"Received: from" in content
        with printed.running([sys.executable, "handler.py"]) as handler:
            printed.send()
            assert handler.stdout.readline() == f"ann@client.example ['bob@example.org'] {len(MESSAGE)}\n"


def test_the_configuration_of_the_page(rabbitmq, certificate, tmp_path) -> None:
    text = CONFIGURATION.replace("amqps://broker.example.org/mail", rabbitmq.tls_url)
    (tmp_path / "mail.toml").write_text(f'{text}trust-roots = "{certificate.certificate}"\n')
    (tmp_path / "broker-login").write_text("guest:guest\n")
    (tmp_path / "bodies").mkdir()
    ran = run(tmp_path, "--config", "mail.toml", "--check")
    assert ran.returncode == 0, ran.stderr
    assert f"amqps://localhost:{rabbitmq.tls_port} can be used" in ran.stdout


def test_the_program_of_the_page() -> None:
    names: dict[str, object] = {}
    exec(PROGRAM, names)
    assert isinstance(names["backend"], AMQPBackend)
