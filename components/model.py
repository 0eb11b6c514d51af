"""The base of all settings models, and the field types they share. In: JSON values. Out: frozen, strict models."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from components import names, quantities


class Model(BaseModel):
    """Frozen, strict, and closed: an unknown key is a mistake. Keys are camelCase in YAML and snake_case here."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, use_attribute_docstrings=True
    )


Name = Annotated[str, AfterValidator(names.dns_label)]
NamespaceName = Annotated[str, AfterValidator(names.namespace_name)]
ObjectName = Annotated[str, AfterValidator(names.object_name)]
EnvName = Annotated[str, AfterValidator(names.env_name)]
LabelKey = Annotated[str, AfterValidator(names.label_key)]
LabelValue = Annotated[str, AfterValidator(names.label_value)]
Image = Annotated[str, AfterValidator(names.image), Field(examples=["ghcr.io/dask/dask:2026.8.0"])]
Cpu = Annotated[str, AfterValidator(quantities.cpu), Field(examples=["500m", "2"])]
Memory = Annotated[str, AfterValidator(quantities.memory), Field(examples=["512Mi", "2Gi"])]
Quantity = Annotated[str, AfterValidator(quantities.quantity)]
Duration = Annotated[str, AfterValidator(quantities.duration), Field(examples=["90s", "10m", "1h30m"])]
Port = Annotated[int, Field(ge=1, le=65535)]
NodePort = Annotated[int, Field(ge=30000, le=32767)]
Replicas = Annotated[int, Field(ge=0, le=10_000)]
Labels = dict[LabelKey, LabelValue]
Annotations = dict[LabelKey, str]
Raw = dict[str, Any]
