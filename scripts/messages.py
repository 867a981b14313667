"""Keeps the catalogues of translations: what the sources say, what stands in each .po, and the .mo that is read.

`scripts/messages.py` writes new msgids into the .po files (empty, to be translated by a person), drops what nobody
says any more and makes the .mo files; `--check` changes nothing and prints what is missing, fuzzy, stale or has other
placeholders than its original. It needs no gettext on the machine.
"""

import ast
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "pilothouse"
LANGUAGE = "mn"
# Each catalogue, the files whose words stand in it, and those among them that speak to machines or to nobody.
CATALOGUES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "locale": (
        (
            "ui/**/*", "pilots/errors.py", "pilots/feedback.py", "pilots/question_forms.py", "pilots/questions.py",
            "pilots/pages_feedback.py", "pilots/pages_questions.py", "pilots/rollback.py",
            "pilots/templates/pilots/ask.html", "pilots/templates/pilots/feedback_form.html",
            "pilots/templates/pilots/inbox.html", "site/context.py", "site/errors.py", "site/navigation.py",
            "kernel/base/errors.py", "kernel/access/**/*", "kernel/files/*.py", "kernel/lifecycle/errors.py",
            "kernel/watch/errors.py", "kernel/payments/errors.py",
            "kernel/payments/bank_accounts.py", "kernel/payments/lifecycle.py",
        ),
        (
            "ui/gallery.py", "ui/templates/ui/gallery.html", "kernel/access/pages_keys.py", "kernel/access/api_auth.py",
            "kernel/access/templates/access/key*", "kernel/access/templates/access/reveal*",
            "kernel/access/templates/access/_scopes.html", "kernel/access/templates/access/email/reveal*",
        ),
    ),
    "programs/deals/locale": (("programs/deals/**/*",), ("programs/deals/api*.py", "programs/deals/demo*.py")),
}  # fmt: skip
# What other packages say on our pages and do not bring in this language themselves.
BORROWED = SOURCE / "locale" / "borrowed.txt"
# What other packages say in English, in our sentence case; every text in it is written by a person.
ENGLISH = SOURCE / "locale" / "en" / "LC_MESSAGES" / "django.po"
CALLS = {
    "_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "NavItem": 1, "ngettext": 2, "ngettext_lazy": 2,
    "pgettext": 1, "pgettext_lazy": 1,
}  # fmt: skip
# What a refusal says beside its own sentence.
SAID_IN_REFUSALS = ("reason", "missing", "what", "needed")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{[^{}]*\}|</?[a-z]+>")
# django.utils.translation.template turns a template into text that holds these calls.
IN_TEMPLATE = re.compile(
    r"""(?<!\w)(?P<call>_|gettext|ngettext|pgettext)\((?P<arguments>(?:[urb]*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),?\s*)+)""",
    re.DOTALL,
)
HEADER = (
    "Project-Id-Version: pilothouse\nLanguage: {language}\nMIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\n"
)


@dataclass(frozen=True, order=True)
class Message:
    """One text of the sources; `plural` is empty for most."""

    id: str
    plural: str = ""
    context: str = ""

    @property
    def key(self) -> str:
        """As a .mo file looks it up."""
        return f"{self.context}\x04{self.id}" if self.context else self.id


@dataclass
class Entry:
    """A translation: one text, or two for a plural."""

    texts: list[str] = field(default_factory=lambda: [""])
    fuzzy: bool = False


