"""A walk through a policy as a page of eighty columns, in Chinese and English."""

from collections.abc import Sequence

from rich.console import Console

from medsettle.cli.page import BESIDE, INDENT, Page
from medsettle.core import codes
from medsettle.core.money import decimal, yuan_from_fen
from medsettle.core.settlement import Step
from medsettle.policy.description import WEAK
from medsettle.settle.phrases import exact_yuan
from medsettle.settle.walk import Counted, Counts, Fact, Walk
from medsettle.settle.walk_lines import LineStory
from medsettle.settle.walk_stages import Cell, Question, StageStory

_QUESTIONS = {
    "base": "base 计算基数",
    "keep_back": "kept back 先行扣除",
    "deductible": "deductible 起付线",
    "rate": "rate 支付比例",
    "caps": "caps 封顶线",
    "limit": "limit 账户余额",
    "instead_of": "in place of 替代",
    "advance_for": "advance 先行支付",
    "remaining": "remaining 待支付余额",
}
_LEFT = {
    "kept_back": "kept back 先行扣除",
    "deductible": "deductible 起付线",
    "own_share": "own share 按比例自付",
    "over_cap": "above bands and caps 超过封顶",
}
_CLASSES = {"01": "class A 甲类", "02": "class B 乙类", "03": "class C 丙类"}
_PAYERS = {payer.name: payer.chinese for payer in codes.PAYERS}


def print_walk(console: Console, walk: Walk) -> None:
    """Print a walk from top to bottom, from the policy chosen to what is left as cash."""
    page = Page(console)
    page.head(_title(walk), space=False)
    _print_policy(page, walk)
    _print_facts(page, walk)
    _print_counters(page, walk)
    _print_lines(page, walk)
    for number, story in enumerate(walk.stages, 1):
        _print_stage(page, walk, number, story)
    _print_payers(page, walk)
    _print_cash(page, walk)
    for number, story in enumerate(walk.payouts, len(walk.stages) + 1):
        _print_stage(page, walk, number, story)
    _print_gaps(page, walk)
    _print_sources(page, walk)
    _print_expected(page, walk)


# --- what the claim is --------------------------------------------------------------------------


def _title(walk: Walk) -> str:
    where = f"{walk.visit.place.file}:{walk.visit.place.line}"
    if walk.count == 1:
        return f"{walk.name} ({where})"
    return f"{walk.name}, visit {walk.number} of {walk.count} ({where})"


def _print_policy(page: Page, walk: Walk) -> None:
    page.head("Which policy 适用政策")
    for candidate in walk.candidates:
        policy = candidate.policy.policy
        if candidate.chosen:
            page.text(f"{policy.name}  {policy.title}")
            page.text(candidate.why.chinese, indent=2 * INDENT)
            page.text(candidate.why.english, indent=2 * INDENT)
            page.text(
                f"{policy.file}, digest {candidate.policy.digest}, weakest value "
                f"{candidate.policy.confidence}",
                indent=2 * INDENT,
                style="dim",
            )
        elif policy.insurance_type == walk.policy.policy.insurance_type:
            why = f"not {policy.name}: {candidate.why.english} {candidate.why.chinese}"
            page.text(why, indent=2 * INDENT, style="dim")
    others = [each.policy.policy for each in walk.candidates]
    types = {each.insurance_type for each in others} - {walk.policy.policy.insurance_type}
    if types:
        listed = ", ".join(sorted(types))
        page.text(
            f"not those for insurance types {listed} 其他险种 {listed}",
            indent=2 * INDENT,
            style="dim",
        )


def _print_facts(page: Page, walk: Walk) -> None:
    page.head("What the claim is, by what it states 结算事实及依据")
    page.rows(_fact_row(fact) for fact in walk.facts)
    if walk.quantities:
        page.head("Quantities 数量")
        page.rows(_fact_row(fact) for fact in walk.quantities)


def _fact_row(fact: Fact) -> Sequence[str]:
    why = fact.why.english
    if fact.why.chinese != why:
        why += f" {fact.why.chinese}"
    return fact.name, fact.value, f"{fact.column} {fact.stated}{f' ({why})' if why else ''}"


