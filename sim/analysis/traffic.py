"""How many of the cells that the primary shed passed through each vessel: expected, from the run's own parameters.

The tables count where cells arrest; what passes through a vessel follows from the same absorbing
Markov chain that routed them (see `sim.disease.body`): visits to each bed times the chance to pass on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import body
from sim.errors import InputError
from sim.mechanisms import effective_parameters
from sim.results.schema import ALL, PRIMARY

if TYPE_CHECKING:
    from sim.results.reading import Run

ARTERY, PORTAL, VEIN = "artery", "portal vein", "vein"


@dataclass(frozen=True)
class Traffic:
    """Cells per patient, on average, through each vessel; names of beds as in `sim.disease.body.BEDS`.

    `artery`, `vein` and `portal`: by bed, what enters it from the aorta, leaves it towards the heart, and
    leaves it towards the liver. `drainage`: by vein, what the primary sends into it. `aorta`, `vena_cava`
    and `pulmonary_artery`: what passes the trunks; `portal_vein`: what enters the liver by it.
    """

    patients: int
    shed: float
    artery: dict[str, float]
    vein: dict[str, float]
    portal: dict[str, float]
    drainage: dict[str, float]
    aorta: float
    vena_cava: float
    pulmonary_artery: float
    portal_vein: float
    arrested: dict[str, float]


def vessel_traffic(run: Run) -> Traffic:
    """Expected traffic of the cells that the primaries of `run` shed.

    Raises InputError where the manifest lacks a parameter of the vessels.
    """
    scenario, rows = run.manifest["scenario"], run.cascade
    shed_rows = rows[(rows["step"] == "shed") & (rows["organ"] == ALL) & (rows["source"] == PRIMARY)]
    patients = len(run.patients)
    shed = float(shed_rows["cells"].sum()) / max(patients, 1)
    try:
        stored = {name: parameter["value"] for name, parameter in scenario["parameters"].items()}
        values = effective_parameters(stored, scenario.get("mechanisms", {}))
        parameters, site = LaneParameters(values, 1), [scenario["primary"]]
        shares = body.drainage_shares(parameters, site)[0]
        entry = body.entry_distribution(parameters, site)
        visits = body.expected_visits(parameters, entry)[0]
        passing = (1.0 - parameters["death_per_pass"])[0] * (1.0 - body.arrest_by_bed(parameters)[0])
        arterial = body.arterial_distribution(parameters)[0]
        shunt = float(parameters["portocaval_shunt_fraction"][0])
        arrested = body.route(parameters, site).arrest[0]
    except KeyError as error:
        raise InputError(
            f"{run.place}: manifest.json: scenario: {error.args[0]!r} is missing; run the scenario again"
        ) from error
    drainage = dict(zip(body.VEINS, shed * shares, strict=True))
    onward = shed * visits * passing
    lung = body.BEDS.index("lung")
    aorta = float(onward[lung]) + drainage["pulmonary_venous"]
    portal = {bed: float(onward[body.BEDS.index(bed)]) * (1.0 - shunt) for bed in body.PORTAL_BEDS}
    vein = {
        bed: float(out) * (shunt if bed in body.PORTAL_BEDS else 1.0)
        for bed, out in zip(body.BEDS, onward, strict=True)
        if bed != "lung"
    }
    return Traffic(
        patients,
        shed,
        artery={bed: aorta * float(share) for bed, share in zip(body.BEDS, arterial, strict=True) if bed != "lung"},
        vein=vein,
        portal=portal,
        drainage=drainage,
        aorta=aorta,
        vena_cava=float(shed * visits[lung]),
        pulmonary_artery=float(shed * visits[lung]),
        portal_vein=sum(portal.values()) + drainage["portal"] * (1.0 - shunt),
        arrested=dict(zip(body.NICHES, (shed * np.asarray(arrested)).tolist(), strict=True)),
    )
