"""Errors as `google.rpc.Status`: one table from error class to code, details and Chinese text.

| error | code | details besides `ErrorInfo` and `LocalizedMessage` |
|---|---|---|
| `InvalidRequest`, `BatchTooLarge`, `PolicyRejected` | `INVALID_ARGUMENT` | `BadRequest` |
| `RequestIdReused`, `DuplicateSettlement` | `ALREADY_EXISTS` | `ResourceInfo` |
| `NotFound` | `NOT_FOUND` | `ResourceInfo` |
| `Precondition` and its children | `FAILED_PRECONDITION` | `PreconditionFailure` |
| `Overloaded`, `LedgerUnavailable` and its child | `UNAVAILABLE` | `RetryInfo` |
| `PeerUnreachable`, `OutcomeUnknown`, `PersonPending` | `UNAVAILABLE` | `RetryInfo` |
| `NotAuthenticated` | `UNAUTHENTICATED` | |
| `NotPermitted`, `PeerNotKnown` | `PERMISSION_DENIED` | |
| `AuditCorrupt` | `DATA_LOSS` | |
| `InternalError`, anything unforeseen | `INTERNAL` | `RequestInfo` |

Overload is `UNAVAILABLE` and not `RESOURCE_EXHAUSTED`: it is the one code that clients repeat by
themselves (AIP-194), and with a request id repeating is safe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from medsettle import errors, limits
from medsettle.errors import SettlementError

DOMAIN: Final = "medsettle"
LOCALE: Final = "zh-CN"

Detail: TypeAlias = Message

_ANSWERED_BEFORE: Final = "该流水号此前已作此答复，再次办理请使用新的流水号。"


@dataclass(frozen=True, slots=True)
class Form:
    """How one class of error is answered: its code, the cashier's sentence and its own details."""

    code: grpc.StatusCode
    chinese: str
    details: Callable[[SettlementError], Sequence[Detail]]


