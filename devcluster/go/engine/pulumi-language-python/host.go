package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// The exit code by which the executor says that the program has told its error already.
	exitToldAlready = 32
	// How long an interrupted program has before it is killed.
	grace = 5 * time.Second
)

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
	// ending is cancelled when this process is to end: the programs that it runs end with it.
	ending context.Context
}

func (*host) Handshake(
	context.Context, *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Run runs a program to its end. Its output goes to this process's own, which the engine shows line by line.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	// A stack without configuration has nil here, which would become `null`: the SDK asks for an object and a list.
	config, err := json.Marshal(orEmpty(request.Config))
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(append([]string{}, request.ConfigSecretKeys...))
	if err != nil {
		return nil, err
	}
	executor, err := executorPath()
	if err != nil {
		return nil, err
	}
	program := request.Info.ProgramDirectory
	if entry := request.Info.EntryPoint; entry != "" && entry != "." {
		program = filepath.Join(program, entry)
	}
	arguments := []string{
		"-u", executor, "--monitor", request.MonitorAddress, "--engine", h.engine,
		"--project", request.Project, "--stack", request.Stack, "--organization", request.Organization,
		"--root_directory", request.Info.RootDirectory, "--pwd", request.Pwd,
		"--dry_run", strconv.FormatBool(request.DryRun), "--parallel", strconv.Itoa(int(request.Parallel)), program,
	}
	command, err := h.python(ctx, request.Info, append(arguments, request.Args...)...)
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Env, "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secrets))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	code, err := exitCode(command.Run())
	switch {
	case err != nil:
		return nil, fmt.Errorf("the program cannot be run: %w", err)
	case code == exitToldAlready:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case code != 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program exited with non-zero exit code: %d", code)}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}

func orEmpty(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

// RunPlugin runs a policy pack or a component plugin, and streams its output: the engine reads its port from there.
func (h *host) RunPlugin(request *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	arguments := append([]string{"-u", request.Info.ProgramDirectory}, request.Args...)
	if request.Kind == "analyzer" { // it gets the engine's address first, and the folder of the pack second
		arguments = append([]string{"-u", "-m", "pulumi.policy"}, append(request.Args, request.Info.ProgramDirectory)...)
	}
	command, err := h.python(stream.Context(), request.Info, arguments...)
	if err != nil {
		return err
	}
	command.Dir = request.Pwd
	command.Env = append(command.Env, request.Env...)
	var sending sync.Mutex
	command.Stdout = writer(func(data []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stdout{Stdout: data}})
	})
	command.Stderr = writer(func(data []byte) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stderr{Stderr: data}})
	})
	code, err := exitCode(command.Run())
	if err != nil {
		return fmt.Errorf("the plugin cannot be run: %w", err)
	}
	return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(code)}})
}

// python prepares a command of the program's own Python. It is interrupted when the call or this process ends.
func (h *host) python(ctx context.Context, info *pulumirpc.ProgramInfo, arguments ...string) (*exec.Cmd, error) {
	environment, err := environmentOf(ctx, info)
	if err != nil {
		return nil, err
	}
	both, cancel := context.WithCancel(ctx)
	context.AfterFunc(h.ending, cancel)
	command, err := environment.Command(both, arguments...)
	if err != nil {
		cancel()
		return nil, err
	}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = grace
	return command, nil
}

// executorPath is the SDK's script that connects a program to the engine. It lies beside this program, as upstream's does.
func executorPath() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(own), "pulumi-language-python-exec"), nil
}

// exitCode tells a program that ended with an error from one that could not be started.
func exitCode(err error) (int, error) {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if code := ended.ExitCode(); code > 0 {
			return code, nil
		}
		return 1, nil // a signal ended it
	}
	return 0, err
}

type writer func([]byte) error

func (w writer) Write(data []byte) (int, error) {
	if err := w(data); err != nil {
		return 0, err
	}
	return len(data), nil
}
