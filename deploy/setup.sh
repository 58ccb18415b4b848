#!/usr/bin/env bash
# Installs what Clawplane needs and this machine lacks, and sees to it that a Docker engine answers.
#
#   deploy/setup.sh            for `make run`: PostgreSQL 15+, nats-server, a Docker engine; Rust is checked only
#   deploy/setup.sh --test     ... and what the tests and the OpenClaw image need
#   deploy/setup.sh --bench    ... and what the benchmark compares with
#   deploy/setup.sh --peers    ... and other AI gateways to compare with, Portkey and LiteLLM (800 MB, from npm and PyPI)
#   deploy/setup.sh --fuzz     ... and what the fuzz targets are built and run with
#
# CLAWPLANE_NO_DOCKER=1 leaves Docker alone. May be run any number of times, and several at once.
# Exit 0: Clawplane can run (Docker may be missing: that is a warning). Exit 1: it cannot; what to do was printed.
set -euo pipefail
cd "$(dirname "$0")/.."
# Debian keeps servers in sbin, which is not on a user's PATH; rustup's folder is not on a service's.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
export DEBIAN_FRONTEND=noninteractive

CARGO_FUZZ=0.13.2
DOCKERD_LOG=/var/log/clawplane-dockerd.log
test_tools='' bench_tools='' peers='' fuzz_tools='' failed=''
did='' # set as soon as there was something to say

say() { did=1; echo "set-up: $*"; }
warn() { did=1; echo "set-up: WARNING: $*" >&2; }
error() { failed=1; echo "set-up: ERROR: $*" >&2; }

for argument; do
  case $argument in
    --test) test_tools=1 ;;
    --bench) bench_tools=1 ;;
    --peers) bench_tools=1 peers=1 ;;
    --fuzz) fuzz_tools=1 ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' deploy/setup.sh; exit 0 ;;
    *) error "unknown argument $argument (try --help)"; exit 2 ;;
  esac
