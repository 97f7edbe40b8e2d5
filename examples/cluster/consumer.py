"""
A consumer of a stream of Redis, or of a queue of RabbitMQ, which stores each message as a file.

    python consumer.py redis://127.0.0.1:6379/0 DIRECTORY
    python consumer.py amqp://127.0.0.1:5672/ DIRECTORY

A message may come twice, with the same id.  So the id is the name of the file: the second time replaces the first.
"""

import os
import sys
from pathlib import Path
from urllib.parse import quote

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.python.log import startLogging

from txsmtpx.consume import Consumer, QueuedMessage
from txsmtpx.consume.amqp_source import AMQPSource
from txsmtpx.consume.redis_source import RedisSource


def store(message: QueuedMessage, directory: Path) -> None:
    """Store a message.  When this returns, the message is on the disk, and may leave the stream."""
    path = directory / f"{quote(message.id, safe='@')}.eml"
    part = path.with_suffix(f".{os.getpid()}")
    with part.open("wb") as file:
        file.write(message.content())
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def main(url: str, directory: str) -> None:
    """Run until SIGTERM or SIGINT; then return the messages that are not handled to the stream."""
    startLogging(sys.stdout)
    source = AMQPSource(url, queue="inbound") if url.startswith("amqp") else RedisSource(url, stream="inbound", idle=5)
    consumer = Consumer(source, lambda message: deferToThread(store, message, Path(directory)))
    reactor.callWhenRunning(consumer.startService)
    reactor.addSystemEventTrigger("before", "shutdown", consumer.stopService)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
