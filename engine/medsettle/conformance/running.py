"""Running scenarios against an endpoint, step by step."""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from medsettle.conformance.endpoint import Endpoint, OutOfReach
from medsettle.conformance.filling import NotKept, filled
from medsettle.conformance.identities import amount_differences, broken_identities
from medsettle.conformance.matching import differences, refusal_code
from medsettle.conformance.scenarios import Scenario, Step
from medsettle.core.dates import CHINA_STANDARD_TIME

Names = Mapping[str, Mapping[str, Any]]

_SIGN_IN: Final = "9001"
_DONE: Final = 0
_INSTITUTION_CHARS: Final = 12
# The last digits of a msgid. All kits of a process share them, and processes begin anywhere, so
# that two runs in one second do not make the same; those from 9,000 on are left to other clients.
_NUMBERS_MAX: Final = 9_000
_NUMBERS: Final = itertools.count(secrets.randbelow(_NUMBERS_MAX))


class Verdict(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Checked:
    """A step and what was wrong with its answer; nothing where it passed."""

    step: Step
    verdict: Verdict
    faults: Sequence[str] = ()
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scenario and what became of each of its steps, those of `undo` included."""

    scenario: Scenario
    steps: Sequence[Checked]

    @property
    def passed(self) -> bool:
        """Whether every step did."""
        return all(each.verdict is Verdict.PASSED for each in self.steps)


@dataclass(frozen=True, slots=True)
class Kit:
    """What scenarios are run against, and with.

    `institutions` replaces the codes of institutions by name. `sign_in` signs an operator in once
    an institution. With `codes` false, refusals may have any code, as on platforms that have none.
    """

    endpoint: Endpoint
    names: Names
    institutions: Mapping[str, str] = field(default_factory=dict)
    sign_in: bool = True
    codes: bool = True
    clock: Callable[[], datetime] = lambda: datetime.now(CHINA_STANDARD_TIME)
    _signed: dict[str, str] = field(default_factory=dict)

    def run(self, scenario: Scenario) -> Outcome:
        """Return what became of a scenario.

        Raises:
            OutOfReach: The endpoint does not even answer a sign-in.
        """
        return _Run(self, scenario).outcome()

    def msgid(self, institution: str) -> str:
        """Return a new msgid of an institution."""
        moment = self.clock().astimezone(CHINA_STANDARD_TIME)
        number = next(_NUMBERS) % _NUMBERS_MAX
        return f"{institution[:_INSTITUTION_CHARS]}{moment:%Y%m%d%H%M%S}{number:04d}"

    def sign_no(self, institution: str, area: str) -> str:
        """Return the number of the operator's sign-in at an institution, signed in now if need be.

        Raises:
            OutOfReach: There was no answer, or a refusal.
        """
        if institution not in self._signed:
            said = {"signIn": {"opter_no": "conform", "mac": "00-00-00-00-00-00", "ip": "-"}}
            request = self.envelope(institution, area, _SIGN_IN) | {"input": said}
            answer = self.endpoint.ask(_SIGN_IN, request)
            if answer.get("infcode") != _DONE:
                raise OutOfReach(f"{_SIGN_IN} is refused: {answer.get('err_msg')}")
            self._signed[institution] = answer["output"]["signinoutb"]["sign_no"]
        return self._signed[institution]

    def envelope(self, institution: str, area: str, infno: str) -> dict[str, Any]:
        """Return a new envelope without an input."""
        return {
            "infno": infno,
            "msgid": self.msgid(institution),
            "mdtrtarea_admvs": area,
            "insuplc_admdvs": area,
            "recer_sys_code": "FSI_LOCAL",
            "dev_no": "",
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": "",
            "infver": "V1.0",
            "opter_type": "1",
            "opter": "conform",
            "opter_name": "conform",
            "inf_time": f"{self.clock().astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}",
            "fixmedins_code": institution,
            "fixmedins_name": "",
            "sign_no": "",
        }


class _Run:
    """One run of one scenario: what was asked, answered and kept so far."""

    def __init__(self, kit: Kit, scenario: Scenario) -> None:
        self._kit = kit
        self._scenario = scenario
        self._asked: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._known: dict[str, Any] = {
            f"{group}.{name}": value
            for group, values in kit.names.items()
            for name, value in values.items()
        } | {f"{name}.code": code for name, code in kit.institutions.items()}
        self._known["today"] = f"{kit.clock().astimezone(CHINA_STANDARD_TIME):%Y-%m-%d}"

    def outcome(self) -> Outcome:
        """Return what became of the scenario."""
        checked: list[Checked] = []
        going = True
        for step in self._scenario.steps:
            found = self._checked(step) if going else Checked(step, Verdict.SKIPPED)
            going = going and found.verdict is Verdict.PASSED
            checked.append(found)
        passed = {each.step.step for each in checked if each.verdict is Verdict.PASSED}
        # An undo that has nothing to undo is left out.
        undone = [
            self._checked(step)
            for step in self._scenario.undo
            if step.unless not in passed and self._can(step)
        ]
        return Outcome(self._scenario, [*checked, *undone])

    def _can(self, step: Step) -> bool:
        try:
            filled(step.input, self._known)
        except NotKept:
            return False
        return True

    def _checked(self, step: Step) -> Checked:
        try:
            request = self._request(step)
            self._asked[step.step] = request
            self._known[f"{step.step}.msgid"] = request.get("msgid")
            if step.unsent:
                return Checked(step, Verdict.PASSED)
            if step.give_up:
                self._kit.endpoint.give_up(step.number, request)
                return Checked(step, Verdict.PASSED)
            answer = self._kit.endpoint.ask(step.number, request)
        except (OutOfReach, NotKept) as error:
            return Checked(step, Verdict.FAILED, [str(error)])
        self._answers[step.step] = answer
        faults = [*self._faults(step, answer), *self._keep(step, answer)]
        return Checked(step, Verdict.FAILED if faults else Verdict.PASSED, faults, answer)

    def _request(self, step: Step) -> dict[str, Any]:
        institution = self._known[f"{step.at or self._scenario.at}.code"]
        area = self._known[f"{step.at or self._scenario.at}.area"]
        request = self._kit.envelope(institution, area, step.number)
        request["insuplc_admdvs"] = self._known[f"{self._scenario.for_}.insuplc_admdvs"]
        if self._kit.sign_in:
            request["sign_no"] = self._kit.sign_no(institution, area)
        request["input"] = filled(step.input if step.input is not None else {}, self._known)
        if step.msgid:
            earlier = self._asked[step.msgid]
            request["msgid"] = earlier["msgid"]
            if step.input is None:
                request["input"] = earlier["input"]
        for name, value in filled(step.envelope, self._known).items():
            if value is None:
                request.pop(name, None)
            else:
                request[name] = value
        return request

    def _faults(self, step: Step, answer: Mapping[str, Any]) -> Iterator[str]:
        expected = filled({"infcode": _DONE, **step.expect}, self._known)
        code = expected.pop("code", None)
        found = list(differences(expected, answer))
        yield from found
        if found and answer.get("infcode") != expected["infcode"]:
            yield f"err_msg: {answer.get('err_msg')}"
        if code is not None and self._kit.codes and refusal_code(answer.get("err_msg")) != code:
            yield f"err_msg: {answer.get('err_msg')!r} where the code [{code}] is expected"
        output = answer.get("output")
        yield from broken_identities(output)
        for earlier, negated, word in (
            (step.same_as, False, f"as in {step.same_as}"),
            (step.negates, True, f"taking back {step.negates}"),
        ):
            if earlier:
                before = self._answers.get(earlier, {}).get("output")
                yield from amount_differences(output, before, negated=negated, word=word)

    def _keep(self, step: Step, answer: Mapping[str, Any]) -> Iterator[str]:
        for name, path in step.keep.items():
            value: Any = answer
            for part in path.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is None:
                yield f"{path}: nothing is there to keep as {name}"
            else:
                self._known[name] = value
