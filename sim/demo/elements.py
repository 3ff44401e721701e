"""The two drawings of the page as NiceGUI elements: they take films and curves as JSON texts, unopened."""

from __future__ import annotations

from nicegui.element import Element


class _Drawing(Element):
    """What both share: JSON from a worker goes straight to a method in the browser."""

    def tell(self, method: str, json_text: str = "") -> None:
        """Call a method of the drawing with a JSON text as its argument, without decoding it here."""
        if not self.is_deleted:
            self.client.run_javascript(f'runMethod({self.id}, "{method}", [{json_text}])')


class Stage(_Drawing, component="static/stage.js"):
    """The bodies and their player. `catalogue` holds all texts of the page's language."""

    def __init__(self, catalogue: dict[str, str]):
        super().__init__()
        self._props["catalogue"] = catalogue


class CurvesPanel(_Drawing, component="static/curves_panel.js"):
    """The cohort's seeding curves and the paired difference in one sentence."""

    def __init__(self, catalogue: dict[str, str], arms: list[str]):
        super().__init__()
        self._props["catalogue"] = {
            key: text for key, text in catalogue.items() if key.startswith(("curves.", "organ."))
        }
        self._props["arms"] = arms
