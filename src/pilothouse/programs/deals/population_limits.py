"""How the people of a rehearsed market behave, unit last. Ratios are shares of those who come to that point."""

DEALS_COUNT = 30
# Offers come until this part of the pilot is over, so that most deals end within it.
OFFERS_UNTIL_RATIO = 0.7
PRICE_MIN_UNITS, PRICE_MAX_UNITS = 6_000_000, 60_000_000
NEVER_ACCEPTS_RATIO = 0.03
NEVER_PAYS_RATIO = 0.02
NEVER_HANDS_OVER_RATIO = 0.02
CONTEST_RATIO = 0.03
SILENT_HANDOVER_RATIO = 0.1
CLAIM_RATIO = 0.08
SILENT_BUYER_RATIO = 0.35
RELEASE_EARLY_RATIO = 0.2
COMPLETE_CLAIM_RATIO = 0.9
OPERATOR_STALLS_RATIO = 0.2
BANK_REFUSES_RATIO = 0.05
TRESPASS_RATIO = 0.5
