"""One process of the race for a due instant: a buyer who claims, or a worker that fires what is due.

Started as `race_process.py claim|fire`. It says `ready`, then answers each line of JSON {tenant, person, deal, file}
with what it did: `claimed`, the code of the refusal, or how many timers it fired.
"""

import json
import os
import sys


def main(role: str) -> None:
    """Answer line by line until the input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
    import django

    django.setup()
    from pilothouse.kernel.base.errors import PilothouseError
    from pilothouse.kernel.base.scope import tenant_scope
    from pilothouse.kernel.lifecycle.timers import fire_due
    from pilothouse.programs.deals import payment, timers  # noqa: F401 - they say what a timer does
    from pilothouse.programs.deals.disputes import Claim, raise_issue

    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if role == "fire":
            print(f"fired {fire_due()}", flush=True)
            continue
        claim = Claim("COSMETIC_DAMAGE", 60_000_000, "A dent.", [("PHOTO", asked["file"])])
        try:
            with tenant_scope(asked["tenant"], "user:buyer"):
                raise_issue(asked["deal"], asked["person"], [claim])
        except PilothouseError as refused:
            print(refused.code, flush=True)
        else:
            print("claimed", flush=True)


main(sys.argv[1])
