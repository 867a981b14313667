"""Named limits of the user-interface room, unit last."""

ID_CHIP_FULL_MAX_CHARS = 16
ID_CHIP_HEAD_CHARS = 8
ID_CHIP_TAIL_CHARS = 4

# A number is written on a segment only when it fits the narrowest bar we draw (a phone's 320 px).
BAR_NARROW_WIDTH_PX = 320
BAR_NUMBER_CHAR_PX = 8
BAR_NUMBER_PADDING_PX = 16
BAR_HEIGHT_PX = 32

# Below this a non-zero segment could not be seen at all.
BAR_SEGMENT_MIN_SHARE_PERCENT = 0.6

COUNTDOWN_SOON_SHARE_PERCENT = 25
COUNTDOWN_LAST_SHARE_PERCENT = 10

TIMELINE_FILTER_FROM_EVENTS = 6
CONTRAST_MIN_RATIO = 4.5
