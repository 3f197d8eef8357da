"""How the decorators of two peers give their mock to the function: as its last argument, or as one by name."""

from __future__ import annotations

import inspect
from typing import Any


class LastArgument:
    """Gives what was entered as the last argument, or by its name."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def signature(self, signature: inspect.Signature) -> inspect.Signature:
        """Without the parameter, which pytest would take for a fixture."""
        parameters = list(signature.parameters.values())
        places = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
        given = self._name or (places[-1].name if places else "")
        return signature.replace(parameters=[p for p in parameters if p.name != given])

    def __call__(self, entered: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """With what was entered."""
        return (args, {**kwargs, self._name: entered}) if self._name else ((*args, entered), kwargs)
