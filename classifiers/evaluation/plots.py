"""The plots of a card as SVG, drawn from its figures; no file, network or browser takes part."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

Rows = Sequence[Mapping[str, Any]]

WIDTH, HEIGHT = 360, 260
FONT = "Liberation Sans, Arial, sans-serif"
"""The first one comes with vl-convert, so that texts are as wide on every machine."""
BLUE, GREY = "#2b6cb0", "#a0aec0"


def calibration(curves: Mapping[str, Rows]) -> str:
    """Share of positives over predicted probability, a line for each name; on the diagonal both are the same."""
    values = [{"of": name, **row} for name, rows in curves.items() for row in rows]
    ends = [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("predicted:Q", title="predicted probability", scale=scale)
    y = alt.Y("observed:Q", title="share of positives", scale=scale)
    diagonal = alt.Chart(alt.InlineData(values=ends)).mark_line(color=GREY, strokeDash=[4, 4]).encode(x=x, y=y)
    lines = alt.Chart(alt.InlineData(values=values)).mark_line(point=True)
    return _svg(diagonal + lines.encode(x=x, y=y, color=alt.Color("of:N", title=None)))


def learning_curve(rows: Rows, figures: Sequence[str]) -> str:
    """Figures over the number of documents in training, on a logarithmic axis."""
    values = [
        {"documents": row["documents"], "figure": figure, "value": row[figure]}
        for row in rows
        for figure in figures
        if row.get(figure) is not None
    ]
    axis = alt.Axis(values=[row["documents"] for row in rows])
    scale = alt.Scale(type="log", base=2, nice=False)
    x = alt.X("documents:Q", title="labelled documents", scale=scale, axis=axis)
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    lines = alt.Chart(alt.InlineData(values=values)).mark_line(point=True)
    return _svg(lines.encode(x=x, y=y, color=alt.Color("figure:N", title=None)))


def confusion(counts: Mapping[str, Sequence[int]]) -> str:
    """Documents by label and nearest predicted level."""
    values = [
        {"label": label, "predicted": str(level), "documents": documents}
        for label, row in counts.items()
        for level, documents in enumerate(row)
    ]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("predicted:O", title="predicted level", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("label:O", title="label", sort="descending"),
    )
    cells = base.mark_rect().encode(color=alt.Color("documents:Q", legend=None, scale=alt.Scale(scheme="blues")))
    middle = max(documents for row in counts.values() for documents in row) / 2
    colour = alt.condition(alt.datum.documents > middle, alt.value("white"), alt.value("black"))
    return _svg(cells + base.mark_text().encode(text="documents:Q", color=colour))


def histogram(rows: Rows, step: float) -> str:
    """Documents by expected level, in bars ``step`` wide."""
    values = [{"from": row["from"], "to": row["from"] + step, "documents": row["documents"]} for row in rows]
    bars = alt.Chart(alt.InlineData(values=values)).mark_bar(color=BLUE)
    x = alt.X("from:Q", title="predicted level", bin="binned")
    return _svg(bars.encode(x=x, x2="to:Q", y=alt.Y("documents:Q", title="documents")))


def _svg(chart: alt.Chart | alt.LayerChart) -> str:
    specification = chart.properties(width=WIDTH, height=HEIGHT).configure(font=FONT).to_dict()
    return str(vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])) + "\n"
