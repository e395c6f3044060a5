"""What a file leaves unsaid."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.errors import InputError
from geo.intake import Intake, read_layer


def read(folder: Path, layer: str, text: str, **options: object) -> Intake:
    path = folder / f"{layer}.csv"
    path.write_text(text, encoding="utf-8")
    return read_layer(path, layer=layer, **options)  # type: ignore[arg-type]


def said(taken: Intake) -> set[str]:
    return {str(entry["code"]) for entry in taken.notes}


def test_read_layer_keys_absent_are_made_from_row_numbers(tmp_path: Path) -> None:
    taken = read(
        tmp_path, "buildings", "层数,经度,纬度\n6,125.3,43.9\nx,125.3,43.9\n7,125.3,43.9\n"
    )
    assert taken.frame["building"].tolist() == ["buildings-1", "buildings-3"]
    assert {"code": "key.from_row", "count": 3, "column": "building"} in taken.notes


def test_read_layer_key_partly_absent_rejects_those_rows(tmp_path: Path) -> None:
    taken = read(tmp_path, "buildings", "楼栋编码,经度,纬度\nB1,125.3,43.9\n,125.3,43.9\n")
    assert taken.rejects[["line", "code"]].to_numpy().tolist() == [[2, "value.missing"]]


def test_read_layer_communities_known_by_name_have_it_for_key(tmp_path: Path) -> None:
    wkt = '"POLYGON ((125.3 43.9, 125.31 43.9, 125.31 43.91, 125.3 43.9))"'
    taken = read(tmp_path, "communities", f"社区名,wkt\n永昌社区,{wkt}\n惠民社区,{wkt}\n")
    assert taken.frame["community"].tolist() == ["永昌社区", "惠民社区"]
    assert "key.from_name" in said(taken)
    named = read(tmp_path, "subdistricts", f"街道,wkt\n永昌街道,{wkt}\n220102001,{wkt}\n")
    assert named.frame["name"].isna().tolist() == [False, True]


def test_read_layer_subdistrict_name_shared_by_two_districts_gets_the_district(
    tmp_path: Path,
) -> None:
    wkt = '"POLYGON ((125.3 43.9, 125.31 43.9, 125.31 43.91, 125.3 43.9))"'
    rows = f"朝阳区,和平街道,{wkt}\n南关区,和平街道,{wkt}\n南关区,民康街道,{wkt}\n"
    taken = read(tmp_path, "subdistricts", "区,街道,wkt\n" + rows)
    assert taken.frame["subdistrict"].tolist() == ["朝阳区和平街道", "南关区和平街道", "民康街道"]
    assert taken.frame["name"].tolist() == ["和平街道", "和平街道", "民康街道"]


def test_read_layer_tracks_day_round_and_patrol_from_time_and_worker(tmp_path: Path) -> None:
    # W1 walks at 8:00 and 8:30, then at 14:00: two rounds, cut at the gap of 5.5 hours.
    # 2026-10-01 23:30 UTC would be the 2nd in Shanghai; written local it stays the 1st.
    times = ["08:00:00", "14:00:00", "08:30:00", "23:30:00"]
    rows = "".join(f"W1,2026-10-01 {time},125.3,43.9\n" for time in times)
    taken = read(tmp_path, "tracks", "网格员编号,定位时间,经度,纬度\n" + rows)
    assert taken.frame["round"].tolist() == [1, 2, 1, 3]
    assert taken.frame["patrol"].iloc[1] == "W1-20261001-2"
    assert (taken.frame["day"] == pd.Timestamp("2026-10-01")).all()
    assert taken.frame["at"].iloc[0] == pd.Timestamp("2026-10-01 00:00", tz="UTC")
    assert {"day.from_time", "round.assumed", "patrol.assumed"} <= said(taken)


def test_read_layer_tracks_rounds_of_named_patrols_follow_their_starts(tmp_path: Path) -> None:
    rows = "B,W1,2026-10-01 14:00,125.3,43.9\nA,W1,2026-10-01 08:00,125.3,43.9\n"
    rows += "C,W2,2026-10-01 15:00,125.3,43.9\n"
    taken = read(tmp_path, "tracks", "巡查编号,网格员编号,定位时间,经度,纬度\n" + rows)
    assert taken.frame["round"].tolist() == [2, 1, 1]


def test_read_layer_tracks_round_in_words(tmp_path: Path) -> None:
    rows = "A,上午,2026-10-01 08:00,125.3,43.9\nB,第二巡,2026-10-01 14:00,125.3,43.9\n"
    taken = read(tmp_path, "tracks", "巡查编号,巡次,定位时间,经度,纬度\n" + rows)
    assert taken.frame["round"].tolist() == [1, 2]


def test_read_layer_incidents_status_from_closing_time(tmp_path: Path) -> None:
    rows = "A1,0151,2026-10-01,2026-10-02,125.3,43.9\nA2,0151,2026-10-01,,125.3,43.9\n"
    taken = read(tmp_path, "incidents", "案件编号,类别,上报时间,结案时间,经度,纬度\n" + rows)
    assert taken.frame["status"].tolist() == ["closed", "reported"]
    assert "status.assumed" in said(taken)


def test_read_layer_incidents_values_given_by_the_caller_are_understood(tmp_path: Path) -> None:
    rows = "A1,暴露垃圾,群众,2026-10-01,125.3,43.9\nA2,未知,卫星,2026-10-01,125.3,43.9\n"
    text = "案件编号,案件类别,上报人类型,上报时间,经度,纬度\n" + rows
    taken = read(tmp_path, "incidents", text, values={"category": {"暴露垃圾": "0151"}})
    assert taken.frame["category"].tolist() == ["0151", "未知"]
    assert taken.frame["reporter_kind"].tolist() == ["resident", "other"]
    assert {"code": "value.as_other", "count": 1, "column": "reporter_kind"} in taken.notes


def test_read_layer_roster_needs_no_geometry(tmp_path: Path) -> None:
    rows = "W1,赵一,网格员,990101001001\nW2,钱二,楼栋长,B1\nW3,孙三,厨师,B1\n"
    taken = read(tmp_path, "roster", "工号,姓名,职务,责任区\n" + rows)
    assert isinstance(taken.frame, pd.DataFrame)
    assert taken.frame["role"].tolist() == ["grid_worker", "building_chief"]
    assert taken.frame["area_kind"].tolist() == ["grid", "building"]
    assert {"area_kind.from_role", "valid_from.assumed"} <= said(taken)
    assert "value.unknown" in set(taken.rejects["code"])


def test_read_layer_barriers_kind_from_class(tmp_path: Path) -> None:
    line = '"LINESTRING (125.3 43.9, 125.31 43.9)"'
    rows = f"1,river,{line}\n2,primary_link,{line}\n3,rail,{line}\n4,hedge,{line}\n"
    taken = read(tmp_path, "barriers", "id,fclass,wkt\n" + rows)
    assert taken.frame["kind"].tolist() == ["water", "road", "rail", "other"]


def test_read_layer_streets_length_measured_where_not_given(tmp_path: Path) -> None:
    # 0.01 degrees of longitude at 43.9 N: 803.3 m on the ellipsoid
    line = '"LINESTRING (125.3 43.9, 125.31 43.9)"'
    rows = f"1,{line},800\n2,{line},\n"
    taken = read(tmp_path, "streets", "id,wkt,长度(米)\n" + rows)
    assert taken.frame["length_m"].tolist() == [800.0, pytest.approx(803.3, abs=0.3)]


def test_read_layer_addresses_are_geocoded_where_coordinates_lack(tmp_path: Path) -> None:
    known = {"团结小区3号楼": shapely.Point(125.3, 43.9)}

    def geocode(addresses: pd.Series) -> gpd.GeoSeries:
        places = [known.get(address) for address in addresses]
        return gpd.GeoSeries(places, index=addresses.index, crs=4326).to_crs(4551)

    head = "案件编号,类别,上报时间,地址"
    rows = "A1,0151,2026-10-01,团结小区3号楼\nA2,0151,2026-10-01,不知道\nA3,0151,2026-10-01,\n"
    taken = read(tmp_path, "incidents", f"{head}\n{rows}", geocode=geocode)
    assert taken.frame["incident"].tolist() == ["A1"]
    faults = taken.rejects.groupby("line")["code"].agg(list).to_dict()
    assert faults == {2: ["address.refused", "geometry.missing"], 3: ["geometry.missing"]}
    expected = gpd.GeoSeries([known["团结小区3号楼"]], crs=4326).to_crs(4551)[0]
    assert taken.frame.geometry[0].distance(expected) < 1e-6

    mixed = read(
        tmp_path,
        "incidents",
        f"{head},经度,纬度\nB1,0151,2026-10-01,不知道,125.31,43.91\n"
        "B2,0151,2026-10-01,团结小区3号楼,,\n",
        geocode=geocode,
    )
    assert mixed.frame["incident"].tolist() == ["B1", "B2"]


def test_read_layer_address_only_without_gazetteer_asks(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "incidents", "案件编号,类别,上报时间,地址\nA1,0151,2026-10-01,某处\n")
    assert caught.value.code == "table.no_coordinates"


def test_read_layer_coordinates_in_one_column(tmp_path: Path) -> None:
    text = '楼栋编码,经纬度\nB1,"125.3,43.9"\nB2,125.3，43.9\nB3,不详\nB4,\n'
    taken = read(tmp_path, "buildings", text)
    assert taken.frame["building"].tolist() == ["B1", "B2"]
    faults = taken.rejects.groupby("line")["code"].agg(set).to_dict()
    assert faults[3] >= {"geometry.unreadable"}
    assert faults[4] == {"geometry.missing"}


def test_read_layer_title_rows_above_the_header_are_passed_over(tmp_path: Path) -> None:
    text = '"某街道\n楼栋表",,,\n日期：2026年10月,,,\n楼栋编码,层数,经度,纬度\nB1,6,125.3,43.9\n'
    taken = read(tmp_path, "buildings", text)
    assert taken.frame["building"].tolist() == ["B1"]
    assert {"code": "table.rows_above_header", "count": 2} in taken.notes


def test_read_layer_columns_named_by_the_caller(tmp_path: Path) -> None:
    text = "编号,甲,经度,纬度\nB1,6,125.3,43.9\n"
    taken = read(tmp_path, "buildings", text, columns={"floors": "甲"})
    assert taken.frame["floors"].tolist() == [6.0]
    assert taken.ignored_columns == []


def test_read_layer_row_order_and_repetition_change_nothing(tmp_path: Path) -> None:
    rows = [f"B{i},{i % 30},{125.3 + i / 1e4:.4f},43.9" for i in range(50)]
    head = "楼栋编码,层数,经度,纬度\n"
    forward = read(tmp_path, "buildings", head + "\n".join(rows)).frame
    backward = read(tmp_path, "buildings", head + "\n".join(rows[::-1])).frame
    assert forward.equals(backward.iloc[::-1].reset_index(drop=True))


def test_read_layer_values_that_read_like_names_are_no_header(tmp_path: Path) -> None:
    text = "工号,职务,责任区类型,责任区\nW1,网格员,社区,单元\n"
    taken = read(tmp_path, "roster", text)
    assert taken.frame["person"].tolist() == ["W1"]


def test_read_layer_separator_line_of_excel_is_passed_over(tmp_path: Path) -> None:
    taken = read(tmp_path, "buildings", "sep=;\n楼栋编码;经度;纬度\nB1;125.3;43.9\n")
    assert taken.frame["building"].tolist() == ["B1"]
