"""The credentials with which SCRAM ends."""

from __future__ import annotations

import pytest
from twisted.cred.credentials import ICredentials
from zope.interface.verify import verifyObject

from txsmtpx.sasl.scram_proof import IScramProof, ScramProof


@pytest.mark.parametrize("authorization", ["", "list"])
def test_a_proof_names_the_user_and_the_mechanism(authorization):
    proof = ScramProof(b"alice", "SCRAM-SHA-256-PLUS", authorization)
    assert verifyObject(IScramProof, proof)
    assert ICredentials.providedBy(proof)
    assert (proof.username, proof.mechanism, proof.authorization) == (b"alice", "SCRAM-SHA-256-PLUS", authorization)
    assert repr(proof) == "<ScramProof b'alice' by SCRAM-SHA-256-PLUS>"


def test_without_another_user_it_is_for_the_same():
    assert ScramProof(b"alice", "SCRAM-SHA-1").authorization == ""
