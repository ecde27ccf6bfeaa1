// Prints its AWS identity and the buckets, with the default credential chain of aws-sdk-go-v2. An argument sets the endpoint of
// STS.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1))
	if err != nil {
		return err
	}
	identity, err := sts.NewFromConfig(cfg, func(o *sts.Options) {
		if len(os.Args) > 1 {
			o.BaseEndpoint = aws.String(os.Args[1])
		}
	}).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	buckets, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, nil)
	if err != nil {
		return err
	}
	names := []string{}
	for _, bucket := range buckets.Buckets {
		names = append(names, *bucket.Name)
	}
	fmt.Println(*identity.Arn, strings.Join(names, ","))
	return nil
}
