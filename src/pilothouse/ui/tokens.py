"""The one set of colour tokens, for the stylesheet, the charts and the printed layouts.

Colour carries meaning and nothing else: green is settled, amber is held or waiting, red is a breach or a loss,
violet is a rehearsal or test mode, slate is money that went back, ink blue is what can be acted on.
`python -m pilothouse.ui.tokens` writes `styles/themes.css`; a test keeps it current and measures the contrast.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

THEMES_FILE = Path(__file__).parent / "styles" / "themes.css"


@dataclass(frozen=True, slots=True)
class Tone:
    """One meaning: a fill, what is written on it, the same meaning as text, and a soft background. All `#rrggbb`."""

    fill: str
    on_fill: str
    text: str
    soft: str


@dataclass(frozen=True, slots=True)
class Palette:
    """All colours of one theme."""

    name: str
    scheme: str
    page: str
    surface: str
    sunken: str
    line: str
    line_strong: str
    ink: str
    muted: str
    accent: Tone
    settled: Tone
    held: Tone
    breach: Tone
    rehearsal: Tone
    returned: Tone

    def tones(self) -> dict[str, Tone]:
        """Tones by name, in the order in which they are written to the stylesheet."""
        return {
            "accent": self.accent,
            "settled": self.settled,
            "held": self.held,
            "breach": self.breach,
            "rehearsal": self.rehearsal,
            "returned": self.returned,
        }


LIGHT = Palette(
    name="light",
    scheme="light",
    page="#f7f8fa",
    surface="#ffffff",
    sunken="#f1f3f6",
    line="#e4e7ec",
    line_strong="#cbd1da",
    ink="#151a23",
    muted="#59626f",
    accent=Tone("#27408b", "#ffffff", "#27408b", "#eef1fa"),
    settled=Tone("#187a43", "#ffffff", "#14683a", "#eaf6ee"),
    held=Tone("#f0b13c", "#332100", "#85490a", "#fdf4e0"),
    breach=Tone("#c22b2b", "#ffffff", "#b02323", "#fdeeed"),
    rehearsal=Tone("#6a3fc4", "#ffffff", "#5a35a8", "#f3effc"),
    returned=Tone("#5d6b80", "#ffffff", "#475365", "#edf0f4"),
)

DARK = Palette(
    name="dark",
    scheme="dark",
    page="#0d1015",
    surface="#14181f",
    sunken="#1b2028",
    line="#262c36",
    line_strong="#3b4452",
    ink="#e8ebf0",
    muted="#9aa4b3",
    accent=Tone("#4262cf", "#ffffff", "#a3b8f8", "#1a2238"),
    settled=Tone("#37a566", "#04140a", "#74d29a", "#11251a"),
    held=Tone("#dfa440", "#241600", "#ecbd6a", "#2a2010"),
    breach=Tone("#c53c3c", "#ffffff", "#f69490", "#2f1718"),
    rehearsal=Tone("#7650d0", "#ffffff", "#bfa6f6", "#221b37"),
    returned=Tone("#8391a6", "#0b0f15", "#aeb8c7", "#1e242e"),
)


def contrast_ratio(first: str, second: str) -> float:
    """Contrast of two `#rrggbb` colours from 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = ((c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_pairs(palette: Palette) -> dict[str, tuple[str, str]]:
    """Every pair of text and background that the components use, by a name for the test's message."""
    pairs: dict[str, tuple[str, str]] = {}
    for ground_name, ground in (("page", palette.page), ("surface", palette.surface), ("sunken", palette.sunken)):
        pairs[f"ink on {ground_name}"] = (palette.ink, ground)
        pairs[f"muted on {ground_name}"] = (palette.muted, ground)
        for name, tone in palette.tones().items():
            pairs[f"{name} text on {ground_name}"] = (tone.text, ground)
    for name, tone in palette.tones().items():
        pairs[f"{name} text on its soft ground"] = (tone.text, tone.soft)
        pairs[f"ink on {name} soft ground"] = (palette.ink, tone.soft)
        pairs[f"on-fill of {name}"] = (tone.on_fill, tone.fill)
    return pairs


def _theme(palette: Palette) -> str:
    default = "default: true;" if palette.scheme == "light" else "prefersdark: true;"
    variables = {
        "--color-base-100": palette.surface,
        "--color-base-200": palette.page,
        "--color-base-300": palette.line,
        "--color-base-content": palette.ink,
        "--color-neutral": palette.ink,
        "--color-neutral-content": palette.surface,
        "--color-primary": palette.accent.fill,
        "--color-primary-content": palette.accent.on_fill,
        "--color-secondary": palette.returned.fill,
        "--color-secondary-content": palette.returned.on_fill,
        "--color-accent": palette.rehearsal.fill,
        "--color-accent-content": palette.rehearsal.on_fill,
        "--color-info": palette.accent.fill,
        "--color-info-content": palette.accent.on_fill,
        "--color-success": palette.settled.fill,
        "--color-success-content": palette.settled.on_fill,
        "--color-warning": palette.held.fill,
        "--color-warning-content": palette.held.on_fill,
        "--color-error": palette.breach.fill,
        "--color-error-content": palette.breach.on_fill,
        "--radius-selector": "0.375rem",
        "--radius-field": "0.375rem",
        "--radius-box": "0.5rem",
        "--size-selector": "0.25rem",
        "--size-field": "0.25rem",
        "--border": "1px",
        "--depth": "0",
        "--noise": "0",
        "--ph-page": palette.page,
        "--ph-surface": palette.surface,
        "--ph-sunken": palette.sunken,
        "--ph-line": palette.line,
        "--ph-line-strong": palette.line_strong,
        "--ph-ink": palette.ink,
        "--ph-muted": palette.muted,
    }
    for name, tone in palette.tones().items():
        variables[f"--ph-{name}"] = tone.fill
        variables[f"--ph-on-{name}"] = tone.on_fill
        variables[f"--ph-{name}-text"] = tone.text
        variables[f"--ph-{name}-soft"] = tone.soft
    lines = "\n".join(f"  {name}: {value};" for name, value in variables.items())
    return (
        f'@plugin "daisyui/theme" {{\n  name: "{palette.name}";\n  {default}\n'
        f"  color-scheme: {palette.scheme};\n{lines}\n}}\n"
    )


def themes_css() -> str:
    """The text of `styles/themes.css`."""
    head = "/* Written by `python -m pilothouse.ui.tokens` from tokens.py; change the tokens, not this file. */\n\n"
    return head + _theme(LIGHT) + "\n" + _theme(DARK)


if __name__ == "__main__":
    THEMES_FILE.write_text(themes_css(), encoding="utf-8")
