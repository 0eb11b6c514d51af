"""What resources cost, for the estimate of a cluster's costs."""

from typing import Annotated

from pydantic import Field

from ..settings.fields import Model

Price = Annotated[float, Field(ge=0)]


class Prices(Model):
    """Prices of what pods request, for each hour. With them, `preview` and `up` say what each cluster costs."""

    cpu: Price = 0
    """The price of one core."""
    memory: Price = 0
    """The price of one GiB of memory."""
    gpu: Price = 0
    """The price of one device, such as `nvidia.com/gpu`."""
    currency: str | None = None
    """The currency to show, such as `USD`."""

    @property
    def given(self) -> bool:
        """Whether anything has a price."""
        return any((self.cpu, self.memory, self.gpu))
