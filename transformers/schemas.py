"""The door to schema checks: JSON Schema and XSD, each compiled to one function that answers every violation."""

from transformers.json_schema import compile_json_schema
from transformers.xsd import compile_xsd

__all__ = ["compile_json_schema", "compile_xsd"]
