"""The tantivy index of a release: its folder, its fields, and the first code point of a token."""

import tantivy

INDEX = "index"


FIRST_TOKEN = 4
"""The code point that stands for the first token of the vocabulary."""


def schema() -> tantivy.Schema:
    """Build the schema. The index stores no field; the column `row` leads from a hit to the release's other files."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True)
    for name in ("words", "few", "area"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    return builder.build()
