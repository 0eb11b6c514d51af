// A Dask cluster in a program in TypeScript. `pulumi package add ../../plugin` generates the typed SDK into sdks/.
import * as dask from "@pulumi/dask-on-kubernetes";
import * as pulumi from "@pulumi/pulumi";

const settings = new pulumi.Config();
const forecast = new dask.DaskCluster("forecast", {
    namespace: settings.require("namespace"), // exists, and a dask-kubernetes-operator watches it
    cluster: {
        // as under `dask:clusters.<name>` in a stack file
        workers: { replicas: 1, threads: 1 },
        tls: { enabled: true },
        endpoint: { type: "NodePort" },
    },
});

export const schedulerAddress = forecast.schedulerAddress;
export const clientTls = forecast.clientTls;