def _print_counters(page: Page, walk: Walk) -> None:
    page.head("What was counted before 此前累计")
    for text in walk.unsettled:
        page.text(text, style="yellow")
    limited = [each for each in walk.counters if each.unit is Counts.UNITS_E4]
    others = [each for each in walk.counters if each.unit is not Counts.UNITS_E4]
    page.rows((_counter_row(each) for each in others), right=(2,))
    for each in limited:
        before, moved = (decimal(number, 4) for number in (each.before, each.moved))
        page.text(f"{each.name}: {before} units, {moved} more by this claim 本次")


def _counter_row(counted: Counted) -> Sequence[str]:
    amounts = counted.unit is Counts.FEN

    def words(value: int) -> str:
        return yuan_from_fen(value) if amounts else str(value)

    sign = "+" if counted.moved > 0 else ""
    moved = f"{sign}{words(counted.moved)} by this claim 本次" if counted.moved else ""
    return counted.name, counted.period, words(counted.before), moved


# --- lines --------------------------------------------------------------------------------------


def _print_lines(page: Page, walk: Walk) -> None:
    page.head("Where each line fell 明细归集")
    for line in walk.lines:
        _print_line(page, line)
    total = walk.settlement.columns
    parts = [f"{pot.name} {yuan_from_fen(_fen(total[f'{pot.name}_fen']))}" for pot in codes.POTS]
    page.text(f"in all 合计 {yuan_from_fen(_fen(total['total_fen']))}: {', '.join(parts)}")


def _fen(value: object) -> int:
    assert isinstance(value, int)
    return value


def _print_line(page: Page, line: LineStory) -> None:
    known = _CLASSES.get(line.item_class, "not listed 未收载")
    page.amount(
        yuan_from_fen(line.amount_fen), f"{line.line_id}: {line.item_code} {line.name}, {known}"
    )
    page.text("，".join(reason.chinese for reason in line.reasons), indent=BESIDE)
    page.text("; ".join(reason.english for reason in line.reasons), indent=BESIDE)
    if line.place:
        page.text(f"{line.place}, from {line.valid_from}", indent=BESIDE, style="dim")
    found = []
    for pot in codes.POTS:
        fen = line.parts_fen[pot.name]
        if fen:
            special = pot.name == "in_scope" and line.pot != "in_scope"
            where = f" in pot {line.pot}" if special else ""
            found.append(f"{yuan_from_fen(fen)} {pot.name} {pot.chinese}{where}")
    page.text("; ".join(found), indent=BESIDE)


# --- stages -------------------------------------------------------------------------------------


def _print_stage(page: Page, walk: Walk, number: int, story: StageStory) -> None:
    stage, sentence = story.stage, story.sentence
    skipped = " (skipped 跳过)" if story.skipped else ""
    beside = "" if stage.payee is None else f" beside the bill, to {stage.payee} 账单之外"
    page.head(f"{number}. {stage.name}: {stage.payer} {_PAYERS[stage.payer]}{beside}{skipped}")
    # Sources are listed once, below all stages.
    source = walk.policy.policy.sources[stage.source].title
    page.text(sentence.text_zh.removesuffix(f"依据：{source}。"))
    page.text(sentence.text_en.removesuffix(f" Source: {source}."))
    page.text(f"{_short(stage.place.file)}:{stage.place.line}, {stage.source}", style="dim")
    if stage.note:
        page.text(f"note: {stage.note}", style="yellow" if "uncertain" in stage.note else "dim")
    for condition in story.conditions:
        met = "is met 符合" if condition.met else "is not met 不符合"
        wanted = " or ".join(condition.wanted)
        page.text(f"when {condition.dimension} is {wanted}: it is {condition.held}, which {met}")
    for question in story.questions:
        _print_question(page, story, question)
    if not story.skipped and story.left["base"]:
        for part, words in _LEFT.items():
            if story.left[part]:
                page.amount(exact_yuan(story.left[part]), f"left as {stage.name}.{part}, {words}")
    if stage.payee is None:
        page.amount(yuan_from_fen(story.remaining_fen), "still to pay 尚待支付")


def _short(file: str) -> str:
    return "/".join(file.split("/")[-2:])


