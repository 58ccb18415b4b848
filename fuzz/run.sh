#!/usr/bin/env bash
# Runs fuzz targets for FUZZ_SECONDS each (30): fuzz/run.sh [target...]
#
# New inputs go to fuzz/corpus/<target> and are used again by the next run. What fails is in fuzz/artifacts/<target>:
# mend it, and put the input into fuzz/seeds/<target> under a name that says what it is; `make test` tries it from then on.
set -euo pipefail
cd "$(dirname "$0")"

targets=("$@")
if [ "${#targets[@]}" = 0 ]; then mapfile -t targets < <(cargo fuzz list); fi

# Without a sanitizer: nothing of ours is `unsafe`, what is looked for are panics, overflows and broken promises, and a
# stable compiler is enough.
cargo fuzz build -s none
failed=()
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  inputs=("corpus/$target")
  if [ -d "seeds/$target" ]; then inputs+=("seeds/$target"); fi
  # Streams start from what vendors really send.
  case $target in meter_* | usage_chunk) inputs+=(../proxy/tests/transcripts) ;; esac
  echo "*** $target"
  log=$(mktemp)
  if cargo fuzz run -s none "$target" "${inputs[@]}" -- -max_total_time="${FUZZ_SECONDS:-30}" -max_len=4096 \
    -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1; then
    sed -n 's/^stat::number_of_executed_units: */    executions: /p' "$log"
  else
    failed+=("$target")
    cat "$log"
  fi
  rm -f "$log"
done
if [ "${#failed[@]}" != 0 ]; then
  echo "*** findings in: ${failed[*]} (fuzz/artifacts)" >&2
  exit 1
fi
