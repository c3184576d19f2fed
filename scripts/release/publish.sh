#!/usr/bin/env bash
# Copies a release into the bucket of each region. Needs the AWS CLI with the right to write to these buckets.
#
#   publish.sh VERSION BUCKET_PREFIX REGION...   target/dist/VERSION goes to s3://BUCKET_PREFIX-REGION/VERSION/
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
[ $# -ge 3 ] || { sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
version=$1 prefix=$2
dist=${CARGO_TARGET_DIR:-$TOP/target}/dist/$version
(cd "$dist" && sha256sum --quiet --check SHA256SUMS) || { say "$dist is not what SHA256SUMS says"; exit 1; }
grep -q "\"$prefix-\${AWS::Region}\"" "$dist/template.json" || { say "the templates in $dist name other buckets than $prefix-REGION"; exit 1; }
for region in "${@:3}"; do
  place=s3://$prefix-$region/$version
  # A published version never changes: stacks that name it would be deployed from other code.
  if said=$(aws s3api head-object --region "$region" --bucket "$prefix-$region" --key "$version/template.json" 2>&1); then
    aws s3 cp --region "$region" --only-show-errors "$place/SHA256SUMS" - | cmp -s - "$dist/SHA256SUMS" || { say "$place has other files"; exit 1; }
    say "$place is there already, so it stays as it is"
    continue
  fi
  case $said in *404*) ;; *) say "whether $place is there is not known: $said"; exit 1 ;; esac
  # The template last: without it, nothing can be deployed from a copy that is not complete.
  aws s3 cp --region "$region" --only-show-errors --recursive --exclude template.json "$dist" "$place"
  aws s3 cp --region "$region" --only-show-errors "$dist/template.json" "$place/template.json"
  say "copied to $place"
done
