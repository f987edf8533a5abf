"""Pictures of every view and dialog, in both themes, wide and narrow, in build/screenshots: for people to look at."""

import struct

import pytest

from support.postgres import ROOT
from support.scenes import SCENES, show

FOLDER = ROOT / "build" / "screenshots"
SIZES = {390: 844, 1280: 900}
LEAST = 8000  # bytes; an empty page has fewer


def take(page, name, width, theme, whole):
    page.set_viewport_size({"width": width, "height": SIZES[width]})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    path = FOLDER / f"{name}-{width}-{theme}.png"
    path.unlink(missing_ok=True)
    page.screenshot(path=path, full_page=whole, animations="disabled")
    return path


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_has_its_pictures(visit, demo, name):
    visitor = show(name, visit, demo)
    pictures = set()
    for width in SCENES[name].widths:
        for theme in ("light", "dark"):
            path = take(visitor.page, name, width, theme, whole=not SCENES[name].dialog)
            data = path.read_bytes()
            assert len(data) > LEAST, path
            assert struct.unpack(">I", data[16:20])[0] == width, path
            pictures.add(data)
    assert len(pictures) == 2 * len(SCENES[name].widths)
