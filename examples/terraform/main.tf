# IAM of the operator, from the documents that `kon install --dry-run -o json` prints. ../README.md has the commands.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  installation = jsondecode(file("${path.module}/konstellation.json"))
}

provider "aws" {
  region              = local.installation.cluster.region
  allowed_account_ids = [local.installation.cluster.accountId]
}

# Remove this resource if another module manages the provider.
resource "aws_iam_openid_connect_provider" "cluster" {
  url            = local.installation.iam.oidcProvider.url
  client_id_list = local.installation.iam.oidcProvider.clientIds
  tags           = local.installation.iam.role.tags
}

resource "aws_iam_role" "operator" {
  name                 = local.installation.iam.role.name
  path                 = local.installation.iam.role.path
  tags                 = local.installation.iam.role.tags
  assume_role_policy   = jsonencode(local.installation.iam.role.trustPolicy)
  permissions_boundary = try(local.installation.iam.role.permissionsBoundaryArn, null)

  depends_on = [aws_iam_openid_connect_provider.cluster]
}

resource "aws_iam_role_policy" "operator" {
  for_each = local.installation.iam.role.policies

  role   = aws_iam_role.operator.name
  name   = each.key
  policy = jsonencode(each.value)
}

output "operator_role_arn" {
  value = aws_iam_role.operator.arn
}
