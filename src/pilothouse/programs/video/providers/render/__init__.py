"""The drawing half of the embedded renderer: palette, moving light field, product card, caption, H.264 encoding.

Pure functions of their inputs. Only integer image operations and one seeded generator are used, one encoder thread and
bit-exact muxing, so equal inputs give equal bytes.
"""

from typing import Final

# Part of an item's fingerprint: raise it with every change that alters a pixel or a byte of a clip.
RENDERER_VERSION: Final = "1"
