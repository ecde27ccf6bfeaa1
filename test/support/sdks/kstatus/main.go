// Computes the status of objects by the rules of kstatus. Reads a JSON array of objects, and prints a JSON array of statuses.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type outcome struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	outcomes := []outcome{}
	for _, object := range objects {
		var parsed unstructured.Unstructured
		// Unlike encoding/json, it decodes whole numbers as integers, as kstatus expects them.
		if err := parsed.UnmarshalJSON(object); err != nil {
			return err
		}
		result, err := status.Compute(&parsed)
		if err != nil {
			return err
		}
		outcomes = append(outcomes, outcome{Status: string(result.Status), Message: result.Message})
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}
