"""An import-linter contract with an allow-list of imports; its own `forbidden` contract is a deny-list.

A published package needs an allow-list: the check fails on any new library, even one that nobody thought to forbid.
"""

import sys

from grimp import DetailedImport, ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """`modules` (with everything below them) may import the standard library, themselves and `may_import`.

    The contract checks direct imports only. `may_import` names top-level packages.
    """

    type_name = "only"

    modules = fields.ListField(subfield=fields.StringField())
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 (import-linter's signature)
        roots: list[str] = list(self.modules)  # type: ignore[call-overload]
        allowed = {*sys.stdlib_module_names, *self.may_import}  # type: ignore[misc]
        found: list[DetailedImport] = []
        for module in sorted(graph.modules):
            if not _within(module, roots):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                if imported.partition(".")[0] in allowed or _within(imported, roots):
                    continue
                found += graph.get_import_details(importer=module, imported=imported)
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for one in check.metadata["found"]:
            output.print_error(f"{one['importer']} imports {one['imported']} (line {one['line_number']}: {one['line_contents']})")


def _within(module: str, roots: list[str]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)
