#!/usr/bin/env bash
# Installs the components of `make test` into .cache/, each version once. A component that cannot be installed is listed in
# .cache/not-run.txt with the reason, and its tests are not run. With CI=true this is a failure.
. "$(dirname "$0")/paths.sh"
NOT_RUN=$CACHE/not-run.txt
: >"$NOT_RUN"
failed=0

# component NAME COMMAND...: runs the command, and prints its duration if it took two seconds or more.
component() {
  local name=$1 started=$SECONDS why; shift
  if "$@" 2> >(tee "$CACHE/setup.err" >&2); then
    [ $((SECONDS - started)) -lt 2 ] || say "$name ready after $((SECONDS - started)) s"
    return 0
  fi
  sleep 0.1 # until tee has written
  why=$(tail -1 "$CACHE/setup.err")
  printf 'everything that needs %s: %s\n' "$name" "${why:-it could not be installed}" >>"$NOT_RUN"
  failed=1
}

[ "$(uname -sm)" != "Linux x86_64" ] || component "nasm" "$TOP/scripts/setup-nasm.sh"
component "chromium-headless-shell" "$TOP/scripts/setup-chromium.sh"
component "the OpenSearch engine" "$TOP/scripts/engine/engine.sh" build
component "the engine with security" env SECURITY=true "$TOP/scripts/engine/engine.sh" build
component "moto" "$TOP/scripts/moto/moto.sh" build
component "LocalStack" "$TOP/scripts/localstack/localstack.sh" build
component "kinesalite" "$TOP/scripts/kinesalite/kinesalite.sh" build
component "aws_kinesis_agg" "$TOP/scripts/kpl/kpl.sh" build
component "event-ruler" "$TOP/scripts/ruler/ruler.sh" build
component "the SAM CLI" "$TOP/scripts/setup-sam.sh"
component "the CDK" "$TOP/scripts/cdk/cdk.sh" build
component "python-hcl2" "$TOP/scripts/terraform/terraform.sh" build
component "checkov" "$TOP/scripts/setup-checkov.sh"
component "a container engine" "$TOP/scripts/docker.sh" start && component "the Lambda image" "$TOP/scripts/setup-image.sh"
[ "$failed" = 0 ] || [ "${CI:-}" != true ] || { cat "$NOT_RUN" >&2; exit 1; }
