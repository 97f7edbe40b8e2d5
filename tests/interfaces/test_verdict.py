"""The verdict of a filter is checked when it is made."""

from __future__ import annotations

import pytest

from txsmtpx import Accept, DeleteHeader, Discard, Quarantine


@pytest.mark.parametrize("headers", ["x", {"X-Spam-Flag": "YES"}, [("X-Spam-Flag",)], [("X-Spam-Flag", 3)]])
def test_fields_that_are_no_list_of_names_and_values_are_refused(headers):
    form = r"a list of names and values, such as \[\('X-Spam-Flag', 'YES'\)\]"
    with pytest.raises(TypeError, match=f"^Accept: headers must be {form}, not "):
        Accept(headers)


@pytest.mark.parametrize("headers", [[("X: y", "z")], [("X", "y\r\nBcc: z")]])
def test_fields_that_cannot_be_written_are_refused(headers):
    with pytest.raises(ValueError, match="header field"):
        Accept(headers)


@pytest.mark.parametrize("changes", ["x", DeleteHeader("X"), [DeleteHeader], [("X", "y")], {DeleteHeader("X")}])
def test_what_is_no_list_of_changes_is_refused(changes):
    with pytest.raises(TypeError, match=r"^Accept: changes must be a list of changes, such as .*, not "):
        Accept(changes=changes)


@pytest.mark.parametrize("results", ["x", b"x", 3, {1}])
def test_what_is_no_list_of_results_is_refused(results):
    with pytest.raises(TypeError, match=r"^Accept: results must be a list of objects, not "):
        Accept(results=results)


def test_final_is_a_truth_value():
    with pytest.raises(TypeError, match=r"^Accept: final must be True or False, not 'no'"):
        Accept(final="no")


def test_what_can_be_used():
    verdict = Accept([("X", "y")], [DeleteHeader("X"), Quarantine("odd")], ["found"], final=True)
    assert (verdict.headers, verdict.results, verdict.final) == ([("X", "y")], ["found"], True)
    assert Accept() == Accept()
    assert Discard() == Discard()
