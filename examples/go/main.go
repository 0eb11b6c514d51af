// A Dask cluster in a program in Go. `pulumi package add ../../plugin` generates the typed SDK into sdks/.
package main

import (
	dask "example.com/pulumi-dask-on-kubernetes/sdk/go/dask-on-kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func program(ctx *pulumi.Context) error {
	settings := config.New(ctx, "")
	forecast, err := dask.NewDaskCluster(ctx, "forecast", &dask.DaskClusterArgs{
		Namespace: settings.Require("namespace"), // exists, and a dask-kubernetes-operator watches it
		Cluster: &dask.ClusterArgs{ // as under `dask:clusters.<name>` in a stack file
			Workers:  &dask.WorkersArgs{Replicas: pulumi.IntRef(1), Threads: pulumi.IntRef(1)},
			Tls:      &dask.TlsArgs{Enabled: pulumi.BoolRef(true)},
			Endpoint: &dask.EndpointArgs{Type: pulumi.StringRef("NodePort")},
		},
	})
	if err != nil {
		return err
	}
	ctx.Export("schedulerAddress", forecast.SchedulerAddress)
	ctx.Export("clientTls", forecast.ClientTls)
	return nil
}

func main() {
	pulumi.Run(program)
}
