"""BDAT by hand, and how many chunks go ahead of their answers (RFC 3030 §2)."""

from __future__ import annotations

from txsmtpx.dialog.sending import CHUNKS_IN_FLIGHT
from txsmtpx.testing import SILENCE


def test_a_chunk_that_is_not_the_last_has_one_answer_in_lmtp_too(network):
    net = network(offers=["CHUNKING"], lmtp=True)
    client = net.greeted(lmtp=True)
    net.result(client.mail(""))
    net.result(client.rcpt("one@example.net"))
    net.result(client.rcpt("two@example.net"))
    assert [reply.code for reply in net.result(client.bdat(b"a\r\n", accepted=2))] == [250]
    assert [reply.code for reply in net.result(client.bdat(b"b\r\n", last=True, accepted=2))] == [250, 250]
    assert net.servers[0].messages == [b"a\r\nb\r\n"]
    assert net.result(client.noop()).code == 250


def test_so_many_chunks_wait_for_no_answer_and_no_more(network):
    net = network(offers=["CHUNKING", "PIPELINING"], BDAT=[SILENCE] * 20)
    client = net.greeted()
    sent = client.send("", ["you@example.net"], iter([b"x" * 1000] * 10))
    sent.addErrback(lambda failure: None)
    net.flush()
    assert net.servers[0].verbs.count("BDAT") == CHUNKS_IN_FLIGHT
    net.servers[0].say("250 2.0.0 Chunk ok")
    net.flush()
    assert net.servers[0].verbs.count("BDAT") == CHUNKS_IN_FLIGHT + 1
    sent.cancel()
