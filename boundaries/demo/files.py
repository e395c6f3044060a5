"""The town as files such as an office gets: several formats, Chinese headers, three datums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from boundaries.demo.town import Town
from geo.crs import to_wgs84, wgs84_to_gcj02

ZONE = "Asia/Shanghai"

HEADERS: dict[str, dict[str, str]] = {
    "subdistricts": {
        "subdistrict": "街道编码", "name": "街道名称", "name_en": "英文名称", "district": "所属区",
        "people": "人口数",
    },
    "communities": {
        "community": "社区编码", "name": "社区名称", "name_en": "英文名称",
        "subdistrict": "所属街道",
    },
    "compounds": {
        "compound": "小区编码", "name": "小区名称", "name_en": "英文名称", "community": "社区编码",
        "n_buildings": "楼栋数", "households": "户数", "people": "人口数",
    },
    "buildings": {
        "building": "楼栋编码", "name": "楼栋名称", "number": "楼号", "compound": "小区编码",
        "community": "社区编码", "street": "道路", "address": "地址", "use": "用途",
        "floors": "层数", "height_m": "高度", "n_entrances": "单元数", "households": "户数",
        "people": "人口数",
    },
    "entrances": {
        "entrance": "单元编码", "building": "楼栋编码", "number": "单元号", "households": "户数",
        "people": "人口数",
    },
    "barriers": {
        "barrier": "阻隔编码", "kind": "阻隔类型", "class": "等级", "name": "名称",
        "name_en": "英文名称",
    },
    "streets": {
        "street": "路段编码", "name": "道路名称", "name_en": "英文名称", "class": "道路等级",
        "length_m": "长度",
    },
    "sites": {"site": "场所编码", "kind": "场所类型", "name": "场所名称", "name_en": "英文名称"},
    "gazetteer": {
        "place": "地址编码", "kind": "地址类型", "name": "名称", "compound": "小区名称",
        "building": "楼号", "entrance": "单元号", "address": "标准地址",
    },
    "roster": {
        "person": "工号", "name": "姓名", "phone": "联系电话", "role": "角色",
        "area_kind": "责任区类型", "area": "责任区编码", "valid_from": "生效日期",
    },
    "grids": {
        "plan": "方案", "grid": "网格编码", "community": "社区编码", "name": "网格名称",
        "households": "户数", "people": "人口数",
    },
    "incidents": {
        "incident": "案件编号", "category": "小类编码", "status": "案件状态",
        "reported_at": "上报时间", "due_at": "截止时间", "closed_at": "结案时间",
        "reporter_kind": "案件来源", "reporter": "上报人", "contact": "联系电话",
        "description": "问题描述", "address": "事发地址",
    },
    "checkins": {
        "checkin": "打卡编号", "patrol": "巡查编号", "worker": "工号", "at": "打卡时间",
        "building": "楼栋编码", "note": "备注",
    },
    "tracks": {
        "patrol": "巡查编号", "worker": "工号", "day": "日期", "round": "巡次", "at": "定位时间",
        "accuracy_m": "精度",
    },
}  # fmt: skip
"""Our columns and the headers that they carry in the files."""

VALUES: dict[str, dict[str, str]] = {
    "use": {
        "residential": "住宅", "mixed": "商住", "commercial": "商业", "public": "公共服务",
        "industrial": "工业", "other": "其他",
    },
    "barriers.kind": {"road": "道路", "rail": "铁路", "water": "河流", "wall": "围墙"},
    "gazetteer.kind": {
        "compound": "小区", "building": "楼栋", "entrance": "单元", "street": "道路",
        "site": "场所",
    },
    "roster.role": {
        "grid_worker": "网格员", "building_chief": "楼栋长", "entrance_chief": "单元长",
    },
    "roster.area_kind": {"community": "社区", "building": "楼栋", "entrance": "单元"},
    "status": {
        "reported": "已上报", "verified": "已核实", "filed": "已立案", "dispatched": "已派遣",
        "handling": "处置中", "result_reported": "已反馈", "checked": "已核查",
        "closed": "已结案", "rejected": "不予立案", "duplicate": "重复", "suspended": "挂账",
        "void": "作废",
    },
    "reporter_kind": {
        "worker": "网格员", "resident": "居民", "courier": "快递员", "hotline": "12345热线",
        "department": "部门转办",
    },
}  # fmt: skip
"""How values of enumerations are written in the files; by column, or by layer and column."""


@dataclass(frozen=True)
class DemoFile:
    """One file of the town and what its importer has to be told."""

    layer: str
    path: Path
    crs: str | None = None
    datum: str | None = None
    source_layer: str | None = None


def write_files(town: Town, folder: Path) -> list[DemoFile]:
    """The town's files written into the folder, in the order in which they are to be imported.

    Areas that must meet exactly are in the town's own CRS (GeoPackage, GBK Shapefile); lines and
    grounds in WGS84 (GeoJSON, FlatGeobuf); doors, people and addresses in tables (CSV, XLSX);
    incidents as phones deliver them, in GCJ-02 and GB18030; tracks in WGS84.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "基础地理.gpkg"
    base.unlink(missing_ok=True)
    written = [
        _package(town.subdistricts, "subdistricts", base, "街道"),
        _shapefile(town.communities, "communities", folder / "社区.shp"),
        _package(town.compounds, "compounds", base, "小区"),
        _package(town.buildings, "buildings", base, "楼栋"),
        _table(town.entrances, "entrances", folder / "单元.csv", _write_csv_bom),
        _vector(town.barriers, "barriers", folder / "阻隔.geojson", "GeoJSON"),
        _vector(town.streets, "streets", folder / "路网.fgb", "FlatGeobuf"),
        _vector(town.sites, "sites", folder / "场所.geojson", "GeoJSON"),
        _table(town.gazetteer, "gazetteer", folder / "标准地址库.xlsx", _write_workbook),
        _table(town.roster, "roster", folder / "三长花名册.xlsx", _write_workbook),
        _package(town.old_grids, "grids", base, "现行网格"),
        _table(
            town.incidents, "incidents", folder / "事件_GCJ02.csv", _write_csv_gbk, datum="gcj02"
        ),
        _table(town.checkins, "checkins", folder / "打卡.csv", _write_csv_bom),
        _table(town.tracks, "tracks", folder / "巡查轨迹.csv", _write_csv_bom),
    ]
    return written