def status_of(error: SettlementError, request_id: str = "") -> Status:
    """Return the status of an error, in at most `STATUS_BYTES_MAX` bytes.

    Args:
        error: Any error of medsettle.
        request_id: The id of the request refused, shown for errors that are bugs of ours.

    Faults that do not fit are left out from the end, and the metadata `fault_count` says how many
    there are: a status travels in HTTP headers, and what is too long there never arrives.
    """
    form = form_of(error)
    own = list(form.details(error))
    if isinstance(error, errors.InternalError) and request_id:
        own.append(details.RequestInfo(request_id=request_id))
    metadata = dict(error.metadata)
    status = _packed(form, error, metadata, own)
    for bad in own:
        if not isinstance(bad, details.BadRequest):
            continue
        faults = len(bad.field_violations)
        metadata["fault_count"] = str(faults)
        while status.ByteSize() > limits.STATUS_BYTES_MAX and faults > 1:
            faults -= max(1, faults // 8)
            del bad.field_violations[faults:]
            status = _packed(form, error, metadata, own)
    return status


def form_of(error: SettlementError) -> Form:
    """Return the form of the error's class, or of the nearest class above it that has one."""
    return next(FORMS[kind] for kind in type(error).__mro__ if kind in FORMS)


def retry_seconds(error: SettlementError) -> float | None:
    """Return after how many seconds the caller may try again, or None where it should not."""
    return _RETRY_SECONDS.get(type(error))


def _packed(
    form: Form, error: SettlementError, metadata: dict[str, str], own: Sequence[Detail]
) -> Status:
    code: int = form.code.value[0]
    message = error.message
    if len(message) > limits.MESSAGE_CHARS_MAX:
        message = f"{message[: limits.MESSAGE_CHARS_MAX]} …"
    status = Status(code=code, message=message)
    info = details.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    # The remedy that the area states goes to the cashier with the sentence of the class.
    chinese = form.chinese + error.metadata.get("remedy_zh", "")
    if "duplicate" in error.metadata:
        chinese += _ANSWERED_BEFORE
    for detail in (info, details.LocalizedMessage(locale=LOCALE, message=chinese), *own):
        status.details.add().Pack(detail)
    return status


def _nothing(_error: SettlementError) -> Sequence[Detail]:
    return ()


def _faults(error: SettlementError) -> Sequence[Detail]:
    assert isinstance(error, errors.InvalidRequest)
    bad = details.BadRequest()
    for fault in error.faults:
        bad.field_violations.add(field=fault.path, description=fault.message)
    return (bad,)


def _violations(error: SettlementError) -> Sequence[Detail]:
    assert isinstance(error, errors.PolicyRejected)
    bad = details.BadRequest()
    for violation in error.violations:
        place = f"{violation.file}:{violation.line}:{violation.column}"
        bad.field_violations.add(
            field=f"{place} {violation.key_path}", description=violation.message
        )
    return (bad,)


def _resource(error: SettlementError) -> Sequence[Detail]:
    kind, name = _named(error.metadata)
    if not kind:
        return ()
    return (
        details.ResourceInfo(
            resource_type=f"medsettle.example.com/{kind}",
            resource_name=name,
            description=error.message[: limits.MESSAGE_CHARS_MAX],
        ),
    )


def _named(metadata: dict[str, str]) -> tuple[str, str]:
    """Return type and name of the resource an error's metadata speaks of, empty where of none."""
    area = metadata.get("pooling_area", "-")
    for kind, key, collection in _RESOURCES:
        if metadata.get(key):
            return kind, f"poolingAreas/{area}/{collection}/{metadata[key]}"
    if "pooling_area" in metadata:
        return "PoolingArea", f"poolingAreas/{area}"
    return "", ""


def _precondition(error: SettlementError) -> Sequence[Detail]:
    kind, subject = _named(error.metadata)
    failure = details.PreconditionFailure()
    failure.violations.add(
        type=(
            "VISIT"
            if kind == "Visit"
            else next((each for known, each in _SUBJECTS if isinstance(error, known)), "POLICY")
        ),
        subject=subject,
        description=error.message[: limits.MESSAGE_CHARS_MAX],
    )
    return (failure,)


def _retry(error: SettlementError) -> Sequence[Detail]:
    delay = Duration()
    delay.FromMilliseconds(int((retry_seconds(error) or 0) * 1_000))
    return (details.RetryInfo(retry_delay=delay),)


# What the state is of that does not allow it; a policy's, where nothing else is named.
_SUBJECTS: Final = (
    (errors.Excluded, "EXCLUSION"),
    (errors.CardRefused, "CARD"),
    (errors.CardActionRefused, "CARD"),
    (errors.RequestReversed, "REQUEST"),
    (errors.NotReversible, "REQUEST"),
    (errors.AlreadyCancelled, "SETTLEMENT"),
    (errors.AccountSpent, "SETTLEMENT"),
    (errors.PartOfVisit, "SETTLEMENT"),
    (errors.DecidedElsewhere, "SETTLEMENT"),
    (errors.BalanceTooLow, "PERSON"),
    (errors.NotInsured, "PERSON"),
    (errors.NotEnrolled, "PERSON"),
    (errors.FilingRefused, "PERSON"),
    (errors.PersonDiffers, "PERSON"),
    (errors.CredentialExpired, "CARD"),
    (errors.TooManyRelatives, "PERSON"),
    (errors.PeerTooOld, "PEER"),
)
_RESOURCES: Final = (
    ("Person", "person", "persons"),
    ("Settlement", "settlement", "settlements"),
    ("Visit", "visit", "visits"),
    ("Policy", "policy", "policies"),
    ("Card", "card", "cards"),
)

# A queue of batches drains in tens of milliseconds; a ledger that is away needs somebody to act.
_RETRY_SECONDS: Final[dict[type[SettlementError], float]] = {
    errors.Overloaded: 0.1,
    errors.LedgerUnavailable: 1.0,
    errors.LedgerFailed: 1.0,
    errors.StoreUnavailable: 1.0,
    errors.PeerUnreachable: 1.0,
    errors.PersonPending: 1.0,
    errors.OutcomeUnknown: 1.0,
}

_INVALID, _EXISTS = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS
_FAILED, _UNAVAILABLE = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAVAILABLE
_INTERNAL = grpc.StatusCode.INTERNAL

FORMS: Final[dict[type[SettlementError], Form]] = {
    errors.InvalidRequest: Form(_INVALID, "请求内容有误，请按明细逐项更正后重新提交。", _faults),
    errors.BatchTooLarge: Form(_INVALID, "单次提交的数据过多，请分批提交。", _faults),
    errors.RequestIdReused: Form(
        _EXISTS, "该请求流水号已用于内容不同的请求，请核对原结算，换用新的流水号。", _resource
    ),
    errors.DuplicateSettlement: Form(
        _EXISTS, "该医药机构结算号已经结算，请核对原结算，不要重复收费。", _resource
    ),
    errors.NotFound: Form(grpc.StatusCode.NOT_FOUND, "未找到相应的记录，请核对编号。", _resource),
    errors.InstitutionUnknown: Form(
        grpc.StatusCode.NOT_FOUND, "未查到该定点医药机构，请核对机构编码。", _resource
    ),
    errors.PersonUnknown: Form(
        grpc.StatusCode.NOT_FOUND, "未查到该参保人，请核对证件、卡或电子凭证。", _resource
    ),
    errors.PersonDiffers: Form(
        _FAILED, "所报姓名或卡识别码与参保人登记信息不一致，请核对。", _precondition
    ),
    errors.CredentialExpired: Form(_FAILED, "电子凭证已过期，请重新扫码。", _precondition),
    errors.NotEnrolled: Form(
        _FAILED, "该参保人没有此险种和参保地的参保信息，请核对险种和参保地。", _precondition
    ),
    errors.EnrolmentNotBegun: Form(_FAILED, "就诊日期早于参保开始日期。", _precondition),
    errors.EnrolmentPaused: Form(_FAILED, "参保状态为暂停参保，不能享受待遇。", _precondition),
    errors.FilingRefused: Form(
        _FAILED, "该备案与已有备案重复，或已经撤销，请核对备案。", _precondition
    ),
    errors.EnrolmentEnded: Form(_FAILED, "参保状态为终止参保，不能享受待遇。", _precondition),
    errors.Precondition: Form(_FAILED, "当前状态下不能办理该业务。", _precondition),
    errors.CardRefused: Form(_FAILED, "出示的凭证或社保卡不能用于本次结算。", _precondition),
    errors.CredentialNotAccepted: Form(
        _FAILED, "参保地不支持使用该类凭证结算，请出示其他凭证。", _precondition
    ),
    errors.CardUnknown: Form(_FAILED, "未查到该卡，请核对卡识别码和参保地。", _precondition),
    errors.CardOfAnotherPerson: Form(
        _FAILED, "该卡不属于本次就诊的参保人，请核对人员和卡。", _precondition
    ),
    errors.CardCancelled: Form(_FAILED, "社保卡已注销，请使用其他凭证。", _precondition),
    errors.CardReplaced: Form(_FAILED, "社保卡已补换，请使用新卡或其他凭证。", _precondition),
    errors.CardExpired: Form(_FAILED, "社保卡已过有效期，请换卡，或使用其他凭证。", _precondition),
    errors.CardLost: Form(_FAILED, "社保卡已挂失，请解挂、补卡，或使用其他凭证。", _precondition),
    errors.CardLocked: Form(_FAILED, "社保卡已锁定，请持卡人本人办理解锁。", _precondition),
    errors.CardNotActivated: Form(_FAILED, "社保卡尚未启用，请启用后再使用。", _precondition),
    errors.CardOutsideArea: Form(
        _FAILED, "临时卡不可异地使用，请使用其他凭证，或先领取正式社保卡。", _precondition
    ),
    errors.CardOnInvalidList: Form(
        _FAILED, "该卡已列入失效名单，请向经办机构查询，或使用其他凭证。", _precondition
    ),
    errors.CardActionRefused: Form(_FAILED, "卡的当前状态不能办理该业务。", _precondition),
    errors.PolicyNotFound: Form(
        _FAILED, "该统筹区未配置此险种和医疗类别的待遇政策。", _precondition
    ),
    errors.PolicyNotInForce: Form(_FAILED, "结算日期不在待遇政策的有效期内。", _precondition),
    errors.ClassNotCovered: Form(
        _FAILED, "待遇政策未规定本次结算的某项类别（如医院等级、人员类别）。", _precondition
    ),
    errors.RoutingNotFound: Form(
        grpc.StatusCode.FAILED_PRECONDITION, "该统筹区未维护多险种结算规则。", _precondition
    ),
    errors.NotConfirmed: Form(
        grpc.StatusCode.FAILED_PRECONDITION, "该明细须先办理确认登记。", _precondition
    ),
    errors.DecidedElsewhere: Form(
        grpc.StatusCode.FAILED_PRECONDITION,
        "该结算由参保地结算，本机仅存副本，请经就医地联网的服务撤销。",
        _precondition,
    ),
    errors.PartOfVisit: Form(
        grpc.StatusCode.FAILED_PRECONDITION,
        "该笔属于同一次就诊的多险种结算，须整次撤销。",
        _precondition,
    ),
    errors.PolicyGap: Form(
        _FAILED, "待遇政策文件对本次结算的部分金额没有明确规定，不能结算。", _precondition
    ),
    errors.CounterFull: Form(
        _FAILED, "该参保人的累计数超出系统上限，请核对以前的结算金额。", _precondition
    ),
    errors.Excluded: Form(_FAILED, "该费用在支付前核查中被拒绝。", _precondition),
    errors.LiabilityUnanswered: Form(
        _FAILED,
        "意外或外伤就诊须先核实责任方（第三人、工伤），请补录责任方后用新的流水号提交。",
        _precondition,
    ),
    errors.OtherLiable: Form(
        _FAILED, "该费用应由第三人、用人单位或其他基金负担，基本医疗保险不予支付。", _precondition
    ),
    errors.SuspendedPerson: Form(_FAILED, "该参保人的联网结算已暂停。", _precondition),
    errors.SuspendedInstitution: Form(_FAILED, "该医药机构的联网结算已暂停。", _precondition),
    errors.PaidByHand: Form(_FAILED, "该费用已办理手工报销，不得重复结算。", _precondition),
    errors.OverlappingStay: Form(
        _FAILED, "该参保人同期另有住院结算，住院时间重叠。", _precondition
    ),
    errors.DoubleInsurance: Form(
        _FAILED, "该参保人同期已按另一险种结算，不得重复享受待遇。", _precondition
    ),
    errors.DuplicateItem: Form(_FAILED, "同一项目同一日期已在另一笔结算中。", _precondition),
    errors.RepeatedItem: Form(_FAILED, "同一项目当日数量超出规定。", _precondition),
    errors.AlreadyCancelled: Form(_FAILED, "该结算已经撤销，不能再次撤销。", _precondition),
    errors.AccountSpent: Form(
        _FAILED,
        "该结算划入个人账户的金额已被使用或已授权给亲属，不能撤销，请先撤销其后的结算或减少授权额度。",
        _precondition,
    ),
    errors.RequestReversed: Form(
        _FAILED, "该流水号已被冲正，不能再办理；确需办理的，请使用新的流水号。", _precondition
    ),
    errors.NotReversible: Form(
        _FAILED, "该流水号办理的不是结算，不能冲正，请按相应业务撤销。", _precondition
    ),
    errors.BalanceTooLow: Form(
        _FAILED, "个人账户余额或亲属授权额度不足，请核对后减少金额。", _precondition
    ),
    errors.NotInsured: Form(
        _FAILED, "该参保人的参保关系已终止，不能授权或使用共济额度，请核对参保状态。", _precondition
    ),
    errors.TooManyRelatives: Form(
        _FAILED, "共济关系人数已达上限，请先解除一个共济关系。", _precondition
    ),
    errors.NotSignedIn: Form(_FAILED, "请先签到（9001）再办理业务。", _precondition),
    errors.InstitutionNotYours: Form(
        _FAILED, "该客户端未获准代表该机构办理业务，请联系经办机构登记。", _precondition
    ),
    errors.EncounterRefused: Form(_FAILED, "该就诊的当前状态不能办理该业务。", _precondition),
    errors.FileExpired: Form(_FAILED, "文件已过下载截止时间，请重新生成。", _precondition),
    errors.ClearingRefused: Form(
        _FAILED, "清算申请或异地清分确认的当前状态不能办理该业务。", _precondition
    ),
    errors.SumsDiffer: Form(
        _FAILED, "医药机构上传的汇总金额与明细核定金额不一致，请核对明细后重新提交。", _precondition
    ),
    errors.TransactionUnknown: Form(_INVALID, "本平台不支持该交易。", _nothing),
    errors.Overloaded: Form(
        _UNAVAILABLE, "系统繁忙，本次未结算，请稍后用同一流水号重新提交。", _retry
    ),
    errors.LedgerUnavailable: Form(
        _UNAVAILABLE, "账本暂时不可用，请稍后用同一流水号重新提交。", _retry
    ),
    errors.LedgerFailed: Form(
        _UNAVAILABLE, "账本发生故障，正在重启，请稍后用同一流水号重新提交或查询结果。", _retry
    ),
    errors.StoreUnavailable: Form(_UNAVAILABLE, "付款记录暂时不可用，请稍后重新提交。", _retry),
    errors.PersonPending: Form(
        grpc.StatusCode.UNAVAILABLE,
        "该参保人另一笔异地结算的结果尚在核实，本笔未发送。请先重发或冲正该笔，再办理本笔。",
        _retry,
    ),
    errors.PeerUnreachable: Form(
        _UNAVAILABLE,
        "暂时无法连接参保地或就医地系统，本次未结算，请稍后用同一流水号重新提交。",
        _retry,
    ),
    errors.OutcomeUnknown: Form(
        _UNAVAILABLE,
        "异地结算结果尚未返回，系统正在核实，请用同一流水号重新提交或查询结果，不要换号重复结算。",
        _retry,
    ),
    errors.NotAuthenticated: Form(
        grpc.StatusCode.UNAUTHENTICATED, "未能确认访问者身份，请检查证书或令牌。", _nothing
    ),
    errors.NotPermitted: Form(
        grpc.StatusCode.PERMISSION_DENIED, "当前身份无权办理该业务，请联系管理员。", _nothing
    ),
    errors.PeerNotKnown: Form(
        grpc.StatusCode.PERMISSION_DENIED, "异地系统互联配置不一致，请联系管理员。", _nothing
    ),
    errors.PeerTooOld: Form(
        _FAILED, "对方统筹区系统版本不支持该业务，请联系经办机构或改为手工报销。", _precondition
    ),
    errors.AuditCorrupt: Form(
        grpc.StatusCode.DATA_LOSS, "审计数据校验不一致，请联系管理员。", _nothing
    ),
    errors.InvalidListRejected: Form(_INVALID, "失效名单未通过校验，继续使用原名单。", _nothing),
    errors.PolicyRejected: Form(_INVALID, "待遇政策文件有误，请按明细逐项更正。", _violations),
    errors.InternalError: Form(_INTERNAL, "系统内部错误，请联系管理员并提供流水号。", _nothing),
    errors.SettlementError: Form(_INTERNAL, "系统内部错误，请联系管理员并提供流水号。", _nothing),
}
"""Every public error class of `medsettle.errors`, and no other."""
