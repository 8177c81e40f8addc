"""What a run takes over from an earlier one over the same input: whole parts, and scores of single documents."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pipeline.provenance import judges, origins
from pipeline.readers.chunk import Source
from pipeline.recipe import Recipe
from pipeline.runfolder import RunFolder
from pipeline.stage import Cost
from pipeline.task import PartPaths, StoredScores


class Earlier:
    """A complete run, which is read and never changed."""

    def __init__(self, folder: RunFolder, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.description = folder.describe()
        folder.scan()

    def scores(self, source: Source) -> StoredScores | None:
        """Return where the signals of a shard lie that is still what it was; None if there is nothing to take over."""
        if not self._known or self._inputs.get(source.name) != input_entry(source):
            return None
        files = []
        for name in self.description["passes"]:
            paths = PartPaths(name, source.name)
            stats = self.folder.committed(paths.stats)
            if stats and paths.leaving("signals") in stats.outputs:
                files.append(paths.leaving("signals"))
        return StoredScores(self.folder.store.uri, tuple(files), self._known) if files else None

    @cached_property
    def _inputs(self) -> Mapping[str, Mapping[str, Any]]:
        return {entry["part"]: entry for entry in self.description["inputs"]}

    @cached_property
    def _known(self) -> frozenset[str]:
        """Steps whose stored columns are what the new recipe would compute.

        A step that rewrites the text is not among them, since signals hold no texts; nor is a cheap step behind a dear
        one: it scores the dead too, for whom the dear one did nothing, and other documents are dead now.
        """
        stored, now = self.description.get("origins", {}), origins(self.recipe)
        return frozenset(
            step.name()
            for step in self.recipe.steps
            if judges(step)
            and "text" not in step.added()
            and stored.get(step.name()) == now[step.name()].scores
            and (step.cost > Cost.CHARS or now[step.name()].reach < 0)
        )


def input_entry(source: Source) -> dict[str, Any]:
    """Return a shard as ``run.json`` lists it."""
    return {
        "part": source.name,
        "uri": source.file_path,
        "start": source.start,
        "end": source.end,
        "size": source.size,
        "identity": source.identity,
    }