def _renamed(frame: pd.DataFrame, layer: str) -> pd.DataFrame:
    """The layer's columns under their Chinese headers, values and local times as written."""
    columns = {}
    for name, header in HEADERS[layer].items():
        values = frame[name]
        spoken = VALUES.get(f"{layer}.{name}", VALUES.get(name, {}))
        if spoken:
            values = values.map(spoken)
        elif str(values.dtype).startswith("datetime64"):
            values = _written_times(values)
        columns[header] = values
    return pd.DataFrame(columns)


def _written_times(values: pd.Series) -> pd.Series:
    """Local times as `2026-10-01 08:30:00`, days as `2026-10-01`; empty where there is none."""
    is_instant = isinstance(values.dtype, pd.DatetimeTZDtype)
    local = values.dt.tz_convert(ZONE).dt.tz_localize(None) if is_instant else values
    kind = pa.timestamp("s") if is_instant else pa.date32()
    unit = "s" if is_instant else "D"
    instants = pa.array(local.to_numpy().astype(f"datetime64[{unit}]")).cast(kind)
    return pd.Series(instants.cast(pa.string()).to_pandas(), dtype="str").set_axis(values.index)


def _spatial(frame: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(_renamed(frame, layer), geometry=frame.geometry, crs=frame.crs)


def _package(frame: gpd.GeoDataFrame, layer: str, path: Path, source_layer: str) -> DemoFile:
    _spatial(frame, layer).to_file(path, layer=source_layer, driver="GPKG", engine="pyogrio")
    return DemoFile(layer, path, source_layer=source_layer)


def _shapefile(frame: gpd.GeoDataFrame, layer: str, path: Path) -> DemoFile:
    _spatial(frame, layer).to_file(path, driver="ESRI Shapefile", encoding="GBK", engine="pyogrio")
    return DemoFile(layer, path)


def _vector(frame: gpd.GeoDataFrame, layer: str, path: Path, driver: str) -> DemoFile:
    path.unlink(missing_ok=True)
    options = {"COORDINATE_PRECISION": "8", "RFC7946": "YES"} if driver == "GeoJSON" else {}
    _spatial(to_wgs84(frame), layer).to_file(path, driver=driver, engine="pyogrio", **options)
    return DemoFile(layer, path)


def _table(
    frame: pd.DataFrame,
    layer: str,
    path: Path,
    write: Callable[[pd.DataFrame, Path], None],
    *,
    datum: str = "wgs84",
) -> DemoFile:
    """A plain table, with longitude and latitude columns where the layer has points."""
    table = _renamed(frame, layer)
    if not isinstance(frame, gpd.GeoDataFrame):
        write(table, path)
        return DemoFile(layer, path)
    lon, lat = to_wgs84(frame).geometry.get_coordinates().to_numpy().T
    if datum == "gcj02":
        lon, lat = wgs84_to_gcj02(lon, lat)
    table["经度"], table["纬度"] = np.round(lon, 7), np.round(lat, 7)
    write(table, path)
    return DemoFile(layer, path, datum=datum)


def _write_csv_bom(table: pd.DataFrame, path: Path) -> None:
    """UTF-8 with a byte order mark, as spreadsheets write it."""
    with path.open("wb") as out:
        out.write(b"\xef\xbb\xbf")
        options = pa.csv.WriteOptions(quoting_style="needed")
        pa.csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), out, options)


def _write_csv_gbk(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, encoding="gb18030")


def _write_workbook(table: pd.DataFrame, path: Path) -> None:
    table.to_excel(path, index=False, sheet_name="Sheet1", engine="openpyxl")
