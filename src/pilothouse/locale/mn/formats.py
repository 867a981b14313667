"""How Mongolian pages write dates and numbers (Unicode CLDR `mn`): 2026.11.21, 14:05 and 12,500,000."""

DATE_FORMAT = "Y.m.d"
SHORT_DATE_FORMAT = "Y.m.d"
SHORT_DATETIME_FORMAT = "Y.m.d, H:i"
TIME_FORMAT = "H:i"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
