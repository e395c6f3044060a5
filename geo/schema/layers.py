"""Every layer of Wangge: columns, types, units, keys, and which columns are personal data.

Keys are text, so that codes keep their leading zeros. Lengths are in metres, areas in square
metres, times in UTC. Geometry inside the house is in the town's projected CRS.
"""

from __future__ import annotations

from geo.schema.columns import LINEAR, POLYGONAL, PUNCTUAL, Column, Layer

STREET_CLASSES = frozenset(
    {
        "motorway",
        "trunk",
        "primary",
        "secondary",
        "tertiary",
        "residential",
        "living_street",
        "pedestrian",
        "service",
        "track",
        "footway",
        "path",
        "steps",
        "other",
    }
)
"""OpenStreetMap's highway classes, links folded into their class, the rest as `other`."""

BARRIER_KINDS = frozenset({"road", "rail", "water", "wall", "other"})
BUILDING_USES = frozenset({"residential", "mixed", "commercial", "public", "industrial", "other"})
SITE_KINDS = frozenset(
    {
        "park",
        "green",
        "school",
        "hospital",
        "market",
        "office",
        "sports",
        "square",
        "industry",
        "other",
    }
)
ROLES = frozenset({"grid_worker", "building_chief", "entrance_chief"})
INCIDENT_STATUSES = frozenset(
    {
        "reported",
        "verified",
        "filed",
        "dispatched",
        "handling",
        "result_reported",
        "checked",
        "closed",
        "rejected",
        "duplicate",
        "suspended",
        "void",
    }
)
"""Stages of GB/T 30428 and city manuals; the moves between them come with the lifecycle."""

REPORTER_KINDS = frozenset({"worker", "resident", "courier", "hotline", "department", "other"})
VERDICTS = frozenset({"covered", "missed", "cannot_tell"})
PLAN_STATUSES = frozenset({"draft", "published"})
JOB_STATES = frozenset({"queued", "running", "done", "failed", "cancelled"})


def _text(name: str, meaning: str, **rules: object) -> Column:
    return Column(name, "text", meaning, **rules)  # type: ignore[arg-type]


def _number(name: str, meaning: str, unit: str = "", **rules: object) -> Column:
    return Column(name, "float", meaning, unit, **{"minimum": 0.0, **rules})  # type: ignore[arg-type]


def _count(name: str, meaning: str, unit: str = "", **rules: object) -> Column:
    return Column(name, "int", meaning, unit, **{"minimum": 0, **rules})  # type: ignore[arg-type]


_HOUSEHOLDS = _count("households", "households living there", "households")
_PEOPLE = _count("people", "people living there", "people")
_ESTIMATED = Column(
    "households_estimated", "bool", "true where households were derived, not counted"
)

