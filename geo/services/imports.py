"""Files into the store: everything counted, refused rows kept in a file, all or nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.addresses import geocode
from geo.incidents.categories import load_categories
from geo.intake import Geocode, Intake, Limits, layer_named, read_layer, write_rejects
from geo.planning.load import estimate_households
from geo.planning.seeds import compound_of
from geo.services import cubes, incidents, plans
from geo.services.clock import local_day, timezone_of
from geo.store import Store


@dataclass(frozen=True)
class ImportReport:
    """What an import did; `read` is always `accepted` + `rejected`."""

    import_id: str
    layer: str
    file: str
    read: int
    accepted: int
    rejected: int
    rejects_path: Path | None
    ignored_columns: list[str]
    notes: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        report = asdict(self)
        report["rejects_path"] = str(self.rejects_path) if self.rejects_path else None
        return report


def import_file(
    store: Store,
    layer: str,
    path: Path,
    *,
    rejects_dir: Path,
    now: datetime,
    crs: str | None = None,
    datum: str | None = None,
    source_layer: str | None = None,
    limits: Limits | None = None,
    effective_from: date | None = None,
) -> ImportReport:
    """The report of one file taken into a layer; rows whose key is there are replaced.

    The first spatial import fixes the town's CRS. Buildings without household counts keep those
    counted before, else get estimates, marked as such; incidents are attributed to the grids in
    force when they were reported; a `grids` file becomes a published plan version from
    `effective_from` (today).

    Raises
    ------
    InputError : the file as a whole cannot be read as that layer; nothing is stored
    """
    spec = layer_named(layer)
    taken = read_layer(
        path,
        layer=spec.name,
        crs=crs,
        datum=datum,
        source_layer=source_layer,
        limits=limits or Limits(),
        timezone=timezone_of(store).key,
        town_crs=store.crs,
        values=_category_names() if spec.name == "incidents" else None,
        geocode=_geocoder(store) if spec.name == "incidents" else None,
    )
    frame = taken.frame
    with _cubes_following(store, spec.name, frame), store.transaction():
        import_id = _next_id(store, now)
        rejects_path = _keep_rejects(taken, rejects_dir, import_id)
        if spec.is_spatial and store.crs is None and len(frame):
            store.set_crs(frame.crs)
        if spec.name == "buildings":
            held = compound_of(frame, store.read("compounds"))
            counted = _with_counts_kept(store, frame)
            frame = estimate_households(counted, is_in_compound=pd.notna(held))
        if spec.name == "incidents":
            frame = incidents.with_grids(store, frame, on=local_day(store, now))
        if spec.name == "grids":
            starts = effective_from or local_day(store, now)
            plans.import_plan(store, frame, name=path.stem, effective_from=starts, now=now)
        else:
            store.write(spec.name, frame, mode="upsert")
        report = ImportReport(
            import_id,
            spec.name,
            path.name,
            taken.n_read,
            len(frame),
            taken.n_rejected,
            rejects_path,
            list(taken.ignored_columns),
            list(taken.notes),
        )
        _log(store, report, now)
    return report


def _cubes_following(
    store: Store, layer: str, frame: gpd.GeoDataFrame | pd.DataFrame
) -> AbstractContextManager[None]:
    return cubes.following(store, frame) if layer == "incidents" else nullcontext()


def _with_counts_kept(store: Store, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The buildings with the households and people counted earlier, where the file has none."""
    columns = ["building", "households", "people", "households_estimated"]
    stored = store.read("buildings", columns=columns)
    is_counted = stored["households"].notna() & ~stored["households_estimated"].fillna(False)
    known = stored[is_counted].set_index("building")
    is_silent = buildings["households"].isna() & buildings["building"].isin(known.index)
    kept = buildings.copy()
    for column in columns[1:]:
        found = buildings["building"].map(known[column]).astype(buildings[column].dtype)
        kept[column] = buildings[column].mask(is_silent, found)
    return kept


def _category_names() -> dict[str, dict[str, str]]:
    """Names of categories as people write them -> their codes."""
    catalogue = load_categories()
    names: dict[str, str] = {}
    for column in ("name_zh", "name_en"):
        names.update(zip(catalogue[column], catalogue["category"], strict=True))
    return {"category": names}


def _geocoder(store: Store) -> Geocode | None:
    """Addresses -> points of the town's register; None where the town has no register."""
    if not store.count("gazetteer"):
        return None

    def found(addresses: pd.Series) -> gpd.GeoSeries:
        return geocode(addresses, store.read("gazetteer")).geometry

    return found


def _next_id(store: Store, now: datetime) -> str:
    return f"I{local_day(store, now):%Y%m%d}-{store.count('imports') + 1:04d}"


def _keep_rejects(taken: Intake, folder: Path, import_id: str) -> Path | None:
    if not len(taken.rejects):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{import_id}-rejects.csv"
    write_rejects(taken.rejects, path)
    return path


def _log(store: Store, report: ImportReport, now: datetime) -> None:
    row = {
        "import": report.import_id,
        "layer": report.layer,
        "file": report.file,
        "at": pd.Timestamp(now),
        "read": report.read,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "rejects_file": report.rejects_path.name if report.rejects_path else None,
    }
    store.write("imports", pd.DataFrame([row]), mode="append")
