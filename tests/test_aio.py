"""The server and the client of `txsmtpx.aio`, in loops of asyncio that other code runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError

import txsmtpx
from tests.loops import runners
from txsmtpx import (
    DataContext,
    MailOptions,
    MailQueue,
    MemoryBackend,
    Message,
    NetworkError,
    OpenBackend,
    RcptOptions,
    RelayBackend,
    Reply,
    Route,
    Session,
    SMTPPool,
    SQLiteQueueStore,
    connect,
)
from txsmtpx.aio import Pool, Queue, Server, send_mail, serve, wait
from txsmtpx.logins.password_file import PasswordFile

ME, YOU = "me@example.org", "you@example.net"
MESSAGE = b"Subject: Hello\r\n\r\nHello.\r\n"


class Recording(Session):
    """Sessions that wait as programs of asyncio do."""

    def __init__(self, found: list[object]) -> None:
        self.found = found

    async def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        if recipient.startswith("slow"):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.get_running_loop().create_future()
            return Reply(450, (4, 2, 1), "Busy")
        return None

    async def data(self, message: Message, context: DataContext) -> str:
        octets = b""
        async for chunk in message:
            octets += chunk
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.to_thread(octets.count, b"Hello"))
        self.found.append((context.recipients, octets.partition(b"Subject")[2], task.result()))
        return "stored"


@contextlib.asynccontextmanager
async def recording(found: list[object]) -> AsyncIterator[Server]:
    async with serve(OpenBackend(lambda _: Recording(found))) as server:
        yield server


@runners
def test_a_session_awaits_what_asyncio_awaits(run):
    found: list[object] = []

    async def main() -> None:
        async with recording(found) as server:
            where = f"tcp:127.0.0.1:{server.port}"
            result = await send_mail(where, ME, [YOU, "slow@example.net"], MESSAGE, tls="none")
            assert [recipient for recipient, _ in result.accepted] == [YOU]
            assert [str(error) for _, error in result.refused] == ["RCPT: 450 4.2.1 Busy"]
            assert result.accepted[0][1].lines == ("stored",)

    run(main())
    assert found == [((YOU,), b": Hello\r\n\r\nHello.\r\n", 2)]


@runners
def test_a_pool_and_a_relay_work_in_the_loop(run):
    found: list[object] = []

    async def main() -> None:
        async with recording(found) as last:
            backend = RelayBackend([f"tcp:localhost:{last.port}"], tls="none", domains=["example.net"])
            async with (
                serve(backend) as relay,
                Pool(SMTPPool(f"tcp:localhost:{relay.port}", tls="none", size=2)) as pool,
                asyncio.TaskGroup() as group,
            ):
                for number in range(5):
                    group.create_task(pool.send(ME, [f"{number}@example.net"], MESSAGE))

    run(main())
    assert sorted(recipients[0] for recipients, *_ in found) == [f"{number}@example.net" for number in range(5)]


@runners
def test_a_queue_works_in_the_loop(run, tmp_path):
    found: list[object] = []
    kinds: list[str] = []

    async def main() -> None:
        async with recording(found) as last:
            routes = [Route("*", f"tcp:localhost:{last.port}", tls="none")]
            async with Queue(MailQueue(SQLiteQueueStore(str(tmp_path / "queue.db")), routes=routes)) as queue:
                events = queue.events()
                long = await queue.submit(ME, [YOU], MESSAGE + b"x" * 100_000)
                async for event in events:
                    kinds.append(event.kind)
                    if event.kind != "queued":
                        assert event.id == long
                        break

    run(main())
    assert kinds == ["queued", "delivered"]
    assert [recipients for recipients, *_ in found] == [(YOU,)]


def test_a_pool_is_no_endpoint():
    with pytest.raises(TypeError, match=r"Pool: pool must be an? SMTPPool, not 'tcp:localhost:25'"):
        Pool("tcp:localhost:25")  # type: ignore[arg-type]


def test_a_client_of_twisted_is_awaited():
    async def main() -> list[str]:
        async with serve(MemoryBackend()) as server:
            client = await wait(connect(f"tcp:127.0.0.1:{server.port}", tls="none"))
            try:
                await wait(client.noop())
                return sorted(client.extensions)
            finally:
                await wait(client.quit())

    assert "PIPELINING" in asyncio.run(main())


def of_twisted(where: str) -> dict[str, Callable[[], object]]:
    """What a program awaits without `wait`."""
    pool = SMTPPool(where, tls="none")
    return {
        "connect": lambda: connect(where, tls="none"),
        "send_mail": lambda: txsmtpx.send_mail(where, ME, [YOU], MESSAGE, tls="none"),
        "pool.send": lambda: pool.send(ME, [YOU], MESSAGE),
        "pool.acquire": pool.acquire,
    }


@runners
@pytest.mark.parametrize("name", of_twisted("tcp:localhost:25"))
def test_a_deferred_of_twisted_says_how_it_is_awaited(run, name):
    async def main() -> None:
        async with serve(MemoryBackend()) as server:
            deferred = of_twisted(f"tcp:127.0.0.1:{server.port}")[name]()
            with pytest.raises(RuntimeError, match=r"write await txsmtpx\.aio\.wait\(\.\.\.\)"):
                await deferred
            await wait(deferred)

    run(main())


def test_a_command_of_a_client_says_how_it_is_awaited():
    async def main() -> None:
        async with serve(MemoryBackend()) as server:
            client = await wait(connect(f"tcp:127.0.0.1:{server.port}", tls="none"))
            with pytest.raises(RuntimeError, match=r"write await txsmtpx\.aio\.wait"):
                await client.noop()
            await wait(client.quit())

    asyncio.run(main())


def test_the_error_of_a_server_is_raised(logged_failures):
    class Refusing(Session):
        def __init__(self, connection: object) -> None: ...

        async def mail(self, sender: str, options: MailOptions) -> None:
            await asyncio.sleep(0)
            raise ValueError("a secret")

    async def main() -> None:
        async with serve(OpenBackend(Refusing)) as server:
            await send_mail(f"tcp:127.0.0.1:{server.port}", ME, [YOU], MESSAGE, tls="none")

    with pytest.raises(Exception, match=r"MAIL: 451 4.3.0") as raised:
        asyncio.run(main())
    assert "secret" not in str(raised.value)
    assert len(logged_failures.flush(ValueError)) == 1


def test_no_server_listens(logged_failures):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]

        async def main() -> None:
            with pytest.raises(NetworkError):
                await send_mail(f"tcp:127.0.0.1:{port}", ME, [YOU], MESSAGE, tls="none")
            bound.listen()
            with pytest.raises(CannotListenError):
                async with serve(MemoryBackend(), port=port):
                    pass

        asyncio.run(main())
    logged_failures.flush()  # that it cannot listen


@runners
def test_a_time_out_a_cancelled_task_and_a_group_that_fails_abort_the_connection(run):
    cancelled: list[str] = []

    class Slow(Session):
        def __init__(self, connection: object) -> None: ...

        async def rcpt(self, recipient: str, options: RcptOptions) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.append(recipient)
                raise

    async def group_that_fails(where: str) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(send_mail(where, ME, ["grouped@example.net"], MESSAGE, tls="none"))
            await asyncio.sleep(0.1)
            raise KeyError("of another task")

    async def main() -> None:
        async with serve(OpenBackend(Slow)) as server:
            where = f"tcp:127.0.0.1:{server.port}"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await send_mail(where, ME, ["timed@example.net"], MESSAGE, tls="none")
            task = asyncio.create_task(send_mail(where, ME, ["cancelled@example.net"], MESSAGE, tls="none"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ExceptionGroup) as raised:
                await group_that_fails(where)
            assert list(map(type, raised.value.exceptions)) == [KeyError]
            while len(cancelled) < 3:
                await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 2  # this one, and the one of wait_for

    run(asyncio.wait_for(main(), 30))
    assert sorted(cancelled) == ["cancelled@example.net", "grouped@example.net", "timed@example.net"]


def test_a_deferred_keeps_its_result():
    async def main() -> list[object]:
        deferred: Deferred[int] = Deferred()
        asyncio.get_running_loop().call_soon(deferred.callback, 1)
        return [await wait(deferred), await wait(deferred)]

    assert asyncio.run(main()) == [1, 1]


def test_a_cancelled_wait_cancels_the_deferred(logged_failures):
    async def main() -> Deferred[None]:
        deferred: Deferred[None] = Deferred()
        task = asyncio.create_task(wait(deferred))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return deferred

    deferred = asyncio.run(main())
    assert deferred.called
    assert logged_failures.flush(CancelledError) == []


def test_the_block_ends_after_the_last_message():
    """`serve` stops as a service does: an open transaction may finish."""
    found: list[object] = []

    async def main() -> bytes:
        async with recording(found) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await reader.readline()
            writer.write(f"HELO x\r\nMAIL FROM:<{ME}>\r\nRCPT TO:<{YOU}>\r\nDATA\r\n".encode())
            while not (await reader.readline()).startswith(b"354"):
                pass
            writer.write(MESSAGE + b".\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(main()).startswith(b"250 2.0.0 stored")
    assert len(found) == 1


@runners
def test_the_block_ends_after_the_last_logout(run):
    """`asyncio.run` would cancel it."""
    done: list[str] = []

    class Leaving(Session):
        async def logout(self) -> None:
            await asyncio.sleep(0.05)
            done.append("logout")

    async def main() -> list[str]:
        async with serve(OpenBackend(lambda connection: Leaving())) as server:
            await send_mail(f"tcp:127.0.0.1:{server.port}", ME, [YOU], MESSAGE, tls="none")
        return [*done]

    assert run(main()) == ["logout"]


def test_a_unix_socket(tmp_path):
    async def main() -> int:
        path = tmp_path / "mail"
        async with serve(MemoryBackend(), endpoint=f"unix:{path}") as server:
            await send_mail(f"unix:{path}", ME, [YOU], MESSAGE, tls="none")
            assert len(server.factory.settings.backend.messages) == 1  # type: ignore[attr-defined]
            return server.port

    assert asyncio.run(main()) == 0


def test_a_wrong_keyword():
    async def main() -> None:
        async with serve(MemoryBackend(), max_mesage_bytes=10):
            pass

    with pytest.raises(TypeError, match="did you mean max_message_bytes"):
        asyncio.run(main())


@pytest.mark.system
@pytest.mark.parametrize("times", [1, 2])
def test_no_reactor_is_installed(times):
    program = Path(__file__).with_name("asyncio_program.py")
    ran = subprocess.run(
        [sys.executable, "-X", "dev", program, str(times)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("installed: False, tasks: 1\n" * times, "")


def test_coroutines_are_no_tasks_elsewhere():
    """In a loop that has no server of `txsmtpx.aio`, nothing changes."""
    from txsmtpx.settling import settle

    async def main() -> object:
        async def answer() -> int:
            return 250

        return settle(answer())

    assert asyncio.run(main()) == 250


def test_a_file_of_passwords_is_read_in_a_thread_of_the_loop(tmp_path):
    file = tmp_path / "users"
    file.write_text("ann:{PLAIN}secret\n")
    async def main() -> object:
        async with serve(MemoryBackend()):
            passwords: PasswordFile[dict[str, str]] = PasswordFile(str(file), dict)
            file.write_text("ann:other\nbob:secret\n")
            current = passwords.current()
            return await wait(current) if isinstance(current, Deferred) else current

    assert asyncio.run(main()) == {"ann": "other", "bob": "secret"}