_ALL = (
    Layer(
        "subdistricts",
        "the areas of subdistrict offices (街道)",
        ("subdistrict",),
        (
            _text("subdistrict", "code or name of the subdistrict", required=True, max_length=64),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
            _text("district", "district (区) it belongs to"),
            _PEOPLE,
        ),
        POLYGONAL,
        importable=True,
    ),
    Layer(
        "communities",
        "communities (社区); a grid lies inside exactly one",
        ("community",),
        (
            _text("community", "code of the community", required=True, max_length=64),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
            _text("subdistrict", "subdistrict it belongs to"),
        ),
        POLYGONAL,
        importable=True,
    ),
    Layer(
        "compounds",
        "walled residential estates (小区)",
        ("compound",),
        (
            _text("compound", "code of the compound", required=True, max_length=64),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
            _text("community", "community it lies in"),
            _count("n_buildings", "buildings in it", "buildings"),
            _HOUSEHOLDS,
            _PEOPLE,
            _ESTIMATED,
        ),
        POLYGONAL | PUNCTUAL,
        importable=True,
    ),
    Layer(
        "buildings",
        "buildings (楼栋)",
        ("building",),
        (
            _text("building", "code of the building", required=True, max_length=64),
            _text("name", "name in Chinese"),
            _text("number", "building number inside its compound, as a plain value"),
            _text("compound", "compound it stands in"),
            _text("community", "community it stands in"),
            _text("street", "name of the street of its address"),
            _text("address", "address as people write it"),
            _text("use", "main use", values=BUILDING_USES),
            _number("floors", "floors above ground", "floors", maximum=200),
            _number("height_m", "height", "m", maximum=1000),
            _count("n_entrances", "entrances (单元)", "entrances"),
            _HOUSEHOLDS,
            _PEOPLE,
            _ESTIMATED,
        ),
        POLYGONAL | PUNCTUAL,
        importable=True,
    ),
    Layer(
        "entrances",
        "entrances of buildings (单元)",
        ("entrance",),
        (
            _text("entrance", "code of the entrance", required=True, max_length=64),
            _text("building", "building it belongs to", required=True),
            _text("number", "entrance number inside its building, as a plain value"),
            _HOUSEHOLDS,
            _PEOPLE,
        ),
        PUNCTUAL,
        importable=True,
    ),
    Layer(
        "barriers",
        "lines and areas that grids should not cross: main roads, rail, water, walls",
        ("barrier",),
        (
            _text("barrier", "code of the barrier", required=True, max_length=64),
            _text("kind", "what it is", required=True, values=BARRIER_KINDS),
            _text("class", "class within its kind, such as primary or river"),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
        ),
        LINEAR | POLYGONAL,
        importable=True,
    ),
    Layer(
        "streets",
        "streets and paths that patrols walk",
        ("street",),
        (
            _text("street", "code of the street segment", required=True, max_length=64),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
            _text("class", "OpenStreetMap highway class", values=STREET_CLASSES),
            _number("length_m", "length on the ground", "m"),
        ),
        LINEAR,
        importable=True,
    ),
    Layer(
        "sites",
        "grounds that are not compounds: parks, schools, hospitals, markets, squares",
        ("site",),
        (
            _text("site", "code of the site", required=True, max_length=64),
            _text("kind", "what it is", required=True, values=SITE_KINDS),
            _text("name", "name in Chinese"),
            _text("name_en", "name in Latin script"),
        ),
        POLYGONAL | PUNCTUAL,
        importable=True,
    ),
    Layer(
        "cells",
        "the smallest pieces of ground that planning moves between grids",
        ("cell_set", "cell"),
        (
            _text("cell_set", "the run that made these cells", required=True, max_length=64),
            _text("cell", "code of the cell inside its set", required=True, max_length=64),
            _text("community", "community it lies in", required=True),
            _text("compound", "compound it is part of"),
            _HOUSEHOLDS,
            _PEOPLE,
            _ESTIMATED,
            _count("n_buildings", "buildings in it", "buildings"),
            _number("area_m2", "area", "m2"),
        ),
        POLYGONAL,
    ),
    Layer(
        "plans",
        "plan versions: whole assignments, dated, each with the plan it came from",
        ("plan",),
        (
            _text("plan", "code of the version", required=True, max_length=64),
            _text("name", "name a planner gave it"),
            _text("status", "draft or published", required=True, values=PLAN_STATUSES),
            _text("parent", "version it was made from"),
            _text("cell_set", "cells it assigns", required=True),
            Column("created_at", "time", "when it was made", required=True),
            Column("effective_from", "date", "first day it is in force"),
            Column("effective_to", "date", "first day it is no longer in force"),
            _text("load", "column that was balanced"),
            _number("target", "wanted load of a grid"),
            _number("tolerance", "allowed |load - target| / target"),
            Column("seed", "int", "seed of the search"),
            Column("report", "json", "the figures of the plan"),
        ),
    ),
    Layer(
        "assignments",
        "cell -> grid of each plan version",
        ("plan", "cell"),
        (
            _text("plan", "plan version", required=True, max_length=64),
            _text("cell", "cell of the plan's cell set", required=True, max_length=64),
            _text("grid", "grid it is given to", required=True, max_length=64),
        ),
    ),
    Layer(
        "grids",
        "responsibility grids (责任网格) of each plan version",
        ("plan", "grid"),
        (
            _text("plan", "plan version", required=True, max_length=64),
            _text("grid", "grid code", required=True, max_length=64),
            _text("community", "community it lies in", required=True),
            _text("name", "name in Chinese"),
            _HOUSEHOLDS,
            _PEOPLE,
            _ESTIMATED,
            _count("n_buildings", "buildings in it", "buildings"),
            _count("n_cells", "cells in it", "cells"),
            _number("load", "load that was balanced"),
            _number("target", "wanted load"),
            Column("deviation", "float", "(load - target) / target"),
            _number("area_m2", "area", "m2"),
            _number("perimeter_m", "perimeter", "m"),
            _number("polsby_popper", "4 pi area / perimeter^2", maximum=1.0000001),
        ),
        POLYGONAL,
        importable=True,
    ),
    Layer(
        "grid_codes",
        "every grid code ever issued; none is issued twice",
        ("grid",),
        (
            _text("grid", "grid code", required=True, max_length=64),
            _text("issued_by", "plan version that first used it", required=True),
            Column("issued_on", "date", "first day it was in force"),
            Column("retired_on", "date", "first day it was no longer in force"),
        ),
    ),
    Layer(
        "grid_links",
        "which grid became which, with the share of the predecessor's load that went there",
        ("plan", "predecessor", "successor"),
        (
            _text("plan", "plan version that made the change", required=True, max_length=64),
            _text("predecessor", "grid of the parent plan", required=True, max_length=64),
            _text("successor", "grid of this plan", required=True, max_length=64),
            _number("share", "share of the predecessor's load", maximum=1.0000001),
        ),
    ),
    Layer(
        "roster",
        "who answers for which grid, building or entrance, from when (三长)",
        ("person", "role", "area", "valid_from"),
        (
            _text("person", "code of the person", required=True, max_length=64),
            _text("name", "name", personal=True),
            _text("phone", "telephone number", personal=True),
            _text("role", "which of the three chiefs", required=True, values=ROLES),
            _text(
                "area_kind",
                "what `area` names",
                required=True,
                values=frozenset({"community", "grid", "building", "entrance"}),
            ),
            _text("area", "code of that area", required=True, max_length=64),
            Column("valid_from", "date", "first day", required=True),
            Column("valid_to", "date", "first day no longer"),
        ),
        importable=True,
    ),
    Layer(
        "incidents",
        "reported cases",
        ("incident",),
        (
            _text("incident", "case number", required=True, max_length=64),
            _text("category", "class code of the catalogue", required=True, max_length=64),
            _text("status", "stage of the case", required=True, values=INCIDENT_STATUSES),
            Column("reported_at", "time", "when it was reported", required=True),
            Column("due_at", "time", "promised end"),
            Column("closed_at", "time", "when it was closed"),
            _text("reporter_kind", "who reported", values=REPORTER_KINDS),
            _text("reporter", "the reporter's name", personal=True),
            _text("contact", "the reporter's telephone", personal=True),
            _text("description", "what was reported, as typed"),
            _text("address", "place as written"),
            _text("grid", "grid it is attributed to, as of the day it was reported"),
            _text("plan", "plan version of that attribution"),
            _text("community", "community of that grid"),
        ),
        PUNCTUAL,
        importable=True,
    ),
    Layer(
        "checkins",
        "check-ins (打卡) of a patrol",
        ("checkin",),
        (
            _text("checkin", "code of the check-in", required=True, max_length=64),
            _text("patrol", "patrol it belongs to"),
            _text("worker", "who checked in", required=True, personal=True),
            Column("at", "time", "when", required=True),
            _text("building", "building visited"),
            _text("note", "what was noted"),
        ),
        PUNCTUAL,
        importable=True,
    ),
    Layer(
        "tracks",
        "GPS fixes of patrols, one row a fix",
        ("patrol", "at"),
        (
            _text("patrol", "one round of one worker", required=True, max_length=64),
            _text("worker", "who walked", personal=True),
            Column("day", "date", "local day of the round", required=True),
            Column("round", "int", "which round of the day, from 1", required=True, minimum=1),
            Column("at", "time", "time of the fix", required=True),
            _number("accuracy_m", "accuracy the phone reported", "m"),
        ),
        PUNCTUAL,
        spatial_index=False,
        importable=True,
    ),
    Layer(
        "gazetteer",
        "standard addresses that others are geocoded against",
        ("place",),
        (
            _text("place", "code of the place", required=True, max_length=80),
            _text(
                "kind",
                "what it is",
                required=True,
                values=frozenset({"compound", "building", "entrance", "street", "site"}),
            ),
            _text("name", "name in Chinese"),
            _text("compound", "name of the compound"),
            _text("building", "building number, plain"),
            _text("entrance", "entrance number, plain"),
            _text("address", "full address"),
        ),
        PUNCTUAL,
        importable=True,
    ),
    Layer(
        "hotspots",
        "cells of hotspot surfaces, by run",
        ("run", "cell"),
        (
            _text("run", "one computation", required=True, max_length=64),
            _text("cell", "row-column of the raster", required=True, max_length=32),
            _text("method", "how it was computed", required=True),
            _text("category", "category counted; empty for all"),
            Column("window_from", "time", "start of the window, inclusive", required=True),
            Column("window_to", "time", "end of the window, exclusive", required=True),
            _count("n_incidents", "incidents in the cell", "incidents"),
            _number("density_per_km2", "kernel density", "incidents/km2"),
            _number("expected", "expected where nothing is special", "incidents"),
            _number("excess", "incidents more than expected", "incidents", minimum=None),
            _number("relative_risk", "incidents over expected"),
            _number("risk_low", "lower end of the 95% interval of the relative risk"),
            _number("risk_high", "upper end of the 95% interval of the relative risk"),
            _number("q", "share of false finds among those at least as strong", maximum=1.0),
            _text("verdict", "what the method says of the place: hot, not_significant, a class"),
        ),
        POLYGONAL,
    ),
    Layer(
        "campaigns",
        "problems chosen to be solved (每月攻坚), each with the figures it was chosen by",
        ("campaign",),
        (
            _text("campaign", "code of the campaign", required=True, max_length=64),
            _text("category", "category that recurs; empty for all"),
            _text("place", "where, in words"),
            _text("decision", "what was decided, as typed", required=True),
            Column("window_from", "date", "first local day of the evidence", required=True),
            Column("window_to", "date", "last local day of the evidence", required=True),
            Column("starts_on", "date", "local day on which measures begin", required=True),
            _count("n_incidents", "incidents of the evidence", "incidents"),
            _number("expected", "expected where nothing is special", "incidents"),
            _number("excess", "incidents more than expected", "incidents", minimum=None),
            _count("households", "households in and around the place", "households"),
            _text("decided_by", "who chose it", personal=True),
            Column("decided_at", "time", "when it was chosen", required=True),
            Column("ended_at", "time", "when it was ended; empty while it runs"),
            _text("outcome", "what came of it, as typed"),
        ),
        POLYGONAL,
    ),
    Layer(
        "pieces",
        "street pieces of at most some metres, the unit of coverage",
        ("piece",),
        (
            _text("piece", "code of the piece", required=True, max_length=80),
            _text("street", "street it is cut from", required=True),
            _number("length_m", "length", "m", required=True),
        ),
        LINEAR,
    ),
    Layer(
        "coverage",
        "what each patrol passed: one row a patrol and piece within its reach",
        ("patrol", "piece"),
        (
            _text("patrol", "one round of one worker", required=True, max_length=64),
            _text("piece", "street piece", required=True, max_length=80),
            _text("worker", "who walked", personal=True),
            Column("day", "date", "local day of the round", required=True),
            Column("round", "int", "which round of the day", required=True, minimum=1),
            _number("covered_m", "length within reach of the track", "m"),
            _number("probability", "that the piece was walked", maximum=1.0),
            _text("verdict", "three-way verdict", values=VERDICTS),
        ),
    ),
    Layer(
        "rounds",
        "what is kept of each patrol's round when its fixes are forgotten",
        ("patrol",),
        (
            _text("patrol", "one round of one worker", required=True, max_length=64),
            _text("worker", "who walked", personal=True),
            Column("day", "date", "local day of the round", required=True),
            Column("round", "int", "which round of the day", required=True, minimum=1),
            Column("started_at", "time", "time of the first fix", required=True),
            Column("ended_at", "time", "time of the last fix", required=True),
            _count("n_fixes", "fixes that were used", "fixes"),
            _number("duration_s", "from the first fix to the last", "s"),
            _number("walked_m", "length of the track", "m"),
            _number("silent_s", "time without signal, in all", "s"),
        ),
    ),
    Layer(
        "passes",
        "buildings that each patrol came near",
        ("patrol", "building"),
        (
            _text("patrol", "one round of one worker", required=True, max_length=64),
            _text("building", "building passed within reach", required=True, max_length=64),
            _text("worker", "who walked", personal=True),
            Column("day", "date", "local day of the round", required=True),
            Column("round", "int", "which round of the day", required=True, minimum=1),
        ),
    ),
    Layer(
        "looks",
        "every look of somebody at another person's track",
        ("look",),
        (
            _text("look", "code of the look", required=True, max_length=64),
            _text("who", "account that looked", required=True, personal=True),
            _text("whose", "worker looked at; empty for all workers at once", personal=True),
            Column("day", "date", "day looked at; empty for all days at once"),
            Column("at", "time", "when", required=True),
        ),
    ),
    Layer(
        "imports",
        "every import: read = accepted + rejected",
        ("import",),
        (
            _text("import", "code of the import", required=True, max_length=64),
            _text("layer", "layer it went to", required=True),
            _text("file", "name of the file, without its folder", required=True),
            Column("at", "time", "when", required=True),
            _count("read", "rows read", "rows"),
            _count("accepted", "rows stored", "rows"),
            _count("rejected", "rows refused", "rows"),
            _text("rejects_file", "where the refused rows are"),
        ),
    ),
    Layer(
        "jobs",
        "long work asked for in the browser, with its progress",
        ("job",),
        (
            _text("job", "code of the job", required=True, max_length=64),
            _text("kind", "what it does", required=True),
            _text("state", "where it is", required=True, values=JOB_STATES),
            _number("progress", "share done", maximum=1.0),
            _text("step", "code of the text that says what it is doing"),
            _text("asked_by", "account that asked for it", personal=True),
            Column("params", "json", "what was asked for"),
            Column("created_at", "time", "when it was asked for", required=True),
            Column("ended_at", "time", "when it ended"),
            Column("result", "json", "what came of it, or the error's code and params"),
        ),
    ),
)

LAYERS: dict[str, Layer] = {layer.name: layer for layer in _ALL}
