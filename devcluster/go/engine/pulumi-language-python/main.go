// Command pulumi-language-python is the engine's language host for Python: it runs programs, policy packs and component
// plugins in their virtual environment. Upstream's own host is not published as a Go module.
//
// The engine starts it with the address of its own server as the last argument and reads the port from the first line
// of standard output. The protocol is documented in pulumi/sdk, proto/pulumi/language.proto.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// An engine that was killed cannot say that it ends, so the host asks whether it still answers.
const engineCheck = 10 * time.Second

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "pulumi-language-python: the engine starts this program; its address is missing")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	engine := os.Args[len(os.Args)-1]
	if err := rpcutil.Healthcheck(ctx, engine, engineCheck, stop); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-python: cannot reach the engine at %q: %v\n", engine, err)
		os.Exit(1)
	}
	cancelled := make(chan bool)
	go func() { <-ctx.Done(); close(cancelled) }()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancelled,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine, ending: ctx})
			return nil
		},
		Options: rpcutil.TracingServerInterceptorOptions(nil),
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-python: cannot listen: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-python: %v\n", err)
		os.Exit(1)
	}
}
