"""`respx.types`: the names that suites annotate with. Nothing is checked by them."""

from __future__ import annotations

from typing import Any, TypeAlias

CallableSideEffect: TypeAlias = Any
Content: TypeAlias = Any
CookieTypes: TypeAlias = Any
DefaultType: TypeAlias = Any
FileContent: TypeAlias = Any
FileTypes: TypeAlias = Any
Headers: TypeAlias = Any
HeaderTypes: TypeAlias = Any
QueryParamTypes: TypeAlias = Any
RequestFiles: TypeAlias = Any
ResolvedResponseTypes: TypeAlias = Any
RouteResultTypes: TypeAlias = Any
SideEffectListTypes: TypeAlias = Any
SideEffectTypes: TypeAlias = Any
URL: TypeAlias = Any
URLPatternTypes: TypeAlias = Any
