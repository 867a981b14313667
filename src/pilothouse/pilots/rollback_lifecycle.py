"""The states of a rollback: new work is stopped, what happened is exported, people are told, and once it goes on."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

ROLLBACK = Lifecycle(
    name="rollback",
    table="rollback",
    acts={
        "export": _("export the data of this rollback"),
        "tell": _("tell the people of this rollback"),
        "resume": _("end this rollback"),
    },
    transitions=(
        Transition("stop", None, "stopped", ("operator",), timer="rollback_news"),
        Transition("export", "stopped", "exported", ("operator",)),
        Transition("tell", "exported", "told", ("operator",)),
        Transition("resume", ("stopped", "exported", "told"), "resumed", ("operator",)),
    ),
)
