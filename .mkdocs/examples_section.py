"""For the docs site: the "Example:" of a docstring is a section of code, as griffe knows it by the name "Examples:"."""

from __future__ import annotations

from typing import Any

import griffe


class ExamplesSection(griffe.Extension):
    """Renames the section as the docstrings are read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename it in one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("Example:\n", "Examples:\n")
