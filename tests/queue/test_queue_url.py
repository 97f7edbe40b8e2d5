"""The URL of a store."""

import pytest

from txsmtpx.queue.queue_url import store_of
from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore


def test_a_path_is_a_file_of_sqlite(tmp_path):
    store = store_of(f"sqlite:{tmp_path}/queue.db")
    assert isinstance(store, SQLiteQueueStore)
    assert store.path == f"{tmp_path}/queue.db"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", "write queue:sqlite:PATH"),
        ("sqlite", "write queue:sqlite:PATH"),
        ("sqlite:", "write queue:sqlite:PATH"),
        ("sqlit:x", r"there is no store sqlit; did you mean sqlite\?"),
        ("/var/queue.db", "there is no store /var/queue.db"),
    ],
)
def test_another_url_is_refused_with_what_to_write(url, error):
    with pytest.raises(ValueError, match=error):
        store_of(url)
