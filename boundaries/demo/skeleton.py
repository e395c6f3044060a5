"""The hand-drawn skeleton of the made-up town: its outline, lines and special grounds.

Coordinates are metres in a drawing frame, x east and y north, before the drawing is scaled to
the wanted area, turned and placed. Nothing here is traced from a real map.
"""

from __future__ import annotations

from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]

AREA_M2 = 1_970_000.0
"""Area of the town, that of Yongchang subdistrict as reported in the press."""

TURN_DEG = 3.5
"""The street grid is turned by this, counter-clockwise, against the map grid."""

ORIGIN_M = (456_600.0, 4_908_400.0)
"""Where the drawing's zero lies in EPSG:4551: open farmland on the Songliao plain."""

CRS = "EPSG:4551"


@dataclass(frozen=True)
class Line:
    """A line of the drawing. `width_m` is the whole street reserve, pavements included.

    `divides` lines part communities. Lines may overshoot; the ends are trimmed later.
    """

    key: str
    kind: str
    points: Points
    width_m: float
    divides: bool = False


OUTLINE: tuple[Line, ...] = (
    Line("south", "secondary", ((0, 0), (500, -22), (1000, -12), (1490, -48)), 30),
    Line("east", "tertiary", ((1490, -48), (1530, 300), (1548, 640), (1520, 930)), 22),
    Line("ring", "secondary", ((1520, 930), (1455, 1120), (1290, 1290)), 30),
    Line("north", "tertiary", ((1290, 1290), (900, 1322), (450, 1300), (-20, 1335)), 24),
    Line("west", "secondary", ((-20, 1335), (-38, 800), (-4, 420), (0, 0)), 30),
)
"""The roads that bound the town, in order around it; the boundary is their centre line."""

RIVER: Points = (
    (985, 1480),
    (1022, 1320),
    (1105, 1150),
    (1118, 960),
    (1180, 770),
    (1330, 620),
    (1405, 430),
    (1510, 335),
    (1680, 300),
)
RIVER_HALF_WIDTH_M = (17.0, 25.0)
"""Least and greatest half width of the river."""

RAIL: Points = (
    (-160, 735),
    (0, 690),
    (150, 618),
    (340, 432),
    (452, 200),
    (505, 0),
    (520, -160),
)
RAIL_RESERVE_M = 34.0

ROADS: tuple[Line, ...] = (
    # trunk streets of the town
    Line(
        "axis_ns",
        "primary",
        ((655, -80), (662, 300), (650, 740), (668, 1030), (656, 1400)),
        42,
        True,
    ),
    Line(
        "axis_ew",
        "primary",
        ((-110, 812), (330, 782), (650, 742), (960, 730), (1180, 752), (1620, 742)),
        42,
        True,
    ),
    Line(
        "ns_west",
        "secondary",
        ((312, 1400), (325, 1040), (338, 780), (346, 430), (300, 205), (285, -60)),
        28,
    ),
    Line(
        "ns_mid",
        "secondary",
        ((985, -90), (975, 300), (958, 730), (932, 1020), (895, 1400)),
        30,
        True,
    ),
    Line(
        "ew_north",
        "secondary",
        ((-110, 1066), (325, 1048), (665, 1032), (930, 1020), (1115, 992), (1590, 985)),
        28,
        True,
    ),
    Line(
        "ew_south",
        "secondary",
        ((395, 398), (660, 385), (975, 372), (1290, 350), (1545, 352)),
        26,
        True,
    ),
    # streets of the quarters
    Line("ns_1", "residential", ((146, 1400), (160, 1050), (166, 800), (168, 735), (172, 640)), 15),
    Line("ns_2", "residential", ((484, 1400), (498, 1040), (503, 765)), 16),
    Line("ns_3", "residential", ((508, 765), (512, 560), (516, 385)), 15),
    Line("ns_4", "tertiary", ((786, 1400), (798, 1026), (812, 736)), 18),
    Line("ns_5", "residential", ((818, 736), (820, 545), (812, 375)), 15),
    Line("ns_6", "residential", ((838, 378), (836, 180), (846, -80)), 15),
    Line("ns_7", "tertiary", ((1165, -90), (1152, 180), (1150, 362)), 18),
    Line("ns_8", "residential", ((1146, 360), (1128, 560), (1112, 738)), 15),
    Line("ns_9", "residential", ((1338, -90), (1330, 150), (1322, 352)), 15),
    Line("ns_10", "tertiary", ((1268, 1380), (1282, 985), (1316, 745), (1330, 700)), 18),
    Line("ew_1", "residential", ((-90, 1196), (325, 1186), (487, 1178)), 15),
    Line("ew_2", "residential", ((487, 1166), (662, 1160)), 14),
    Line("ew_3", "residential", ((664, 1178), (790, 1172), (915, 1166)), 15),
    Line("ew_4", "residential", ((-90, 936), (165, 928)), 14),
    Line("ew_5", "residential", ((163, 908), (330, 902), (500, 896)), 15),
    Line("ew_6", "residential", ((500, 884), (660, 880)), 14),
    Line("ew_7", "tertiary", ((658, 872), (806, 868), (945, 862), (1080, 880)), 18),
    Line("ew_8", "residential", ((225, 582), (345, 592), (510, 578), (653, 568)), 16),
    Line("ew_9", "residential", ((655, 545), (820, 540), (967, 534)), 15),
    Line("ew_10", "residential", ((966, 556), (1130, 548), (1305, 556)), 15),
    Line("ew_11", "residential", ((658, 196), (838, 188), (980, 182)), 15),
    Line("ew_12", "residential", ((978, 166), (1155, 158), (1330, 150), (1560, 140)), 16),
    Line("ew_13", "residential", ((-60, 232), (150, 226), (302, 210), (455, 212)), 16),
    Line("ew_14", "residential", ((-60, 452), (150, 436), (346, 420)), 14),
    Line("ew_17", "residential", ((440, 214), (560, 205), (662, 198)), 14),
    Line("ew_18", "residential", ((1395, 590), (1470, 582), (1620, 575)), 14),
    Line("ns_13", "residential", ((140, 436), (132, 640)), 12),
    Line("ns_11", "residential", ((152, -80), (150, 226)), 14),
    Line("ns_12", "residential", ((146, 226), (140, 440)), 14),
    Line("ew_15", "residential", ((1205, 860), (1300, 862), (1580, 850)), 16),
    Line("ew_16", "residential", ((1160, 1130), (1275, 1136), (1480, 1128)), 16),
)

