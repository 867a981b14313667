"""Everything that buyers, sellers and the desk of deals read is said in Mongolian too, with the same values in it."""

import gettext
import io
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from house_scripts import house_script

from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.programs.deals.errors import AmountTooLarge, EvidenceMissing
from pilothouse.ui.units import amount_text

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


MESSAGES = house_script("messages")
Entry, Message = MESSAGES.Entry, MESSAGES.Message


def test_nothing_is_missing_fuzzy_stale_or_has_other_placeholders() -> None:
    found = MESSAGES.findings()
    assert found == [], "run scripts/messages.py and translate what it names:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("message", "entry", "wrong"),
    [
        (Message("Pay %(price)s"), Entry(["%(price)s төлөх"]), []),
        (Message("Pay %(price)s"), Entry([""]), ["not translated"]),
        (Message("Pay %(price)s"), Entry(["%(price)s төлөх"], fuzzy=True), ["fuzzy"]),
        (Message("Pay %(price)s"), Entry(["%(amount)s төлөх"]), ["other placeholders: '%(amount)s төлөх'"]),
        (Message("Pay {price}"), Entry(["Төлөх"]), ["other placeholders: 'Төлөх'"]),
        (Message("<b>Pay</b>"), Entry(["<b>Төлөх"]), ["other placeholders: '<b>Төлөх'"]),
        (Message("%(n)s mail", "%(n)s mails"), Entry(["%(n)s и-мэйл"]), ["not translated"]),
        (Message("%(n)s mail", "%(n)s mails"), Entry(["%(n)s и-мэйл", "%(n)s и-мэйл"]), []),
        (Message("one mail", "%(n)s mails"), Entry(["%(n)s и-мэйл", "%(n)s и-мэйл"]), []),
    ],
)
def test_each_fault_of_a_translation_is_seen(message: object, entry: object, wrong: list[str]) -> None:
    assert list(MESSAGES.problems(message, entry)) == wrong


def test_the_texts_of_both_kinds_of_file_are_found() -> None:
    python = (
        'class Gone(Refused):\n    message = "It is {what}."\n'
        'def a(n):\n    raise Gone(reason="Too late.", code="late")\n'
        'words = (_("Pay"), pgettext_lazy("money", "held"), ngettext("one", "many", n), NavItem("Deals", "x"))\n'
    )
    assert set(MESSAGES.of_python(python)) == {
        Message("It is {what}."), Message("Too late."), Message("Pay"), Message("held", context="money"),
        Message("one", "many"), Message("Deals"),
    }  # fmt: skip
    page = (
        '{% load i18n %}{% translate "Pay" %}{% translate "held" context "money" %}{% include "x" with a=_("Words") %}'
        "{% blocktranslate %}It's {{ price }}{% endblocktranslate %}"
        "{% blocktranslate count n=n %}one{% plural %}{{ n }} many{% endblocktranslate %}"
    )
    assert set(MESSAGES.of_template(page)) == {
        Message("Pay"), Message("held", context="money"), Message("Words"), Message("It's %(price)s"),
        Message("one", "%(n)s many"),
    }  # fmt: skip


def test_a_catalogue_is_read_back_as_it_was_written() -> None:
    entries = {
        Message('Pay "now"\n%(price)s'): Entry(['Одоо "төл"\n%(price)s']),
        Message("held", context="money"): Entry(["барьсан"]),
        Message("one mail", "%(n)s mails"): Entry(["нэг и-мэйл", "%(n)s и-мэйл"]),
        Message("Not sure"): Entry(["Магадгүй"], fuzzy=True),
        Message("Nothing"): Entry([""]),
    }
    text = MESSAGES.po_text(entries, dict.fromkeys(entries, "a.py"), "# Notes\n")
    assert text.startswith("# Notes\n")
    assert MESSAGES.read_po(text) == entries
    read = gettext.GNUTranslations(io.BytesIO(MESSAGES.mo_bytes(entries)))
    assert read.gettext('Pay "now"\n%(price)s') == 'Одоо "төл"\n%(price)s'
    assert read.pgettext("money", "held") == "барьсан"
    assert read.ngettext("one mail", "%(n)s mails", 5) == "%(n)s и-мэйл"
    assert read.gettext("Not sure") == "Not sure"


def test_refusals_amounts_and_plurals_are_said_in_the_readers_language() -> None:
    with translation.override("mn"):
        assert str(NotFound(what="deal")) == "Таны дансанд ийм дугаартай хэлцэл алга."
        assert str(InvalidInput(reason="Choose a file first.")) == "Эхлээд файл сонгоно уу."
        # What nobody has translated, such as a name that somebody typed, stays as it is.
        assert "Prius" in str(InvalidInput(reason="Prius"))
        assert AmountTooLarge(amount=2, maximum=1).details == {"amount": 2, "maximum": 1}
        assert amount_text(12_500_000_00, "MNT") == "12,500,000\u00a0₮"
        assert amount_text(5, "CREDIT") == "5\u00a0кредит"
        assert ngettext("%(n)s ends within 12 hours", "%(n)s end within 12 hours", 3) % {"n": 3} == (
            "3 маргаан 12 цагийн дотор дуусна"
        )
        assert _("This field is required.") == "Энэ талбарыг бөглөх шаардлагатай."
    assert str(EvidenceMissing(missing="a photo")) == "Add a photo first."
