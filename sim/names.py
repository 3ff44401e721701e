"""The closed lists of names: organs, primary sites, veins. Order is part of the contract (tables, keys)."""

VERSION = "0.1.0"
"""Of this program."""

ORGANS = (
    "liver",
    "lung",
    "bone",
    "brain",
    "adrenal",
    "kidney",
    "spleen",
    "thyroid",
    "pancreas",
    "heart",
    "skin",
    "muscle",
)
NICHES = (*ORGANS, "elsewhere")
"""Where a cell can settle: twelve organs, and everything else that the blood reaches."""

SITES = (
    "colon",
    "rectum",
    "stomach",
    "pancreas",
    "breast",
    "lung",
    "prostate",
    "kidney",
    "ovary",
    "uterus",
    "cervix",
    "thyroid",
    "oesophagus",
    "melanoma",
)
"""Primary sites."""

VEINS = ("portal", "caval", "pulmonary_venous", "azygos", "vertebral", "thoracic_duct")
"""Ways by which a primary's blood (or lymph) leaves it."""

DRUGS = ("chemotherapy", "targeted_therapy")
"""Drugs that a colony may resist, in the order of the bits of its traits: append only, draws are keyed by the place."""

RESISTANCE_CLASSES = 1 << len(DRUGS)
"""Classes of colonies by the drugs that they resist."""

STAGES = ("arrested", "settled", "dormant", "cycling", "micrometastasis", "macrometastasis")
"""Stages of `seeding.parquet`: the first two cumulative, the others present on the day."""

ALL_ORGANS = (*NICHES, "all")
QUANTITIES = len(ALL_ORGANS) * len(STAGES)
"""Curves of each clock of `seeding.parquet`: every stage in every organ, and in all of them."""

CLOCKS = ("first_cell", "diagnosis")

STAGES_AT_DIAGNOSIS = ("I", "II", "III", "IV")
"""Stage by depth of the primary, nodes, and metastases that imaging shows."""

T_CATEGORIES = ("T1", "T2", "T3", "T4", "T1-2", "T3-4")
"""The last two where depth decides, of which size tells a part."""

PRESENTATIONS = ("primary", "metastases", "death")
"""How a cancer comes to light: by the primary, by symptoms of metastases, at death."""

LIVER = NICHES.index("liver")
"""Its place among the niches."""

DAYS_PER_YEAR = 365.25
"""A Julian year."""

NEVER = 10**9
"""A day that does not come."""

TWO_SIDED_95 = 1.959963984540054
"""The standard normal's 97.5 % quantile: half the width of a 95 % interval in standard errors."""

LARGEST_SEED = 2**63 - 1
"""Keys of random numbers and columns of tables hold a signed 64-bit seed."""

MOST_PATIENTS = 1 << 20
"""Of one cohort: 20 bits of a colony's id hold its patient."""

MICROMETASTASIS_CELLS = 10**6
"""Size from which a colony is a micrometastasis and a row of `metastases.parquet`: a contract, not a parameter."""
