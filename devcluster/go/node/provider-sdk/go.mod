// Stands in for the provider's Go SDK, which costs 16 CPU-minutes and 200 MB to compile. Three files of the provider
// refer to these names, for components (yaml/v2, helm/v4) that this build does not offer.
module github.com/pulumi/pulumi-kubernetes/sdk/v4

go 1.24

require github.com/pulumi/pulumi/sdk/v3 v3.215.0
