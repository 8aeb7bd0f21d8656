"""The only file that imports spyne 2.14: it needs help on Python 3.12 and later, and warns while it is imported."""

from __future__ import annotations

import importlib.machinery
import sys
import types
import warnings
from email.message import Message
from typing import Any


class _VendoredMoves:
    """Finds ``spyne.util.six.moves``, whose own importer lacks ``find_spec`` (required since Python 3.12)."""

    PREFIX = "spyne.util.six.moves"

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != cls.PREFIX and not name.startswith(f"{cls.PREFIX}."):
            return None
        importer = _importer()
        if name not in importer.known_modules:
            return None
        return importlib.machinery.ModuleSpec(name, cls, is_package=importer.is_package(name))  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: importlib.machinery.ModuleSpec) -> Any:
        return _importer().load_module(spec.name)

    @staticmethod
    def exec_module(module: types.ModuleType) -> None:
        """The importer has run it already."""


def _importer() -> Any:
    return sys.modules["spyne.util.six"]._importer


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """``cgi.parse_header``, the one function of the module ``cgi`` (gone in Python 3.13) that spyne calls."""
    message = Message()
    message["content-type"] = line
    params = message.get_params() or [("", "")]
    return params[0][0], dict(params[1:])


sys.meta_path.insert(0, _VendoredMoves)
if sys.version_info >= (3, 13) and "cgi" not in sys.modules:
    _cgi = types.ModuleType("cgi")
    _cgi.parse_header = _parse_header  # type: ignore[attr-defined]
    sys.modules["cgi"] = _cgi

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from spyne import Application, LogicError, Service, rpc
    from spyne.interface.wsdl import Wsdl11
    from spyne.model.complex import ComplexModel, ComplexModelMeta, XmlAttribute, XmlData
    from spyne.model.primitive import AnyXml, Boolean, Decimal, Double, Integer, Unicode
    from spyne.protocol.soap import Soap11, Soap12
    from spyne.util.appreg import unregister_application
# spyne's own importer would warn at every import that finds nothing, in the whole process.
sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _importer()]

__all__ = [
    "AnyXml",
    "Application",
    "Boolean",
    "ComplexModel",
    "ComplexModelMeta",
    "Decimal",
    "Double",
    "Integer",
    "LogicError",
    "Service",
    "Soap11",
    "Soap12",
    "Unicode",
    "Wsdl11",
    "XmlAttribute",
    "XmlData",
    "rpc",
    "unregister_application",
]
