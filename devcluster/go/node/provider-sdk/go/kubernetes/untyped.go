// Package kubernetes has the one name of the provider's Go SDK that the provider's components share.
package kubernetes

import (
	"context"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// UntypedArgs are the properties of a resource without a type of its own.
type UntypedArgs map[string]any

// ElementType makes UntypedArgs an input.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeOf((*map[string]any)(nil)).Elem()
}

// ToMapOutput makes UntypedArgs a map input.
func (args UntypedArgs) ToMapOutput() pulumi.MapOutput {
	return args.ToMapOutputWithContext(context.Background())
}

// ToMapOutputWithContext makes UntypedArgs a map input.
func (UntypedArgs) ToMapOutputWithContext(ctx context.Context) pulumi.MapOutput {
	return pulumi.ToOutputWithContext(ctx, pulumi.Map{}).(pulumi.MapOutput)
}
