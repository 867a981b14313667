"""A process that plays a small market with faults in the house of its environment and prints the story.

Its words are the days, the deals and the seed.
"""

import json
import logging
import os
import sys

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "pilothouse.site.settings"
    from pilothouse.site.cli import setup

    setup()
    logging.getLogger("pilothouse").setLevel(logging.CRITICAL)
    from pilothouse.pilots.rehearsal.play import rehearse
    from pilothouse.programs.deals.population import MarketPopulation
    from pilothouse.site.seed import seed

    days, deals, number = map(int, sys.argv[1:])
    seed()
    told = rehearse("deals", MarketPopulation(deals), days=days, seed=number, faults=True)
    print(json.dumps(told, indent=2, ensure_ascii=False))
