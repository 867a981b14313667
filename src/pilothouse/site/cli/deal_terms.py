"""`pilothouse deals terms …`: versions of terms, from a file or from the version before, checked and put in force.

A version is named as its file is: MN_USED_CAR_PRIVATE_v1. MN_USED_CAR_PRIVATE alone is the one in force, and a path
that ends in .json is a file.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .acting import JsonOption, operating
from .deals import WHAT, deals_app
from .refusals import EXIT_REFUSED
from .tables import print_json, print_table

terms_app = typer.Typer(no_args_is_help=True, help="Versions of terms, by country and category.")
deals_app.add_typer(terms_app, name="terms")
RefArgument = Annotated[
    str, typer.Argument(help="MN_USED_CAR_PRIVATE_v1, a name alone for the one in force, or a file.")
]
NoteOption = Annotated[str, typer.Option(help="Why; it stands beside the version.")]


@terms_app.command("list")
def list_versions(as_json: JsonOption = False) -> None:
    """List every version with its state, its main numbers and the deals that were made with it."""
    with operating(WHAT):
        from pilothouse.programs.deals.desk_reads import terms_with_deals

        rows = [_row(row) for row in terms_with_deals()]
        if as_json:
            print_json({"ok": True, "terms": rows})
            return
        columns = {
            "terms": "Terms", "state": "State", "currency": "Currency", "policy": "Paid first at",
            "holdback": "Held back", "inspection": "Inspection", "dispute": "Dispute", "deals": "Deals",
            "open": "Open", "published_at": "Published (UTC)", "note": "Why",
        }  # fmt: skip
        print_table(rows, columns, "There are no terms; the worker publishes the first ones at its start.")


@terms_app.command()
def show(terms: RefArgument, as_json: JsonOption = False) -> None:
    """Show one version in full."""
    with operating(WHAT):
        name, body = _found(terms)
        from pilothouse.kernel.terms.commands import body_hash

        if as_json:
            print_json({"ok": True, "terms": name, "hash": body_hash(body), "body": body})
            return
        typer.echo(f"{name}  sha256 {body_hash(body)}")
        values = [{"what": path, "value": value} for path, value in _flat(body)]
        print_table(values, {"what": "Value of", "value": "Is"}, "")


@terms_app.command()
def verify(
    terms: RefArgument,
    expect: Annotated[
        list[str] | None, typer.Option(help="A value that it must have, as in inspectionTtlDays=3; any number of them.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run every check of publishing and compare the main values with what you expect; exit 1 when one does not hold."""
    with operating(WHAT):
        from pilothouse.programs.deals.terms_checks import results

        name, body = _found(terms, checked=False)
        checks = [
            {
                "check": check.claim,
                "ok": None if problems is None else not problems,
                "problems": [
                    {"code": each.code, "field": each.details.get("field", ""), "message": str(each)}
                    for each in problems or ()
                ],
            }
            for check, problems in results(body)
        ]
        sound = all(each["ok"] for each in checks)
        values = _expected(body, expect or []) if sound else []
    told = {"ok": sound and all(each["ok"] for each in values), "terms": name, "values": values, "checks": checks}
    if as_json:
        print_json(told)
    else:
        _print_checks(told)
    if not told["ok"]:
        raise typer.Exit(EXIT_REFUSED)


@terms_app.command()
def diff(
    before: RefArgument,
    after: Annotated[str, typer.Argument(help="The other version, name or file.")],
    as_json: JsonOption = False,
) -> None:
    """Show what two versions differ in."""
    with operating(WHAT):
        from pilothouse.kernel.terms.differences import differences

        (old, was), (new, now) = _found(before), _found(after)
        rows = [{"value": path, "before": a, "after": b} for path, a, b in differences(was, now) if path != "version"]
    if as_json:
        print_json({"ok": True, "before": old, "after": new, "changes": rows})
        return
    print_table(rows, {"value": "Value", "before": old, "after": new}, f"{old} and {new} differ in their number alone.")


