# shellcheck shell=bash disable=SC2154  # what is not set here is set by the file that sources it
# Sourced by deploy/setup.sh --peers: other AI gateways, in the cache beside the SDKs, once for each set of versions.
# What is here is not run by Clawplane, only measured beside it; tests/src/bin/bench/peers.rs starts it.

no_peer() { error "$1 could not be installed: $(grep -i error "$2" | head -n 1) (all of it: $2)"; }

install_portkey() {
  local folder=$lock_dir/peer-portkey wanted=deploy/peers/portkey/package-lock.json log=$lock_dir/peer-portkey.log
  if fresh_sdks "$folder" "$wanted"; then return 0; fi
  say "installing Portkey's gateway into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp deploy/peers/portkey/package.json "$wanted" "$folder/"
  if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
    cp "$wanted" "$folder/.versions"
  else
    no_peer Portkey "$log"
  fi
}

install_litellm() {
  local folder=$lock_dir/peer-litellm wanted=deploy/peers/litellm/requirements.txt log=$lock_dir/peer-litellm.log
  if fresh_sdks "$folder" "$wanted"; then return 0; fi
  say "installing LiteLLM into $folder"
  rm -rf "$folder"
  if python3 -m venv "$folder" >"$log" 2>&1 &&
    "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps -r "$wanted" >>"$log" 2>&1; then
    cp "$wanted" "$folder/.versions"
  else
    no_peer LiteLLM "$log"
  fi
}

install_peers() {
  # What a needed program's absence means was said already.
  if [ -n "$failed" ]; then return 0; fi
  install_portkey
  install_litellm
}
