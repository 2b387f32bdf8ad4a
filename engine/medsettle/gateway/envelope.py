"""The envelope of the national interface: what stands around every input and every output."""

import itertools
import re
import secrets
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway import fields
from medsettle.gateway.aliases import renamed, renamed_input
from medsettle.gateway.reading import read_row

REQUEST: Final = (
    fields.text("infno", 6, "交易编号 transaction number", required=True),
    fields.text(
        "msgid", 40, "发送方报文ID: fixmedins_code(12) + yyyyMMddHHmmss + 4", required=True
    ),
    fields.code("mdtrtarea_admvs", "就医地医保区划", required=True),
    fields.code("insuplc_admdvs", "参保地医保区划; needed as soon as the input names a person"),
    fields.text("recer_sys_code", 10, "接收方系统代码"),
    fields.text("dev_no", 100, "设备编号"),
    fields.text("dev_safe_info", 2_000, "设备安全信息"),
    fields.text("cainfo", 1_024, "数字签名信息"),
    fields.text("signtype", 10, "签名类型"),
    fields.text("infver", 6, "接口版本号"),
    fields.code("opter_type", "经办人类别", chars=3),
    fields.text("opter", 30, "经办人"),
    fields.text("opter_name", 50, "经办人姓名"),
    fields.moment("inf_time", "交易时间"),
    fields.text("fixmedins_code", 30, "定点医药机构编号", required=True),
    fields.text("fixmedins_name", 200, "定点医药机构名称"),
    fields.text("sign_no", 30, "交易签到流水号"),
)
"""Fields of the request beside its input."""

RESPONSE: Final = (
    fields.Field("infcode", fields.Kind.COUNT, "0 done, -1 outcome unknown, -2 refused"),
    fields.text("inf_refmsgid", 30, "接收方报文ID"),
    fields.text("refmsg_time", 17, "接收报文时间 yyyyMMddHHmmssSSS"),
    fields.text("respond_time", 17, "响应报文时间 yyyyMMddHHmmssSSS"),
    fields.text("err_msg", limits.GATEWAY_ERROR_CHARS_MAX, "错误信息, [CODE] in front"),
    fields.Field(
        "err_detail",
        fields.Kind.OBJECT,
        "ours: every fault of a malformed request with its path, else the reason in English; null "
        "where infcode is 0",
    ),
    fields.text("warn_msg", limits.GATEWAY_ERROR_CHARS_MAX, "警告信息"),
    fields.text("cainfo", 1_024, "数字签名信息"),
    fields.text("signtype", 10, "签名类型"),
    fields.text("enctype", 10, "加密方式"),
)
"""Fields of the response beside its output."""

DONE: Final = 0
UNKNOWN: Final = -1
REFUSED: Final = -2

