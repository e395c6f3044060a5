"""How often, where and when each kind of incident happens, and how people word it.

Yearly numbers and profiles are ours, after what subdistricts report: rubbish, vendors and parking
lead; pipes burst in the cold; drains and roofs fail in the summer rain; snow lies from November.
"""

from __future__ import annotations

from dataclasses import dataclass

MONTHS: dict[str, tuple[float, ...]] = {
    "even": (1,) * 12,
    "summer": (0.4, 0.4, 0.7, 1, 1.3, 1.6, 2.0, 1.9, 1.2, 0.8, 0.5, 0.4),
    "winter": (1.9, 1.6, 1.2, 0.8, 0.6, 0.5, 0.5, 0.5, 0.6, 0.9, 1.4, 1.8),
    "thaw": (0.4, 0.6, 1.8, 2.2, 1.5, 1.0, 0.9, 0.9, 0.8, 0.8, 0.6, 0.4),
    "outdoor": (0.3, 0.4, 0.7, 1.1, 1.4, 1.6, 1.6, 1.6, 1.3, 1.0, 0.5, 0.3),
    "snow": (2.6, 2.0, 1.2, 0.1, 0, 0, 0, 0, 0, 0.2, 1.8, 2.6),
    "rain": (0.2, 0.3, 1.2, 0.9, 0.8, 1.8, 2.6, 2.4, 1.0, 0.5, 0.3, 0.2),
}
"""Weight of each month, January first."""

HOURS: dict[str, str] = {
    "day": "000012578876556655432110",
    "dawn": "000138986544334445432111",
    "trade": "000015874334323478875310",
    "evening": "310001222223333457998754",
    "night": "754221100000000001259998",
    "office": "000000018997488963110000",
}
"""Weight of each local hour, midnight first, a digit an hour."""


@dataclass(frozen=True)
class Kind:
    """One category: incidents a year, where, in which months and hours, and its wordings."""

    yearly: float
    place: str
    months: str
    hours: str
    words: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "0101": Kind(
        140,
        "street",
        "thaw",
        "day",
        ("井盖缺失，有安全隐患", "井盖破损松动", "井盖下沉，车过有响声"),
    ),
    "0102": Kind(
        165,
        "street",
        "rain",
        "day",
        ("雨水箅子堵塞，路面积水", "下雨后排不下去水", "箅子被落叶堵死"),
    ),
    "0103": Kind(
        210, "street", "winter", "evening", ("路灯不亮", "整条路的路灯都没亮", "路灯一直闪")
    ),
    "0104": Kind(
        130, "yard", "even", "day", ("线缆垂落，离地不到两米", "通信线断了拖在地上", "飞线杂乱")
    ),
    "0201": Kind(185, "street", "thaw", "day", ("路面破损有坑", "人行道砖松动", "开春后路面翻浆")),
    "0202": Kind(120, "street", "even", "day", ("交通护栏倒了", "信号灯不亮", "标志牌歪斜")),
    "0301": Kind(
        480, "yard", "summer", "dawn", ("垃圾箱满溢", "垃圾桶破损没盖", "桶满了几天没人清")
    ),
    "0401": Kind(145, "yard", "rain", "day", ("大风刮断树枝", "树木倒伏挡路", "枯枝要掉下来")),
    "0501": Kind(85, "yard", "outdoor", "day", ("健身器材损坏", "漫步机踏板断了")),
    "0502": Kind(300, "home", "winter", "day", ("单元门关不上", "单元门禁坏了", "门禁刷卡没反应")),
    "0151": Kind(
        830,
        "street",
        "summer",
        "dawn",
        ("路边有一堆垃圾", "垃圾堆放没人收，有味", "暴露垃圾，招苍蝇"),
    ),
    "0152": Kind(
        300, "yard", "rain", "day", ("污水井冒溢", "下水返水，院里全是污水", "化粪池满了往外冒")
    ),
    "0153": Kind(
        235, "yard", "thaw", "day", ("装修垃圾堆在院里", "建筑垃圾没人清运", "沙石料占道")
    ),
    "0154": Kind(175, "street", "even", "office", ("僵尸车长期停放", "废弃车辆落满灰，占车位")),
    "0251": Kind(
        340, "home", "even", "day", ("楼道里贴满小广告", "墙上喷小广告", "单元门被贴小广告")
    ),
    "0252": Kind(80, "street", "thaw", "day", ("牌匾松动，风大要掉", "广告牌一角脱落")),
    "0351": Kind(125, "street", "outdoor", "night", ("夜里还在施工，吵得睡不着", "半夜工地噪声")),
    "0451": Kind(
        700,
        "street",
        "outdoor",
        "trade",
        ("占道经营", "流动摊贩占路卖菜", "烧烤摊占人行道", "早市散了还占道"),
    ),
    "0452": Kind(470, "street", "even", "day", ("车辆乱停堵路", "车停在人行道上", "违停影响通行")),
    "0453": Kind(
        300, "street", "outdoor", "day", ("共享单车乱停", "电动车堵住人行道", "非机动车乱放")
    ),
    "0551": Kind(
        220,
        "yard",
        "even",
        "evening",
        ("消防通道被车堵了", "消防通道堆放杂物", "私家车占用消防通道"),
    ),
    "0552": Kind(270, "home", "winter", "day", ("水管爆裂", "暖气管漏水", "楼道水管冻裂跑水")),
    "0553": Kind(55, "home", "winter", "evening", ("闻到燃气味", "楼道里有燃气异味")),
    "0554": Kind(
        370, "street", "snow", "dawn", ("路面结冰，老人摔倒", "积雪没清", "坡道结冰走不了")
    ),
    "0651": Kind(190, "home", "rain", "day", ("屋面漏雨", "顶楼漏水，墙皮都掉了")),
    "0652": Kind(380, "home", "even", "day", ("下水道堵塞", "一楼返水", "厨房下水不通")),
    "0653": Kind(
        430, "home", "outdoor", "evening", ("楼道里停电动车", "电动车在楼道充电", "飞线充电")
    ),
    "0654": Kind(270, "home", "even", "day", ("楼道堆物", "楼道堆纸壳，有火险", "杂物堵住楼梯")),
    "0655": Kind(
        360, "home", "outdoor", "evening", ("噪声扰民", "楼上深夜还很吵", "广场舞音响太大")
    ),
    "0656": Kind(
        160, "home", "even", "evening", ("邻里因漏水起纠纷", "邻居为停车位吵架", "邻里纠纷请求调解")
    ),
    "0657": Kind(
        270, "home", "winter", "office", ("独居老人需要探访", "独居老人两天没下楼，请看望")
    ),
}

REPORTERS: dict[str, dict[str, float]] = {
    "street": {
        "worker": 0.36,
        "resident": 0.24,
        "courier": 0.22,
        "hotline": 0.13,
        "department": 0.05,
    },
    "yard": {
        "worker": 0.44,
        "resident": 0.34,
        "courier": 0.08,
        "hotline": 0.12,
        "department": 0.02,
    },
    "home": {
        "worker": 0.40,
        "resident": 0.40,
        "courier": 0.03,
        "hotline": 0.16,
        "department": 0.01,
    },
}
"""Who reports, by place; couriers see what lies along the streets they ride."""
