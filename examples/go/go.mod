module forecast

go 1.26.6

require (
	example.com/pulumi-dask-on-kubernetes/sdk/go/dask-on-kubernetes v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.260.0
)

// What `pulumi package add` has generated.
replace example.com/pulumi-dask-on-kubernetes/sdk/go/dask-on-kubernetes => ./sdks/dask-on-kubernetes
