"""The base class of all settings models, which are frozen and strict, and the field types that they share."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ..settings.formats import addresses, images, names, quantities, schedules
from ..settings.mistakes import invalid
from ..vocabulary import DASK_IMAGE, OPERATOR_IMAGE

# The context of the second pass of `checks.walker`: invalid keys are reported, and stay.
KEYS_ARE_REPORTED = "invalid keys are reported"


class Model(BaseModel):
    """Frozen, strict, and closed: an unknown key is a mistake. Keys are camelCase in YAML and snake_case here.

    A model knows the format of each of its fields; rules across fields are in `checks`, which no model imports.
    The docstrings of classes and fields are what docs/configuration.md and the JSON Schema say.
    """

    # `defer_build`: one validator for the whole tree instead of one for every class takes a third off the start-up.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel, defer_build=True)


def pattern(regex: str, example: str, longest: int | None = None, more: dict[str, Any] | None = None) -> WithJsonSchema:
    """The JSON Schema of a text. `(?!\\n)` because Python's `$` also matches before a final line break."""
    length = {"maxLength": longest} if longest else {}
    return WithJsonSchema(
        {"type": "string", "pattern": f"^(?:{regex})$(?!\\n)", "examples": [example]} | length | (more or {})
    )


class Instead:
    """For the JSON Schema: a schema of what can stand instead of the value. `more` is added to the schema of both."""

    def __init__(self, schema: JsonSchemaValue, **more: Any) -> None:
        self.schema, self.more = schema, more

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [self.schema, handler(core)], **self.more}


def word(instead: str) -> Instead:
    """A word, which is the default."""
    return Instead({"const": instead}, default=instead)


def key(check: Callable[[str], str]) -> AfterValidator:
    """A check of a mapping's key. In the second pass invalid keys stay, so that the values below them are checked."""

    def validate(value: str, info: ValidationInfo) -> str:
        return value if info.context == KEYS_ARE_REPORTED else check(value)

    return AfterValidator(validate)


def written(example: Callable[[int | float], str], rule: str = "must be a string with a unit") -> BeforeValidator:
    """Refuses a number without a unit, and says how to write it."""

    def validate(value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**63:
            raise invalid(rule, f'write "{example(value)}"')
        return value

    return BeforeValidator(validate)


_CLUSTER_LENGTH, _LABEL_LENGTH = names.CLUSTER_NAME_LENGTH, names.DNS_LABEL_LENGTH
_OBJECT_LENGTH = names.OBJECT_NAME_LENGTH
_NOT_DEFAULT = {"not": {"const": names.DEFAULT_GROUP}}
_NOT_SYSTEM = {"not": {"enum": list(names.SYSTEM_NAMESPACES)}}
_NOT_RESERVED = {"not": {"pattern": f"^(?:{names.RESERVED_LABELS})$"}}
_NOT_RESERVED_ANNOTATION = {"not": {"pattern": f"^(?:{names.RESERVED_ANNOTATIONS})$"}}

ClusterName = Annotated[str, key(names.cluster_name), pattern(names.CLUSTER, "analytics", _CLUSTER_LENGTH)]
GroupName = Annotated[str, key(names.group_name), pattern(names.LABEL, "highmem", _LABEL_LENGTH, _NOT_DEFAULT)]
Name = Annotated[str, key(names.dns_label), pattern(names.LABEL, "data", _LABEL_LENGTH)]
NamespaceName = Annotated[
    str, AfterValidator(names.namespace_name), pattern(names.LABEL, "dask", _LABEL_LENGTH, _NOT_SYSTEM)
]
ObjectName = Annotated[str, AfterValidator(names.object_name), pattern(names.SUBDOMAIN, "my-object", _OBJECT_LENGTH)]
SecretKey = Annotated[str, key(names.secret_key), pattern(names.SECRET_KEY, "PASSWORD", _OBJECT_LENGTH)]
LabelKey = Annotated[str, key(names.label_key), pattern(names.LABEL_KEY, "example.com/team")]
OwnLabelKey = Annotated[str, key(names.own_label_key), pattern(names.LABEL_KEY, "example.com/team", more=_NOT_RESERVED)]
OwnAnnotationKey = Annotated[
    str, key(names.own_annotation_key), pattern(names.LABEL_KEY, "example.com/owner", more=_NOT_RESERVED_ANNOTATION)
]
LabelValue = Annotated[str, AfterValidator(names.label_value), pattern(names.LABEL_VALUE, "research", _LABEL_LENGTH)]
Image = Annotated[str, AfterValidator(images.image), pattern(images.IMAGE, DASK_IMAGE)]
ImageName = Annotated[str, AfterValidator(images.image_name), pattern(images.NAME, OPERATOR_IMAGE)]
ImageTag = Annotated[str, AfterValidator(images.image_tag), pattern(images.PINNED_TAG, "2026.3.0")]
Cpu = Annotated[str, written(str, "must be a string"), AfterValidator(quantities.cpu), pattern(quantities.CPU, "500m")]
Memory = Annotated[
    str,
    written(lambda number: f"{number}Gi" if number < 2**20 else f"{number}"),
    AfterValidator(quantities.memory),
    pattern(quantities.MEMORY, "2Gi"),
]
Quantity = Annotated[
    str, written(str, "must be a string"), AfterValidator(quantities.quantity), pattern(quantities.QUANTITY, "10Gi")
]
_SECONDS = written(lambda number: f"{math.ceil(number)}s")
Duration = Annotated[
    str, _SECONDS, AfterValidator(quantities.positive_duration), pattern(f"(?=.*[1-9]){quantities.DURATION}", "10m")
]
DurationOrZero = Annotated[str, _SECONDS, AfterValidator(quantities.duration), pattern(quantities.DURATION, "10m")]
CronSchedule = Annotated[str, AfterValidator(schedules.cron), pattern(schedules.SCHEDULE, "0 2 * * *")]
TimeZone = Annotated[str, AfterValidator(schedules.time_zone), pattern(schedules.TIME_ZONE, "Europe/Berlin")]
Host = Annotated[str, AfterValidator(addresses.host), pattern(addresses.HOST, "dask.example.com")]
Hostname = Annotated[
    str, AfterValidator(addresses.dns_name), pattern(addresses.DNS_NAME, "dask.example.com", _OBJECT_LENGTH)
]
Url = Annotated[str, AfterValidator(addresses.url), pattern(addresses.URL, "https://helm.dask.org")]
Cidr = Annotated[str, AfterValidator(addresses.cidr), pattern(addresses.CIDR, "10.0.0.0/8")]
Port = Annotated[int, Field(ge=1, le=65535)]
ResourceName = Annotated[str, key(names.resource_name), pattern(names.RESOURCE, "GPU", _LABEL_LENGTH)]
Replicas = Annotated[int, Field(ge=0, le=10_000)]
Labels = dict[OwnLabelKey, LabelValue]
Selector = dict[LabelKey, LabelValue]
Annotations = dict[LabelKey, str]
CommonAnnotations = dict[OwnAnnotationKey, str]
Raw = dict[str, Any]