def of_python(text: str) -> Iterator[Message]:
    """The messages of a Python file: calls of gettext, sentences of errors, and what refusals add to them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if (
                    not isinstance(line, (ast.Assign, ast.AnnAssign))
                    or "message" not in ast.unparse(line).split("=")[0]
                ):
                    continue
                if isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
                    yield Message(line.value.value)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if name.startswith("pgettext") and len(texts) == 2:
                yield Message(texts[1], context=texts[0])
            elif CALLS.get(name) == 2 and len(texts) >= 2:
                yield Message(texts[0], texts[1])
            elif CALLS.get(name) == 1 and texts:
                yield Message(texts[0])
            elif name[:1].isupper():
                for each in node.keywords:
                    value = each.value
                    if (
                        each.arg in SAID_IN_REFUSALS
                        and isinstance(value, ast.Constant)
                        and isinstance(value.value, str)
                    ):
                        yield Message(value.value)


def of_template(text: str) -> Iterator[Message]:
    """The messages of a Django template."""
    from django.utils.translation.template import templatize

    for found in IN_TEMPLATE.finditer(templatize(text)):
        texts = list(ast.literal_eval(f"({found['arguments'].rstrip(', ')},)"))
        if found["call"] == "pgettext":
            yield Message(texts[1], context=texts[0])
        elif found["call"] == "ngettext":
            yield Message(texts[0], texts[1])
        else:
            yield Message(texts[0])


def said(catalogue: str) -> dict[Message, str]:
    """What the sources of a catalogue say, each with the first file that says it. A text stands in one catalogue."""
    wanted, skipped = CATALOGUES[catalogue]
    left_out = {path for pattern in skipped for path in SOURCE.glob(pattern)}
    found: dict[Message, str] = {}
    for path in sorted({path for pattern in wanted for path in SOURCE.glob(pattern)} - left_out):
        place = path.relative_to(SOURCE).as_posix()
        if path.suffix == ".py" and "migrations" not in path.parts:
            messages = of_python(path.read_text(encoding="utf-8"))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            messages = of_template(path.read_text(encoding="utf-8"))
        else:
            continue
        for message in messages:
            if re.search(r"[A-Za-z]", PLACEHOLDER.sub("", message.id)):
                found.setdefault(message, place)
    first = next(iter(CATALOGUES))
    if catalogue == first:
        borrowed = BORROWED.read_text(encoding="utf-8").splitlines()
        found.update({Message(ast.literal_eval(line)): "other packages" for line in borrowed if line})
        return found
    known = said(first)
    return {message: place for message, place in found.items() if message not in known}


def po_path(catalogue: str) -> Path:
    """Where the translations of a catalogue stand."""
    return SOURCE / catalogue / LANGUAGE / "LC_MESSAGES" / "django.po"


def read_po(text: str) -> dict[Message, Entry]:
    """The entries of a .po file; its header is left out."""
    entries: dict[Message, Entry] = {}
    for block in re.split(r"\n\s*\n", text):
        values: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith('"'):
                values[name] += ast.literal_eval(line)
            elif line and not line.startswith("#"):
                name, _space, quoted = line.partition(" ")
                values[name] = ast.literal_eval(quoted)
        if not values.get("msgid"):
            continue
        texts = [values[key] for key in ("msgstr", "msgstr[0]", "msgstr[1]") if key in values]
        message = Message(values["msgid"], values.get("msgid_plural", ""), values.get("msgctxt", ""))
        entries[message] = Entry(texts, bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE)))
    return entries


def po_text(entries: dict[Message, Entry], places: dict[Message, str], head: str) -> str:
    """A .po file, by the files that say its texts."""
    blocks = [f'{head}msgid ""\nmsgstr ""\n' + "".join(map(_quoted, HEADER.format(language=LANGUAGE).splitlines(True)))]
    for message in sorted(entries, key=lambda each: (places[each], each)):
        entry = entries[message]
        lines = [f"#: {places[message]}"]
        lines += ["#, fuzzy"] if entry.fuzzy else []
        lines += [f"msgctxt {_quoted(message.context)}".rstrip()] if message.context else []
        lines += [f"msgid {_quoted(message.id)}".rstrip()]
        if message.plural:
            lines += [f"msgid_plural {_quoted(message.plural)}".rstrip()]
            lines += [f"msgstr[{place}] {_quoted(each)}".rstrip() for place, each in enumerate(entry.texts)]
        else:
            lines += [f"msgstr {_quoted(entry.texts[0])}".rstrip()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"\n'


def mo_bytes(entries: dict[Message, Entry], language: str = LANGUAGE) -> bytes:
    """The binary catalogue (GNU gettext's format) of all entries that are translated and not fuzzy."""
    pairs = {b"": HEADER.format(language=language).encode()}
    for message, entry in entries.items():
        if all(entry.texts) and not entry.fuzzy:
            key = message.key + (f"\0{message.plural}" if message.plural else "")
            pairs[key.encode()] = "\0".join(entry.texts).encode()
    keys = sorted(pairs)
    ids, texts = b"".join(key + b"\0" for key in keys), b"".join(pairs[key] + b"\0" for key in keys)
    start = 28 + 16 * len(keys)
    tables: list[list[int]] = [[], []]
    offsets = [start, start + len(ids)]
    for known in keys:
        for table, part in enumerate((known, pairs[known])):
            tables[table] += [len(part), offsets[table]]
            offsets[table] += len(part) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, start)
    return head + struct.pack(f"<{4 * len(keys)}I", *tables[0], *tables[1]) + ids + texts


def problems(message: Message, entry: Entry) -> Iterator[str]:
    """What is wrong with one translation."""
    if entry.fuzzy:
        yield "fuzzy"
    if not all(entry.texts) or len(entry.texts) != (2 if message.plural else 1):
        yield "not translated"
        return
    # A singular may leave its number out; nothing else may differ.
    wanted = {text: sorted(PLACEHOLDER.findall(text)) for text in (message.id, message.plural) if text}
    for text in entry.texts:
        if sorted(PLACEHOLDER.findall(text)) not in wanted.values():
            yield f"other placeholders: {text!r}"


def findings() -> list[str]:
    """Everything that `--check` complains of."""
    found = []
    for catalogue in CATALOGUES:
        path = po_path(catalogue)
        entries = read_po(path.read_text(encoding="utf-8"))
        wanted = said(catalogue)
        found += [
            f"{place}: not in the catalogue: {each.id!r}" for each, place in wanted.items() if each not in entries
        ]
        found += [f"{path.name}: nobody says {each.id!r}" for each in entries if each not in wanted]
        found += [
            f"{catalogue}: {what}: {each.id!r}"
            for each, entry in entries.items()
            if each in wanted
            for what in problems(each, entry)
        ]
        if path.with_suffix(".mo").read_bytes() != mo_bytes(entries):
            found.append(f"{catalogue}: the .mo is older than the .po")
    if ENGLISH.with_suffix(".mo").read_bytes() != mo_bytes(read_po(ENGLISH.read_text(encoding="utf-8")), "en"):
        found.append("locale/en: the .mo is older than the .po")
    return found


def write() -> None:
    """Bring every .po to what the sources say, and make its .mo."""
    for catalogue in CATALOGUES:
        path = po_path(catalogue)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        known, places = read_po(text), said(catalogue)
        entries = {each: known.get(each) or Entry([""] * (2 if each.plural else 1)) for each in places}
        path.parent.mkdir(parents=True, exist_ok=True)
        # The translators' notes stand before the first entry and stay.
        head = text.partition("msgid ")[0]
        path.write_text(po_text(entries, places, head), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(mo_bytes(entries))
    ENGLISH.with_suffix(".mo").write_bytes(mo_bytes(read_po(ENGLISH.read_text(encoding="utf-8")), "en"))


def main() -> int:
    """Write the catalogues, or with --check say what they lack; 1 when they lack anything."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)
    if "--check" not in sys.argv:
        write()
    found = findings()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
