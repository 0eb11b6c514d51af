package main

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// served is the version of the SDK whose programs this provider serves; the engine compares it with what a program asks
// for. The build stamps it in.
var served = "0.0.0"

// built is the release that the module's commit belongs to.
const built = "4.25.0"

// serveProvider serves the provider as upstream's main does, without the generated schema, which the module lacks: only
// `pulumi package get-schema kubernetes` reads it.
func serveProvider() {
	version := served + "+built." + built
	schema := fmt.Sprintf(`{"name":"kubernetes","version":%q}`, version)
	provider.Serve("kubernetes", version, []byte(schema), []byte("{}"))
}