@terms_app.command()
def create(
    file: Annotated[Path | None, typer.Argument(help="A file COUNTRY_CATEGORY_vN.json.")] = None,
    base: Annotated[str, typer.Option("--from", help="Copy this version instead, and change it.")] = "",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --from: KEY=VALUE, as in offsetCapsByReasonCode.COSMETIC_DAMAGE=0.04."),
    ] = None,
    note: NoteOption = "",
    out: Annotated[Path | None, typer.Option(help="Write its file into this folder too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a new version as a draft: a file's, or a copy of another one with changed values. It is not in force yet."""
    if (file is None) == (not base):
        raise typer.BadParameter("Give a file, or --from with the version to copy.")
    with operating(WHAT):
        from pilothouse.kernel.terms.differences import differences
        from pilothouse.programs.deals.publishing import changed, draft_version, next_version
        from pilothouse.programs.deals.terms import load_file, version_name

        old, was = _found(base) if base else ("", {})
        if file is not None:
            body = load_file(file)
        else:
            body = changed(was, next_version(was["id"]), [_pair(each) for each in change or []])
        made = draft_version(body, note)
        name = version_name(made.name, made.version)
        if out is not None:
            text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
            (out / f"{name}.json").write_text(text, encoding="utf-8")
        rows = [{"value": path, "before": a, "after": b} for path, a, b in differences(was, body)] if base else []
    if as_json:
        print_json({"ok": True, "terms": name, "state": made.state, "hash": made.hash, "changes": rows})
        return
    if rows:
        print_table(rows, {"value": "Value", "before": old, "after": name}, "")
    typer.echo(
        f"{name} is {made.state}, sha256 {made.hash}. pilothouse deals terms publish {name} puts a draft in force."
    )


@terms_app.command()
def publish(terms: RefArgument, note: NoteOption = "", as_json: JsonOption = False) -> None:
    """Put a draft, or a file's version, in force for new deals. Open deals keep the version they were made with."""
    with operating(WHAT):
        from pilothouse.programs.deals.publishing import publish_draft, publish_version
        from pilothouse.programs.deals.terms import load_file, version_name

        if terms.endswith(".json"):
            made = publish_version(load_file(Path(terms)), note)
        else:
            made = publish_draft(*_numbered(terms))
        name = version_name(made.name, made.version)
    if as_json:
        print_json({"ok": True, "terms": name, "state": made.state, "hash": made.hash})
    else:
        typer.echo(f"{name} is in force for new deals. Open deals keep the version they were made with.")


@terms_app.command()
def retire(
    name: Annotated[str, typer.Argument(help="The name, as in MN_USED_CAR_PRIVATE.")], as_json: JsonOption = False
) -> None:
    """Take the version in force out of it: no new deal of this country and category can be made."""
    with operating(WHAT):
        from pilothouse.kernel.terms.commands import retire as take_out
        from pilothouse.programs.deals.terms_checks import KIND

        take_out(KIND, name)
    if as_json:
        print_json({"ok": True, "name": name, "state": "retired"})
    else:
        typer.echo(f"{name} is retired. No new deal of this kind can be made; open deals go on.")


@terms_app.command()
def matrix(as_json: JsonOption = False) -> None:
    """Print the country and category matrix of the terms in force, as Markdown."""
    with operating(WHAT):
        from pilothouse.programs.deals.matrix import markdown
        from pilothouse.programs.deals.matrix import matrix as rows_of
        from pilothouse.programs.deals.publishing import terms_in_force

        rows = rows_of(terms_in_force())
    if as_json:
        print_json({"ok": True, "terms": rows})
    else:
        typer.echo(markdown(rows), nl=False)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    from pilothouse.programs.deals.terms import version_name

    body = row["body"]
    return {
        "terms": version_name(row["name"], row["version"]),
        "state": row["state"],
        "currency": body["currency"],
        "policy": body["immediateReleaseAt"],
        "holdback": body["holdbackRatio"],
        "inspection": f"{body['inspectionTtlDays']} d",
        "dispute": f"{body['disputeTtlHours']} h",
        "deals": row["deals"],
        "open": row["open"],
        "created_at": row["created_at"],
        "published_at": row["published_at"],
        "hash": row["hash"],
        "note": row["note"],
    }


def _found(reference: str, *, checked: bool = True) -> tuple[str, Any]:
    """(the name of a version, its body) by a file, by COUNTRY_CATEGORY_vN, or by the name of what is in force."""
    from pilothouse.programs.deals.terms import in_force, load_file, read_file, stored, version_name

    if reference.endswith(".json"):
        path = Path(reference)
        return path.stem, load_file(path) if checked else read_file(path)
    if "_v" not in reference:
        current = in_force(reference)
        return version_name(current.name, current.version), current.body
    name, version = _numbered(reference)
    return reference, stored(name, version)["body"]


def _numbered(reference: str) -> tuple[str, int]:
    from pilothouse.kernel.base.errors import NotFound
    from pilothouse.programs.deals.terms import VERSION_NAME

    named = VERSION_NAME.fullmatch(reference)
    if named is None:
        raise NotFound(what="version of terms")
    return named["id"], int(named["version"])


def _pair(text: str) -> tuple[str, Any]:
    """KEY=VALUE; whole numbers, lists and objects as JSON, ratios and words as text, nothing to take a value out."""
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text} is not KEY=VALUE.")
    try:
        read = json.loads(value)
    except ValueError:
        return key, value or None
    return key, value if isinstance(read, float) else read


def _expected(body: dict[str, Any], expect: list[str]) -> list[dict[str, Any]]:
    """The four main values, each with what was expected of it; others that were expected after them."""
    from decimal import Decimal

    found = dict(_flat(body))
    found["immediateRatio"] = str(1 - Decimal(body["holdbackRatio"]))
    wanted = dict(_pair(each) for each in expect)
    names = dict.fromkeys(("inspectionTtlDays", "disputeTtlHours", "holdbackRatio", "immediateRatio", *wanted))
    return [
        {
            "value": name,
            "is": found.get(name),
            "expected": wanted.get(name),
            "ok": name not in wanted or _same(found.get(name), wanted[name]),
        }
        for name in names
    ]


def _same(value: Any, wanted: Any) -> bool:
    """Ratios are equal as numbers: "0.150" is what "0.15" is."""
    from decimal import Decimal

    try:
        return Decimal(str(value)) == Decimal(str(wanted))
    except ArithmeticError:
        return str(value) == str(wanted)


def _flat(body: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in body.items():
        if isinstance(value, dict):
            found += _flat(value, f"{path}{key}.")
        else:
            plain = value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)
            found.append((f"{path}{key}", plain))
    return found


def _print_checks(told: dict[str, Any]) -> None:
    marks = {True: "✓", False: "✗", None: "·"}
    for each in told["checks"]:
        typer.echo(f"{marks[each['ok']]} {each['check']}")
        for problem in each["problems"]:
            typer.echo(f"    {problem['code']}: {problem['message']}")
    if told["values"]:
        typer.echo("")
        rows = [{**each, "mark": marks[each["ok"]] if each["expected"] is not None else ""} for each in told["values"]]
        print_table(rows, {"mark": "", "value": "Value", "is": "Is", "expected": "Expected"}, "")
    typer.echo(f"\n{told['terms']} {'can be used.' if told['ok'] else 'does NOT hold.'}")