COMMUNITIES: tuple[tuple[str, Points], ...] = (
    ("rail", ((150, 300),)),
    ("old", ((240, 1200),)),
    ("old", ((240, 900),)),
    ("mixed", ((560, 560), (560, 100))),
    ("mixed", ((780, 1180), (780, 900), (1020, 930), (1000, 1120))),
    ("mid", ((820, 550), (820, 200))),
    ("mid", ((1100, 640),)),
    ("mid", ((1150, 250),)),
    ("new", ((1350, 1080), (1350, 850), (1450, 600))),
)
"""How the communities are built, and points in the faces that make each up."""

BANK_ROADS: tuple[Line, ...] = (
    Line("bank_west", "tertiary", (), 20),
    Line("bank_east", "residential", (), 16),
)
"""Streets along the river, drawn as offsets of it."""

BANK_OFFSET_M = 58.0
PROMENADE_OFFSET_M = 37.0
"""Footpaths along both banks run at this distance from the middle of the river."""

RAIL_STREET_OFFSET_M = 34.0


@dataclass(frozen=True)
class Ground:
    """What a block is used for, by a point inside it in the drawing frame, and its name."""

    kind: str
    point: tuple[float, float]
    name: str
    name_en: str


GROUNDS: tuple[Ground, ...] = (
    Ground("park", (1010, 930), "望棠公园", "Wangtang Park"),
    Ground("park", (1010, 1130), "棠影湿地公园", "Tangying Wetland Park"),
    Ground("office", (590, 655), "锦棠桥街道办事处", "Jintangqiao Subdistrict Office"),
    Ground("hospital", (430, 655), "棠影医院", "Tangying Hospital"),
    Ground("school", (240, 985), "锦棠桥第一小学", "Jintangqiao First Primary School"),
    Ground("school", (900, 455), "锦棠桥中学", "Jintangqiao Middle School"),
    Ground("school", (1400, 930), "锦棠桥第二小学", "Jintangqiao Second Primary School"),
    Ground("market", (575, 955), "榆荫农贸市场", "Yuyin Farmers' Market"),
    Ground("mall", (740, 800), "锦棠购物中心", "Jintang Shopping Centre"),
    Ground("square", (575, 830), "锦棠文化广场", "Jintang Culture Square"),
    Ground("industry", (75, 330), "松棠机务段旧址", "Old Songtang Engine Depot"),
    Ground("school", (1240, 250), "苇岸九年制学校", "Weian Nine-Year School"),
    Ground("mall", (1235, 800), "棠影商业广场", "Tangying Plaza"),
)