def _print_question(page: Page, story: StageStory, question: Question) -> None:
    page.text(_QUESTIONS.get(question.name, question.name), style="bold")
    for step in question.steps:
        _print_step(page, step)
    if question.name == "base" and len(story.terms) > 1:
        for sign, name, amount in story.terms:
            page.amount(exact_yuan(amount), f"{sign} {name}")
    if question.switches:
        said = "; ".join(f"{role} {words}" for role, words in question.switches)
        page.amount("", said, style="dim")
    for cell in question.cells:
        _print_cell(page, cell)


def _print_step(page: Page, step: Step) -> None:
    amount = "" if step.amount_fen is None else yuan_from_fen(step.amount_fen)
    page.amount(amount, f"{step.label}: {step.text}")


def _print_cell(page: Page, cell: Cell) -> None:
    """Print a cell that was read: value, row, since when, where it stands and what it rests on."""
    rows = ", ".join(f"{name} {word}" for name, word in cell.rows)
    title = f" {cell.title}" if cell.title else ""
    page.amount("", f"{cell.table}{title} = {cell_values(cell)}{f' for {rows}' if rows else ''}")
    weak = cell.confidence in WEAK
    page.amount(
        "",
        f"from {cell.start}, {cell.place}, {cell.source} ({cell.confidence})",
        style="yellow" if weak else "dim",
    )
    if cell.note:
        page.amount("", f"note: {cell.note}", style="yellow" if weak else "dim")


def cell_values(cell: Cell) -> str:
    """Return the values of a row: one, or one for each band with its upper limit."""
    if not cell.limits_fen:
        return cell.values[0]
    return ", ".join(
        f"{value} {'above' if limit is None else f'to {yuan_from_fen(limit)}'}"
        for value, limit in zip(cell.values, cell.limits_fen, strict=True)
    )


# --- what came out ------------------------------------------------------------------------------


def _print_payers(page: Page, walk: Walk) -> None:
    columns = walk.settlement.columns
    page.head("Who pays 各方支付")
    asked = {story.stage.payer for story in walk.stages}
    for payer in codes.PAYERS:
        if payer.name in asked:
            amount = yuan_from_fen(_fen(columns[f"{payer.name}_fen"]))
            page.amount(amount, f"{payer.name} {payer.chinese}")
    page.amount(yuan_from_fen(_fen(columns["fund_total_fen"])), "all funds 基金支付总额")
    page.amount(yuan_from_fen(_fen(columns["person_total_fen"])), "the person 个人负担总金额")
    page.amount(yuan_from_fen(_fen(columns["total_fen"])), "the bill 医疗费总额")


def _print_cash(page: Page, walk: Walk) -> None:
    cash = walk.cash
    page.head("Cash 个人现金")
    page.text(cash.text_zh)
    page.text(cash.text_en)
    for step in cash.steps:
        _print_step(page, step)


def _print_gaps(page: Page, walk: Walk) -> None:
    if walk.settlement.notices:
        page.head("Gaps 未能裁定")
        for notice in walk.settlement.notices:
            page.text(notice, style="yellow")
        page.text(
            "A preview shows this; it is refused when it is to be recorded. 仅可预结算，不能入账。"
        )


def _print_sources(page: Page, walk: Walk) -> None:
    """Print the sources that were cited, each once."""
    stories = (*walk.stages, *walk.payouts)
    cited = {story.stage.source for story in stories}
    questions = [question for story in stories for question in story.questions]
    cited |= {cell.source for question in questions for cell in question.cells}
    page.head("Sources 依据")
    for key, source in walk.policy.policy.sources.items():
        if key in cited:
            style = "yellow" if source.confidence in WEAK else ""
            page.text(f"{key} ({source.confidence}): {source.title} ({source.where})", style=style)


def _print_expected(page: Page, walk: Walk) -> None:
    if not walk.visit.expect:
        return
    page.head("What the example expects 预期")
    found = {each.amount: each.found for each in walk.differences}
    for name, expected in walk.visit.expect.items():
        text = f"{name} comes out 相符"
        style = ""
        if name in found:
            held = found[name]
            what = "no such amount" if held is None else yuan_from_fen(held)
            text, style = f"{name}, but found {what} 不符", "red"
        page.amount(yuan_from_fen(expected), text, style=style)
