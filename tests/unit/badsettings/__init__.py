"""What people get wrong in a stack's configuration, with the exact words that they are told."""

from tests.unit.badsettings.cases import Case
from tests.unit.badsettings.clusters import CLUSTERS
from tests.unit.badsettings.jobs import JOBS
from tests.unit.badsettings.levels import LEVELS
from tests.unit.badsettings.metadata import METADATA
from tests.unit.badsettings.names import NAMES
from tests.unit.badsettings.notebooks import NOTEBOOKS
from tests.unit.badsettings.pods import PODS
from tests.unit.badsettings.promises import PROMISES
from tests.unit.badsettings.quantities import QUANTITIES
from tests.unit.badsettings.secrets import SECRETS
from tests.unit.badsettings.templates import TEMPLATES
from tests.unit.badsettings.values import VALUES

__all__ = ["CASES", "Case"]

CASES = [
    *NAMES,
    *VALUES,
    *QUANTITIES,
    *PODS,
    *CLUSTERS,
    *METADATA,
    *TEMPLATES,
    *PROMISES,
    *LEVELS,
    *NOTEBOOKS,
    *SECRETS,
    *JOBS,
]
