"""The one decorator of compiled functions; `machine_code` says where their machine code is kept.

Import this module before numba. The command `compile` compiles everything once.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sim.numerics import machine_code

FOLDER = machine_code.prepare()

import numba  # noqa: E402  (reads its cache folder from the environment when it is imported)
from numba.core import caching  # noqa: E402

_config: Any = numba.config  # whose settings numba makes by name
_config.CACHE_DIR = str(FOLDER)  # in case somebody imported numba before us


class _Locator(caching._CacheLocator):
    """Finds the machine code of a module by the module's place in the package, wherever the package lies.

    numba's own locators insist on a folder that is writable, and on the time or place of the source file.
    """

    def __init__(self, function: Any, file: str):
        self._py_file = file  # numba's name
        self._line = function.__code__.co_firstlineno
        path = Path(file).resolve()
        self._is_ours = path.is_relative_to(machine_code.PACKAGE)
        inside = path.relative_to(machine_code.PACKAGE).parent.parts if self._is_ours else ()
        self._folder = FOLDER / (".".join(("sim", *inside)) if self._is_ours else self.get_suitable_cache_subpath(file))

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """The folder stands for the state of our own sources."""
        return FOLDER.name if self._is_ours else hashlib.sha256(Path(self._py_file).read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator | None:
        return cls(py_func, py_file) if Path(py_file).is_file() else None


class _Files(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012  (numba's own attribute, as numba sets it)


class _Cache(caching.FunctionCache):
    """Machine code on disk: what cannot be read is compiled, and what cannot be written is not kept."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # a read-only installation, a full disk
            super().save_overload(sig, data)


def kernel(function: Callable[..., Any]) -> Any:
    """Decorate a compiled function. No fastmath and no parallel: both change the last bits."""
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    if not _config.DISABLE_JIT:
        compiled._cache = _Cache(function)
    return compiled


inlined = numba.njit(inline="always", error_model="numpy")
"""For what must become part of its caller's loop, so that the compiler can use the processor's vectors."""
