//go:build tools

package tools

import _ "github.com/hashicorp/hcl/v2/cmd/hclfmt"
