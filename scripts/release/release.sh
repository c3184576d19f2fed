#!/usr/bin/env bash
# Makes a release in target/dist/VERSION: what `s3://BUCKET_PREFIX-REGION/VERSION/` holds in every region (docs/RELEASE.md).
#
#   release.sh VERSION BUCKET_PREFIX
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/release
version=${1:-} prefix=${2:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || { say "VERSION is the version in Cargo.toml, such as 0.2.0, not '$version'"; exit 2; }
# The longest region has 14 characters, and the name of a bucket has at most 63. Dots would break the certificate of its URL.
[[ $prefix =~ ^[a-z0-9][a-z0-9-]{1,46}[a-z0-9]$ ]] || { say "BUCKET_PREFIX is the name of the buckets without -REGION: 3 to 48 of a-z, 0-9 and -, not '$prefix'"; exit 2; }

# All files in infra are published, and SHA256SUMS belongs to a commit.
[ -z "$(git -C "$TOP" status --porcelain)" ] || { say "commit or remove what git status shows"; exit 2; }

# The same version in all places that name it.
found=$(sed -n 's/^version = "\(.*\)"/\1/p' "$TOP/Cargo.toml" | head -1)
[ "$found" = "$version" ] || { say "Cargo.toml has version $found, not $version"; exit 2; }
found=$(sed -n 's/^ *Release: \([^ ]*\).*/\1/p' "$TOP/template.yaml")
[ "$found" = "$version" ] || { say "Release of the resource Setup in template.yaml is $found, not $version"; exit 2; }
changes=$(awk -v heading="## [$version]" 'index($0, "## ") == 1 { inside = index($0, heading) == 1; next } inside' "$TOP/CHANGELOG.md")
[ -n "${changes//[[:space:]]/}" ] || { say "CHANGELOG.md has no section [$version]"; exit 2; }

"$TOP/scripts/setup-sam.sh"
"$TOP/scripts/setup-cargo-cyclonedx.sh"
"$TOP/scripts/setup-nasm.sh"
python=$SAM_VENV/bin/python
target=${CARGO_TARGET_DIR:-$TOP/target}
dist=$target/dist/$version built=$target/dist-built
mapfile -t functions < <(cd "$TOP/functions" && for file in */Cargo.toml; do dirname "$file"; done)
rm -rf "$dist" "$built"

for architecture in arm64 x86_64; do
  "$here/build.sh" "$architecture" "${functions[@]}"
  mkdir -p "$built/$architecture"
  for function in "${functions[@]}"; do mv "$target/lambda/$function/bootstrap" "$built/$architecture/$function"; done
done
"$here/package.sh" "$version" "$prefix" "$built" "$dist"
rm -rf "$built"

printf '%s\n' "$changes" >"$dist/CHANGES.md"
(cd "$TOP" && "$python" "$here/licences.py" "${functions[@]}") >"$dist/LICENSES.txt"
"$python" "$here/sbom.py" "$dist/sbom" "${functions[@]}"
(cd "$dist" && find . -type f ! -name SHA256SUMS -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
say "the release is in $dist"
