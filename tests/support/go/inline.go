// Runs the program of examples/go by the Automation API, which needs no language host: `forecast up NAMESPACE` prints the
// outputs, `forecast destroy` ends it. It is compiled together with the example.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

func init() {
	if len(os.Args) < 2 {
		return
	}
	if err := automate(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func automate(words []string) error {
	ctx := context.Background()
	stack, err := auto.UpsertStackInlineSource(ctx, "dev", "forecast-go", program, auto.WorkDir("."))
	if err != nil {
		return err
	}
	if words[0] == "destroy" {
		_, err := stack.Destroy(ctx, optdestroy.ProgressStreams(os.Stderr))
		return err
	}
	if err := stack.SetConfig(ctx, "namespace", auto.ConfigValue{Value: words[1]}); err != nil {
		return err
	}
	done, err := stack.Up(ctx, optup.ProgressStreams(os.Stderr))
	if err != nil {
		return err
	}
	outputs := map[string]any{}
	for name, output := range done.Outputs {
		outputs[name] = output.Value
	}
	return json.NewEncoder(os.Stdout).Encode(outputs)
}