done

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { # initdb is looked for as well: a client package brings neither
  local bin version
  for bin in "$(dirname "$(command -v postgres || echo /nowhere/)")" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    if [ ! -x "$bin/postgres" ] || [ ! -x "$bin/initdb" ]; then continue; fi
    version=$("$bin/postgres" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    if [ "$version" -ge 15 ]; then return 0; fi
  done
  return 1
}
has_pip() { python3 -m pip --version >/dev/null 2>&1; }
has_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_static_busybox() { has busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }
wants_docker() { [ "${CLAWPLANE_NO_DOCKER:-}" != 1 ]; }

# How to act as root; empty when there is no way to. sudo may ask for a password only where somebody can type it.
root=''
if [ "$(id -u)" = 0 ]; then
  root='env'
elif has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  root=sudo
fi

# --- What is needed: level | Debian package | test | what it is, and how to get it where there is no apt -----------------
needs=(
  'must|gcc libc6-dev|has cc|a C compiler (cc)'
  'must|postgresql|has_postgres|PostgreSQL 15 or newer with its server programs (dnf: postgresql-server, brew: postgresql@17)'
  'must|nats-server|has nats-server|nats-server (brew: nats-server, or a release of github.com/nats-io/nats-server on the PATH)'
)
if [ -n "$test_tools" ]; then
  needs+=(
    'must|curl|has curl|curl'
    'must|jq|has jq|jq'
    'may|nodejs|has node|Node.js'
    'may|npm|has npm|npm'
    # For the vendors' SDKs, which the tests run: see tests/sdk.
    'may|python3|has python3|Python 3'
    'may|python3-venv|has_venv|venv of Python 3'
  )
  if wants_docker; then
    # For the bots' images: a tiny one from a static busybox, and deploy/openclaw-image.
    needs+=(
      'may|busybox-static|has_static_busybox|a static busybox'
      'may|debootstrap|has debootstrap|debootstrap (only on Debian and its relatives)'
      'may|python3-pip|has_pip|pip'
    )
  fi
fi
if [ -n "$bench_tools" ]; then
  needs+=('must|nginx-light|has nginx|nginx' 'must|wrk|has wrk|wrk')
fi
if [ -n "$peers" ]; then
  needs+=(
    'must|nodejs|has node|Node.js'
    'must|npm|has npm|npm'
    'must|python3|has python3|Python 3'
    'must|python3-venv|has_venv|venv of Python 3'
  )
fi

if [ -n "$fuzz_tools" ]; then
  needs+=('must|g++|has c++|a C++ compiler (c++), for libFuzzer')
fi

# --- Packages -------------------------------------------------------------------------------------------------------------
missing_packages() {
  local need package check
  for need in "${needs[@]}"; do
    IFS='|' read -r _ package check _ <<<"$need"
    $check || echo "$package"
  done
}

apt() { # a service of the machine may hold dpkg's lock for a while after boot
  $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

updated=''
install() { # install <package>...: one go; where that fails one by one, so that a missing one does not take the others along
  if ! has apt-get || [ -z "$root" ]; then return 0; fi
  if [ -z "$updated" ]; then
    say "apt-get update"
    apt update >/dev/null || warn "apt-get update failed; going on with the lists that are here"
    updated=1
  fi
  say "apt-get install $*"
  apt install -y --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  local package
  for package; do
    apt install -y --no-install-recommends "$package" >/dev/null || warn "apt-get could not install $package"
  done
}

check_needs() {
  local need level package check what remedy
  for need in "${needs[@]}"; do
    IFS='|' read -r level package check what <<<"$need"
    if $check; then continue; fi
    remedy="install it"
    if has apt-get; then
      remedy="as root: apt-get install $package"
      if [ "$check" = has_postgres ]; then remedy+=" (where that is older than 15: the packages of postgresql.org)"; fi
    fi
    if [ "$level" = must ]; then error "missing: $what; $remedy"; else warn "missing: $what; $remedy"; fi
  done
}

check_rust() {
  local wanted got
  wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
  if ! has cargo || ! got=$(rustc --version 2>/dev/null | awk '{print $2}'); then
    error "missing: a Rust toolchain, $wanted or newer; install it with rustup (https://rustup.rs)"
  elif [ "$(printf '%s\n' "$wanted" "${got%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
    error "Rust $got is too old, $wanted is needed: rustup update stable"
  elif [ -n "$test_tools" ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    error "missing: rustfmt or clippy: rustup component add rustfmt clippy"
  fi
}

install_cargo_fuzz() {
  if cargo fuzz --version >/dev/null 2>&1; then return 0; fi
  say "cargo install cargo-fuzz $CARGO_FUZZ"
  if ! cargo install --quiet --locked --version "$CARGO_FUZZ" cargo-fuzz; then
    error "missing: cargo-fuzz; cargo install --locked cargo-fuzz failed"
  fi
}

# --- Docker ---------------------------------------------------------------------------------------------------------------
bounded() { if has timeout; then timeout 10 "$@"; else "$@"; fi; }
# An installed client is not an engine: what counts is that a server answers.
engine_answers() { has docker && bounded docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
no_docker() { warn "no Docker engine: $*. Everything else works; starting a bot will answer 503 with this reason"; }

drop_stale_pid() { # <pid file> <program>: a machine restored from an image keeps the file of a process that is gone
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ]; then $root rm -f "$1"; fi
}

start_dockerd() {
  drop_stale_pid /var/run/docker.pid dockerd
  drop_stale_pid /var/run/docker/containerd/containerd.pid containerd
  # Its own session and none of our descriptors: whoever waits for the end of our output must not wait for the engine.
  # shellcheck disable=SC2016  # the inner shell expands it
  $root bash -c '
    for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done
    cd / && exec setsid --fork nohup dockerd </dev/null >"$0" 2>&1' "$DOCKERD_LOG" </dev/null >/dev/null 2>&1 || true
}
dockerd_runs() { [ "$(cat "/proc/$(cat /var/run/docker.pid 2>/dev/null || echo none)/comm" 2>/dev/null)" = dockerd ]; }

last_error() { grep -iE 'failed|panic|level=(error|fatal)' "$DOCKERD_LOG" 2>/dev/null | tail -n 1 || echo "see $DOCKERD_LOG"; }

start_engine() {
  local started=$SECONDS by_hand=''
  if [ -d /run/systemd/system ]; then
    say "systemctl start docker"
    $root systemctl start docker || { no_docker "systemctl start docker failed; see journalctl -u docker"; return 0; }
  else
    by_hand=1
    say "starting dockerd (log: $DOCKERD_LOG, pid: /var/run/docker.pid)"
    start_dockerd
  fi
  while [ "$((SECONDS - started))" -lt 30 ]; do
    if engine_answers; then say "the Docker engine answers after $((SECONDS - started)) s"; return 0; fi
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then socket_remedy; return 0; fi
    # It writes its pid at once: without one after some seconds it has given up.
    if [ -n "$by_hand" ] && [ "$((SECONDS - started))" -ge 5 ] && ! dockerd_runs; then break; fi
    sleep 0.2
  done
  no_docker "dockerd did not answer after $((SECONDS - started)) s: $(last_error)"
}

socket_remedy() {
  no_docker "/var/run/docker.sock is closed to $(id -un); sudo usermod -aG docker $(id -un), then log in again"
}

ensure_docker() {
  if engine_answers; then return 0; fi
  if [ -n "${DOCKER_HOST:-}" ]; then no_docker "nothing answers at DOCKER_HOST=$DOCKER_HOST"; return 0; fi
  if [ "$(uname)" != Linux ]; then no_docker "start Docker Desktop or another engine and set DOCKER_HOST"; return 0; fi
  if has docker && has dockerd && [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
    socket_remedy; return 0
  fi
  if [ -z "$root" ]; then no_docker "installing or starting one needs root or sudo"; return 0; fi
  if ! has dockerd; then
    # Where the kernel enforces AppArmor, the engine cannot start a container without its parser.
    install docker.io
    if grep -qs Y /sys/module/apparmor/parameters/enabled && ! has apparmor_parser; then install apparmor; fi
    if ! has dockerd; then no_docker "dockerd is missing: install docker.io (Debian) or docs.docker.com/engine/install"; return 0; fi
  fi
  if ! has docker; then install docker-cli; fi # since Debian 13 the client is a package of its own
  if ! has docker; then no_docker "the docker client is missing"; return 0; fi
  engine_answers || start_engine
}

# --- The vendors' SDKs ----------------------------------------------------------------------------------------------------
# Into a cache beside the checkout, once for each set of versions. Without them their tests say that they are skipped.
no_sdks() { warn "no $1: $2. The tests that run it will be SKIPPED"; }

fresh_sdks() { # <folder> <file of versions>: whether the folder has what the file says
  [ -d "$1" ] && cmp -s "$2" "$1/.versions"
}

install_python_sdks() {
  local folder=$lock_dir/sdk-python wanted=tests/sdk/python/requirements.txt log=$lock_dir/sdk-python.log
  if fresh_sdks "$folder" "$wanted"; then return 0; fi
  if ! has_venv; then no_sdks "Python SDKs" "Python 3 with venv is missing"; return 0; fi
  say "installing the vendors' Python SDKs into $folder"
  rm -rf "$folder"
  if python3 -m venv "$folder" >"$log" 2>&1 &&
    "$folder/bin/python" -m pip install --disable-pip-version-check --no-input -r "$wanted" >>"$log" 2>&1; then
    cp "$wanted" "$folder/.versions"
  else
    no_sdks "Python SDKs" "$(grep -i error "$log" | tail -n 1) (all of it: $log)"
  fi
}

install_node_sdks() {
  local folder=$lock_dir/sdk-node wanted=tests/sdk/node/package-lock.json log=$lock_dir/sdk-node.log
  if fresh_sdks "$folder" "$wanted"; then return 0; fi
  if ! has npm; then no_sdks "JavaScript SDK" "npm is missing"; return 0; fi
  say "installing OpenAI's JavaScript SDK into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp tests/sdk/node/package.json "$wanted" "$folder/"
  if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
    cp "$wanted" "$folder/.versions"
  else
    no_sdks "JavaScript SDK" "$(grep -i 'err' "$log" | head -n 1) (all of it: $log)"
  fi
}

# --- Go -------------------------------------------------------------------------------------------------------------------
lock_dir=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/clawplane
mkdir -p "$lock_dir"
if has flock; then
  exec 9>"$lock_dir/setup.lock"
  flock 9
fi

check_rust
packages=$(missing_packages | xargs)
# shellcheck disable=SC2086  # a list of words
if [ -n "$packages" ]; then install $packages; fi
check_needs
if [ -n "$test_tools" ]; then
  install_python_sdks
  install_node_sdks
fi
if [ -n "$peers" ]; then
  # shellcheck source=deploy/peers/install.sh
  . deploy/peers/install.sh
  install_peers
fi
if [ -n "$fuzz_tools" ]; then install_cargo_fuzz; fi
if wants_docker; then ensure_docker; fi
if [ -n "$failed" ]; then exit 1; fi
if [ -z "$did" ]; then echo "set-up: everything is here"; fi
