package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

var toolchains = map[string]toolchain.PythonOptions{
	"": {Toolchain: toolchain.Auto}, "pip": {Toolchain: toolchain.Pip},
	"poetry": {Toolchain: toolchain.Poetry}, "uv": {Toolchain: toolchain.Uv},
}

// environmentOf is the Python environment that the options `toolchain` and `virtualenv` of Pulumi.yaml name. An
// environment that is named and missing is an error that says how to create it.
func environmentOf(ctx context.Context, info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	found, err := resolve(info)
	if err != nil || info.GetOptions().AsMap()["virtualenv"] == nil {
		return found, err
	}
	return found, found.ValidateVenv(ctx)
}

func resolve(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	chosen, _ := info.GetOptions().AsMap()["toolchain"].(string)
	options, known := toolchains[strings.ToLower(chosen)]
	if !known {
		return nil, fmt.Errorf("runtime.options.toolchain: %q must be pip, poetry or uv", chosen)
	}
	options.Root, options.ProgramDir = info.RootDirectory, info.ProgramDirectory
	options.Virtualenv, _ = info.GetOptions().AsMap()["virtualenv"].(string)
	return toolchain.ResolveToolchain(options)
}

// sitePackages is where the environment keeps its packages.
func sitePackages(ctx context.Context, info *pulumirpc.ProgramInfo) (string, error) {
	environment, err := environmentOf(ctx, info)
	if err != nil {
		return "", err
	}
	command, err := environment.Command(ctx, "-S", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
	if err != nil {
		return "", err
	}
	output, err := command.Output()
	return strings.TrimSpace(string(output)), err
}

// GetRequiredPackages names the providers of the installed SDKs, which say so in a `pulumi-plugin.json`.
func (*host) GetRequiredPackages(
	ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	folder, err := sitePackages(ctx, request.Info)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "pulumi-plugin.json"))
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, file := range files {
		var described struct {
			Resource              bool
			Name, Version, Server string
			Parameterization      *struct {
				Name, Version string
				Value         []byte
			}
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &described); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !described.Resource {
			continue
		}
		found := &pulumirpc.PackageDependency{
			Kind: "resource", Name: described.Name, Version: described.Version, Server: described.Server,
		}
		if found.Name == "" {
			found.Name = strings.ReplaceAll(strings.TrimPrefix(filepath.Base(filepath.Dir(file)), "pulumi_"), "_", "-")
		}
		if more := described.Parameterization; more != nil {
			found.Parameterization = &pulumirpc.PackageParameterization{
				Name: more.Name, Version: more.Version, Value: more.Value,
			}
		}
		response.Packages = append(response.Packages, found)
	}
	return response, nil
}

// GetProgramDependencies lists the installed distributions, for `pulumi about` and the state's metadata.
func (*host) GetProgramDependencies(
	ctx context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	folder, err := sitePackages(ctx, request.Info)
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.dist-info"))
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, path := range found {
		name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".dist-info"), "-")
		response.Dependencies = append(response.Dependencies, &pulumirpc.DependencyInfo{Name: name, Version: version})
	}
	return response, nil
}

// About names the Python that runs the program. Every `up` asks before it begins, so Python itself answers: upstream's
// toolchain asks pip for its version too, which takes ten times as long.
func (*host) About(ctx context.Context, request *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	environment, err := environmentOf(ctx, request.Info)
	if err != nil {
		return nil, err
	}
	command, err := environment.Command(ctx, "-I", "-S", "-c", "import sys; print(sys.executable, sys.version.split()[0], sep='\\n')")
	if err != nil {
		return nil, err
	}
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("the program's Python does not start: %w", err)
	}
	executable, version, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	return &pulumirpc.AboutResponse{Executable: executable, Version: version}, nil
}

// InstallDependencies serves `pulumi install`.
func (*host) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	environment, err := resolve(request.Info)
	if err != nil {
		return err
	}
	out := writer(func(data []byte) error {
		return stream.Send(&pulumirpc.InstallDependenciesResponse{Stdout: data})
	})
	return environment.InstallDependencies(
		stream.Context(), request.Directory, request.UseLanguageVersionTools, true, out, out)
}