_CLOCK: Final = "envelope.inf_time"
_CLOCK_FORM: Final = "[INF_TIME_FORM] inf_time 应为 yyyy-MM-dd HH:mm:ss，已忽略"
_MSGID: Final = re.compile(r"[A-Z]\d{11}\d{14}\d{4}")
# Numbers keep the digits they were written with: no float comes near an amount.
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request as it came, its own fields read and its input still as JSON has it."""

    infno: str
    msgid: str
    treatment_area: str
    insured_area: str | None
    institution: str
    sign_no: str | None
    operator: str | None
    said: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def read_envelope(body: bytes, infno: str | None = None) -> Envelope:
    """Return the request that a body holds.

    Args:
        body: JSON in UTF-8, a byte order mark before it or not.
        infno: The transaction that the path of the request names; the body must not name another.

    Raises:
        InvalidRequest: The body is no JSON object, or fields of the envelope are missing or
            malformed; all faults together.
    """
    whole = _json(body, "body")
    if not isinstance(whole, Mapping):
        raise InvalidRequest([Fault("body", f"{type(whole).__name__} is no JSON object")])
    whole = renamed(whole)
    faults: list[Fault] = []
    own = read_row(REQUEST, whole, "envelope", faults)
    # Nobody needs the sender's clock: the msgid and our own say when.
    clock = [fault for fault in faults if fault.path == _CLOCK]
    faults = [fault for fault in faults if fault.path != _CLOCK]
    said = _input(whole.get("input"), faults)
    if infno is not None and own["infno"] not in {None, infno}:
        faults.append(Fault("envelope.infno", f"{own['infno']} was sent to the path of {infno}"))
    msgid, institution = own["msgid"], own["fixmedins_code"]
    if msgid is not None and institution is not None:
        faults += _msgid_faults(msgid, institution)
    if faults:
        raise InvalidRequest(faults)
    return Envelope(
        infno=own["infno"],
        msgid=msgid,
        treatment_area=own["mdtrtarea_admvs"],
        insured_area=own["insuplc_admdvs"],
        institution=institution,
        sign_no=own["sign_no"],
        operator=own["opter"],
        said=said,
        warnings=(*_warnings(msgid, whole.get("input")), *(_CLOCK_FORM for _ in clock)),
    )


def _json(body: bytes | str, path: str) -> Any:  # noqa: ANN401 - what JSON has
    # Clients of Windows send a byte order mark before the text.
    text = body.removeprefix("\ufeff") if isinstance(body, str) else body.removeprefix(BOM_UTF8)
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InvalidRequest([Fault(path, f"is no JSON: {error}")]) from error
    except ArithmeticError as error:
        raise InvalidRequest([Fault(path, "has a number that no field holds")]) from error


def _input(stated: object, faults: list[Fault]) -> Mapping[str, Any]:
    # Some clients send the input as a text of JSON.
    said = _json(stated, "input") if isinstance(stated, str) and stated.strip() else stated
    if said is None or said == "":
        return {}
    if not isinstance(said, Mapping):
        faults.append(Fault("input", f"{type(said).__name__} is no object of nodes"))
        return {}
    return renamed_input(said)


def _msgid_faults(msgid: str, institution: str) -> list[Fault]:
    code = institution[: limits.INSTITUTION_CODE_CHARS]
    if len(msgid) > limits.MSGID_CHARS or len(msgid) <= len(code):
        count = f"has {len(msgid)} characters"
        return [Fault("envelope.msgid", f"{count}; {limits.MSGID_CHARS} are asked")]
    if not msgid.startswith(code) or not msgid.isascii() or not msgid.isalnum():
        return [Fault("envelope.msgid", f"{msgid} does not begin with {code}, the institution")]
    return []


def _warnings(msgid: str, stated: object) -> tuple[str, ...]:
    """Return what is out of form and let pass, since clients in use do it."""
    found = []
    if not _MSGID.fullmatch(msgid):
        found.append("[MSGID_FORM] msgid 应为机构编号12位+时间14位+顺序号4位，请保证唯一")
    if isinstance(stated, str) and len(stated) > limits.GATEWAY_INPUT_CHARS_MAX:
        found.append(f"[INPUT_LONG] 入参超过 {limits.GATEWAY_INPUT_CHARS_MAX} 字符，请分批上传")
    return tuple(found)


class References:
    """Makes the numbers of answers (接收方报文ID), unique among all processes of a gateway."""

    def __init__(self) -> None:
        self._process = f"{secrets.randbelow(10**4):04d}"
        self._serial = itertools.count()

    def next(self, area: str, moment: datetime) -> str:
        """Return region 6 + time 14 + serial 10."""
        local = moment.astimezone(CHINA_STANDARD_TIME)
        serial = next(self._serial) % 10**6
        return f"{area[:6]:0<6}{local:%Y%m%d%H%M%S}{self._process}{serial:06d}"


def write_envelope(
    *,
    infcode: int,
    reference: str,
    received: datetime,
    responded: datetime,
    output: object,
    err_msg: str = "",
    err_detail: object = None,
    warn_msg: str = "",
) -> bytes:
    """Return a response as JSON."""
    return orjson.dumps(
        {
            "infcode": infcode,
            "inf_refmsgid": reference,
            "refmsg_time": _milliseconds(received),
            "respond_time": _milliseconds(responded),
            "err_msg": _cut(err_msg),
            "err_detail": err_detail,
            "warn_msg": _cut(warn_msg),
            "cainfo": "",
            "signtype": "",
            "enctype": "",
            "output": output,
        }
    )


def _milliseconds(moment: datetime) -> str:
    local = moment.astimezone(CHINA_STANDARD_TIME)
    return f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}"


def _cut(text: str) -> str:
    most = limits.GATEWAY_ERROR_CHARS_MAX
    return text if len(text) <= most else f"{text[: most - 1]}…"
