"""Invented names: pools of plausible Chinese words, combined by seed, traced from no real place.

Each pool holds pairs of the word and its pinyin, so that a name and its Latin form agree.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Pool = tuple[tuple[str, str], ...]

TOWN = ("锦棠桥街道", "Jintangqiao Subdistrict")
DISTRICT = ("云麓区（虚构）", "Yunlu District (made up)")
RIVER = ("棠影河", "Tangying River")
RAIL = ("松棠铁路", "Songtang Railway")

_STREET_FIRST: Pool = (
    ("锦", "Jin"),
    ("棠", "Tang"),
    ("榆", "Yu"),
    ("澄", "Cheng"),
    ("稷", "Ji"),
    ("砚", "Yan"),
    ("岚", "Lan"),
    ("芦", "Lu"),
    ("毓", "Yu"),
    ("霁", "Ji"),
    ("苇", "Wei"),
    ("樵", "Qiao"),
    ("翊", "Yi"),
    ("芷", "Zhi"),
    ("槐", "Huai"),
    ("璟", "Jing"),
    ("朔", "Shuo"),
    ("麓", "Lu"),
)
_STREET_SECOND: Pool = (
    ("安", "an"),
    ("和", "he"),
    ("宁", "ning"),
    ("祥", "xiang"),
    ("泰", "tai"),
    ("兴", "xing"),
    ("源", "yuan"),
    ("清", "qing"),
    ("丰", "feng"),
    ("荣", "rong"),
    ("乐", "le"),
    ("康", "kang"),
)
_HOME_FIRST: Pool = (
    ("雅", "Ya"),
    ("和", "He"),
    ("锦", "Jin"),
    ("祥", "Xiang"),
    ("瑞", "Rui"),
    ("馨", "Xin"),
    ("嘉", "Jia"),
    ("怡", "Yi"),
    ("翠", "Cui"),
    ("颐", "Yi"),
    ("沁", "Qin"),
    ("悦", "Yue"),
    ("澜", "Lan"),
    ("朗", "Lang"),
    ("蕴", "Yun"),
    ("枫", "Feng"),
    ("棠", "Tang"),
    ("榆", "Yu"),
)
_HOME_SECOND: Pool = (
    ("棠", "tang"),
    ("澄", "cheng"),
    ("榆", "yu"),
    ("岚", "lan"),
    ("砚", "yan"),
    ("苇", "wei"),
    ("霁", "ji"),
    ("樾", "yue"),
    ("墅", "shu"),
    ("汀", "ting"),
    ("禾", "he"),
    ("筠", "yun"),
    ("屿", "yu"),
    ("谷", "gu"),
    ("舍", "she"),
    ("韵", "yun"),
)
_HOME_LAST: dict[str, Pool] = {
    "rail": (("铁路小区", " Railway Estate"), ("新村", " New Village"), ("里", " Li")),
    "old": (("小区", " Estate"), ("新村", " New Village"), ("里", " Li"), ("家园", " Homes")),
    "mixed": (("小区", " Estate"), ("家园", " Homes"), ("花园", " Garden"), ("苑", " Court")),
    "mid": (("花园", " Garden"), ("苑", " Court"), ("家园", " Homes"), ("雅居", " Residence")),
    "new": (("华庭", " Mansions"), ("名邸", " Place"), ("府", " House"), ("公馆", " Residence")),
}
_COMMUNITY_FIRST: Pool = (
    ("道口", "Daokou"),
    ("榆荫", "Yuyin"),
    ("澄园", "Chengyuan"),
    ("棠桥", "Tangqiao"),
    ("芦汀", "Luting"),
    ("霁和", "Jihe"),
    ("砚田", "Yantian"),
    ("苇岸", "Weian"),
    ("望棠", "Wangtang"),
)
_SURNAMES = tuple(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡"
    "贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段"
)
_GIVEN_FIRST = tuple("淑建玉桂秀志国文晓立春海永明丽雪佳思子宇浩欣梓德凤艳红金俊新振宝永庆广")
_GIVEN_SECOND = tuple("兰华英珍梅军强平伟芳霞杰峰波勇辉玲娟丽宁琳博涛敏云飞洋慧鑫阳琪轩怡涵福生")
PHONE_PREFIX = "1000000"
"""No subscriber number starts like this: 100 is the carriers' service range, five digits long."""


def streets(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Endless distinct stems of street names, such as 锦安 (Jin'an)."""
    return _pairs(_STREET_FIRST, _STREET_SECOND, rng)


def homes(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Endless distinct stems of compound names."""
    return _pairs(_HOME_FIRST, _HOME_SECOND, rng)


def home_suffix(style: str, rng: np.random.Generator) -> tuple[str, str]:
    """An ending that compounds of this age carry."""
    pool = _HOME_LAST[style]
    return pool[int(rng.integers(len(pool)))]


def communities() -> list[tuple[str, str]]:
    """The communities' names, in their order."""
    return [(f"{zh}社区", f"{latin} Community") for zh, latin in _COMMUNITY_FIRST]


def people(n: int, rng: np.random.Generator) -> list[str]:
    """n invented persons' names; surnames by a falling frequency."""
    weight = 1.0 / (np.arange(len(_SURNAMES)) + 4.0)
    surname = rng.choice(len(_SURNAMES), n, p=weight / weight.sum())
    first = rng.integers(len(_GIVEN_FIRST), size=n)
    second = rng.integers(len(_GIVEN_SECOND), size=n)
    is_short = rng.random(n) < 0.18
    return [
        _SURNAMES[s] + ("" if short else _GIVEN_FIRST[a]) + _GIVEN_SECOND[b]
        for s, a, b, short in zip(surname, first, second, is_short, strict=True)
    ]


def phones(start: int, n: int) -> list[str]:
    """n telephone numbers that belong to nobody, from `start` on."""
    return [f"{PHONE_PREFIX}{start + i:04d}" for i in range(n)]


def _pairs(first: Pool, second: Pool, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    for at in rng.permutation(len(first) * len(second)).tolist():
        (a, latin_a), (b, latin_b) = first[at // len(second)], second[at % len(second)]
        if a != b:
            yield a + b, latin_a + ("'" if latin_b[0] in "ae" else "") + latin_b
