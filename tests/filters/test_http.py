import pytest

from pipeline.filters.http import Http
from pipeline.stage import Interval


@pytest.mark.parametrize(
    ("status", "content_type", "reasons"),
    [
        (200, "text/html", []),
        (206, "application/xhtml+xml", []),
        (299, "text/plain", []),
        (None, None, []),
        (None, "text/html", []),
        (200, None, []),
        (199, "text/html", ["status.min"]),
        (301, "text/html", ["status.max"]),
        (404, "text/html", ["status.max"]),
        (200, "image/jpeg", ["content_type"]),
        (200, "", ["content_type"]),
        (500, "application/pdf", ["status.max", "content_type"]),
    ],
)
def test_what_a_server_did_not_deliver_as_a_page_leaves(verdicts, status, content_type, reasons):
    assert verdicts(Http(), status=[status], content_type=[content_type]) == [reasons]


def test_bounds_and_types_are_options(verdicts):
    stage = Http(status=Interval(), content_types=())
    assert verdicts(stage, status=[404, None], content_type=["image/jpeg", None]) == [[], []]


def test_an_empty_batch_has_no_verdicts(verdicts):
    assert verdicts(Http(), status=[], content_type=[]) == []
