# Millrace by Terraform: one CloudFormation stack of a release's template.json, with typed variables (variables.tf).
#
#   module "millrace" {
#     source          = "…/infra/terraform"
#     stack_name      = "logs"
#     template_url    = "https://NAME-REGION.s3.REGION.amazonaws.com/VERSION/template.json"
#     bucket_name     = "my-logs"
#     domain_endpoint = "https://search-logs-abc.eu-west-1.es.amazonaws.com"
#     domain_arn      = "arn:aws:es:eu-west-1:111122223333:domain/logs"
#   }

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "stack_name" {
  description = "Name of the CloudFormation stack. The functions, roles and log groups begin with it"
  type        = string
  nullable    = false

  # Lambda takes 64 characters for the name of a function. The longest is STACK-replay.
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,56}$", var.stack_name))
    error_message = "stack_name must be a letter and at most 56 letters, digits and hyphens."
  }
}

variable "template_url" {
  description = "URL of the template.json of a release, in a bucket of the region of the stack. Use the release of this module: its variables are the parameters of that template"
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://.+/template\\.json$", var.template_url))
    error_message = "template_url must be the https URL of a template.json, such as https://NAME-eu-west-1.s3.eu-west-1.amazonaws.com/VERSION/template.json."
  }
}

variable "tags" {
  description = "Tags of the stack. CloudFormation gives them to its resources"
  type        = map(string)
  default     = {}
  nullable    = false
}

resource "aws_cloudformation_stack" "millrace" {
  name         = var.stack_name
  template_url = var.template_url
  parameters   = local.parameters
  tags         = var.tags

  # The stack has roles, and nests the stacks of the alarms and of a new domain.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  # A new domain takes a quarter of an hour or more, and an upgrade of its engine takes hours.
  timeouts {
    create = "2h"
    update = "6h"
    delete = "2h"
  }
}

output "stack_id" {
  description = "ARN of the stack"
  value       = aws_cloudformation_stack.millrace.id
}
