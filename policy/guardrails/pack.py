"""The list of policies that the pack consists of: the rules, as policies of the Pulumi SDK."""

from collections.abc import Callable, Iterator
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from . import podrules, stackrules
from .podrules import Config
from .resource import Resource, Stack, Violation, plain

OneRule = Callable[[Resource, Config], Iterator[str]]
StackRule = Callable[[Stack], Iterator[Violation]]

ONE: dict[str, OneRule] = {
    "images-never-float": podrules.never_floating,
    "images-pinned-by-digest": podrules.pinned_by_digest,
    "pods-keep-pod-security": podrules.pod_security,
    "pods-have-no-token": podrules.no_token,
    "containers-are-limited": podrules.limited,
    "namespaces-are-restricted": podrules.restricted_namespace,
    "load-balancers-have-ranges": podrules.ranged_load_balancer,
}
STACK: dict[str, StackRule] = {
    "exposed-only-with-tls": stackrules.exposed_only_with_tls,
    "no-api-on-exposed-dashboards": stackrules.no_api_on_exposed_dashboard,
    "dashboards-ask-for-a-login": stackrules.dashboards_ask_for_a_login,
    "clusters-are-encrypted": stackrules.encrypted_clusters,
    "namespaces-are-guarded": stackrules.guarded_namespaces,
    "clusters-are-protected": stackrules.protected_clusters,
    "max-cost-per-hour": stackrules.max_cost_per_hour,
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "pods-keep-pod-security": {"level": {"type": "string", "enum": ["restricted", "baseline"]}},
    "max-cost-per-hour": {"maximum": {"type": "number"}},
    "clusters-are-encrypted": {"existingSecrets": {"type": "array", "items": {"type": "string"}}},
}


def policies() -> list[Policy]:
    """One policy for each rule; its description is the rule's own."""
    return [
        *(
            ResourceValidationPolicy(name, _description(rule), _one(rule), config_schema=_schema(name))
            for name, rule in ONE.items()
        ),
        *(
            StackValidationPolicy(name, _description(rule), _stack(rule), config_schema=_schema(name))
            for name, rule in STACK.items()
        ),
    ]


def _one(rule: OneRule) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type.startswith("kubernetes:"):
            for text in rule(_resource(args), args.get_config() or {}):
                report(text, args.urn)

    return validate


def _stack(rule: StackRule) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in rule(Stack([_resource(item) for item in args.resources], args.get_config() or {})):
            report(violation.message, violation.urn)

    return validate


def _resource(item: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(item.resource_type, plain(item.props), item.urn, bool(item.opts.protect))


def _schema(name: str) -> PolicyConfigSchema | None:
    return PolicyConfigSchema(properties=_SCHEMAS[name]) if name in _SCHEMAS else None


def _description(rule: OneRule | StackRule) -> str:
    return (rule.__doc__ or "").strip()
