#!/usr/bin/env bash
# Writes what a stack is deployed from: the templates, the layer of the shipped rules, and a zip for each binary.
#
#   package.sh VERSION BUCKET_PREFIX BUILT FOLDER   BUILT/ARCHITECTURE/FUNCTION are the binaries
. "$(dirname "${BASH_SOURCE[0]}")/../paths.sh"
here=$TOP/scripts/release python=$SAM_VENV/bin/python
version=${1:?} prefix=${2:?} built=${3:?} folder=${4:?}

"$python" "$here/templates.py" "$version" "$prefix" "$folder"
layer=$(mktemp -d "$CACHE/layer.XXXXXX")
trap 'rm -rf "$layer"' EXIT
make -s -C "$TOP/infra" build-PipelineLayer ARTIFACTS_DIR="$layer"
"$python" "$here/zips.py" "$folder/pipeline.zip" "$layer"
for binary in "$built"/*/*; do
  "$python" "$here/zips.py" "$folder/${binary#"$built"/}.zip" "bootstrap=$binary"
done
