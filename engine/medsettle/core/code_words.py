"""Chinese words of the codes that documents and claims state most, for messages and tables.

Source: national medical security information platform, code tables of the settlement interface;
kinds of person and levels of hospital as public messages show them. Provinces extend every list.
The words are no part of any rule: what decides is the code.
"""

from typing import Final

from medsettle.core import codes

INSURANCE_TYPE_WORDS: Final[dict[str, str]] = {
    "310": "职工基本医疗保险",
    "320": "公务员医疗补助",
    "330": "大额医疗补助",
    "340": "离休人员医疗保障",
    "350": "伤残军人医疗保障",
    "360": "老红军医疗保障",
    "370": "企业补充医疗保险",
    "380": "新型农村合作医疗",
    "390": "城乡居民基本医疗保险",
    "391": "城镇居民基本医疗保险",
    "392": "居民大病保险",
    "399": "其他",
    "410": "工伤保险",
    "510": "生育保险",
}
"""险种类型 insutype."""

VISIT_TYPE_WORDS: Final[dict[str, str]] = {
    "11": "普通门诊",
    "12": "门诊挂号",
    "13": "急诊",
    "14": "门诊慢特病",
    "15": "特殊药品",
    "21": "住院",
    "22": "外伤住院",
    "23": "转外就医",
    "24": "急诊转住院",
    "25": "异地就医",
    "26": "单病种住院",
    "27": "日间手术",
    "28": "日间手术",
    "41": "药店购药",
    "51": "生育门诊",
    "52": "生育住院",
    "53": "计划生育手术",
    "71": "家庭病床",
    "81": "意外伤害",
    "91": "其他",
    "92": "其他",
    "93": "其他",
    "99": "地方自定",
}
"""医疗类别 med_type."""

PERSON_TYPE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "11": ("in service", "在职"),
    "1101": ("employee", "职工"),
    "1102": ("civil servant", "公务员"),
    "1103": ("flexibly employed", "灵活就业人员"),
    "12": ("retired", "退休"),
    "13": ("retired cadre", "离休"),
    "14": ("minor resident", "未成年居民"),
    "1401": ("newborn", "新生儿"),
    "1402": ("before school", "学龄前儿童"),
    "1403": ("at school", "中小学生"),
    "1404": ("at university", "大学生"),
    "15": ("adult resident", "成年居民"),
    "16": ("elderly resident", "老年居民"),
    "34": ("worker from before 1949", "建国前老工人"),
}
"""人员类别 psn_type, English and Chinese. Claims have 2, 4 or 6 digits; a class of codes is met by
the beginning, so `"15"` is met by 1501."""

HOSPITAL_LEVEL_WORDS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("01", "02", "03"), ("level 3", "三级")),
    **dict.fromkeys(("04", "05", "06"), ("level 2", "二级")),
    **dict.fromkeys(("07", "08", "09"), ("level 1", "一级")),
    **dict.fromkeys(("10", "11"), ("without a level", "未定级")),
}
"""医院等级 hosp_lv, by a pattern that is remembered and not read (confidence KM): which code is
which grade inside a level stands in each platform's own dictionary."""

ITEM_CLASS_WORDS: Final[dict[str, str]] = {"01": "甲类", "02": "乙类", "03": "丙类（自费）"}
"""收费项目等级 chrgitm_lv."""

APPROVAL_WORDS: Final[dict[str, str]] = {
    "0": "无须审批",
    "1": "审批通过",
    "2": "审批不通过（自费）",
}
"""医院审批标志 hosp_appr_flag."""

LIST_TYPE_WORDS: Final[dict[str, str]] = {
    "101": "西药中成药",
    "102": "中药饮片",
    "103": "自制剂",
    "201": "医疗服务项目",
    "301": "医用耗材",
}
"""目录类别 list_type."""

GENDER_WORDS: Final[dict[str, str]] = {"0": "未知", "1": "男", "2": "女"}
"""性别 gend."""

CREDENTIAL_TYPE_WORDS: Final[dict[str, str]] = {
    "01": "医保电子凭证",
    "02": "居民身份证",
    "03": "社会保障卡",
}
"""就诊凭证类型 mdtrt_cert_type."""

ENROLMENT_STATE_WORDS: Final[dict[str, str]] = {"1": "正常参保", "2": "暂停参保", "4": "终止参保"}
"""人员参保状态 psn_insu_stas; remembered, not read (confidence KM)."""

INSTITUTION_TYPE_WORDS: Final[dict[str, str]] = {"1": "定点医疗机构", "2": "定点零售药店"}
"""定点医疗服务机构类型 fixmedins_type."""

assert list(ITEM_CLASS_WORDS) == list(codes.ITEM_CLASSES)
assert list(APPROVAL_WORDS) == list(codes.APPROVALS)
assert list(LIST_TYPE_WORDS) == list(codes.LIST_TYPES)
assert list(INSURANCE_TYPE_WORDS) == list(codes.INSURANCE_TYPES)
assert list(VISIT_TYPE_WORDS) == list(codes.VISIT_TYPES)
