"""Named tables: the embedded example, and the public data sets of the fairness literature with what to know of them.

A public data set is downloaded when it is first asked for (`downloads`), checked byte for byte, and read as its
publisher wrote it (`originals`). Its task is a preset: the outcome, groups and reference group most used for it, and
out of the features what gives the outcome away. `pitfalls` says what has misled users of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from iffair_core.data.task import Task
from iffair_core.datasets import example, fetching, originals
from iffair_core.datasets.example import example_biased_rows, is_example
from iffair_core.datasets.fetching import MIRROR, Progress, SourceFile
from iffair_core.errors import ConfigError, StopCheck, listing, never_stop, shorten

__all__ = [
    "DATASETS",
    "EXAMPLE",
    "CatalogEntry",
    "example_biased_rows",
    "is_available",
    "is_example",
    "load_dataset",
    "whereabouts",
]


@dataclass(frozen=True)
class CatalogEntry:
    """A named table and the task that goes with it.

    rows: of the table as loaded; seed: what a generated table is generated from; source: page of the publisher; files:
    what has to be downloaded, none for a generated table; pitfalls: one sentence or two each.
    """

    name: str
    title: str
    description: str
    rows: int
    synthetic: bool
    license: str
    task: Task
    seed: int | None = None
    citation: str = ""
    pitfalls: tuple[str, ...] = ()
    source: str = ""
    files: tuple[SourceFile, ...] = ()


def load_dataset(
    name: str, *, progress: Progress | None = None, stop_check: StopCheck = never_stop
) -> tuple[pd.DataFrame, Task]:
    """(table, task) of a named data set; the table is the caller's own copy.

    A public one is downloaded if it is not on this machine: progress(share, text) is told how far that is, and
    stop_check() is called now and then and may raise `Cancelled`. Raises `ConfigError` on other names, `DownloadError`
    where a file cannot be had.
    """
    entry = _entry(name)
    if not entry.files:
        return example.example_table(), entry.task
    return originals.READERS[name](*fetching.fetch(entry.files, progress=progress, stop_check=stop_check)), entry.task


def is_available(entry: CatalogEntry | str) -> bool:
    """Whether an entry, or the one of that name, needs no network: it is generated, or its files are here."""
    return fetching.on_this_machine((_entry(entry) if isinstance(entry, str) else entry).files)


def whereabouts(entry: CatalogEntry) -> str:
    """Whether the table is here, or how it gets here, in words. Asks no network."""
    if is_available(entry):
        return "on this machine"
    elsewhere = [file.elsewhere for file in entry.files if not file.address]
    return f"only from a mirror, see {MIRROR}. {elsewhere[0]}" if elsewhere else "downloaded at its first use"


def _entry(name: str) -> CatalogEntry:
    for entry in DATASETS:
        if entry.name == name:
            return entry
    names = listing((entry.name for entry in DATASETS), len(DATASETS))
    raise ConfigError(f"There is no data set called '{shorten(name)}'. Choose one of: {names}.")


def _files(*names: str) -> tuple[SourceFile, ...]:
    return tuple(originals.FILES[name] for name in names)


# ------------------------------------------------------------------------------------------------------------- entries

EXAMPLE = CatalogEntry(
    name="example",
    title="Loan applications (synthetic example)",
    description=(
        "10,000 generated loan applications from an invented town with three communities. Not real people: every "
        "value is drawn from a formula, and past unfair decisions were injected into rows that are known."
    ),
    rows=example.ROWS,
    synthetic=True,
    license="MIT, as the rest of this package",
    task=Task(target="decision", favorable="granted", sensitive="community"),
    seed=example.SEED,
)

_UCI_LICENSE = "CC BY 4.0 (UCI Machine Learning Repository)"
_NO_LICENSE = "none stated"
_DURATION = (
    "The length of the call (duration) is known only when the call is over, and no call means no deposit: it is left "
    "out of the features, and results that keep it are far too good."
)
_BANK_DIRECTION = (
    "The literature takes ages 25 to 59 as the privileged group, but they subscribe least: about one in ten, against "
    "three in ten of the younger and older. Gaps measured against them are positive."
)
_BANK_UNKNOWN = '"unknown" is kept as a value of its own, as it is in the file; it is not taken for missing.'
_BANK_CITATION = (
    "Moro, S., Rita, P. and Cortez, P. (2014). Bank Marketing. UCI Machine Learning Repository. "
    "doi:10.24432/C5K306. Described in Moro, S., Cortez, P. and Rita, P. (2014). A data-driven approach to predict "
    "the success of bank telemarketing. Decision Support Systems 62, 22-31. doi:10.1016/j.dss.2014.03.001"
)
_BANK_TASK = Task(
    target="y",
    favorable="yes",
    sensitive="age",
    reference="25 to < 60",
    drop=("duration",),
    bins={"age": (25, 60)},
    pool={"age": {"other": ("< 25", ">= 60")}},
)
_BANK_PAGE = "https://archive.ics.uci.edu/dataset/222/bank+marketing"
_LAW_STUDY = (
    "Wightman, L. F. (1998). LSAC National Longitudinal Bar Passage Study. LSAC Research Report Series, Law School "
    "Admission Council."
)
_SURVEY = (
    "Le Quy, T., Roy, A., Iosifidis, V., Zhang, W. and Ntoutsi, E. (2022). A survey on datasets for fairness-aware "
    "machine learning. WIREs Data Mining and Knowledge Discovery 12(3), e1452. doi:10.1002/widm.1452"
)
_STUDENT_TASK = Task(
    target="G3", favorable=">= 10", sensitive="sex", drop=("G1", "G2"), bins={"G3": (10,)}
)  # fmt: skip
_STUDENT_CITATION = (
    "Cortez, P. (2008). Student Performance. UCI Machine Learning Repository. doi:10.24432/C5TG7T. Described in "
    "Cortez, P. and Silva, A. (2008). Using data mining to predict secondary school student performance. Proceedings "
    "of the 5th Future Business Technology Conference, 5-12."
)
_STUDENT_PITFALLS = (
    "G1 and G2 are the grades of the terms before and nearly are the outcome (their correlation with G3 is 0.8 and "
    "0.9): they are left out of the features.",
    "382 students are in both files, so the two are not independent.",
    "Papers disagree on which sex is privileged, and the two files do too: the reference group is suggested.",
)
_STUDENT_PAGE = "https://archive.ics.uci.edu/dataset/320/student+performance"

ADULT = CatalogEntry(
    name="adult",
    title="Adult (census income)",
    description=(
        "People in the US census of 1994 and whether their yearly income is above 50,000 dollars. Both published "
        "parts are joined, adult.data first. Race is used as the sensitive attribute too."
    ),
    rows=48_842,
    synthetic=False,
    license=_UCI_LICENSE,
    task=Task(
        target="income",
        favorable=">50K",
        sensitive="sex",
        reference="Male",
        drop=("fnlwgt", "education"),
        missing=("?",),
    ),
    citation="Becker, B. and Kohavi, R. (1996). Adult. UCI Machine Learning Repository. doi:10.24432/C5XW20",
    pitfalls=(
        "fnlwgt says how many people a row stands for in the census sample; it describes nobody, so it is no feature.",
        "education and education-num say the same; only the number is a feature.",
        '"?" in workclass, occupation and native-country means missing (3,620 rows). Papers that leave these rows out '
        "have 45,222 rows and a share of 24.8 % above 50,000 instead of 23.9 %.",
        "relationship tells the sex of husbands and wives, so leaving sex out of the features does not hide it.",
        "The largest capital-gain, 99,999, is a cap, not an amount.",
    ),
    source="https://archive.ics.uci.edu/dataset/2/adult",
    files=_files("adult/adult.data", "adult/adult.test"),
)

COMPAS = CatalogEntry(
    name="compas",
    title="COMPAS two-year recidivism (ProPublica)",
    description=(
        "Defendants in Broward County, Florida, scored in 2013 and 2014, and whether they were charged again within "
        "two years. The table is what ProPublica's own filter keeps: 6,172 of 7,214 rows, those with a charge within "
        "30 days of the screening, a known follow-up, no ordinary traffic offense and a score. Names, dates of birth, "
        "case numbers and the id that leads to them are removed. Sex is used as the sensitive attribute too."
    ),
    rows=6_172,
    synthetic=False,
    license=f"{_NO_LICENSE} (the repository has no license file)",
    task=Task(
        target="two_year_recid",
        favorable=0,
        sensitive="race",
        reference="Caucasian",
        drop=(
            *("compas_screening_date", "age_cat", "decile_score", "days_b_screening_arrest", "c_jail_in"),
            *("c_jail_out", "c_offense_date", "c_arrest_date", "c_days_from_compas", "c_charge_desc", "is_recid"),
            *("r_charge_degree", "r_days_from_arrest", "r_offense_date", "r_charge_desc", "r_jail_in", "r_jail_out"),
            *("violent_recid", "is_violent_recid", "vr_charge_degree", "vr_offense_date", "vr_charge_desc"),
            *("type_of_assessment", "score_text", "screening_date", "v_type_of_assessment", "v_decile_score"),
            *("v_score_text", "v_screening_date", "in_custody", "out_custody", "start", "end", "event"),
        ),
    ),
    citation=(
        "Angwin, J., Larson, J., Mattu, S. and Kirchner, L. (2016). Machine Bias. ProPublica. Data: "
        "https://github.com/propublica/compas-analysis"
    ),
    pitfalls=(
        "Everybody screened after April 1, 2014 (868 of these rows) was charged again: who was not had no two years "
        "left and is missing. That lifts the share charged again from 37 % to 46 %. To leave them out, exclude "
        "compas_screening_date>=2014-04-02.",
        "Columns that begin with r_ or vr_, is_recid, start, end and event tell the outcome; decile_score, score_text "
        "and those that begin with v_ are COMPAS's own output. None of them is a feature.",
        "Asian (31 rows) and Native American (11) defendants are too few for a rate that means much; many papers keep "
        "African-American and Caucasian rows only (5,278).",
        "The outcome is a new charge, not a new offense: it also measures where the police look.",
    ),
    source="https://github.com/propublica/compas-analysis",
    files=_files("compas/compas-scores-two-years.csv"),
)

GERMAN = CatalogEntry(
    name="german",
    title="German credit (Statlog)",
    description=(
        "Loans of a bank in southern Germany in the 1970s and whether they were good (1) or bad (2) credit. The codes "
        "(A11, A12, ...) are the publisher's; sex is derived from personal_status. Age is used as the sensitive "
        "attribute too, cut at 25."
    ),
    rows=1_000,
    synthetic=False,
    license=_UCI_LICENSE,
    task=Task(target="credit", favorable=1, sensitive="sex", reference="male", drop=("personal_status",)),
    citation="Hofmann, H. (1994). Statlog (German Credit Data). UCI Machine Learning Repository. doi:10.24432/C5NC77",
    pitfalls=(
        "Sex is read off personal_status, as everybody does: A92 and A95 female, A91, A93 and A94 male. A95 (single "
        "women) does not occur, and Groemping (2019), who went back to the source, holds that A92 has single men too: "
        "the column may not tell sex at all.",
        "Bad loans were drawn more often than they happen: 30 % of the rows are bad.",
        "1,000 rows leave about 200 to test on; differences between methods are mostly chance.",
        'Papers cut age "above 25" or "from 25 on", which moves 41 people: bins of 26 and of 25.',
    ),
    source="https://archive.ics.uci.edu/dataset/144/statlog+german+credit+data",
    files=_files("german/german.data"),
)

BANK_FULL = CatalogEntry(
    name="bank_full",
    title="Bank marketing, all calls",
    description=(
        "Telephone calls of a Portuguese bank from 2008 to 2010 and whether the client subscribed a term deposit. "
        "Ages under 25 and from 60 on are pooled as 'other'. Marital status is used as the sensitive attribute too."
    ),
    rows=45_211,
    synthetic=False,
    license=_UCI_LICENSE,
    task=_BANK_TASK,
    citation=_BANK_CITATION,
    pitfalls=(
        _BANK_DIRECTION,
        _DURATION,
        _BANK_UNKNOWN,
        "pdays is -1 for clients who had not been called before; it is not a number of days.",
    ),
    source=_BANK_PAGE,
    files=_files("bank_marketing/bank-full.csv"),
)

BANK_ADDITIONAL_FULL = CatalogEntry(
    name="bank_additional_full",
    title="Bank marketing, with the economy of the day",
    description=(
        "The calls of the same bank from May 2008 to November 2010, with five figures on the Portuguese economy at the "
        "time of each call instead of the balance. Ages under 25 and from 60 on are pooled as 'other'."
    ),
    rows=41_188,
    synthetic=False,
    license=_UCI_LICENSE,
    task=_BANK_TASK,
    citation=_BANK_CITATION,
    pitfalls=(
        _BANK_DIRECTION,
        _DURATION,
        _BANK_UNKNOWN,
        "pdays is 999 for clients who had not been called before; it is not a number of days.",
        "The rows are in the order of time and the economy turned: the figures on it say when a call was made.",
    ),
    source=_BANK_PAGE,
    files=_files("bank_marketing/bank-additional-full.csv"),
)

LAW_BAR_PASS = CatalogEntry(
    name="law_bar_pass",
    title="Law school, bar exam ever passed",
    description=(
        "Students who entered US law schools in 1991, followed by the Law School Admission Council, and whether they "
        "passed the bar exam at the first or the second attempt. Gender is used as the sensitive attribute too."
    ),
    rows=22_407,
    synthetic=False,
    license=f"{_NO_LICENSE} (LSAC National Longitudinal Bar Passage Study)",
    task=Task(
        target="pass_bar",
        favorable=1,
        sensitive="race1",
        reference="white",
        drop=(
            *("ID", "bar", "bar1", "bar2", "bar1_yr", "bar2_yr", "Dropout", "grad", "dnn_bar_pass_prediction"),
            *("race", "race2", "asian", "black", "hisp", "other", "sex", "male", "DOB_yr", "age", "gpa", "parttime"),
            *("cluster", "index6040", "indxgrp", "indxgrp2"),
        ),
    ),
    citation=_LAW_STUDY,
    pitfalls=(
        "pass_bar is 1 for whoever passed in the end (94.8 %), also at the second attempt; law_school_clean asks for "
        "the first attempt (89.0 %). Results on the two do not compare.",
        "bar, bar1, bar2, their years, grad and Dropout tell the outcome, and dnn_bar_pass_prediction is another "
        "model's output. None of them is a feature.",
        "age is the year of the exam less the year of birth, both in codes: it is negative and knows the exam. It is "
        "no feature, nor is DOB_yr.",
        "race, race1, race2 and four yes/no columns say the same, as do sex, male and gender, gpa and ugpa, tier and "
        "cluster: one of each is kept.",
        "With 5 % who fail, accuracy hardly moves: look at the balanced accuracy and the rates of each group.",
    ),
    source="https://www.lsac.org",
    files=_files("law_school/bar_pass_prediction.csv"),
)

LAW_SCHOOL_CLEAN = CatalogEntry(
    name="law_school_clean",
    title="Law school, bar exam passed at the first attempt",
    description=(
        "The same study as a survey of fairness data sets cleaned it: 12 columns, complete rows, race as White and "
        "Non-White, and whether the bar exam was passed at the first attempt. male is used as the sensitive attribute "
        "too."
    ),
    rows=20_798,
    synthetic=False,
    license=f"{_NO_LICENSE} (LSAC National Longitudinal Bar Passage Study)",
    task=Task(target="pass_bar", favorable=1, sensitive="race", reference="White"),
    citation=f"{_LAW_STUDY} Cleaned by {_SURVEY}",
    pitfalls=(
        "pass_bar is the first attempt here (89.0 % pass) and any attempt in law_bar_pass (94.8 %). Results on the "
        "two do not compare.",
        "Rows with a missing value were left out by the survey, and five races became Non-White: the pass rates of "
        "black (77.8 %) and Asian (92.2 %) students in law_bar_pass differ more than White and Non-White do here.",
    ),
    source="https://github.com/tailequy/fairness_dataset",
    files=_files("law_school/law_school_clean.csv"),
)

COMMUNITIES_CRIME = CatalogEntry(
    name="communities_crime",
    title="Communities and crime",
    description=(
        "US communities in the 1990s: census, police and crime figures, each scaled to 0 to 1. The outcome is violent "
        "crime per head below 0.7; the groups are communities with a share of black residents below 0.06 and from "
        "0.06 on, both on that scale. A row is a town, not a person."
    ),
    rows=1_994,
    synthetic=False,
    license=_UCI_LICENSE,
    task=Task(
        target="ViolentCrimesPerPop",
        favorable="< 0.7",
        sensitive="racepctblack",
        reference="< 0.06",
        drop=(
            *("state", "county", "community", "communityname", "fold"),
            *("LemasSwornFT", "LemasSwFTPerPop", "LemasSwFTFieldOps", "LemasSwFTFieldPerPop", "LemasTotalReq"),
            *("LemasTotReqPerPop", "PolicReqPerOffic", "PolicPerPop", "RacialMatchCommPol", "PctPolicWhite"),
            *("PctPolicBlack", "PctPolicHisp", "PctPolicAsian", "PctPolicMinor", "OfficAssgnDrugUnits"),
            *("NumKindsDrugsSeiz", "PolicAveOTWorked", "PolicCars", "PolicOperBudg", "LemasPctPolicOnPatr"),
            *("LemasGangUnitDeploy", "LemasPctOfficDrugUn", "PolicBudgPerPop"),
        ),
        bins={"ViolentCrimesPerPop": (0.7,), "racepctblack": (0.06,)},
    ),
    citation=(
        "Redmond, M. (2002). Communities and Crime. UCI Machine Learning Repository. doi:10.24432/C53W3X. Described "
        "in Redmond, M. and Baveja, A. (2002). A data-driven software tool for enabling cooperative information "
        "sharing among police departments. European Journal of Operational Research 141, 660-678."
    ),
    pitfalls=(
        "Every figure is scaled and cut off at its tails, so 0.06 is no share of six percent and 0.7 no rate of "
        "crimes.",
        "Only 7 communities of the reference group lie at 0.7 or above: rates among them are hardly estimable. The "
        "median cut, bins of 0.16, gives groups that can be compared.",
        "22 columns on the police are missing in 1,675 of 1,994 rows, and LemasPctOfficDrugUn is 0 in all of these. "
        "They are left out of the features, as are the names and codes of places.",
        "racePctWhite and PctIlleg go with racepctblack (correlation 0.8), so leaving it out of the features does not "
        "hide it.",
    ),
    source="https://archive.ics.uci.edu/dataset/183/communities+and+crime",
    files=_files("communities_crime/communities.data"),
)

STUDENT_POR = CatalogEntry(
    name="student_por",
    title="Student performance, Portuguese",
    description=(
        "Pupils of two Portuguese schools, their families and habits, and whether their final grade in Portuguese is a "
        "pass (10 of 20 or more). Age is used as the sensitive attribute too, cut at 18."
    ),
    rows=649,
    synthetic=False,
    license=_UCI_LICENSE,
    task=_STUDENT_TASK,
    citation=_STUDENT_CITATION,
    pitfalls=(*_STUDENT_PITFALLS, "649 rows leave about 130 to test on; differences are mostly chance."),
    source=_STUDENT_PAGE,
    files=_files("student/student-por.csv"),
)

STUDENT_MAT = CatalogEntry(
    name="student_mat",
    title="Student performance, mathematics",
    description=(
        "Pupils of the same two schools, and whether their final grade in mathematics is a pass (10 of 20 or more). "
        "Age is used as the sensitive attribute too, cut at 18."
    ),
    rows=395,
    synthetic=False,
    license=_UCI_LICENSE,
    task=_STUDENT_TASK,
    citation=_STUDENT_CITATION,
    pitfalls=(
        *_STUDENT_PITFALLS,
        "38 final grades are 0, 25 of them after a grade above 0 in the term before: a 0 may be an exam not taken.",
        "395 rows leave about 80 to test on; differences are mostly chance.",
    ),
    source=_STUDENT_PAGE,
    files=_files("student/student-mat.csv"),
)

DATASETS: tuple[CatalogEntry, ...] = (
    EXAMPLE,
    ADULT,
    COMPAS,
    GERMAN,
    BANK_FULL,
    BANK_ADDITIONAL_FULL,
    LAW_BAR_PASS,
    LAW_SCHOOL_CLEAN,
    COMMUNITIES_CRIME,
    STUDENT_POR,
    STUDENT_MAT,
)
