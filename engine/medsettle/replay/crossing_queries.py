"""The figure of a comparison that tells who crosses the deductibles and caps of which stages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from medsettle.core.sql_text import quoted
from medsettle.replay.compare_queries import OF_WHOM, claims_of
from medsettle.replay.figure_forms import FigureForm, Shown, Shows, Words
from medsettle.replay.layout import BASELINE, PAST_CAPS, PAST_DEDUCTIBLES

_KINDS: Final = (("deductible", PAST_DEDUCTIBLES), ("cap", PAST_CAPS))


class StageTitle(NamedTuple):
    """The titles of a policy of the baseline and of one of its stages, and the stage's place."""

    policy: str
    stage: str
    policy_title: str
    stage_title: str
    place: int


def stage_titles(
    worlds: Mapping[str, Any], reform: str, policies: Sequence[tuple[str, str]]
) -> list[StageTitle]:
    """Return the titles that the manifest of results tells (`World.told`).

    Args:
        worlds: What it says of each world.
        reform: The world beside the baseline.
        policies: Which policy of the baseline settled some claims, and which of the reform; a
            stage that the reform adds has its title from there.
    """
    found: dict[tuple[str, str], StageTitle] = {}
    for policy, *_ in policies:
        title = _told(worlds, BASELINE, policy).get("title", "")
        pairs = [(BASELINE, policy), *((reform, new) for old, new in policies if old == policy)]
        names = (pair for each in pairs for pair in _told(worlds, *each).get("stages", {}).items())
        for place, (stage, stage_title) in enumerate(names):
            key = policy, stage
            found.setdefault(key, StageTitle(policy, stage, title, stage_title, place))
    return [*found.values()]


def _told(worlds: Mapping[str, Any], world: str, policy: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = worlds.get(world, {}).get("policies", {}).get(policy, {})
    return told


def crossings(reform: str, titles: Sequence[StageTitle]) -> FigureForm:
    """Return the figure of who crosses the limits of each stage.

    Args:
        reform: The world beside the baseline.
        titles: Of policies and stages, as far as they are known.
    """
    passed = "\n    union all\n".join(_passed(reform))
    sql = f"""\
with passed as (
{passed}
),
titles(policy, stage, policy_title, stage_title, place) as (
    values {_values(titles)}
),
persons as (
    select
        policy, stage, crossed, person,
        bool_or(world = 'baseline') as before,
        bool_or(world = 'reform') as after
    from passed
    group by all
)
select
    policy, coalesce(policy_title, '') as policy_title,
    stage, coalesce(stage_title, '') as stage_title,
    crossed,
    (select count(distinct person) from {claims_of(reform)}) as all_person_years,
    count(*) filter (before) as before,
    count(*) filter (after) as after,
    count(*) filter (after and not before) as newly,
    count(*) filter (before and not after) as no_longer
from persons left join titles using (policy, stage)
group by policy, policy_title, stage, stage_title, place, crossed
order by policy, place, stage, crossed desc"""  # noqa: S608 - files of our own, quoted
    return FigureForm(
        "crossings",
        Words("Deductibles and caps crossed", "越过起付线与封顶线"),
        Words(
            "By the policy before the reform, its stages and their limits; who crosses several "
            "counts in each row. A person crosses the deductible of a stage that has one for them "
            "in a claim with something left above it, also where earlier claims met it; who ends "
            "exactly at a deductible has not crossed it. They cross a cap in a claim with a part "
            f"of what the stage looks at above its cap or last band. {OF_WHOM.en}",
            "按改革前的政策、阶段及其限额分列，越过多项者各行分别计数。"
            "某次结算适用起付线且有超过起付线的金额（含此前已付满者），即越过该阶段的起付线，恰好等于起付线者不计；"
            f"某次结算有超过封顶线或最高段的金额，即越过该阶段的封顶线。{OF_WHOM.zh}",
        ),
        sql,
        (
            Shown("policy", Words("Policy", "政策"), Shows.TEXT, titled_by="policy_title"),
            Shown("stage", Words("Stage", "阶段"), Shows.TEXT, titled_by="stage_title"),
            Shown("crossed", Words("Limit", "限额"), Shows.TEXT, codes="crossed"),
            Shown("before", Words("Person-years, before", "人年（现行）"), Shows.COUNT),
            Shown("after", Words("Person-years, after", "人年（改革）"), Shows.COUNT),
            Shown("newly", Words("Newly", "新增"), Shows.COUNT),
            Shown("no_longer", Words("No longer", "不再"), Shows.COUNT),
            Shown(
                "newly_share",
                Words("Newly, share of person-years", "新增人年占比"),
                Shows.SHARE,
                ("newly", "all_person_years"),
            ),
        ),
    )


def _passed(reform: str) -> Iterator[str]:
    """Yield queries of who lies past which limit: by world and kind."""
    for world in ("baseline", "reform"):
        for crossed, column in _KINDS:
            yield f"""\
    select
        person, baseline_policy as policy, '{world}' as world, '{crossed}' as crossed,
        unnest(string_split({world}_{column}, ',')) as stage
    from {claims_of(reform)}"""  # noqa: S608


def _values(titles: Sequence[StageTitle]) -> str:
    rows = [f"({', '.join(quoted(text) for text in each[:-1])}, {each.place})" for each in titles]
    return ",\n        ".join(rows) or "('', '', '', '', 0)"
