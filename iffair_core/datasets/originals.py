"""The public data sets' files as their publishers wrote them -> tables, column by column as they are.

Nothing is detected: separators, headers and names are those of the files, whose bytes are known (`FILES`).
The empty cell is missing, and "?" in a column of numbers; other markers stay values for the user to decide on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from iffair_core.datasets.fetching import SourceFile

_UCI = "https://archive.ics.uci.edu/static/public"
# Every address is UNVERIFIED: as the publisher gives it, not tried from where this table was written. The hashes are of
# the raw bytes, inside a zip or gzip, and are verified whatever brings the file.
FILES: dict[str, SourceFile] = {
    file.name: file
    for file in (
        SourceFile(
            "adult/adult.data",
            3_974_305,
            "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            f"{_UCI}/2/adult.zip",
        ),
        SourceFile(
            "adult/adult.test",
            2_003_153,
            "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
            f"{_UCI}/2/adult.zip",
        ),
        SourceFile(
            "compas/compas-scores-two-years.csv",
            2_546_489,
            "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d",
            "https://raw.githubusercontent.com/propublica/compas-analysis/"
            "bafff5da3f2e45eca6c2d5055faad269defd135a/compas-scores-two-years.csv",
        ),
        SourceFile(
            "german/german.data",
            79_793,
            "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871",
            f"{_UCI}/144/statlog+german+credit+data.zip",
        ),
        SourceFile(
            "bank_marketing/bank-full.csv",
            4_610_348,
            "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d",
            f"{_UCI}/222/bank+marketing.zip",
        ),
        SourceFile(
            "bank_marketing/bank-additional-full.csv",
            5_834_924,
            "74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8",
            f"{_UCI}/222/bank+marketing.zip",
        ),
        SourceFile(
            "law_school/bar_pass_prediction.csv",
            3_512_800,
            "76ebfdb0427ce8db038d53fa5943180ac77096bffb8264f000ed21e9f0ec82f2",
            elsewhere=(
                "Its publisher serves it no more. Copies of 38 columns are in public repositories of fairness "
                "research; the file of 39 columns on Kaggle is another one."
            ),
        ),
        SourceFile(
            "law_school/law_school_clean.csv",
            1_135_557,
            "23c1b173f3480beb7afc4957b107a9917dfc4a8dc9d87ea6034ec35222152452",
            "https://raw.githubusercontent.com/tailequy/fairness_dataset/"
            "abb5a18b822ba56a221c5311082e192e85000b95/experiments/data/law_school_clean.csv",
        ),
        SourceFile(
            "communities_crime/communities.data",
            1_100_821,
            "d90d85bd66bad9a00fa0ed6c15ac017b5966d528e55ba2940ad028d071353f95",
            f"{_UCI}/183/communities+and+crime.zip",
            any_line_ends=True,
        ),
        SourceFile(
            "student/student-por.csv",
            93_220,
            "a7594a11d7771c0efe1a740824e0e833da9c4cad07c39a9766a874575563fb3f",
            f"{_UCI}/320/student+performance.zip",
        ),
        SourceFile(
            "student/student-mat.csv",
            56_993,
            "e47f9ee225e1ee6e69b7564e6dac7123e80b8486677fe111f351964cef5dec80",
            f"{_UCI}/320/student+performance.zip",
        ),
    )
}

ADULT = """
age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain
capital-loss hours-per-week native-country income
"""
GERMAN = """
status month credit_history purpose credit_amount savings employment investment_as_income_percentage
personal_status other_debtors residence_since property age installment_plans housing number_of_credits skill_level
people_liable_for telephone foreign_worker credit
"""
COMMUNITIES = """
state county community communityname fold population householdsize racepctblack racePctWhite racePctAsian
racePctHisp agePct12t21 agePct12t29 agePct16t24 agePct65up numbUrban pctUrban medIncome pctWWage pctWFarmSelf
pctWInvInc pctWSocSec pctWPubAsst pctWRetire medFamInc perCapInc whitePerCap blackPerCap indianPerCap
AsianPerCap OtherPerCap HispPerCap NumUnderPov PctPopUnderPov PctLess9thGrade PctNotHSGrad PctBSorMore
PctUnemployed PctEmploy PctEmplManu PctEmplProfServ PctOccupManu PctOccupMgmtProf MalePctDivorce MalePctNevMarr
FemalePctDiv TotalPctDiv PersPerFam PctFam2Par PctKids2Par PctYoungKids2Par PctTeen2Par PctWorkMomYoungKids
PctWorkMom NumIlleg PctIlleg NumImmig PctImmigRecent PctImmigRec5 PctImmigRec8 PctImmigRec10 PctRecentImmig
PctRecImmig5 PctRecImmig8 PctRecImmig10 PctSpeakEnglOnly PctNotSpeakEnglWell PctLargHouseFam PctLargHouseOccup
PersPerOccupHous PersPerOwnOccHous PersPerRentOccHous PctPersOwnOccup PctPersDenseHous PctHousLess3BR MedNumBR
HousVacant PctHousOccup PctHousOwnOcc PctVacantBoarded PctVacMore6Mos MedYrHousBuilt PctHousNoPhone
PctWOFullPlumb OwnOccLowQuart OwnOccMedVal OwnOccHiQuart RentLowQ RentMedian RentHighQ MedRent MedRentPctHousInc
MedOwnCostPctInc MedOwnCostPctIncNoMtg NumInShelters NumStreet PctForeignBorn PctBornSameState PctSameHouse85
PctSameCity85 PctSameState85 LemasSwornFT LemasSwFTPerPop LemasSwFTFieldOps LemasSwFTFieldPerPop LemasTotalReq
LemasTotReqPerPop PolicReqPerOffic PolicPerPop RacialMatchCommPol PctPolicWhite PctPolicBlack PctPolicHisp
PctPolicAsian PctPolicMinor OfficAssgnDrugUnits NumKindsDrugsSeiz PolicAveOTWorked LandArea PopDens
PctUsePubTrans PolicCars PolicOperBudg LemasPctPolicOnPatr LemasGangUnitDeploy LemasPctOfficDrugUn
PolicBudgPerPop ViolentCrimesPerPop
"""
PERSONAL = ("id", "name", "first", "last", "dob", "c_case_number", "r_case_number", "vr_case_number")
"""Columns of the COMPAS file that say who somebody is; they are never in a table."""
COMPAS_TWICE = ("decile_score.1", "priors_count.1")
WOMEN = ("A92", "A95")


def _read(raw: bytes, *, names: Sequence[str] | None = None, **how: Any) -> pd.DataFrame:
    """A table of `raw`, its header in its first line, or called `names`."""
    layout: dict[str, Any] = {"header": 0} if names is None else {"header": None, "names": list(names)}
    return pd.read_csv(io.BytesIO(raw), keep_default_na=False, low_memory=False, **{"na_values": [""], **layout, **how})


def adult(data: bytes, test: bytes) -> pd.DataFrame:
    """adult.data, then adult.test without its first line and without the dot behind its outcomes; 48,842 rows."""
    rows = test.partition(b"\n")[2].replace(b"K.\n", b"K\n")
    return _read(data.rstrip(b"\n") + b"\n" + rows, names=ADULT.split(), skipinitialspace=True)


def compas(raw: bytes) -> pd.DataFrame:
    """ProPublica's two-year file after ProPublica's own filter, 6,172 of 7,214 rows, without `PERSONAL`.

    Kept are rows with a charge within 30 days of the screening, a known recidivism, no ordinary traffic offense and a
    score.
    """
    table = _read(raw)
    kept = (
        table["days_b_screening_arrest"].between(-30, 30)
        & (table["is_recid"] != -1)
        & (table["c_charge_degree"] != "O")
        & (table["score_text"] != "N/A")
    )
    return table[kept].drop(columns=[*PERSONAL, *COMPAS_TWICE]).reset_index(drop=True)


def german(raw: bytes) -> pd.DataFrame:
    """german.data, with `sex` after `personal_status`, which tells it; 1,000 rows."""
    table = _read(raw, names=GERMAN.split(), sep=" ")
    women = table["personal_status"].isin(WOMEN)
    table.insert(
        list(table.columns).index("personal_status") + 1,
        "sex",
        women.map({True: "female", False: "male"}).astype("str"),
    )
    return table


def communities(raw: bytes) -> pd.DataFrame:
    """communities.data under the names of communities.names; 1,994 rows."""
    names = COMMUNITIES.split()
    numbers = {name: ["", "?"] for name in names if name != "communityname"}
    return _read(raw, names=names, na_values=numbers)


def semicolons(raw: bytes) -> pd.DataFrame:
    """A file of semicolons with quoted text: both bank files and both student files."""
    return _read(raw, sep=";")


def commas(raw: bytes) -> pd.DataFrame:
    """A file of commas with a header: both law school files."""
    return _read(raw)


READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "adult": adult,
    "compas": compas,
    "german": german,
    "bank_full": semicolons,
    "bank_additional_full": semicolons,
    "law_bar_pass": commas,
    "law_school_clean": commas,
    "communities_crime": communities,
    "student_por": semicolons,
    "student_mat": semicolons,
}
"""By data set: the bytes of its files, in the order of the catalog -> its table."""
